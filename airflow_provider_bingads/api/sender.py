"""Sends batches of one operation for the delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from airflow_provider_bingads.domain.calls import CallResult

__all__ = ["BatchSender"]

_RESULT = Callable[..., CallResult]


class BatchSender:
    """Implements :class:`airflow_provider_bingads.sync.ports.Sender` with a client.

    :param result: ``Client.result``, bound to everything but body and time.
    :param list_element: name of the request's list.
    """

    __slots__ = ("_list_element", "_result")

    def __init__(self, result: _RESULT, list_element: str) -> None:
        self._result: Final = result
        self._list_element: Final = list_element

    def send(self, payloads: Sequence[Mapping[str, object]], deadline_seconds: float) -> CallResult:
        """Send the payloads in one request.

        :param deadline_seconds: for one attempt; repetitions and waits are bounded by the client's overall limit.
        :raises FixCredentials: the credentials do not admit any call.
        """
        body: dict[str, Any] = {self._list_element: payloads}
        return self._result(body, deadline_seconds=deadline_seconds)
