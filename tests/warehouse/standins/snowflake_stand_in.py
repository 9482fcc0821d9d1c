"""Snowflake in this process: its own SQLAlchemy dialect and connector, over a DuckDB that plays the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fakesnow
from sqlalchemy import Engine, create_engine, event


@contextmanager
def engine() -> Iterator[tuple[Engine, list[tuple[str, Any]]]]:
    """Give an engine whose database is WAREHOUSE and whose schema is SALES, and the list of what it was asked."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with fakesnow.patch():
        engine = create_engine("snowflake://somebody:secret@account/WAREHOUSE/SALES", hide_parameters=True)
        event.listen(engine, "before_cursor_execute", note)
        yield engine, asked
        engine.dispose()
