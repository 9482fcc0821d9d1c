"""The emulated service as one function from a request to a reply, without sockets, threads or real waits."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from airflow_provider_bingads.emulator.clock import Clock
from airflow_provider_bingads.emulator.control import CONTROL_PREFIX, control
from airflow_provider_bingads.emulator.frontend import DESCRIPTION, FrontEnd, Incoming, Route
from airflow_provider_bingads.emulator.injection import Fault, FaultPlan, Phase, Target
from airflow_provider_bingads.emulator.journal import CallRecord, Journal
from airflow_provider_bingads.emulator.mangling import (
    REFUSALS,
    distort_errors,
    distort_reply,
    drop,
    link_fault,
    refusal_of,
)
from airflow_provider_bingads.emulator.messages import Manner, Reply, Request
from airflow_provider_bingads.emulator.oauth import TOKEN_OPERATION, SignIn, looks_real
from airflow_provider_bingads.emulator.operations.call import Call
from airflow_provider_bingads.emulator.operations.table import EMULATED, Emulated
from airflow_provider_bingads.emulator.refusals import Family, ItemError, RefusalError, ServiceError
from airflow_provider_bingads.emulator.replies import batch_errors
from airflow_provider_bingads.emulator.rest import Rest
from airflow_provider_bingads.emulator.rules.access import (
    ENTITY_RULES,
    IDENTITY_RULES,
    AccessCase,
    Headers,
)
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.soap import Soap
from airflow_provider_bingads.emulator.store import Store
from airflow_provider_bingads.emulator.throttle import Throttle
from airflow_provider_bingads.emulator.world import Credentials, build_world, derived

__all__ = ["Admission", "Emulator"]

_Late = tuple[float, int, Callable[[], object]]
_HOUR_SECONDS: Final = 3_600.0
_ARRIVES: Final = frozenset({Manner.WHOLE, Manner.DRIBBLE})
_ID_DIGITS: Final = 20
_REDIRECTED: Final = "/__emulator_redirected__"


@dataclass(frozen=True, slots=True)
class Admission:
    """What is decided when only a request's head has arrived.

    :param route: None for anything that is no call of the API.
    :param fault: the fault that strikes it.
    """

    route: Route | None = None
    fault: Fault | None = None


class Emulator:
    """One emulated service with all its state.

    :param settings: its switches; also what ``reset`` goes back to.
    :param clock: its time; the machine's by default.
    """

    def __init__(self, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self._initial = settings or Settings()
        self.clock = clock or Clock()
        self._front_ends: tuple[FrontEnd, ...] = (Soap(lambda: self.settings.xsd), Rest())
        self.reset()

    def reset(self) -> None:
        """Go back to the state of a fresh start, its credentials included."""
        self.clock.reset()
        self.settings = self._initial
        world = build_world(self.settings.seed, self.settings.accounts, self.clock.now())
        self.store = Store(world)
        self.journal = Journal()
        self.throttle = Throttle()
        self.sign_in = SignIn(world, self.settings.seed, self.clock.now(), self.settings.refresh_token_days)
        self.faults = FaultPlan(self.settings.seed, self.journal.faults)
        self._late: list[_Late] = []
        self._order = itertools.count()

    @property
    def credentials(self) -> Credentials:
        """What a client needs to begin."""
        return self.store.world.credentials

    def handle(self, request: Request) -> Reply:
        """Answer a request in process, as if it had come over a perfect wire.

        What an injected fault does to the wire stands in the reply's ``delivery``.
        """
        if self.faults.take_refusal() is not None:
            return link_fault("refused")
        admission = self.admit(request)
        reply = self.serve(request, admission)
        self.delivered(reply)
        return reply

    def admit(self, head: Request) -> Admission:
        """Decide on a request's head which fault strikes, so that a wire can act before the body has come."""
        page = SignIn.page(head.path)
        if page is not None:
            target = Target(TOKEN_OPERATION)
            return Admission(fault=self.faults.choose(target) if page == TOKEN_OPERATION else None)
        for front_end in self._front_ends:
            route = front_end.route(head)
            if route is not None and route.operation == DESCRIPTION:
                return Admission(route)
            if route is not None:
                account_id = head.headers.get("customeraccountid")
                return Admission(route, self.faults.choose(Target(route.operation, front_end.transport, account_id)))
        return Admission()

    def serve(self, request: Request, admission: Admission) -> Reply:
        """Answer a whole request that was admitted."""
        self._apply_late()
        if request.path.startswith(CONTROL_PREFIX):
            return control(self, request)
        fault = admission.fault
        route = admission.route
        if route is not None and route.operation == DESCRIPTION:
            return route.front_end.describe(request, route)
        if route is not None:
            reply = self._serve_call(request, route, fault)
            self.faults.prepare_refusal()
            return self._delayed(reply)
        if SignIn.page(request.path) is not None:
            return self._serve_sign_in(request, fault)
        if request.path == _REDIRECTED:
            self.journal.redirects_followed += 1
        return Reply(404, b"Nothing of the API is here.", content_type="text/plain; charset=utf-8")

    def delivered(self, reply: Reply) -> None:
        """Note that the whole of a reply has left; a reply that a client cannot trust counts as none."""
        if reply.call is not None and reply.genuine and reply.delivery.manner in _ARRIVES:
            reply.call.answered_at = self.clock.now()

    def execute(self, service: str, operation: str, body: Any, *, account_id: int, at: float | None = None) -> Any:
        """Carry an operation out for the control interface, by all its rules, without journal entry.

        :param at: time by which it is judged; now by default.
        :raises RefusalError: the operation refuses the call.
        """
        record = CallRecord(0, self.clock.now(), service, operation, "control")
        call = Call(
            body=body,
            account_id=account_id,
            customer_id=self.store.world.customer_id,
            now=self.clock.now() if at is None else at,
            store=self.store,
            journal=self.journal,
            record=record,
            settings=self.settings,
        )
        return EMULATED[service, operation].handler(call)

    def _serve_sign_in(self, request: Request, fault: Fault | None) -> Reply:
        now = self.clock.now()
        if SignIn.page(request.path) == "authorize":
            return self.sign_in.authorize(request, now)
        if fault is not None and fault.kind.phase is Phase.LINK:
            return link_fault(fault.kind.name)
        if fault is not None and fault.kind.name == "token_endpoint_invalid_grant":
            return self.sign_in.deny_grant(now)
        if fault is not None and not fault.applies:
            return distort_reply(Reply(500), fault)
        reply = self.sign_in.token(request, now, self.settings)
        self.journal.tokens_issued += reply.status == HTTPStatus.OK
        return reply if fault is None else distort_reply(reply, fault)

    def _serve_call(self, request: Request, route: Route, fault: Fault | None) -> Reply:
        number = self.journal.next_number()
        record = self.journal.open(
            CallRecord(
                number,
                self.clock.now(),
                route.service,
                route.operation or "",
                route.front_end.transport,
                tracking_id=str(uuid.UUID(derived(self.settings.seed, "tracking", number))),
                request_bytes=len(request.body),
                fault=None if fault is None else fault.kind.name,
            )
        )
        reply = self._under_fault(request, route, record, fault)
        reply.call = record
        record.status = reply.status or None
        return reply

    def _under_fault(self, request: Request, route: Route, record: CallRecord, fault: Fault | None) -> Reply:
        kind = fault.kind.name if fault is not None else None
        if fault is not None and fault.kind.phase is Phase.LINK:
            return link_fault(fault.kind.name)
        if kind == "token_expired_109":
            self.sign_in.expire_access_tokens()
        applies = fault is None or fault.applies
        reply = self._process(request, route, record, fault) if applies else Reply(200)
        return reply if fault is None else self._broken(reply, route, record, fault)

    def _broken(self, reply: Reply, route: Route, record: CallRecord, fault: Fault) -> Reply:
        kind, tracking_id = fault.kind.name, record.tracking_id or ""
        if kind in REFUSALS:
            return replace(self._refuse(route, record, refusal_of(kind)), genuine=fault.kind.phase is Phase.INSTEAD)
        if kind == "wrong_response_element":
            other = route.front_end.of_another_operation(route, record.operation, tracking_id)
            return replace(other, genuine=False)
        if kind == "extra_unknown_elements":
            return route.front_end.with_unknown_elements(reply)
        if fault.kind.needs_error:
            return replace(reply, genuine=fault.kind.readable)
        return distort_reply(reply, fault)

    def _process(self, request: Request, route: Route, record: CallRecord, fault: Fault | None) -> Reply:
        try:
            incoming = route.front_end.sender(request, route)
            record.operation = incoming.operation
            record.account_id, record.customer_id = incoming.headers.account_id, incoming.headers.customer_id
            emulated = self._emulated(route.service, incoming.operation)
            self._admit_sender(incoming.headers, emulated)
            carry_out = partial(
                self._carry_out, route, emulated, incoming, route.front_end.body(incoming, route), record, fault
            )
            if fault is not None and fault.kind.name == "late_apply":
                due: _Late = (self.clock.now() + fault.value, next(self._order), carry_out)
                heapq.heappush(self._late, due)
                return drop()
            if fault is not None and fault.kind.name == "dup_delivery":
                carry_out()
            return carry_out()
        except RefusalError as refusal:
            return self._refuse(route, record, refusal)

    def _carry_out(
        self, route: Route, emulated: Emulated, incoming: Incoming, body: Any, record: CallRecord, fault: Fault | None
    ) -> Reply:
        value = emulated.handler(self._call(incoming, body, record, fault))
        return self._answer(route, incoming, record, value, fault)

    def _answer(
        self, route: Route, incoming: Incoming, record: CallRecord, value: dict[str, Any], fault: Fault | None
    ) -> Reply:
        errors: list[ItemError] = value.get("PartialErrors") or []
        if errors:
            record.codes.update(str(error.code or error.symbol) for error in errors)
            value = value | {"PartialErrors": batch_errors(errors)}
            if fault is not None:
                value = distort_errors(value, fault, record.rows)
        return route.front_end.answer(route, incoming.operation, value, record.tracking_id or "")

    def _refuse(self, route: Route, record: CallRecord, refusal: RefusalError) -> Reply:
        record.codes.update(str(error.code) for error in refusal.errors)
        return route.front_end.refuse(route, refusal, record.tracking_id or "")

    def _call(self, incoming: Incoming, body: Any, record: CallRecord, fault: Fault | None) -> Call:
        kind = fault.kind if fault is not None else None
        skew = fault.value * _HOUR_SECONDS if fault is not None and fault.kind.name == "clock_skew" else 0.0
        return Call(
            body=body,
            account_id=_number(incoming.headers.account_id),
            customer_id=_number(incoming.headers.customer_id),
            now=self.clock.now() + skew,
            store=self.store,
            journal=self.journal,
            record=record,
            settings=self.settings,
            refuse_last_item=kind is not None and kind.needs_error,
        )

    def _emulated(self, service: str, operation: str) -> Emulated:
        found = EMULATED.get((service, operation))
        if found is None:
            message = f"This emulator does not carry out {operation} of {service}."
            raise RefusalError(Family.ACCESS, ServiceError(204, "OperationNotSupported", message))
        return found

    def _admit_sender(self, headers: Headers, emulated: Emulated) -> None:
        now, world = self.clock.now(), self.store.world
        if looks_real(headers.access_token or "") and not self.settings.accept_any:
            message = "This is an emulator; the access token looks like one of Microsoft's. --accept-any allows it."
            raise RefusalError(Family.ACCESS, ServiceError(105, "InvalidCredentials", message))
        account = world.accounts.get(_number(headers.account_id))
        case = AccessCase(
            headers=headers,
            needs_account=emulated.needs_account,
            token=self.sign_in.state(headers.access_token, now, self.settings),
            developer_token_known=self.settings.accept_any
            or headers.developer_token == world.credentials.developer_token,
            customer_known=headers.customer_id == str(world.customer_id),
            account_status=None if account is None else account["AccountLifeCycleStatus"],
        )
        IDENTITY_RULES.admit(case)
        self.throttle.admit(f"{world.user['Id']}/{headers.customer_id}", now, self.settings.throttle_per_minute)
        ENTITY_RULES.admit(case)

    def _apply_late(self) -> None:
        while self._late and self._late[0][0] <= self.clock.now():
            with contextlib.suppress(RefusalError):
                heapq.heappop(self._late)[2]()

    def _delayed(self, reply: Reply) -> Reply:
        if not self.settings.latency_ms or reply.delivery.manner not in _ARRIVES:
            return reply
        wait = reply.delivery.delay_seconds + self.settings.latency_ms / 1_000
        return replace(reply, delivery=replace(reply.delivery, delay_seconds=wait))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < _ID_DIGITS else 0
