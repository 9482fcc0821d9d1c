"""What a connection says, parsed and checked once; nothing behind this module reads a connection again."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["ConnectionSettings", "Environment", "TokenStorage", "TransportKind"]


class Environment(str, Enum):
    """Where calls go."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    EMULATOR = "emulator"


class TransportKind(str, Enum):
    """How calls are written; both carry the same fields."""

    REST = "rest"
    SOAP = "soap"


class TokenStorage(str, Enum):
    """Where a rotated refresh token goes."""

    VARIABLE = "variable"
    NONE = "none"


SANDBOX_DEVELOPER_TOKEN: Final = "BBD37VB98"  # noqa: S105 - public, the same for everybody (guides/sandbox.md)

_TENANT: Final = re.compile(
    r"common|organizations|consumers"
    r"|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=.{4,253}$)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}"
)
_ID: Final = re.compile(r"[1-9][0-9]{0,18}")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_HARMLESS: Final = re.compile(r"[A-Za-z ._-]{1,40}")
_YES: Final = frozenset({"true", "1", "yes", "on"})
_NO: Final = frozenset({"false", "0", "no", "off", ""})

_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """All fields of a connection of type ``bingads`` (design 3).

    :param conn_id: names the connection in messages.
    :param client_id: OAuth application (client) id.
    :param client_secret: None for a public client.
    :param tenant: ``common``, ``organizations``, ``consumers``, a tenant's GUID or its domain.
    :param customer_id: header ``CustomerId``; None to look it up from the account.
    :param account_id: account of a call that names none.
    :param base_url: address of the emulator, without a slash at its end; only with ``environment=emulator``.
    :param read_only: refuse every operation that could change something.
    :param allowed_account_ids: refuse every other account; empty allows all.
    :param token_store: where a rotated refresh token is kept.
    """

    conn_id: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    developer_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    tenant: str = "common"
    customer_id: str | None = None
    account_id: str | None = None
    environment: Environment = Environment.PRODUCTION
    transport: TransportKind = TransportKind.REST
    base_url: str | None = None
    read_only: bool = False
    allowed_account_ids: frozenset[str] = frozenset()
    token_store: TokenStorage = TokenStorage.VARIABLE

    @classmethod
    def parse(
        cls, conn_id: str, *, login: str | None, password: str | None, extra: Mapping[str, Any]
    ) -> ConnectionSettings:
        """Read the parts of an Airflow connection.

        :param login: OAuth client id.
        :param password: OAuth client secret; empty for a public client.
        :param extra: the connection's extra fields; values may be text, as an environment variable gives them.
        :raises FixConfiguration: with every problem found, not only the first.
        """
        reader = _Reader({"login": login, "password": password, **extra})
        environment = reader.choice("environment", Environment, Environment.PRODUCTION)
        settings = cls(
            conn_id=conn_id,
            client_id=reader.secret("login", "the OAuth application (client) id") or "",
            client_secret=reader.secret("password"),
            developer_token=reader.secret("developer_token", "the developer token of your account") or "",
            refresh_token=reader.secret("refresh_token", "the refresh token that `bingads auth` prints") or "",
            tenant=reader.tenant(),
            customer_id=reader.identifier("customer_id"),
            account_id=reader.identifier("account_id"),
            environment=environment,
            transport=reader.choice("transport", TransportKind, TransportKind.REST),
            base_url=reader.base_url(environment),
            read_only=reader.flag("read_only"),
            allowed_account_ids=reader.identifiers("allowed_account_ids"),
            token_store=reader.choice("token_store", TokenStorage, TokenStorage.VARIABLE),
        )
        problems = [*reader.problems, *_contradictions(settings)]
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems)
            raise FixConfiguration(f"Connection {conn_id!r} cannot be used:\n{listed}")
        return settings

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be masked wherever it would be shown."""
        return tuple(it for it in (self.client_secret, self.developer_token, self.refresh_token) if it)


class _Reader:
    """Reads fields one by one and remembers what is wrong with them; never repeats what might be a secret."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.problems: list[str] = []

    def _text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return None if value is None else str(value).lower()
        return str(value).strip() or None

    def secret(self, name: str, required: str | None = None) -> str | None:
        text = self._text(name)
        if text is None and required:
            self.problems.append(f"{name} is empty; put {required} there")
        if text is not None and not _PRINTABLE.fullmatch(text):
            self.problems.append(f"{name} contains a space or another character no such value has; copy it again")
        return text

    def identifier(self, name: str) -> str | None:
        text = self._text(name)
        if text is None or _ID.fullmatch(text):
            return text
        self.problems.append(
            f"{name} is {_shown(text)}, but it must be the number, digits only, not the name or number code"
        )
        return None

    def identifiers(self, name: str) -> frozenset[str]:
        value = self._values.get(name) or ()
        parts: Iterable[Any] = re.split(r"[\s,;\[\]\"']+", value) if isinstance(value, str) else _as_list(value)
        ids = [str(part).strip() for part in parts if str(part).strip()]
        wrong = [it for it in ids if not _ID.fullmatch(it)]
        if wrong:
            self.problems.append(f"{name} holds {_shown(wrong[0])}; it must be account ids, digits only, with commas")
        return frozenset(ids)

    def choice(self, name: str, kind: type[_Choice], default: _Choice) -> _Choice:
        text = self._text(name)
        if text is None:
            return default
        try:
            return kind(text.lower())
        except ValueError:
            known = ", ".join(str(it.value) for it in kind)
            self.problems.append(f"{name} is {_shown(text)}; it must be one of {known}")
            return default

    def flag(self, name: str) -> bool:
        text = (self._text(name) or "").lower()
        if text not in _YES | _NO:
            self.problems.append(f"{name} is {_shown(text)}; it must be true or false")
        # an unreadable wish for caution is taken as one
        return text not in _NO

    def tenant(self) -> str:
        text = self._text("tenant") or "common"
        if not _TENANT.fullmatch(text):
            self.problems.append(
                f"tenant is {_shown(text)}; it must be common, organizations, consumers, a tenant id (GUID) or its"
                " domain"
            )
        return text

    def base_url(self, environment: Environment) -> str | None:
        text = self._text("base_url")
        if environment is Environment.EMULATOR and text is None:
            self.problems.append("base_url is empty; with environment=emulator it is the url the emulator printed")
        elif environment is not Environment.EMULATOR and text is not None:
            self.problems.append("base_url is only for environment=emulator; clear it, or change environment")
        elif text is not None and not _is_loopback(text):
            self.problems.append(
                "base_url is no such address; it must be http(s)://127.0.0.1:port or another loopback address,"
                " without user, query or fragment, because tokens are sent there"
            )
        return text.rstrip("/") if text else None


def _contradictions(settings: ConnectionSettings) -> list[str]:
    problems = []
    allowed, account = settings.allowed_account_ids, settings.account_id
    if allowed and account and account not in allowed:
        problems.append(f"account_id {account} is not among allowed_account_ids")
    if settings.environment is Environment.PRODUCTION and settings.developer_token == SANDBOX_DEVELOPER_TOKEN:
        problems.append("developer_token is the sandbox's public one; set environment=sandbox or use your own token")
    return problems


def _shown(text: str) -> str:
    # whoever mixes up two fields of the form has put a secret here: only what can be none is repeated
    return repr(text) if _HARMLESS.fullmatch(text) else f"a text of {len(text)} characters"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
