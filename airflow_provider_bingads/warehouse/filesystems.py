"""Where a SQLite file lies: whether it is there, and whether its locks can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from airflow_provider_bingads.exceptions import FixSource

__all__ = ["network_filesystem", "require_file"]

_NETWORK: Final = frozenset({
    "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs",
    "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs",
})  # fmt: skip
_MOUNTS: Final = Path("/proc/self/mounts")


def network_filesystem(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the type of the network file system a path lies on; None for a local one or where none can be told.

    :param path: a file that need not exist.
    :param mounts: the kernel's table of mounts.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # only Linux has the table
        return None
    target = path.absolute().resolve()
    found, depth = "", -1
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        place = Path(point.replace("\\040", " "))
        if len(place.parts) >= depth and target.is_relative_to(place):
            found, depth = kind, len(place.parts)
    return found if found in _NETWORK else None


def require_file(engine: Engine) -> None:
    """Refuse a SQLite file that does not exist; SQLite itself would make an empty one.

    :raises FixSource: there is no such file.
    """
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:" or path.startswith("file:"):
        return
    if not Path(path).is_file():
        raise FixSource(
            f"The SQLite connection names a file that does not exist: {Path(path).name!r}. Give its full path."
        )
