"""``python -m airflow_provider_bingads.emulator``: serve until told to stop; the first line says where and for whom."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_bingads.emulator.clock import Clock
from airflow_provider_bingads.emulator.core import Emulator
from airflow_provider_bingads.emulator.server import Server
from airflow_provider_bingads.emulator.settings import Settings

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator until SIGINT or SIGTERM.

    :returns: the exit status: 0 after a stop, 2 when it could not start.
    """
    options = _parser().parse_args(arguments)
    settings = Settings(
        seed=options.seed,
        accounts=options.accounts,
        latency_ms=options.latency_ms,
        xsd=options.xsd,
        throttle_per_minute=options.throttle_per_minute,
        accept_any=options.accept_any,
        unknown_goal=options.unknown_goal,
        click_id_dashes=options.click_id_dashes,
        hashed_only=options.hashed_only,
        value_decimals=options.value_decimals,
        access_token_seconds=options.access_token_seconds,
        record=options.record,
    )
    emulator = Emulator(settings, Clock(_base(options.now, frozen=options.frozen)))
    try:
        server = Server(emulator, host=options.host, port=options.port, allow_remote=options.allow_remote)
        asyncio.run(_serve(server))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(server: Server) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await server.open()
    _say(sys.stdout.write, json.dumps({"url": server.url, **server.emulator.credentials.as_json()}))
    sys.stdout.flush()
    _say(
        sys.stderr.write,
        f"This is an emulator, no evidence about Microsoft; {server.url}/__emulator__/coverage says what it does.",
    )
    await stop.wait()
    await server.close()


def _say(write: Callable[[str], object], line: str) -> None:
    write(line + "\n")


def _base(start: datetime | None, *, frozen: bool) -> Callable[[], float]:
    if start is None and not frozen:
        return time.time
    first = time.time() if start is None else start.timestamp()
    began = time.monotonic()
    return (lambda: first) if frozen else (lambda: first + time.monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bingads emulator", description="A local Microsoft Advertising service.")
    default = Settings()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0, the default, takes any free one")
    parser.add_argument("--allow-remote", action="store_true", help="allow an address that is not loopback")
    parser.add_argument("--accept-any", action="store_true", help="accept every token, real-looking ones too")
    parser.add_argument("--seed", type=int, default=default.seed, help="ids, tokens and choices follow from it")
    parser.add_argument("--accounts", type=_positive, default=default.accounts, help="accounts of the customer")
    parser.add_argument("--latency-ms", type=float, default=default.latency_ms, help="wait before each reply")
    parser.add_argument("--xsd", choices=("always", "sample", "off"), default=default.xsd, help="check SOAP requests")
    parser.add_argument("--throttle-per-minute", type=_positive, default=None, help="calls a minute; default no limit")
    parser.add_argument("--unknown-goal", choices=("refuse", "ignore"), default=default.unknown_goal)
    parser.add_argument("--click-id-dashes", choices=("accept", "refuse"), default=default.click_id_dashes)
    parser.add_argument("--hashed-only", choices=("accept", "refuse"), default=default.hashed_only)
    parser.add_argument("--value-decimals", type=int, default=None, help="decimals of a value; default any")
    parser.add_argument("--access-token-seconds", type=float, default=default.access_token_seconds)
    parser.add_argument("--now", type=_time, default=None, help="time to start at, such as 2026-11-21T12:00:00Z")
    parser.add_argument("--frozen", action="store_true", help="the clock stands still until it is advanced")
    parser.add_argument("--record", type=Path, default=None, help="folder for bodies without their secrets")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
