"""What the service says no with: errors of a call and errors of one item, free of any transport."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["STATUS_BY_CODE", "Family", "ItemError", "RefusalError", "ServiceError"]


class Family(str, Enum):
    """Which of the two declared faults carries a refusal (api-facts F.7)."""

    ACCESS = "AdApiFaultDetail"
    """Authentication, headers, throttling, internal errors."""
    OPERATION = "operation"
    """The request itself: ``ApiFaultDetail`` in Campaign Management, ``ApiFault`` in Customer Management."""


STATUS_BY_CODE: Final = {0: 500, 105: 401, 106: 403, 109: 401, 117: 429, 4204: 429}
"""HTTP status of a REST fault by its code, 400 for any other; assumed from what the vendor's clients treat as faults
(api-facts F.7)."""


@dataclass(frozen=True, slots=True)
class ServiceError:
    """One error of a call as a whole."""

    code: int
    symbol: str
    message: str
    details: str | None = None


@dataclass(frozen=True, slots=True)
class ItemError:
    """One error of one item of a list (``batcherror.md``).

    :param code: 0 where Microsoft documents a symbol without a number.
    :param index: zero-based position in the request.
    """

    code: int
    symbol: str
    message: str
    index: int
    field: str | None = None


class RefusalError(Exception):
    """The call is refused as a whole.

    :param family: which declared fault carries it; None for a request that the service cannot even read.
    """

    def __init__(self, family: Family | None, *errors: ServiceError) -> None:
        super().__init__(errors[0].symbol)
        self.family = family
        self.errors = errors
