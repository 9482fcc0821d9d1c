"""Fetches and unpacks the newest source distributions of the vendor's two packages."""

from __future__ import annotations

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

    :raises VendorUnavailableError: with pip's own words and what to do.
    """
    cache.mkdir(parents=True, exist_ok=True)
    version = _newest_version(name)
    target = cache / f"{name}-{version}"
    if not target.is_dir():
        _download(name, version, cache)
    return VendorPackage(target)


def _newest_version(name: str) -> str:
    listing = _pip("index", "versions", "--json", name)
    return str(json.loads(listing)["versions"][0])


def _download(name: str, version: str, cache: Path) -> None:
    staging = cache / f".{name}-{version}"
    shutil.rmtree(staging, ignore_errors=True)
    requirement = f"{name}=={version}"
    _pip("download", "--quiet", "--no-deps", f"--no-binary={name}", "--dest", str(staging), requirement)
    (archive,) = staging.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(staging, filter="data")
    (staging / f"{name}-{version}").rename(cache / f"{name}-{version}")
    shutil.rmtree(staging)


def _pip(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VendorUnavailableError(
            f"pip cannot fetch the vendor's package: {reason}. Set up access to a package registry."
        )
    return done.stdout
