"""Tells whether a file lies on a network file system, where SQLite's locks cannot be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["network_filesystem"]

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
