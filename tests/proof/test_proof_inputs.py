"""The proof's parts on bad input and on canaries, small; and that they see what they look for."""

from __future__ import annotations

import hashlib

import pytest

from tests.proof import canaries
from tests.proof.bad_inputs import try_bad_inputs
from tests.proof.canaries import watch_canaries

CANARY = "Canary.1.2@Example.org"
PHONE = "+14255550001"


@pytest.mark.airflow
def test_bad_input_is_refused_with_its_reason_or_arrives_as_meant() -> None:
    tried = try_bad_inputs(rows=400, largest=1001, every_name=False)

    assert tried.problems == []
    assert tried.refused > 1000
    assert tried.arrived > 1000


@pytest.mark.airflow
def test_no_canary_and_no_secret_is_shown_anywhere() -> None:
    watched = watch_canaries(["drop_after_apply", "html_200", "token_endpoint_html"], ["rest"])

    assert watched.leaked == []
    assert watched.planted == 4 * 27
    assert watched.rows_sent == 4 * 8
    assert watched.tokens >= 2 * 4, "tokens were issued, or nothing was looked for"


@pytest.mark.parametrize(
    "text",
    [
        f"sent to {CANARY}",
        "CANARY.1.2@EXAMPLE.ORG",
        "call 1425 555-0001",
        hashlib.sha256(CANARY.lower().encode()).hexdigest(),
        hashlib.sha256(PHONE.encode()).hexdigest().upper(),
    ],
)
def test_a_canary_is_seen_in_any_of_its_forms(text: str) -> None:
    """The part could not fail otherwise."""
    assert list(canaries._leaks({"log": text, "xcom": ""}, [CANARY, PHONE], [])) == ["a canary stands in the log"]


def test_a_secret_is_seen_and_innocent_text_is_not() -> None:
    assert list(canaries._leaks({"log": "token=s3cr3t-value"}, [], ["s3cr3t-value"])) == ["a secret stands in the log"]
    assert list(canaries._leaks({"log": "12 rows applied"}, [CANARY, PHONE], ["s3cr3t-value"])) == []
