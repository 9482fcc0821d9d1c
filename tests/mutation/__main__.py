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

from tests.mutation.earlier import KILLS, earlier_kills, name_digest, remember_kills  # noqa: E402
from tests.mutation.judgements import Judgement, complaints, read_judgements  # noqa: E402
from tests.mutation.mutants import PACKAGE, Mutant, modules, mutants_of  # noqa: E402
from tests.mutation.page import PAGE, figures, page  # noqa: E402
from tests.mutation.runner import TESTS, Runner, Verdict  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a survivor is not judged, or a judgement has no survivor."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as domain.times or 'sync.*'; all, where none is named")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="mutants at once")
    parser.add_argument("--resume", action="store_true", help="take earlier kills in unchanged modules for granted")
    options = parser.parse_args(arguments)
    judged = read_judgements()
    with tempfile.TemporaryDirectory(prefix="bingads-mutants-") as folder:
        _copy_project(Path(folder))
        os.chdir(folder)
        sys.path.insert(0, folder)
        mutants = _generate(options.modules, options.workers)
        verdicts, wrong = _judge(mutants, options.workers, judged, resume=options.resume)
        os.chdir(ROOT)
    for label, number in figures(verdicts, judged).items():
        _say(f"{label}: {number}")
    if not options.modules:
        (ROOT / PAGE).write_text(page(verdicts, judged))
    return min(1, wrong)


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


def _judge(
    mutants: dict[str, list[Mutant]], workers: int, judged: Sequence[Judgement], *, resume: bool
) -> tuple[list[Verdict], int]:
    """Return the verdicts, and how many complaints there were; each is printed when its module is done."""
    runner, file, all_verdicts, wrong = Runner(workers), ROOT / KILLS, [], 0
    for module, ones in mutants.items():
        source = modules(Path.cwd())[module].read_text()
        known = earlier_kills(file, module, source) if resume else frozenset()
        verdicts = [Verdict(one, "killed") for one in ones if name_digest(one) in known]
        verdicts += runner.judge([one for one in ones if name_digest(one) not in known])
        remember_kills(file, module, source, [verdict.mutant for verdict in verdicts if not verdict.survived])
        survivors = [verdict.mutant for verdict in verdicts if verdict.survived]
        _say(f"{module}: {len(verdicts)} mutants, {len(survivors)} survived, {len(known)} killed in an earlier run")
        for complaint in complaints(judged, survivors, [module]):
            _say(f"  {complaint}")
            wrong += 1
        all_verdicts += verdicts
    return all_verdicts, wrong


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
