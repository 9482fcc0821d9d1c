"""A way to a server that a test can cut, stall and mend, while the server itself goes on."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Final, Self

__all__ = ["Proxy"]

_PIECE_BYTES: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset, as a host that goes down does."""


class Proxy:
    """Passes bytes between its own port, the same all its life, and a server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self.address: tuple[str, int] = self._listener.getsockname()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._listener.close()
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open.clear()

    def mend(self) -> None:
        """Take connections again."""
        self._listener = self._listen(self.address[1])

    def stall(self) -> None:
        """Keep every connection and pass nothing on."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on what has waited, and everything after it."""
        self._flowing.set()

    def close(self) -> None:
        """End."""
        self.flow()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                with self._lock:
                    self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                self._flowing.wait()
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
