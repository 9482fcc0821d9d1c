"""What the core needs of a transport; ``rest`` and ``soap`` are the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.refusals import RefusalError
from airflow_provider_bingads.emulator.rules.access import Headers

__all__ = ["DESCRIPTION", "FrontEnd", "Incoming", "Route"]


DESCRIPTION: Final = "?wsdl"
"""Stands for an operation where a client asks for the description of a service."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which operation a request is for, as far as its head tells.

    :param operation: None where the head names none.
    """

    service: str
    operation: str | None
    front_end: FrontEnd


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as its front end read it.

    :param operation: the operation named by the request itself.
    """

    operation: str
    headers: Headers
    body: Any


class FrontEnd(Protocol):
    """Reads requests and writes replies of one transport."""

    transport: str

    def route(self, request: Request) -> Route | None:
        """Tell from the head alone which operation is meant; None for an address of somebody else."""
        ...

    def describe(self, request: Request, route: Route) -> Reply:
        """Return the description of a service."""
        ...

    def sender(self, request: Request, route: Route) -> Incoming:
        """Read who calls which operation; the body stays as it came.

        :raises RefusalError: the request cannot be read at all.
        """
        ...

    def body(self, incoming: Incoming, route: Route) -> Any:
        """Read the body.

        :raises RefusalError: it is not of its contract's shape.
        """
        ...

    def answer(self, route: Route, operation: str, value: dict[str, Any], tracking_id: str) -> Reply:
        """Write a reply."""
        ...

    def refuse(self, route: Route, refusal: RefusalError, tracking_id: str) -> Reply:
        """Write a fault."""
        ...

    def with_unknown_elements(self, reply: Reply) -> Reply:
        """Add to a reply what no contract knows."""
        ...

    def of_another_operation(self, route: Route, operation: str, tracking_id: str) -> Reply:
        """Write a reply that belongs to another operation than the one called."""
        ...
