"""What a contestant is told and what it tells; standard library only, because vendors' environments hold no more."""

import json
import pathlib
import sys
import time


def job():
    """Return what is to be done, given on standard input."""
    return json.load(sys.stdin)


def finish(job, **facts):
    """Report that everything is committed: the time, the processor time and the peak memory of this process.

    :param facts: further figures; ``apart`` (seconds) and ``apart_cpu`` (seconds) are what does not count.
    """
    ended = time.monotonic()
    found = {
        "seconds": ended - job["spawned"] - facts.get("apart", 0.0),
        "cpu_seconds": time.process_time() - facts.get("apart_cpu", 0.0),
        "peak_mb": peak_mb(),
        **facts,
    }
    with pathlib.Path(job["result"]).open("w", encoding="ascii") as file:
        json.dump(found, file)


def peak_mb():
    """Return the most memory this process ever held, in MiB; None where the system does not tell."""
    if not pathlib.Path("/proc/self/status").exists():
        return None
    with pathlib.Path("/proc/self/status").open(encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status if ":" in line)
    return int(lines["VmHWM"].split()[0]) / 1024
