"""What our own client and the emulator said to each other in this run of the tests, as the emulators recorded it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads import contract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Exchange", "recorded"]

OUR_CLIENT: Final = "airflow-provider-bingads/"
SIDES: Final = ("request", "reply")
WIDENED: Final = b"NotInTheContract"
"""What the fault ``extra_unknown_elements`` adds to a reply, so that no schema knows it."""
SOAP: Final = {contract.service(name).soap_path: name for name in contract.service_names()}
REST: Final = {
    (operation.http_method, operation.path): operation
    for name in contract.service_names()
    for operation in contract.service(name).operations.values()
    if operation.request
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call in scope and its reply.

    :param operation: None on SOAP, where the request's body names it.
    :param whole_reply: the reply is what the emulated service said, and arrived undamaged.
    """

    place: str
    service: str
    operation: contract.Operation | None
    status: int
    whole_reply: bool
    request: bytes
    reply: bytes


def recorded(folder: Path, transport: str) -> Iterator[Exchange]:
    """Yield the exchanges of our client, each different pair of bodies once.

    :param transport: ``rest`` or ``soap``.
    """
    seen = set()
    for about_path in sorted(folder.glob("*/*.json")):
        about = json.loads(about_path.read_bytes())
        operation = REST.get((about["method"], about["path"]))
        service = SOAP.get(about["path"]) if operation is None else operation.service
        ours = about["headers"].get("user-agent", "").startswith(OUR_CLIENT)
        if not ours or service is None or (operation is None) != (transport == "soap"):
            continue
        request, reply = (
            about_path.with_name(f"{about_path.stem}-{side}").read_bytes() for side in ("request", "reply")
        )
        digest = hashlib.blake2b(request + b"\0" + reply).digest()
        if digest not in seen:
            seen.add(digest)
            yield Exchange(
                place=str(about_path.relative_to(folder)),
                service=service,
                operation=operation,
                status=about["status"],
                whole_reply=_whole(about) and WIDENED not in reply,
                request=request,
                reply=reply,
            )


def _whole(about: dict[str, Any]) -> bool:
    return bool(about["genuine"] and about["manner"] in {"whole", "dribble"} and about["status"])
