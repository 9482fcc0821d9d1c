"""Sends JSON bodies through the models of ``msads`` and back; runs in that package's environment.

Reads one JSON object a line: ``{"folder", "model", "body"}``; writes one a line: ``{"body"}`` or ``{"error"}``.
"""

import importlib
import json
import sys

from openapi_client.api_client import ApiClient

if __name__ == "__main__":
    client = ApiClient()
    for line in sys.stdin:
        given = json.loads(line)
        name = f"openapi_client.models.{given['folder']}"
        importlib.import_module(name)
        try:
            model = getattr(sys.modules[name], given["model"])
            answer = {"body": client.sanitize_for_serialization(model.from_dict(given["body"]))}
        except Exception as error:  # noqa: BLE001 - whatever the package does wrong is the finding
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
