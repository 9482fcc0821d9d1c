"""Where each call goes, and the only hosts anything may be sent to."""

from __future__ import annotations

from functools import cache
from typing import Final
from urllib.parse import urlsplit

from airflow_provider_bingads.api.settings import ConnectionSettings, Environment
from airflow_provider_bingads.contract import Operation, service, service_names
from airflow_provider_bingads.exceptions import FixRequest

__all__ = ["allowed_origins", "health_url", "rest_url", "soap_url", "token_scope", "token_url"]

_LOGIN: Final = "https://login.microsoftonline.com"

_SCOPES: Final = {
    Environment.PRODUCTION: "https://ads.microsoft.com/msads.manage offline_access",
    Environment.SANDBOX: "https://si.ads.microsoft.com/msads.manage offline_access",
    Environment.EMULATOR: "https://ads.microsoft.com/msads.manage offline_access",
}


def rest_url(settings: ConnectionSettings, operation: Operation) -> str:
    """Return the address of an operation on REST.

    :raises FixRequest: the operation exists on SOAP only.
    """
    if operation.path is None:
        raise FixRequest(
            f"{operation.service}.{operation.name} does not exist on REST; it is reachable only over SOAP,"
            " which Microsoft ends on 2027-01-31.",
            service=operation.service,
            operation=operation.name,
        )
    base = settings.base_url or service(operation.service).rest_hosts[settings.environment.value]
    return base + operation.path


def soap_url(settings: ConnectionSettings, service_name: str) -> str:
    """Return the address of a service on SOAP."""
    described = service(service_name)
    base = settings.base_url or described.soap_hosts[settings.environment.value]
    return base + described.soap_path


def token_url(settings: ConnectionSettings) -> str:
    """Return the address of the OAuth token endpoint (api-facts F.1)."""
    return f"{settings.base_url or _LOGIN}/{settings.tenant}/oauth2/v2.0/token"


def token_scope(settings: ConnectionSettings) -> str:
    """Return the OAuth scope of the environment (api-facts F.1)."""
    return _SCOPES[settings.environment]


def health_url(settings: ConnectionSettings) -> str | None:
    """Return where the emulator tells its time; None for the real service."""
    return f"{settings.base_url}/__emulator__/health" if settings.base_url else None


def allowed_origins(settings: ConnectionSettings) -> frozenset[str]:
    """Return the origins (scheme, host, port) that may be called: those of the environment and no other."""
    if settings.base_url:
        return frozenset({origin(settings.base_url)})
    return _origins(settings.environment.value)


def origin(url: str) -> str:
    """Return scheme, host and port of an address in one spelling."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


@cache
def _origins(environment: str) -> frozenset[str]:
    services = [service(name) for name in service_names()]
    urls = [url[environment] for it in services for url in (it.rest_hosts, it.soap_hosts)]
    return frozenset(origin(url) for url in [*urls, _LOGIN])
