"""Every error this package raises, named by what the reader must do.

::

    BingAdsError
    ├── FixConfiguration          an operator argument, a connection field, a mapping is wrong; a retry cannot help
    │   ├── FixSource             a table, a column, a query or a time zone of the source
    │   ├── FixCredentials        sign in again, replace a token, ask for a role
    │   └── FixLedger             the ledger cannot be created or written; the message holds DDL and grants
    ├── FixRequest                the service refused the call as a whole, and would again
    ├── RetryLater                nothing is wrong that waiting does not cure; let Airflow retry
    │   ├── LeaseBusy             another run holds the account
    │   └── Stopped               the task was asked to end
    ├── OutcomeUnknown            a call was sent and its answer is not known
    ├── LeaseLost                 this run no longer holds the account and must not send
    └── ReviewRows                the run is complete, more rows failed than the threshold allows

A problem with one row is never an exception: it is an outcome of that row.
"""

from __future__ import annotations

__all__ = [
    "BingAdsError",
    "FixConfiguration",
    "FixCredentials",
    "FixLedger",
    "FixRequest",
    "FixSource",
    "LeaseBusy",
    "LeaseLost",
    "OutcomeUnknown",
    "RetryLater",
    "ReviewRows",
    "Stopped",
]


class BingAdsError(Exception):
    """Base of every error of this package.

    :param message: names the thing, the reason and the remedy; never a row's values, a token or a body.
    """


class FixConfiguration(BingAdsError):
    """An argument, a connection field or a mapping is wrong; repeating the task cannot help."""


class FixSource(FixConfiguration):
    """The source table, one of its columns, the query or the declared time zone is wrong."""


class FixCredentials(FixConfiguration):
    """The refresh token, client, developer token or role does not admit the call."""


class FixLedger(FixConfiguration):
    """The ledger's tables cannot be created, read or written; the message carries the DDL and the grants."""


class FixRequest(BingAdsError):
    """The service refused a call as a whole and would refuse it again.

    :param message: what was refused and what to do.
    :param service: the API service, such as ``CampaignManagement``.
    :param operation: the operation's name.
    :param code: Microsoft's numeric code, or None when the reply had none.
    :param error_code: Microsoft's symbol of that code.
    :param http_status: status of the reply.
    :param tracking_id: Microsoft's id of the call, for a support case.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        operation: str = "",
        code: int | None = None,
        error_code: str | None = None,
        http_status: int | None = None,
        tracking_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.service = service
        self.operation = operation
        self.code = code
        self.error_code = error_code
        self.http_status = http_status
        self.tracking_id = tracking_id


class RetryLater(BingAdsError):
    """A passing condition: the next try of the task resumes where this one ended."""


class LeaseBusy(RetryLater):
    """Another run holds the account; the message names it and since when."""


class Stopped(RetryLater):
    """The task was asked to end; the ledger is consistent and a retry resumes."""


class OutcomeUnknown(BingAdsError):
    """A call was sent and no answer that can be trusted came back.

    :param message: what happened on the wire.
    :param http_status: status of the reply, None without one.
    :param tracking_id: Microsoft's id of the call, if the reply carried it.
    """

    def __init__(self, message: str, *, http_status: int | None = None, tracking_id: str | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.tracking_id = tracking_id


class LeaseLost(BingAdsError):
    """This run no longer holds its account's lease; it must not send another call."""


class ReviewRows(BingAdsError):
    """Every valid row was sent, and more rows failed than ``max_rejected`` or ``max_rejected_ratio`` allows."""
