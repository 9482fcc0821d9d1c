"""Bad input: rows, names and sizes that break programs; each is refused with its reason, or arrives as it was meant.

What is to arrive is computed from the cells by a few plain lines of this file, not by the provider.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from tests.domain.bad_rows import (
    FIELD_OF,
    GOALS,
    HASHED,
    NOW,
    RAW,
    BadRow,
    bad_rows,
    good_row,
    hostile_but_valid_rows,
    is_storable,
    preparation,
)
from tests.proof.workbench import Workbench, workbench

__all__ = ["Tried", "try_bad_inputs"]

_SIZES: Final = (0, 1, 999, 1000, 1001, 100_001)
_NAMES: Final = (
    'a"; DROP TABLE bystander; --',
    "a'; DROP TABLE bystander; --",
    "`a`; DROP TABLE bystander",
    "%s",
    "%(name)s",
    "a%b",
    ":name",
    "a:b",
    "{0}",
    "select",
    "SELECT * FROM bystander",
    "a b",
    "a.b",
    "[a]",
    "$1",
    "?",
    "a;b",
    "\u202eabc",
    "\U0001f600",
    "Cafe\u0301",
    "-- a",
    "/* a */",
    "a\\b",
)
_UNREADABLE_NAMES: Final = ("", "a\x00b", "a\nb", "x" * 200, "\ud800")


@dataclass(slots=True)
class Tried:
    """What was tried, and what went wrong.

    :param refused: inputs that ended with a reason that names what is at fault.
    :param arrived: inputs that the service holds with the meaning they had.
    """

    refused: int = 0
    arrived: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """All that was tried."""
        return self.refused + self.arrived + len(self.problems)

    def note(self, problem: str | None, *, refused: bool) -> None:
        """Count one input: by its problem, else by how it ended."""
        if problem is not None:
            self.problems.append(problem)
        elif refused:
            self.refused += 1
        else:
            self.arrived += 1


def try_bad_inputs(seed: int = 7, *, largest: int = _SIZES[-1], rows: int = 10_000, every_name: bool = True) -> Tried:
    """Try all of it.

    :param largest: leave out tables of more rows.
    :param rows: bad rows of each of the two layouts, raw and hashed.
    :param every_name: else only one hostile name in eight.
    """
    tried = Tried()
    for columns in (RAW, HASHED):
        _read(columns, rows, seed, tried)
    with workbench() as bench:
        for columns in (RAW, HASHED):
            _deliver(bench, columns, rows // 2, seed, tried)
        _sizes(bench, [size for size in _SIZES if size <= largest], tried)
        _names(bench, (*_NAMES, *_UNREADABLE_NAMES)[:: 1 if every_name else 8], tried)
    return tried


def _read(columns: tuple[str, ...], rows: int, seed: int, tried: Tried) -> None:
    """Hand over what a driver or a data frame may, also what no column of SQLite can hold."""
    from airflow_provider_bingads.entities.offline_conversions import OFFLINE_CONVERSIONS

    broken = list(bad_rows(columns, rows, seed))
    read = OFFLINE_CONVERSIONS.compile(preparation(columns))([row.values(("id", *columns)) for row in broken], NOW)
    for row, candidate in zip(broken, read, strict=True):
        named = {name for violation in candidate.violations for name in (violation.column or "").split(", ")}
        silent = candidate.payload is not None or not row.columns <= named
        tried.note(f"read: {row.kind} was not refused by its column" if silent else None, refused=True)


def _deliver(bench: Workbench, columns: tuple[str, ...], rows: int, seed: int, tried: Tried) -> None:
    """Deliver bad rows among hostile but valid and good ones, and look at both ends."""
    from tests.operators.operators_world import run

    bench.start_over()
    warehouse = bench.warehouse("raw" if columns is RAW else "hashed")
    names = ("id", *columns)
    chance = random.Random(seed)
    broken = list(bad_rows(columns, rows, seed, storable_only=True))
    valid = list(_valid_rows(columns, chance))
    for goal in sorted({_plain(row["conversion_name"]) for row in valid} - set(GOALS)):
        bench.service.add_goal(goal, age_hours=24 * 100)
    cells = [row.values(names) for row in broken] + [tuple(row[name] for name in names) for row in valid]
    chance.shuffle(cells)
    warehouse.execute(f"CREATE TABLE mixed (id INTEGER PRIMARY KEY, {', '.join(columns)})")
    warehouse.execute(f"INSERT INTO mixed VALUES ({', '.join('?' * len(names))})", cells)
    mapping = {FIELD_OF[name]: name for name in columns}

    ran = run(table="mixed", columns=mapping, on_threshold="warn", max_rejected=rows)

    if ran.error is not None:
        tried.problems.append(f"deliver: the run ended with {type(ran.error).__name__}")
    errors = warehouse.rows("SELECT source_ref, column_name, message, remedy FROM bingads_error")
    _note_refused(broken, errors, tried)
    _note_arrived(valid, bench.service.state("offline_conversions")["offline_conversions"], tried)


def _valid_rows(columns: tuple[str, ...], chance: random.Random) -> Iterator[dict[str, Any]]:
    for row in hostile_but_valid_rows(columns):
        if all(map(is_storable, row.values())) and row.get("microsoft_click_id"):
            yield {**row, "microsoft_click_id": f"{row['id']:032x}", **_no_credit()}
    for number in range(2_000_000, 2_000_500):
        yield {**good_row(number, chance, columns), **_no_credit()}


def _no_credit() -> dict[str, None]:
    """Leave the columns empty that only goals with external attribution take."""
    return {"external_attribution_credit": None, "external_attribution_model": None}


def _note_refused(broken: Sequence[BadRow], errors: Sequence[Mapping[str, Any]], tried: Tried) -> None:
    named: dict[str, set[str]] = {}
    for error in errors:
        if error["message"] and error["remedy"]:
            named.setdefault(error["source_ref"], set()).update((error["column_name"] or "").split(", "))
    for row in broken:
        missing = row.columns - named.get(str(row.cells["id"]), set())
        tried.note(f"deliver: {row.kind} was not refused by its column" if missing else None, refused=True)


def _note_arrived(valid: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]], tried: Tried) -> None:
    by_click = {str(row["MicrosoftClickId"]): row for row in held}
    for cells in valid:
        row = by_click.pop(cells["microsoft_click_id"], None)
        differing = "everything" if row is None else _difference(cells, row)
        tried.note(f"deliver: row {cells['id']} arrived with other {differing}" if differing else None, refused=False)
    tried.problems += [f"deliver: the service holds a conversion of no valid row, {click}" for click in by_click]


def _difference(cells: Mapping[str, Any], held: Mapping[str, Any]) -> str | None:
    """Return what of a conversion is not what its cells say."""
    if _plain(cells["conversion_name"]) != held["ConversionName"]:
        return "name"
    if _moment(cells["conversion_time"]) != _moment(held["ConversionTime"]):
        return "time"
    currency = str(cells.get("conversion_currency_code") or "").strip().upper()
    if currency != (held["ConversionCurrencyCode"] or ""):
        return "currency"
    value = cells["conversion_value"]
    if value is not None and value != "":
        wanted = round(Decimal(str(value).strip()), 3)
        return None if wanted == Decimal(str(held["ConversionValue"])) else "value"
    return None


def _plain(name: object) -> str:
    return unicodedata.normalize("NFC", str(name)).strip()


def _moment(text: str) -> datetime:
    plain = text.strip().upper().replace(" UTC", "Z")
    return datetime.fromisoformat(plain).astimezone(UTC).replace(microsecond=0)


def _sizes(bench: Workbench, sizes: Sequence[int], tried: Tried) -> None:
    from tests.operators.operators_world import DDL, NAMES, run

    for size in sizes:
        bench.start_over()
        warehouse = bench.warehouse(f"size-{size}")
        warehouse.execute(DDL)
        times = f"{NOW:%Y-%m-%dT00:00:00Z}"
        rows = [(str(n), f"{n + 1:032x}", "Purchase", times, n % 100, "USD") for n in range(size)]
        marks = ", ".join("?" * len(NAMES))
        warehouse.execute(f"INSERT INTO offline_conversions ({', '.join(NAMES)}) VALUES ({marks})", rows)
        ran = run()
        held = bench.service.stats()["keys_applied"]
        applied = ran.xcom["return_value"]["applied"] if ran.error is None else -1
        told = f"size: of {size} rows {applied} were applied, and the service holds {held}"
        tried.note(None if applied == held == size else told, refused=False)


def _names(bench: Workbench, names: Sequence[str], tried: Tried) -> None:
    """Give tables and columns names that are statements, marks or other scripts; absent ones are refused."""
    for number, name in enumerate(names):
        bench.start_over()
        warehouse = bench.warehouse(f"name-{number}")
        warehouse.execute("CREATE TABLE bystander (id INTEGER PRIMARY KEY)")
        tried.note(_absent(name), refused=True)
        if name in _NAMES:
            tried.note(_present(bench, warehouse, name), refused=False)
        if warehouse.rows("SELECT name FROM sqlite_master WHERE name = 'bystander'") == []:
            tried.problems.append(f"names: {name!r} dropped a table")


def _absent(name: str) -> str | None:
    from airflow.sdk.exceptions import AirflowFailException

    from tests.operators.operators_world import run

    error = run(table=(name,)).error
    fine = isinstance(error, AirflowFailException)
    return None if fine else f"names: the absent table {name!r} ended with {type(error).__name__}"


def _present(bench: Workbench, warehouse: Any, name: str) -> str | None:
    from tests.operators.operators_world import run

    table, column = _quoted(name), _quoted(f"{name} id")
    warehouse.execute(f"CREATE TABLE {table} ({column} TEXT PRIMARY KEY, click, goal, moment)")
    warehouse.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", [("1", "1" * 32, "Purchase", "2026-11-01T00:00:00Z")])
    mapping = {"MicrosoftClickId": "click", "ConversionName": "goal", "ConversionTime": "moment"}
    ran = run(table=(name,), columns=mapping, source_key=f"{name} id")
    held = bench.service.state("offline_conversions")["offline_conversions"]
    return None if ran.error is None and len(held) == 1 else f"names: the table {name!r} was not delivered: {ran.error}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
