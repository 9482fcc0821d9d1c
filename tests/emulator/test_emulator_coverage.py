"""The coverage page tells the truth about rules, operations and faults."""

from __future__ import annotations

import re

from emulator_kit import Caller

from airflow_provider_bingads.emulator.coverage import BOOKS, NOT_EMULATED, coverage
from airflow_provider_bingads.emulator.operations.table import EMULATED

SOURCE = re.compile(r"(guides|campaign-management-service)/[a-z-]+\Z|https://[a-z.-]+/\S+\Z|none: .+")


def test_every_rule_has_a_source_a_certainty_and_a_sentence() -> None:
    rules = coverage()["rules"]
    assert len(rules) == sum(len(book.call_rules) + len(book.item_rules) for book in BOOKS)
    for rule in rules:
        assert SOURCE.match(rule["source"]), rule
        assert rule["certainty"] in {"documented", "observed", "assumed"}
        assert rule["when"].endswith(".")
        assert rule["error_code"][0].isupper()
        assert rule["level"] in {"call", "item"}


def test_all_codes_of_offline_conversions_are_rules() -> None:
    """5612 has no rule: it is the one that only a fault plan gives."""
    codes = {rule["code"] for rule in coverage()["rules"] if rule["operation"] == "ApplyOfflineConversions"}
    assert {code for code in codes if code} == set(range(5600, 5618)) - {5612}


def test_emulated_operations_are_told_among_all_of_the_api() -> None:
    operations = coverage()["operations"]
    assert len(operations) > 250
    assert {(one["service"], one["operation"]) for one in operations if one["emulated"]} == set(EMULATED)


def test_what_is_missing_is_said() -> None:
    page = Caller("rest").control("GET", "coverage")
    assert page["not_emulated"] == list(NOT_EMULATED)
    assert {one["name"] for one in page["faults"]} >= {"drop_after_apply", "late_apply"}
