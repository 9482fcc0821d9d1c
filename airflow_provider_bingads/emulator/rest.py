"""The REST front end: JSON at the contract's paths (api-facts F.3, F.6, F.7)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from airflow_provider_bingads.contract import operation, service, service_names
from airflow_provider_bingads.emulator.contract_json import ShapeError, decode, encode
from airflow_provider_bingads.emulator.frontend import Incoming, Route
from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.operations.offline_conversions import ApplyOfflineConversionsRequest
from airflow_provider_bingads.emulator.refusals import STATUS_BY_CODE, Family, RefusalError, ServiceError
from airflow_provider_bingads.emulator.replies import contract_of, fault_value
from airflow_provider_bingads.emulator.rules.access import Headers

__all__ = ["Rest"]

_OWN_DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "ApplyOfflineConversions": msgspec.json.Decoder(ApplyOfflineConversionsRequest),
}
"""Bodies of many items are read straight into typed objects, ten times faster than by the generic way."""


class Rest:
    """JSON over HTTP."""

    transport = "rest"

    def route(self, request: Request) -> Route | None:
        """Find the operation by verb and path; an unknown path of a service is that service's to refuse."""
        found = _routes().get((request.method, request.path))
        if found is not None:
            return Route(*found, self)
        name = request.path[1:].partition("/")[0]
        return Route(name, f"{request.method} {request.path}", self) if name in service_names() else None

    def describe(self, request: Request, route: Route) -> Reply:
        """Say that REST has no description."""
        return Reply(404, f"{route.service} has no description at {request.path}.".encode(), "text/plain")

    def sender(self, request: Request, route: Route) -> Incoming:
        """Read the HTTP headers."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        headers = Headers(
            access_token=token.strip() if scheme.lower() == "bearer" else None,
            developer_token=request.headers.get("developertoken"),
            customer_id=request.headers.get("customerid"),
            account_id=request.headers.get("customeraccountid"),
        )
        return Incoming(route.operation or "", headers, request.body)

    def body(self, incoming: Incoming, route: Route) -> Any:
        """Read the JSON body."""
        own = _OWN_DECODERS.get(incoming.operation)
        try:
            if own is not None:
                return own.decode(incoming.body)
            request_type = operation(route.service, incoming.operation).request or ""
            return decode(service(route.service), request_type, msgspec.json.decode(incoming.body)) or {}
        except msgspec.ValidationError as error:
            raise _unreadable(str(error)) from None
        except msgspec.DecodeError:
            raise _unreadable("The body is no JSON.") from None
        except ShapeError as error:
            raise _unreadable(str(error)) from None

    def answer(self, route: Route, operation: str, value: dict[str, Any], tracking_id: str) -> Reply:
        """Write a reply with HTTP status 200."""
        contract = service(route.service)
        response_type = contract.operations[operation].response or ""
        body = msgspec.json.encode(encode(contract, response_type, value))
        return Reply(200, body, headers=(("TrackingId", tracking_id),))

    def refuse(self, route: Route, refusal: RefusalError, tracking_id: str) -> Reply:
        """Write a fault with the status of its first error."""
        contract = contract_of(route.service)
        type_name, value = fault_value(contract, refusal, tracking_id)
        body = msgspec.json.encode(encode(contract, type_name, value))
        status = STATUS_BY_CODE.get(refusal.errors[0].code, 400)
        return Reply(status, body, headers=(("TrackingId", tracking_id),))

    def with_unknown_elements(self, reply: Reply) -> Reply:
        """Add a property to the reply and to each object of its lists."""
        body = msgspec.json.decode(reply.body)
        strange = {"NotInTheContract": {"Type": "Unheard", "Values": ["1", None]}}
        for values in body.values():
            for one in values if isinstance(values, list) else ():
                if isinstance(one, dict):
                    one.update(strange)
        return Reply(reply.status, msgspec.json.encode(strange | body), headers=reply.headers)

    def of_another_operation(self, route: Route, operation: str, tracking_id: str) -> Reply:  # noqa: ARG002 - one shape
        """Write the reply of ``GetUser``, or of ``GetAccount`` to a caller of that."""
        other = "GetAccount" if operation == "GetUser" else "GetUser"
        return self.answer(Route("CustomerManagement", other, self), other, {}, tracking_id)


@cache
def _routes() -> Mapping[tuple[str, str], tuple[str, str]]:
    return {
        (found.http_method, found.path): (name, found.name)
        for name in service_names()
        for found in service(name).operations.values()
        if found.http_method is not None and found.path is not None
    }


def _unreadable(details: str) -> RefusalError:
    """Refuse a body that cannot be read; code and strictness are assumed."""
    error = ServiceError(201, "ApiInputValidationError", "The request body is not valid.", details)
    return RefusalError(Family.OPERATION, error)
