"""``python -m benchmarks``: measure everything in one run, and write it down.

The full run takes about ten minutes on two quiet cores and writes ``docs/performance.md``; ``--quick`` takes about one
and only prints. Either leaves all figures in ``.cache/benchmarks.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import plan
from benchmarks.contest import Arena
from benchmarks.machine import described
from benchmarks.page import written
from benchmarks.service import Service
from benchmarks.targets import targets
from benchmarks.vendors import python_with

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / ".cache" / "benchmarks.json"


def main() -> int:
    """Measure, write the figures down, and say which targets are met."""
    options = _options()
    size = plan.QUICK if options.quick else plan.FULL
    vendors = {package: python_with(package) for package in ("bingads", "msads")}
    machine = described(vendors)
    everybody = plan.contestants(vendors, postgresql=bool(options.postgresql))
    with tempfile.TemporaryDirectory(prefix="bingads-bench-") as folder, Service.running() as service:
        results = plan.measure(Arena(service, Path(folder), options.postgresql), everybody, size, _say)
    results["machine"] = machine
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if not options.quick:
        PAGE.write_text(written(results), encoding="utf-8")
    for target in targets(results):
        print(f"{'met    ' if target.met else 'NOT MET'}  {target.wanted}: {target.measured}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round; docs stay as they are")
    parser.add_argument("--postgresql", metavar="URL", help="try PostgreSQL too; its schema bench is replaced")
    return parser.parse_args()


def _say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
