"""Each fault of the emulator's plan, on real sockets, under a real process with a real database."""

from __future__ import annotations

import signal

import pytest

from airflow_provider_bingads.emulator.injection import KINDS
from tests.proof.process.process_stage import Stage, Timing
from tests.proof.process.process_tiers import LONG_TIER, long_only
from tests.proof.process.test_proof_process_signals import AIRFLOW_WAITS_SECONDS, ROWS, assert_clean

OPERATION = "ApplyOfflineConversions"
PATIENCE_SECONDS = 4.0
"""How long a try may bear its faults; one that is asked to wait longer, as after a throttle, is asked to end."""
TRIES = 6
TOKEN = [kind for kind in KINDS if kind.startswith("token_endpoint_")]
CALL = [kind for kind in KINDS if kind not in {*TOKEN, "refused"}]
ENDING = ["creds_105", "throttle_117", "throttle_4204", "redirect_307"]
"""Faults that end a try: each is met by a try of its own."""
GROUPS = {
    "before": [k for k in CALL if k not in ENDING and not KINDS[k].applies],
    "ending": ENDING,
    "readable": [k for k in CALL if KINDS[k].applies and KINDS[k].readable],
    "unreadable, one": [k for k in CALL if KINDS[k].applies and not KINDS[k].readable][0::2],
    "unreadable, two": [k for k in CALL if KINDS[k].applies and not KINDS[k].readable][1::2],
    "sign-in": TOKEN,
    "refused": ["refused"],
}
QUICK = ["before", "unreadable, one"]
SOAP = [
    "reset_mid_request",
    "drop_after_apply",
    "soap_internal_after",
    "truncated_xml",
    "index_missing",
    "dtd_in_reply",
]


def rule(kind: str, number: int) -> dict[str, object]:
    match: dict[str, object] = {"op": OPERATION, "call": 2 * number + 1}
    if kind == "refused":
        match = {"call": 3}
    elif kind in TOKEN:
        return {"do": kind, "times": 1}
    return {"do": kind, "match": match}


def test_every_kind_stands_in_a_group() -> None:
    assert sorted(KINDS) == sorted(kind for kinds in GROUPS.values() for kind in kinds)


def bear(stage: Stage, kinds: list[str]) -> None:
    """Run tries until each fault has struck, then clean tries to the end; count twice, for what arrives late."""
    stage.timing = Timing(1.0, 2.0)
    stage.arguments = {"batch_size": 100, "max_in_flight": 2}
    stage.prepare(ROWS)
    stage.service.control.set_faults([rule(kind, number) for number, kind in enumerate(kinds)])
    for _ in range(TRIES):
        one = stage.start()
        if not one.ended(PATIENCE_SECONDS):
            one.strike(signal.SIGTERM)
            assert one.ended(AIRFLOW_WAITS_SECONDS), one.tail()
        one.finish()
        if set(kinds) <= set(stage.service.control.stats()["faults"]):
            break
    assert set(kinds) <= set(stage.service.control.stats()["faults"]), "some fault never struck"
    stage.service.control.set_faults([])
    stage.finish()
    assert_clean(stage)
    stage.service.control.advance(60)
    assert_clean(stage)


@pytest.mark.parametrize("group", long_only(QUICK, sorted(GROUPS.keys() - set(QUICK))))
def test_faults_over_rest(sqlite_stage: Stage, group: str) -> None:
    bear(sqlite_stage, GROUPS[group])


@LONG_TIER
def test_faults_over_soap(sqlite_stage: Stage) -> None:
    sqlite_stage.extra = {"transport": "soap"}
    bear(sqlite_stage, SOAP)


@LONG_TIER
def test_faults_with_the_ledger_on_a_server(server_stage: Stage) -> None:
    bear(server_stage, ["drop_before_apply", "drop_after_apply", "late_apply", "index_out_of_range", "garbage"])
