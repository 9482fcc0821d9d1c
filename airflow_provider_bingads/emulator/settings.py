"""Every switch of the emulator, with what it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

__all__ = ["Settings", "changed", "settings_as_json"]

Unknown = Literal["refuse", "ignore"]
Admit = Literal["accept", "refuse"]
Validate = Literal["always", "sample", "off"]

_FIXED_AT_START: Final = frozenset({"seed", "accounts", "record"})


@dataclass(frozen=True, slots=True)
class Settings:
    """How this emulator behaves.

    :param seed: all ids, tokens and random choices follow from it.
    :param accounts: accounts under the seeded customer.
    :param latency_ms: wait before each reply of the API; the call has taken effect by then.
    :param xsd: validate SOAP requests against the contract's schema: always, every 20th, or never.
    :param throttle_per_minute: calls one user may make on one customer in any 60 seconds; None for no limit, as
        the real limits are not published (api-facts F.5).
    :param accept_any: accept every token and application, real-looking ones too.
    :param unknown_goal: a conversion whose goal does not exist: 5606, or silently nothing (api-facts I.1).
    :param click_id_dashes: click ids written with dashes: accept, or 5604 (api-facts I.2).
    :param hashed_only: a conversion without a click id, for a goal that is not enabled for enhanced conversions:
        accept, or refuse as the help page says (api-facts A.4; a foreign test saw them accepted).
    :param value_decimals: decimals of a value above which it is refused with 5610; None for any number, as only
        the web upload documents a limit (api-facts I.9).
    :param goal_settle_seconds: age below which a goal takes no conversions (5615).
    :param access_token_seconds: life of an access token.
    :param refresh_token_days: life of a refresh token.
    :param revoke_used_refresh_tokens: a refresh token dies with its use; the real ones live on (delivery 2.1).
    :param offline_conversions_enabled: the customer may use offline conversions at all (else 5613).
    :param record: folder for request and reply bodies with the secrets removed; None records nothing.
    """

    seed: int = 1
    accounts: int = 1
    latency_ms: float = 0.0
    xsd: Validate = "always"
    throttle_per_minute: int | None = None
    accept_any: bool = False
    unknown_goal: Unknown = "refuse"
    click_id_dashes: Admit = "accept"
    hashed_only: Admit = "accept"
    value_decimals: int | None = None
    goal_settle_seconds: float = 7200.0
    access_token_seconds: float = 3600.0
    refresh_token_days: float = 90.0
    revoke_used_refresh_tokens: bool = False
    offline_conversions_enabled: bool = True
    record: Path | None = None


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return settings with some replaced.

    :raises ValueError: there is no such setting, it cannot change while running, or the value is none of its values.
    """
    hints = get_type_hints(Settings)
    for name, value in changes.items():
        if name not in hints:
            raise ValueError(f"There is no setting {name!r}; the settings are {', '.join(hints)}.")
        if name in _FIXED_AT_START:
            raise ValueError(f"The setting {name!r} is fixed when the emulator starts.")
        if not _fits(hints[name], value):
            raise ValueError(f"The setting {name!r} takes {hints[name]}.")
    return replace(settings, **changes)


def settings_as_json(settings: Settings) -> dict[str, Any]:
    """Return the settings as JSON holds them."""
    found = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return found | {"record": str(settings.record) if settings.record else None}


def _fits(hint: Any, value: object) -> bool:
    members = get_args(hint)
    if members and all(isinstance(member, str) for member in members):
        return value in members
    allowed = tuple(member for member in (members or (hint,)) if isinstance(member, type))
    if isinstance(value, bool):
        return bool in allowed
    return isinstance(value, allowed) or (float in allowed and isinstance(value, int))
