"""Memory does not grow with the table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from airflow_provider_bingads.warehouse import SourceRequest, open_source

ROWS = 1_000_000
ALLOWED_MEGABYTES = 8
STATM = Path("/proc/self/statm")
SQLITE = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
    "SELECT i AS id, 'account' AS account, '2026-10-01T00:00:00Z' AS at, i * 0.5 AS value FROM n"
)
POSTGRES = (
    "SELECT i AS id, 'account' AS account, timestamptz '2026-10-01' + i * interval '1 second' AS at, i / 2.0 AS value "
    "FROM generate_series(1, 1000000) i"
)

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc, which only Linux has")


def resident_megabytes() -> float:
    return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def growth_over_a_read(engine: Engine, sql: str) -> float:
    """Return by how many megabytes memory grew after the first tenth of the rows."""
    source = open_source(engine, SourceRequest(sql=sql, columns=("id", "account", "at", "value"), chunk_size=5000))
    read, early, peak = 0, 0.0, 0.0
    for chunk in source.chunks():
        read += len(chunk)
        if read <= ROWS // 10:
            early = resident_megabytes()
        elif read % (ROWS // 20) == 0:
            peak = max(peak, resident_megabytes())
    source.close()
    assert read == ROWS
    return peak - early


def test_a_million_rows_of_sqlite_take_no_more_memory_than_the_first(tmp_path: Path) -> None:
    (tmp_path / "w.db").touch()
    engine = create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    assert growth_over_a_read(engine, SQLITE) < ALLOWED_MEGABYTES
    engine.dispose()


@pytest.mark.postgres
def test_a_million_rows_of_postgres_take_no_more_memory_than_the_first(postgres_engine: Engine) -> None:
    assert growth_over_a_read(postgres_engine, POSTGRES) < ALLOWED_MEGABYTES
