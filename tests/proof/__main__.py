"""``python -m tests.proof``: run the proof, and write down what was counted.

All of it takes some half an hour on two quiet cores and writes ``docs/proof.md``. Each part's figures are kept in
``.cache/proof`` beside a digest of the package's files, so that ``--resume`` runs only what this very code has not been
through.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

from tests.proof.page import written
from tests.proof.part import PARTS, Options, Part, run_part

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "proof.md"
CACHE = ROOT / ".cache" / "proof"
PACKAGE = ROOT / "airflow_provider_bingads"


def main() -> int:
    """Run what was asked for; 1 where a rule did not hold."""
    arguments = _arguments()
    if arguments.scenario:
        return _one_scenario(arguments.scenario)
    options = Options(seed=arguments.seed, workers=arguments.workers, say=_say)
    digest = _digest()
    asked = arguments.part or list(PARTS)
    parts: dict[str, Part] = {}
    for name in PARTS:
        found = _kept(name, digest, arguments.seed) if arguments.resume or name not in asked else None
        if found is None and name in asked:
            found = _run(name, options)
            if found is not None:
                _keep(name, digest, arguments.seed, found)
        if found is not None:
            parts[name] = found
    if digest != _digest():
        _say("The package's files changed while it ran: the page stays as it was.")
        return 1
    PAGE.write_text(written(parts, arguments.seed), encoding="utf-8")
    problems = [f"{name}: {problem}" for name, part in parts.items() for problem in part.problems]
    for problem in problems:
        print(problem)
    _say(f"{len(problems)} problems; {PAGE.relative_to(ROOT)} is written")
    return 1 if problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part; may be repeated")
    parser.add_argument("--scenario", metavar="NAME", help="only this scenario, and show what it came to")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    parser.add_argument("--resume", action="store_true", help="keep what was counted on exactly this code")
    return parser.parse_args()


def _one_scenario(name: str) -> int:
    from tests.proof.scenarios import run_scenario

    result = run_scenario(name)
    print(f"{name}: {result.faults} faults struck, {result.delivered} rows at the service under fault")
    if not result.reached:
        print("not all of its steps were met")
    for problem in result.problems:
        print(f"{problem.kind}: {problem.sentence}")
    return 1 if result.problems else 0


def _run(name: str, options: Options) -> Part | None:
    _say(f"{name} begins")
    try:
        return run_part(name, options)
    except ModuleNotFoundError as error:
        if error.name != PARTS[name]:
            raise
        _say(f"{name} is not written yet and left out")
        return None


def _digest() -> str:
    """Return a digest of the package's files and of the proof's own."""
    whole = hashlib.sha256()
    for folder in (PACKAGE, Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                whole.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def _kept(name: str, digest: str, seed: int) -> Part | None:
    path = CACHE / f"{name}.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Part(**kept["part"]) if (kept["digest"], kept["seed"]) == (digest, seed) else None


def _keep(name: str, digest: str, seed: int, part: Part) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = {"digest": digest, "seed": seed, "part": part.as_json()}
    (CACHE / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


def _say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
