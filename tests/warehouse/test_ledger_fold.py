"""The fold law: order, repetition and lateness of events change nothing, in Python and in the views alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text

from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.warehouse import SqlLedger, ledger_for
from airflow_provider_bingads.warehouse.ledger.fold import RowEvent, best_of_each, current, known_states
from tests.warehouse.ledger_records import after, entries, name, row, run

STATES = [state.value for state in RowState]
CONTENTS = ["a" * 16, "b" * 16, "c" * 16]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a" * 16, "b" * 16, "c" * 16]), st.integers(0, 2), st.sampled_from(STATES), st.integers(0, 9)
    ),
    min_size=1,
    max_size=12,
)


Events = list[tuple[str, int, str, int]]
"""(content, gen, state, minute) of each event of one key."""
Folding = tuple[Engine, SqlLedger]


def records_of(events: Events) -> list[RowRecord]:
    return [
        row(call_id=name("c", n), content_hash=content, gen=gen, state=state, at=after(minute))
        for n, (content, gen, state, minute) in enumerate(events)
    ]


def event_of(record: RowRecord) -> RowEvent:
    return RowEvent(**{field: getattr(record, field) for field in RowEvent._fields})


@given(EVENTS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_change_no_state(events: Events, random: object) -> None:
    facts = [(name("k"), content, gen, state, row(state=state).rank, name("r")) for content, gen, state, _ in events]
    shuffled = facts * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, again = known_states(facts), known_states(shuffled)
    assert {k: sorted(v) for k, v in first.items()} == {k: sorted(v) for k, v in again.items()}


@given(EVENTS, st.integers(0, 12))
def test_the_fold_of_folds_is_the_fold(events: Events, cut: int) -> None:
    """Associative: recording in one go or in many comes to the same."""
    facts = [event_of(record) for record in records_of(events)]
    parts = best_of_each([*best_of_each(facts[cut:]), *best_of_each(facts[:cut])])
    assert sorted(parts) == sorted(best_of_each(facts))
    assert current(parts) == current(facts)


@given(EVENTS)
def test_once_applied_a_content_stays_applied(events: Events) -> None:
    facts = [(name("k"), content, gen, state, row(state=state).rank, name("r")) for content, gen, state, _ in events]
    for known in known_states(facts)[name("k")]:
        applied = any(content == known.content_hash and state == "applied" for _, content, _, state, _, _ in facts)
        assert (known.state is RowState.APPLIED) == applied


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def folding(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, SqlLedger]]:
    if request.param == "sqlite":
        memory = Path("/dev/shm")
        folder = tmp_path_factory.mktemp("fold")
        engine = create_engine(f"sqlite:///{(memory if memory.exists() else folder) / f'{folder.name}-fold.db'}")
        path = Path(engine.url.database or "")
    else:
        engine = create_engine(request.getfixturevalue("postgres_database"))
        path = None
    ledger = ledger_for(engine)
    ledger.start_run(run())
    yield engine, ledger
    ledger.close()
    engine.dispose()
    if path is not None:
        path.unlink()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS)
def test_the_view_says_what_the_fold_says(folding: Folding, events: Events) -> None:
    engine, ledger = folding
    records = records_of(events)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM bingads_row"))
    ledger.record(entries(*records))
    decisive = current(event_of(record) for record in records)
    with engine.connect() as connection:
        shown = connection.execute(text("SELECT content_hash, state, at FROM bingads_row_current")).all()
    assert decisive is not None
    assert len(shown) == 1
    content, state, at = shown[0]
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    assert (content, state) == (decisive.content_hash, decisive.state)
    assert at == decisive.at.replace(tzinfo=None)
