"""The lease: one row for each stream, moved by compare-and-swap on the database's own clock.

The caller's clock plays no part, so workers whose clocks differ cannot hold the same stream at once
(``delivery.md`` 3.6). Nothing else in the ledger is ever updated, but for what is erased. Each statement here is a
transaction of its own: a process that froze inside one would keep the row locked, and everybody waiting.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, select, update

from airflow_provider_bingads.sync.ports import Lease, LeaseHolder
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.encode import from_stored

__all__ = ["OWNER_LENGTH", "acquire", "holder", "release", "renew"]

OWNER_LENGTH: Final = 1000

_NEVER: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - stored times are naive UTC


def _stored(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _row(connection: Connection, lease: Table, stream_id: str) -> Any:
    return connection.execute(select(lease).where(lease.c.stream_id == stream_id)).one_or_none()


def holder(connection: Connection, lease: Table, backend: Backend, stream_id: str) -> LeaseHolder | None:
    """Tell who holds the lease; asked first, so that whoever waits for it does not stand in the writers' way."""
    row = _row(connection, lease, stream_id)
    if row is None or from_stored(row.expires_at) <= (now := backend.now(connection)):
        return None
    return _holder(row, now)


def acquire(
    connection: Connection, lease: Table, backend: Backend, *, stream_id: str, owner: str, seconds: float
) -> Lease | LeaseHolder:
    """Take the lease if nobody holds it.

    A lease is free from its expiry on, whoever held it; until then not even its holder's own next try may have it,
    for the earlier one may still be running. The epoch read first decides who of several takes it.
    """
    row = _row(connection, lease, stream_id)
    if row is None:
        first = (stream_id, "", 0, _NEVER, _NEVER)
        backend.append(connection, lease, [first], careful=True, plain=False)
        row = _row(connection, lease, stream_id)
    now = backend.now(connection)
    expires_at = now + timedelta(seconds=seconds)
    taken = connection.execute(
        update(lease)
        .where(lease.c.stream_id == stream_id, lease.c.epoch == row.epoch, lease.c.expires_at <= _stored(now))
        .values(owner=owner, epoch=row.epoch + 1, acquired_at=_stored(now), expires_at=_stored(expires_at))
    )
    if taken.rowcount == 1:
        return Lease(stream_id=stream_id, owner=owner, epoch=row.epoch + 1, expires_at=expires_at)
    return _holder(_row(connection, lease, stream_id), now)


def renew(connection: Connection, lease: Table, backend: Backend, held: Lease, *, seconds: float) -> Lease | None:
    """Extend a lease that is still ours; one that ran out but was taken by nobody is."""
    expires_at = backend.now(connection) + timedelta(seconds=seconds)
    renewed = connection.execute(_ours(lease, held).values(expires_at=_stored(expires_at)))
    return Lease(held.stream_id, held.owner, held.epoch, expires_at) if renewed.rowcount == 1 else None


def release(
    connection: Connection, lease: Table, backend: Backend, held: Lease, *, not_before: datetime | None
) -> None:
    """Let the lease end now or at ``not_before``, never later than it would have ended anyway.

    The cap matters because ``not_before`` is told by another clock than the database's.
    """
    ends = max(backend.now(connection), not_before or datetime.min.replace(tzinfo=UTC))
    connection.execute(_ours(lease, held).where(lease.c.expires_at > _stored(ends)).values(expires_at=_stored(ends)))


def _holder(row: Any, now: datetime) -> LeaseHolder:
    expires_at = from_stored(row.expires_at)
    left = max(0.0, (expires_at - now).total_seconds())
    return LeaseHolder(row.owner, from_stored(row.acquired_at), expires_at, left)


def _ours(lease: Table, held: Lease) -> Any:
    return update(lease).where(
        lease.c.stream_id == held.stream_id, lease.c.owner == held.owner, lease.c.epoch == held.epoch
    )
