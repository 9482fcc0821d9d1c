"""Canaries: personal data and secrets of our own making, planted in source and connection, looked for everywhere.

Everywhere is: everything the process prints or logs at DEBUG, exceptions with their causes, XCom, each table of the
ledger, and the emulator's own record of its calls. Only the service itself may hold the hashes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from tests.domain.bad_rows import NOW
from tests.proof.workbench import Workbench, workbench

__all__ = ["Watched", "watch_canaries"]

_ROWS: Final = 12
_COLUMNS: Final = {
    "MicrosoftClickId": "click",
    "ConversionName": "goal",
    "ConversionTime": "moment",
    "ConversionValue": "amount",
    "ConversionCurrencyCode": "currency",
    "EmailAddress": "email",
    "PhoneNumber": "phone",
}
_WAITS_FOR_REAL: Final = frozenset({"throttle_117", "throttle_4204", "late_apply", "clock_skew", "token_endpoint_slow"})
"""Faults that a real clock would sit out; the exhaustive part meets them on a simulated one."""
_SHORT: Final = {"slow": "slow(0.1)", "dribble": "dribble(0.001)", "http_503_html": "http_503_html(0.1)"}


@dataclass(slots=True)
class Watched:
    """What was planted, and what was seen of it.

    :param planted: strings that nobody but the service may show, over all runs.
    :param leaked: one sentence for each that stood where it must not.
    :param tokens: issued while they ran, and looked for as well.
    :param rows_sent: rows that arrived, so that silence does not mean idleness.
    """

    planted: int = 0
    runs: int = 0
    rows_sent: int = 0
    tokens: int = 0
    leaked: list[str] = field(default_factory=list)


def watch_canaries(faults: Sequence[str] | None = None, transports: Sequence[str] = ("rest", "soap")) -> Watched:
    """Run once without a fault and once with each, by both transports.

    :param faults: kinds of the emulator's plan; None for all that need no real waiting.
    """
    from airflow_provider_bingads.emulator.injection import KINDS

    kinds = [kind for kind in KINDS if kind not in _WAITS_FOR_REAL] if faults is None else list(faults)
    watched = Watched()
    for transport in transports:
        with workbench(transport) as bench:
            for kind in [None, *kinds]:
                _one_run(bench, f"{transport}-{kind}", kind, watched)
    return watched


def _one_run(bench: Workbench, name: str, fault: str | None, watched: Watched) -> None:
    from tests.operators.operators_world import run

    bench.start_over()
    bench.service.add_goal("Sign-up", IsEnhancedConversionsEnabled=True)
    warehouse = bench.warehouse(name)
    canaries = _plant(warehouse, watched.runs)
    extra = bench.service.connection["extra"]
    secrets = [bench.service.connection["password"], extra["developer_token"], extra["refresh_token"]]
    bench.service.set_faults([] if fault is None else [{"do": _SHORT.get(fault, fault), "times": 1}])
    with _everything_printed() as printed:
        ran = run(table="people", columns=_COLUMNS, source_key="id", phone_region="US", on_threshold="warn")
    shown = {
        "log": "".join(printed),
        "exception": "".join(traceback.format_exception(ran.error)) if ran.error is not None else "",
        "xcom": json.dumps(ran.xcom),
        "ledger": _ledger_text(warehouse.path),
        "emulator log": json.dumps([bench.service.calls(), bench.service.stats()]),
    }
    issued = bench.issued()
    watched.runs += 1
    watched.tokens += len(issued)
    watched.planted += len(canaries) + len(secrets)
    watched.rows_sent += len(bench.service.state("offline_conversions")["offline_conversions"])
    watched.leaked += [f"{name}: {where}" for where in _leaks(shown, canaries, [*secrets, *issued])]


def _plant(warehouse: Any, run: int) -> list[str]:
    """Make people nobody has met before, some in the columns where they belong and some where they do not."""
    columns = ("id", *_COLUMNS.values())
    warehouse.execute(f"CREATE TABLE people ({', '.join(columns)}, PRIMARY KEY (id))")
    rows, planted = [], []
    for number in range(_ROWS):
        email = f"Canary.{run}.{number}@Example.org"
        phone = f"+1425{5550000 + run * _ROWS + number}"
        moment = (NOW - timedelta(days=2, minutes=number)).isoformat()
        cells = dict(zip(columns, (number, None, "Sign-up", moment, 1.5, "USD", email, phone), strict=True))
        if number % 3 == 1:
            cells["click"] = f"{number + 1:032x}"
        if number % 3 == 2:
            wrong = list(_COLUMNS.values())[number // 3 % len(_COLUMNS)]
            cells[wrong] = f"{email} {phone}"
        rows.append(tuple(cells.values()))
        planted += [email, phone]
    warehouse.execute(f"INSERT INTO people VALUES ({', '.join('?' * len(columns))})", rows)
    return planted


@contextlib.contextmanager
def _everything_printed() -> Iterator[list[str]]:
    """Collect all that this process writes, and all that any logger says at DEBUG; there when the block has ended."""
    collected: list[str] = []
    root = logging.getLogger()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "printed"
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(1), os.dup(2)]
        handler, level = logging.FileHandler(path), root.level
        with path.open("ab") as file:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            root.addHandler(handler)
            root.setLevel(logging.DEBUG)
            try:
                yield collected
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                root.setLevel(level)
                root.removeHandler(handler)
                handler.close()
                for number, saved in zip((1, 2), kept, strict=True):
                    os.dup2(saved, number)
                    os.close(saved)
        collected.append(path.read_text(errors="replace"))


def _ledger_text(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'bingads%'")]
        return "\n".join(str(row) for name in tables for row in connection.execute(f'SELECT * FROM "{name}"'))


def _leaks(shown: dict[str, str], canaries: Sequence[str], secrets: Sequence[str]) -> Iterator[str]:
    for where, text in shown.items():
        plain = text.lower().replace(" ", "").replace("-", "")
        for canary in canaries:
            normal = canary.lower().replace(" ", "").replace("-", "")
            forms = (normal, normal.lstrip("+"), hashlib.sha256(normal.encode()).hexdigest())
            if any(form in plain for form in forms):
                yield f"a canary stands in the {where}"
        for secret in secrets:
            if secret.lower().replace("-", "") in plain:
                yield f"a secret stands in the {where}"
