"""The client of one connection: any operation of the API, on either transport, from any thread."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import httpx

from airflow_provider_bingads.api.attempts import CallRun, Ended, Limits, Machinery
from airflow_provider_bingads.api.body import conformed
from airflow_provider_bingads.api.clock import EmulatorClock, system_now
from airflow_provider_bingads.api.endpoints import allowed_origins, health_url
from airflow_provider_bingads.api.errors import check_indexes, error_of
from airflow_provider_bingads.api.http import HttpStack
from airflow_provider_bingads.api.masking import Mask, no_mask, spellings
from airflow_provider_bingads.api.oauth import AccessToken, TokenSource
from airflow_provider_bingads.api.rest import RestTransport
from airflow_provider_bingads.api.rights import check_ids, check_rights, is_read
from airflow_provider_bingads.api.sender import BatchSender
from airflow_provider_bingads.api.settings import ConnectionSettings, TransportKind
from airflow_provider_bingads.api.token_store import TokenStore
from airflow_provider_bingads.api.transport import Identity, Transport
from airflow_provider_bingads.contract import Operation, operation
from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault
from airflow_provider_bingads.domain.retry import Backoff, RetryBudget
from airflow_provider_bingads.domain.throttle import ThrottleGate
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.sync.ports import Sender

__all__ = ["CALLS_AT_ONCE", "Client"]

CALLS_AT_ONCE: Final = 10
"""Most calls of one customer at once in this process; Microsoft's guide advises no more."""
OVERALL_SECONDS: Final = 900.0
"""A call that would have to wait longer, as code 4204 asks, is better left to the next try of the task."""

_NEEDS_ACCOUNT: Final = frozenset({"CampaignManagement", "Bulk", "Reporting", "AdInsight"})

# weak: a gate lives as long as a client that uses it
_gates: WeakValueDictionary[tuple[str, str | None], ThrottleGate] = WeakValueDictionary()
_gates_lock = threading.Lock()


