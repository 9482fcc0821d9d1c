"""Describes the provider to Airflow; every Airflow process reads this at start, so it imports nothing."""

from __future__ import annotations

__all__ = ["get_provider_info"]

_TITLE = "Microsoft Advertising (Bing Ads)"
_OPTIONAL = ["string", "null"]


def get_provider_info() -> dict[str, object]:
    """Return the connection type with its form, the hooks, the operators and the settings of this provider."""
    return {
        "package-name": "airflow-provider-bingads",
        "name": _TITLE,
        "description": "Keeps Microsoft Advertising (Bing Ads) in step with a warehouse.",
        "integrations": [
            {
                "integration-name": _TITLE,
                "external-doc-url": "https://learn.microsoft.com/advertising/guides/",
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": _TITLE,
                "python-modules": [
                    "airflow_provider_bingads.operators.ledger",
                    "airflow_provider_bingads.operators.ledger_keeping",
                    "airflow_provider_bingads.operators.offline_conversions",
                ],
            }
        ],
        "hooks": [{"integration-name": _TITLE, "python-modules": ["airflow_provider_bingads.hooks.bingads"]}],
        "connection-types": [_connection_type()],
        "config": {"bingads": _config()},
    }


def _connection_type() -> dict[str, object]:
    return {
        "connection-type": "bingads",
        "hook-class-name": "airflow_provider_bingads.hooks.bingads.BingAdsHook",
        "hook-name": _TITLE,
        "ui-field-behaviour": {
            "hidden-fields": ["host", "schema", "port"],
            "relabeling": {"login": "OAuth client id", "password": "OAuth client secret"},
            "placeholders": {"login": "00000000-0000-0000-0000-000000000000", "password": "empty for a public client"},
        },
        "conn-fields": {**_secret_fields(), **_address_fields(), **_safety_fields()},
    }


def _secret_fields() -> dict[str, object]:
    return {
        "developer_token": {
            "label": "Developer token",
            "description": "From developers.ads.microsoft.com; production and sandbox have different ones.",
            "schema": {"type": "string", "format": "password"},
        },
        "refresh_token": {
            "label": "Refresh token",
            "description": "Printed by the command `bingads auth` after signing in.",
            "schema": {"type": "string", "format": "password"},
        },
        "tenant": {
            "label": "Tenant",
            "description": "common, organizations, consumers, or the id or domain of one Microsoft Entra tenant.",
            "schema": {"type": _OPTIONAL, "default": "common"},
        },
    }


def _address_fields() -> dict[str, object]:
    number = {"type": _OPTIONAL, "pattern": "^[0-9]*$"}
    return {
        "account_id": {
            "label": "Account id",
            "description": "Account of operators that name none: the number in the address bar (aid), not the code.",
            "schema": number,
        },
        "customer_id": {
            "label": "Customer id",
            "description": "Customer (manager account) to act for; empty to look it up from the account.",
            "schema": number,
        },
        "environment": {
            "label": "Environment",
            "description": "Where calls go.",
            "schema": {"type": "string", "enum": ["production", "sandbox", "emulator"], "default": "production"},
        },
        "transport": {
            "label": "Transport",
            "description": "rest; soap ends on 2027-01-31.",
            "schema": {"type": "string", "enum": ["rest", "soap"], "default": "rest"},
        },
        "base_url": {
            "label": "Emulator address",
            "description": "Only for the environment emulator: the url it printed when it started.",
            "schema": {"type": _OPTIONAL},
        },
    }


def _safety_fields() -> dict[str, object]:
    return {
        "read_only": {
            "label": "Read-only",
            "description": "Operators with this connection only validate and plan; nothing is ever changed.",
            "schema": {"type": ["boolean", "null"], "default": False},
        },
        "allowed_account_ids": {
            "label": "Allowed account ids",
            "description": "Separated by commas; any other account is refused before a call. Empty allows all.",
            "schema": {"type": _OPTIONAL, "pattern": "^[0-9, ]*$"},
        },
        "token_store": {
            "label": "Token store",
            "description": "Where rotated refresh tokens are kept: an Airflow Variable, or nowhere.",
            "schema": {"type": "string", "enum": ["variable", "none"], "default": "variable"},
        },
    }


def _config() -> dict[str, object]:
    return {
        "description": f"Settings of the {_TITLE} provider.",
        "options": {
            "lease_seconds": {
                "description": (
                    "How long an account stays reserved for a run that gives no sign of life, in seconds. It is"
                    " renewed every third of it; operations that must never happen twice use at least 180."
                ),
                "version_added": "0.1.0",
                "type": "float",
                "example": "60",
                "default": "30",
            },
            "call_deadline_seconds": {
                "description": "The longest one attempt of a call may take, from name lookup to last byte, in seconds.",
                "version_added": "0.1.0",
                "type": "float",
                "example": "300",
                "default": "120",
            },
        },
    }
