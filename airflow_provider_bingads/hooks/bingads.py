"""Makes a client from an Airflow connection of type ``bingads``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    import pandas as pd

    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings
    from airflow_provider_bingads.api.token_store import TokenStore

__all__ = ["BingAdsHook"]

T = TypeVar("T")
InMain = Callable[[Callable[[], Any]], Any]


def _directly(work: Callable[[], T]) -> T:
    return work()


class BingAdsHook(BaseHook):
    """Reads a connection and gives a client for it.

    :param bingads_conn_id: the connection.
    :param in_main: runs a function on the thread that may talk to Airflow, and returns what it returned.
    :param wait: waits so many seconds; returns True as soon as the task is asked to stop.

    .. code-block:: python

        hook = BingAdsHook("bingads_default")
        hook.get_df("accounts")
        hook.call("CampaignManagement", "GetCampaignsByAccountId", {"AccountId": "123", "CampaignType": "Search"})
    """

    conn_name_attr = "bingads_conn_id"
    default_conn_name = "bingads_default"
    conn_type = "bingads"
    hook_name = "Microsoft Advertising (Bing Ads)"

    def __init__(
        self,
        bingads_conn_id: str = default_conn_name,
        *,
        in_main: InMain | None = None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        super().__init__()
        self.bingads_conn_id = bingads_conn_id
        self._in_main: InMain = in_main or _directly
        self._wait = wait

    @cached_property
    def settings(self) -> ConnectionSettings:
        """All fields of the connection, checked.

        :raises FixConfiguration: fields are missing or wrong; the message names all of them.
        """
        from airflow_provider_bingads.api.settings import ConnectionSettings

        connection = self._in_main(self._connection)
        return ConnectionSettings.parse(
            self.bingads_conn_id,
            login=connection.login,
            password=connection.password,
            extra=connection.extra_dejson,
        )

    def _connection(self) -> Any:
        from airflow.sdk.exceptions import AirflowNotFoundException

        from airflow_provider_bingads.exceptions import FixConfiguration

        try:
            return self.get_connection(self.bingads_conn_id)
        except AirflowNotFoundException:
            raise FixConfiguration(
                f"Airflow has no connection {self.bingads_conn_id!r}. Create one of type bingads, or name another in "
                "bingads_conn_id; `bingads auth` prints one ready to import"
            ) from None

    def get_conn(self, account: str | None = None) -> Client:
        """Return a new client; close it after use. Says in the log where its calls go.

        :param account: what the log calls the account where the calls name another one than the connection.
        """
        settings = self.settings
        self.log.info(
            "Microsoft Advertising (Bing Ads): environment %s, account %s, transport %s, %s",
            settings.environment.value,
            account or settings.account_id or "named by the caller",
            settings.transport.value,
            "read-only" if settings.read_only else "read and write",
        )
        return self._client(keep_tokens=True)

    def call(
        self,
        service: str,
        operation: str,
        body: Mapping[str, Any],
        *,
        account_id: str | None = None,
        customer_id: str | None = None,
    ) -> dict[str, Any]:
        """Call any operation of the API; a call that changes something is sent again only where it had no effect.

        :param service: such as ``CampaignManagement``.
        :param operation: such as ``GetCampaignsByAccountId``.
        :param body: the request's fields by API name; ids as text or numbers, times aware.
        :param account_id: default: the connection's.
        :param customer_id: default: the connection's, else the customer of the account.
        :returns: the reply's body by API field name, ids as text.
        :raises BingAdsError: see :meth:`airflow_provider_bingads.api.client.Client.call`.
        """
        return self._shared_client.call(
            service,
            operation,
            body,
            account_id=account_id,
            customer_id=customer_id,
            deadline_seconds=conf.getfloat("bingads", "call_deadline_seconds", fallback=120.0),
        )

    def get_df(
        self,
        what: str,
        body: Mapping[str, Any] | None = None,
        *,
        account_id: str | None = None,
        customer_id: str | None = None,
    ) -> pd.DataFrame:
        """Read into a DataFrame, one row an object, ids as text.

        :param what: ``accounts``, ``goals``, or a read as ``Service.Operation``, such as
            ``CampaignManagement.GetCampaignsByAccountId``.
        :param body: request fields of a read named as an operation.
        :raises FixConfiguration: there is no such read, or its reply holds no list or several.
        :raises BingAdsError: as :meth:`call`.
        """
        from airflow_provider_bingads.hooks.frames import frame_of, read_named

        read = read_named(what, body)
        reply = self.call(read.service, read.operation, read.body, account_id=account_id, customer_id=customer_id)
        return frame_of(read, reply)

    def test_connection(self) -> tuple[bool, str]:
        """Tell who is signed in and what account is reached, or what exactly is wrong; stores no token."""
        from airflow_provider_bingads.api.diagnosis import diagnose
        from airflow_provider_bingads.exceptions import BingAdsError

        try:
            client = self._client(keep_tokens=False)
        except BingAdsError as error:
            return False, str(error)
        try:
            return diagnose(client)
        finally:
            client.close()

    @cached_property
    def _shared_client(self) -> Client:
        """One client for all calls through the hook, so that they share a sign-in; closed with the hook."""
        client = self.get_conn()
        weakref.finalize(self, client.close)
        return client

    def _client(self, *, keep_tokens: bool) -> Client:
        from airflow_provider_bingads.api.client import Client

        return Client(self.settings, store=self._store(keep_tokens=keep_tokens), mask=self._mask, wait=self._wait)

    def _store(self, *, keep_tokens: bool) -> TokenStore | None:
        from airflow_provider_bingads.api.settings import TokenStorage
        from airflow_provider_bingads.api.token_store import VariableTokenStore
        from airflow_provider_bingads.hooks.variables import AirflowVariables

        if self.settings.token_store is TokenStorage.NONE:
            return None
        return VariableTokenStore(
            self.bingads_conn_id, AirflowVariables(), in_main=self._in_main, read_only=not keep_tokens
        )

    def _mask(self, text: str) -> None:
        from airflow.sdk.log import mask_secret

        self._in_main(lambda: mask_secret(text))