class Client:
    """Calls operations, with tokens, retries and throttling handled; thread-safe.

    :param store: keeps rotated refresh tokens; None keeps none.
    :param mask: told of every secret before it is used.
    :param wait: waits so many seconds; returns True as soon as the run is asked to stop.
    :param transport: replaces sockets, in tests.
    :param monotonic: seconds that never go back.
    :param chance: returns a number from 0 to 1.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        store: TokenStore | None = None,
        mask: Mask = no_mask,
        wait: Callable[[float], bool] | None = None,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,  # noqa: S311 - spreads waits, hides nothing
    ) -> None:
        for secret in settings.secrets:
            for spelling in spellings(secret):
                mask(spelling)
        self.settings = settings
        self._http = HttpStack(allowed_origins(settings), transport=transport, monotonic=monotonic)
        health = health_url(settings)
        self.now: Callable[[], datetime] = (
            EmulatorClock(self._http, health, monotonic).now if health is not None else system_now
        )
        """The time the service goes by, aware, in UTC."""
        self._machinery = Machinery(
            http=self._http,
            tokens=TokenSource(settings, self._http, store=store, mask=mask, monotonic=monotonic),
            backoff=Backoff(chance),
            budget=RetryBudget(lock=threading.Lock()),
            monotonic=monotonic,
            wait=wait or _sleep,
            now=system_now,
        )
        self._chance = chance
        self._transport = _transport(settings)
        self._customers: dict[str, str] = {}
        self._customers_lock = threading.Lock()
        self._own_gates: dict[str | None, ThrottleGate] = {}

    def call(
        self,
        service: str,
        operation_name: str,
        body: Mapping[str, Any],
        *,
        account_id: str | None = None,
        customer_id: str | None = None,
        deadline_seconds: float = 120.0,
        overall_seconds: float = OVERALL_SECONDS,
        replay: bool | None = None,
    ) -> dict[str, Any]:
        """Call an operation and return the reply's body, in REST's shape on both transports: ids as text.

        :param body: the request's fields by API name; ids as text or numbers, times as text or aware datetimes.
        :param account_id: default: the connection's.
        :param customer_id: default: the connection's, else the customer of the account.
        :param deadline_seconds: for one attempt.
        :param overall_seconds: for all attempts with the waits between them.
        :param replay: send again where the outcome of an attempt is unknown; None: only for operations that read.
        :raises FixRequest: the service refused the call and would again.
        :raises FixCredentials: the credentials or roles do not admit it.
        :raises FixConfiguration: the connection forbids it, or the body does not fit the operation.
        :raises OutcomeUnknown: it was sent and no answer that can be trusted came back.
        :raises RetryLater: it has not been carried out, and a later try may be.
        """
        described = _operation(service, operation_name)
        again = is_read(operation_name) if replay is None else replay
        limits = Limits(attempt_seconds=deadline_seconds, overall_seconds=overall_seconds, replay=again)
        ended = self._carry_out(described, conformed(described, body), account_id, customer_id, limits)
        if ended.answer is None:
            raise error_of(described, ended)
        check_indexes(described, body, ended)
        return ended.answer.body

    def result(
        self,
        service: str,
        operation_name: str,
        body: Mapping[str, Any],
        *,
        account_id: str | None = None,
        customer_id: str | None = None,
        deadline_seconds: float = 120.0,
        overall_seconds: float = OVERALL_SECONDS,
        replay: bool = True,
    ) -> CallResult:
        """Call an operation and return what it came to; never raises for what the service or the wire did.

        Arguments as in :meth:`call`, but for the body: it is sent as it is, in REST's shape.

        :raises FixCredentials: the token endpoint lets nobody in, so that no call can be made.
        :raises FixConfiguration: the connection forbids the call.
        """
        described = _operation(service, operation_name)
        limits = Limits(attempt_seconds=deadline_seconds, overall_seconds=overall_seconds, replay=replay)
        return self._carry_out(described, body, account_id, customer_id, limits).result()

    def sender(
        self,
        service: str,
        operation_name: str,
        list_element: str,
        *,
        account_id: str,
        customer_id: str | None = None,
        replay: bool = True,
    ) -> Sender:
        """Return what sends batches of one operation for one account.

        :param list_element: name of the request's list.
        :param replay: the operation may be executed twice without harm.
        """
        bound = partial(
            self.result, service, operation_name, account_id=account_id, customer_id=customer_id, replay=replay
        )
        return BatchSender(bound, list_element)

    def sign_in(self) -> None:
        """Get an access token, unless there is a good one.

        :raises FixCredentials: nobody can sign in with what the connection holds.
        :raises RetryLater: the token endpoint could not be asked now.
        """
        self._machinery.tokens.get()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _carry_out(
        self,
        described: Operation,
        body: Mapping[str, Any],
        account_id: str | None,
        customer_id: str | None,
        limits: Limits,
    ) -> Ended:
        needs_account = described.service in _NEEDS_ACCOUNT
        account = account_id or (self.settings.account_id if needs_account else None)
        check_rights(self.settings, described.service, described.name, body, account)
        customer = customer_id or self.settings.customer_id
        check_ids(account_id=account, customer_id=customer)
        if needs_account and account is None:
            raise FixConfiguration(
                f"{described.service}.{described.name} needs an account; give account_id, or set it in connection"
                f" {self.settings.conn_id!r}."
            )
        if needs_account and account is not None and customer is None:
            found = self._customer_of(account, limits)
            if isinstance(found, Ended):
                return found
            customer = found

        def identify(token: AccessToken) -> Identity:
            return Identity(
                access_token=token.text,
                developer_token=self.settings.developer_token,
                customer_id=customer,
                account_id=account,
            )

        try:
            call = self._transport.prepare(described, body)
        except FixConfiguration as error:
            # of a batch one row may be at fault; the delivery narrows it down, as it does after a refusal
            fault = Fault(described.service, None, "RequestNotWritable", message=str(error))
            return Ended(fault=fault, detail=str(error), permanent=True)
        gate = self._gate(customer)
        return CallRun(self._machinery, described.service, call, identify=identify, gate=gate, limits=limits).run()

    def _customer_of(self, account_id: str, limits: Limits) -> str | Ended:
        """Return the customer an account belongs to, looked up once; the end of the lookup where it failed."""
        with self._customers_lock:
            known = self._customers.get(account_id)
            return known if known is not None else self._look_up_customer(account_id, limits)

    def _look_up_customer(self, account_id: str, limits: Limits) -> str | Ended:
        lookup = _operation("CustomerManagement", "GetAccount")
        body = {"AccountId": account_id, "ReturnAdditionalFields": None}
        ended = self._carry_out(lookup, body, None, None, replace(limits, replay=True))
        account = ended.answer.body.get("Account") if ended.answer is not None else None
        found = account.get("ParentCustomerId") if isinstance(account, dict) else None
        if not found:
            # what is looked up has no effect, so nothing is in doubt
            why = ended.detail or "the service named no customer"
            ended.verdict, ended.answer = CallVerdict.NOT_APPLIED, None
            ended.detail = f"customer_id is not set and could not be looked up from account {account_id}: {why}"
            return ended
        return self._customers.setdefault(account_id, str(found))

    def _gate(self, customer_id: str | None) -> ThrottleGate:
        where = self.settings.base_url or self.settings.environment.value
        with _gates_lock:
            found = _gates.get((where, customer_id))
            if found is None:
                found = ThrottleGate(concurrency=CALLS_AT_ONCE, random=self._chance, lock=threading.Lock())
                _gates[where, customer_id] = found
            self._own_gates[customer_id] = found
            return found


def _operation(service: str, operation_name: str) -> Operation:
    try:
        return operation(service, operation_name)
    except LookupError as error:
        raise FixConfiguration(str(error)) from None


def _transport(settings: ConnectionSettings) -> Transport:
    if settings.transport is TransportKind.REST:
        return RestTransport(settings)
    from airflow_provider_bingads.api.soap import SoapTransport

    return SoapTransport(settings)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
