"""Runs the tests that meet a mutant, in a process forked from one that has loaded the tools but nothing of ours.

So each mutant is imported afresh, with its module-level tables and with the functions that tests compile on import,
and costs little more than its tests.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import importlib.util
import io
import os
import pickle  # between a process and the one it came from
import resource
import signal
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

import coverage
import hypothesis.strategies
import pytest

from tests.mutation.mutants import PACKAGE, Mutant

__all__ = ["Runner", "Verdict"]

TESTS: Final = ("tests/domain", "tests/entities", "tests/sync")
EXAMPLES: Final = 25
"""Examples of a property for each mutant; the seed is each test's own, so a verdict is the same each time."""

_LONGEST_RUN: Final = 300
_SPARE_SECONDS: Final = 2
_SLOW_SECONDS: Final = 0.2
_SLOWER: Final = 4
_MEMORY: Final = 4 << 30
_NO_PYTHON: Final = 71


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: ``killed``, ``killed by time``, ``survived``, or ``met by no test``."""

    mutant: Mutant
    fate: str

    @property
    def survived(self) -> bool:
        return self.fate in {"survived", "met by no test"}


@dataclass(slots=True)
class _Observed:
    """Of the unchanged package: processor seconds of each test, the tests that run each line, libraries loaded."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


class Runner:
    """Judges mutants in the copy of the project that is the working directory.

    :raises RuntimeError: the tests fail on the unchanged package.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        hypothesis.settings.register_profile(
            "mutation",
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")
        self._observed = _observe()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            _pytest(["mutation.ini"], None)
        for library in self._observed.libraries:
            with contextlib.suppress(ImportError):
                importlib.import_module(library)
        gc.freeze()

    def judge(self, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
        """Yield the verdict of each mutant as it falls, none for text that is no Python."""
        running: dict[int, Mutant] = {}
        for mutant in mutants:
            tests = self._tests_of(mutant)
            if not tests:
                yield Verdict(mutant, "met by no test")
                continue
            while len(running) >= self._workers:
                yield from _reap(running)
            running[_start(mutant, {test: self._observed.seconds[test] for test in tests})] = mutant
        while running:
            yield from _reap(running)

    def _tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run the changed lines; where an import does, all but the slow ones."""
        seconds = self._observed.seconds
        by_line = self._observed.tests.get(mutant.module, {})
        first, last = mutant.lines or (0, -1)
        met = set().union(*(by_line.get(line, set()) for line in range(first, last + 1)))
        if mutant.lines and "" not in met:
            return self._in_order(met)
        own = set().union(*by_line.values()) - {""}
        fast = {test for test in seconds if seconds[test] < _SLOW_SECONDS}
        return self._in_order(fast & own) + self._in_order(fast - own)

    def _in_order(self, tests: Collection[str]) -> list[str]:
        """Put the file with the fastest tests first, which is mostly the one about the changed module."""
        by_file: dict[str, list[str]] = {}
        for test in sorted(tests, key=self._observed.seconds.__getitem__):
            by_file.setdefault(test.partition("::")[0], []).append(test)
        return list(chain.from_iterable(sorted(by_file.values(), key=self._mean_seconds)))

    def _mean_seconds(self, tests: Collection[str]) -> float:
        return sum(self._observed.seconds[test] for test in tests) / len(tests)


def _observe() -> _Observed:
    """Run all tests once on the unchanged package, in a process of their own."""
    path = Path("observed.pickle")
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST_RUN, _LONGEST_RUN))
            os._exit(_observed_by_coverage(path))
        finally:
            os._exit(70)
    _, status = os.waitpid(pid, 0)
    if status:
        raise RuntimeError(
            "the tests fail, or never end, on the unchanged package: mend them first (make test shows which)"
        )
    observed: _Observed = pickle.loads(path.read_bytes())
    return observed


def _observed_by_coverage(path: Path) -> int:
    cov = coverage.Coverage(data_file=None, config_file=False, include=[f"{Path.cwd() / PACKAGE}/*"])
    observed = _Observed()

    class Watch:
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
            cov.switch_context(item.nodeid)
            before = time.process_time()
            result = yield
            observed.seconds[item.nodeid] = time.process_time() - before
            cov.switch_context("")
            return result

    cov.start()
    code = _pytest(TESTS, Watch())
    cov.stop()
    data = cov.get_data()
    for file in data.measured_files():
        parts = Path(file).relative_to(Path.cwd() / PACKAGE).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        observed.tests[module] = {line: set(tests) for line, tests in data.contexts_by_lineno(file).items()}
    ours = (PACKAGE, "tests", *(Path(test.partition("::")[0]).stem for test in observed.seconds))
    observed.libraries = sorted(name for name in sys.modules if name.partition(".")[0] not in ours)
    path.write_bytes(pickle.dumps(observed))
    return code


def _pytest(paths: Collection[str], plugin: object) -> int:
    options = ["-x", "-q", "--tb=no", "--no-header", "--noconftest", "-c", "mutation.ini", "--rootdir", "."]
    without = [f"-pno:{name}" for name in ("cacheprovider", "unraisableexception", "threadexception", "junitxml")]
    return int(pytest.main([*options, *without, *paths], plugins=[plugin] if plugin else []))


def _start(mutant: Mutant, tests: dict[str, float]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        signal.alarm(_LONGEST_RUN)
        sys.meta_path.insert(0, _Mutated(mutant))
        for file in dict.fromkeys(test.partition("::")[0] for test in tests):
            code = _pytest([file], _Selection(tests))
            if code:
                break
    finally:
        os._exit(code)


def _reap(running: dict[int, Mutant]) -> list[Verdict]:
    pid, status = os.wait()
    mutant = running.pop(pid)
    return [] if status == _NO_PYTHON << 8 else [Verdict(mutant, _fate(status))]


def _fate(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "killed by time"
    code = os.WEXITSTATUS(status)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        return "met by no test"
    return "survived" if code == pytest.ExitCode.OK else "killed"


class _Selection:
    """Leaves of what was collected the tests wanted, in the order wanted; ends the process in one that runs away.

    :param tests: processor seconds of each on the unchanged package.
    """

    def __init__(self, tests: dict[str, float]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}
        self._seconds = tests

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        signal.setitimer(signal.ITIMER_PROF, _SPARE_SECONDS + _SLOWER * self._seconds[item.nodeid])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )


class _Mutated(importlib.machinery.SourceFileLoader):
    """Finds and loads one module, changed."""

    def __init__(self, mutant: Mutant) -> None:
        path = Path.cwd() / PACKAGE / Path(*mutant.module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        super().__init__(f"{PACKAGE}.{mutant.module}", str(file))
        self._source = mutant.source

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        try:
            code: CodeType = compile(self._source, self.path, "exec")
        except SyntaxError:
            os._exit(_NO_PYTHON)
        return code
