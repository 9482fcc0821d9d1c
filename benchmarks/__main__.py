"""``python -m benchmarks``: measure everything in one run, and write it down.

The full run takes about a quarter of an hour on two quiet cores and writes ``docs/performance.md``; ``--quick`` takes
two minutes and only prints. Either leaves all figures in ``.cache/benchmarks.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import plan
from benchmarks.contest import MARIADB, POSTGRESQL, Arena
from benchmarks.machine import described
from benchmarks.page import written
from benchmarks.service import Service
from benchmarks.targets import targets
from benchmarks.vendors import python_with
from tests.private_postgres import PrivatePostgres, find_programs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / ".cache" / "benchmarks.json"


def main() -> int:
    """Measure, write the figures down, and say which targets are met."""
    options = _options()
    size = plan.QUICK if options.quick else plan.FULL
    vendors = {package: python_with(package) for package in ("bingads", "msads")}
    machine = described(vendors)
    with contextlib.ExitStack() as closing:
        servers = _servers(options, closing)
        everybody = plan.contestants(vendors, [*servers])
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="bingads-bench-"))
        service = closing.enter_context(Service.running())
        results = plan.measure(Arena(service, Path(folder), servers), everybody, size, _say)
    results["machine"] = machine
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if not options.quick:
        PAGE.write_text(written(results), encoding="utf-8")
    for target in targets(results):
        print(f"{'met    ' if target.met else 'NOT MET'}  {target.wanted}: {target.measured}")
    return 0


def _servers(options: argparse.Namespace, closing: contextlib.ExitStack) -> dict[str, str]:
    """Return the URL of each server at hand; a PostgreSQL that nobody named is started, as durable as any other."""
    found = {POSTGRESQL: options.postgresql, MARIADB: options.mariadb}
    programs = find_programs()
    if not options.postgresql and programs:
        server = PrivatePostgres(programs, durable=True)
        found[POSTGRESQL] = server.start()
        closing.callback(server.stop)
    for database in (name for name, url in found.items() if not url):
        _say(f"{database} is left out: no server was named")
    return {database: url for database, url in found.items() if url}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round; docs stay as they are")
    parser.add_argument("--postgresql", metavar="URL", help="use this server; its schema bench is replaced")
    parser.add_argument("--mariadb", metavar="URL", help="try this server too; its database bench is replaced")
    return parser.parse_args()


def _say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
