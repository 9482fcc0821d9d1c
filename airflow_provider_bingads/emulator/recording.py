"""Writes what was said to a folder, with the secrets removed: food for judges that compare it with a schema."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from airflow_provider_bingads.emulator.messages import Reply, Request

__all__ = ["FOLDER_VARIABLE", "Recorder", "folder_by_environment"]

FOLDER_VARIABLE: Final = "BINGADS_EMULATOR_RECORD"

_HEADERS: Final = frozenset({"authorization", "developertoken", "cookie", "proxy-authorization"})
_FORM: Final = re.compile(r"\b(client_secret|refresh_token|code|code_verifier)=[^&]*")
_JSON: Final = re.compile(r'"(access_token|refresh_token|id_token)"\s*:\s*"[^"]*"')
_XML: Final = re.compile(r"(<(?:\w+:)?(AuthenticationToken|DeveloperToken|Password|UserName)\b[^>]*(?<!/)>)[^<]*(</)")


def folder_by_environment() -> Path | None:
    """Return a new folder below the one that ``BINGADS_EMULATOR_RECORD`` names; None where it names none.

    Each emulator gets one of its own, since several may run at once.
    """
    parent = os.environ.get(FOLDER_VARIABLE)
    if not parent:
        return None
    Path(parent).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="emulator-", dir=parent))


class Recorder:
    """Keeps each exchange as three files: ``NNNNNN-request``, ``NNNNNN-reply`` and ``NNNNNN.json`` with the rest.

    :param folder: created where it is missing; files of an earlier recording are overwritten one by one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number = 0

    def observe(self, request: Request, reply: Reply) -> None:
        """Record an exchange; control requests stay out."""
        if request.path.startswith("/__emulator__/"):
            return
        self._number += 1
        name = f"{self._number:06d}"
        about = {
            "method": request.method,
            "path": request.path,
            "query": _without_secrets(request.query),
            "headers": _visible(request.headers),
            "status": reply.status,
            "manner": reply.delivery.manner.value,
            "reply_content_type": reply.content_type,
            "reply_headers": dict(reply.headers),
            "genuine": reply.genuine,
        }
        (self._folder / f"{name}.json").write_bytes(msgspec.json.encode(about))
        (self._folder / f"{name}-request").write_bytes(_clean(request.body))
        (self._folder / f"{name}-reply").write_bytes(_clean(reply.body))


def _visible(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "removed" if name in _HEADERS else value for name, value in headers.items()}


def _clean(body: bytes) -> bytes:
    return _without_secrets(body.decode("latin-1")).encode("latin-1")


def _without_secrets(text: str) -> str:
    text = _FORM.sub(r"\1=removed", text)
    text = _JSON.sub(r'"\1":"removed"', text)
    return _XML.sub(r"\1removed\3", text)
