"""Fetches and unpacks the newest source distributions of the vendor's two packages."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

__all__ = ["CACHE", "VendorPackage", "VendorUnavailableError", "newest"]

CACHE: Final = Path(__file__).resolve().parents[3] / ".cache" / "vendor"


class VendorUnavailableError(RuntimeError):
    """The package registry cannot be reached, and no copy from earlier is kept."""


class VendorPackage:
    """An unpacked source distribution."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name, _, self.version = path.name.rpartition("-")


def newest(name: str, cache: Path = CACHE) -> VendorPackage:
    """Return the newest version the registry has, downloaded once per version.

    Where the registry cannot be reached, the version downloaded last is returned.

    :raises VendorUnavailableError: with pip's own words and what to do.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            target = cache / f"{name}-{_newest_version(name)}"
            if not target.is_dir():
                _download(target)
        except VendorUnavailableError:
            kept = sorted(cache.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)
            if not kept:
                raise
            target = kept[-1]
    return VendorPackage(target)


def _newest_version(name: str) -> str:
    listing = _pip(name, "index", "versions", "--json", name)
    return str(json.loads(listing)["versions"][0])


def _download(target: Path) -> None:
    name, _, version = target.name.rpartition("-")
    staging = target.with_name(f".{target.name}")
    shutil.rmtree(staging, ignore_errors=True)
    wanted = [f"--no-binary={name}", "--dest", str(staging), f"{name}=={version}"]
    _pip(name, "download", "--quiet", "--no-deps", *wanted)
    (archive,) = staging.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(staging, filter="data")
    (staging / target.name).rename(target)
    target.touch()
    shutil.rmtree(staging)


def _pip(name: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise VendorUnavailableError(
            f"The vendor's package {name} cannot be fetched ({'; '.join(said) or 'pip says nothing'}): give pip access"
            " to a package registry."
        )
    return done.stdout
