"""The emulator as a running server: in a thread of this process, or as the whole of it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Callable
from typing import Any, Final, Self

from airflow_provider_bingads.emulator.clock import Clock
from airflow_provider_bingads.emulator.core import Emulator
from airflow_provider_bingads.emulator.recording import Recorder, folder_by_environment
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.wire import Connection
from airflow_provider_bingads.emulator.world import Credentials

__all__ = ["RunningEmulator", "Server", "start"]

_LOOPBACK: Final = "127.0.0.1"
_START_SECONDS: Final = 10.0


class Server:
    """Listens for an emulator in the running event loop.

    :param allow_remote: listen on an address that other machines reach; nothing is authenticated there.
    """

    def __init__(self, emulator: Emulator, *, host: str = _LOOPBACK, port: int = 0, allow_remote: bool = False) -> None:
        if not allow_remote and not _is_loopback(host):
            raise ValueError(f"The emulator admits everybody; {host} is not loopback. --allow-remote insists.")
        self.emulator = emulator
        self.host, self.port = host, port
        record = emulator.settings.record or folder_by_environment()
        self._recorder = Recorder(record) if record is not None else None
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients find the emulator; without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def open(self) -> None:
        """Listen; with port 0 on a free one, the same ever after."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connect, self.host, self.port, backlog=128)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._reopening is not None:
            self._reopening.cancel()
        self._shut()
        for connection in list(self._connections):
            connection.close()

    def _connect(self) -> Connection:
        self._connections = {one for one in self._connections if one.transport is not None}
        observe = self._recorder.observe if self._recorder is not None else None
        connection = Connection(self.emulator, observe, self._before_reply)
        self._connections.add(connection)
        return connection

    def _before_reply(self) -> bool:
        seconds = self.emulator.faults.take_refusal()
        if seconds is None:
            return False
        self._shut()
        for connection in self._connections:
            connection.retire()
        self._reopening = asyncio.get_running_loop().create_task(self._open_again(seconds))
        return True

    def _shut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _open_again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open()


class RunningEmulator:
    """An emulator that serves from a thread of this process until it is stopped."""

    def __init__(self, emulator: Emulator, **where: Any) -> None:
        self.emulator = emulator
        self._where = where
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bingads-emulator", daemon=True)

    @property
    def url(self) -> str:
        """Where clients find the emulator; without a slash at the end."""
        if self._server is None:
            raise RuntimeError("The emulator has not started.")
        return self._server.url

    @property
    def credentials(self) -> Credentials:
        """What a client needs to begin."""
        return self.emulator.credentials

    def start(self) -> RunningEmulator:
        """Start and wait until the port is open.

        :raises OSError: the port is taken.
        """
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop, close all connections and wait for the thread; safe to call twice."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        if self._thread.is_alive():
            self._thread.join(_START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except (OSError, ValueError) as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = Server(self.emulator, **self._where)
        await self._server.open()
        self._ready.set()
        await self._stop.wait()
        await self._server.close()


def start(
    port: int = 0,
    *,
    host: str = _LOOPBACK,
    settings: Settings | None = None,
    now: Callable[[], float] | None = None,
    allow_remote: bool = False,
) -> RunningEmulator:
    """Start an emulator in a thread.

    :param port: 0 for any free one.
    :param settings: its switches.
    :param now: seconds since 1970; the machine's clock by default.
    :raises OSError: the port is taken.
    :raises ValueError: the host is not loopback and ``allow_remote`` is not set.
    """
    emulator = Emulator(settings, Clock(now) if now is not None else None)
    return RunningEmulator(emulator, host=host, port=port, allow_remote=allow_remote).start()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
