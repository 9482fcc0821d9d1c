"""``make mutants``: judge every mutant of domain and sync, and write docs/mutation.md."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

# the plugins installed here load Airflow, and the mutants' tests need none of them
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

from tests.mutation.judgements import Judgement, complaints, read_judgements  # noqa: E402
from tests.mutation.mutants import PACKAGE, Mutant, modules, mutants_of  # noqa: E402
from tests.mutation.page import PAGE, figures, page  # noqa: E402
from tests.mutation.runner import TESTS, Runner, Verdict  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a survivor is not judged, or a judgement has no survivor."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as domain.times or 'sync.*'; all, where none is named")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="mutants at once")
    options = parser.parse_args(arguments)
    judged = read_judgements()
    with tempfile.TemporaryDirectory(prefix="bingads-mutants-") as folder:
        _copy_project(Path(folder))
        os.chdir(folder)
        sys.path.insert(0, folder)
        mutants = _generate(options.modules, options.workers)
        verdicts = _judge(mutants, options.workers)
        os.chdir(ROOT)
    wrong = complaints(judged, [verdict.mutant for verdict in verdicts if verdict.survived], mutants)
    _report(verdicts, judged, wrong)
    if not options.modules and not wrong:
        (ROOT / PAGE).write_text(page(verdicts, judged))
    return 1 if wrong else 0


def _copy_project(folder: Path) -> None:
    """Copy what the tests need, so that the checkout may be edited while the mutants run."""
    without = shutil.ignore_patterns("__pycache__")
    for path in (PACKAGE, *TESTS):
        shutil.copytree(ROOT / path, folder / path, ignore=without)
    (folder / "mutation.ini").write_text("[pytest]\n")


def _generate(wanted: Sequence[str], workers: int) -> dict[str, list[Mutant]]:
    chosen = {
        name: path.read_text()
        for name, path in modules(Path.cwd()).items()
        if not wanted or any(fnmatch(name, pattern) for pattern in wanted)
    }
    with ProcessPoolExecutor(workers) as pool:
        return dict(zip(chosen, pool.map(mutants_of, chosen.keys(), chosen.values()), strict=True))


def _judge(mutants: dict[str, list[Mutant]], workers: int) -> list[Verdict]:
    runner, verdicts = Runner(workers), []
    for name, ones in mutants.items():
        found = list(runner.judge(ones))
        verdicts += found
        _say(f"{name}: {len(ones)} mutants, {sum(verdict.survived for verdict in found)} survived")
    return verdicts


def _report(verdicts: Sequence[Verdict], judged: Sequence[Judgement], wrong: Sequence[str]) -> None:
    for paragraph in wrong:
        _say(f"\n{paragraph}")
    _say("")
    for label, number in figures(verdicts, judged).items():
        _say(f"{label}: {number}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
