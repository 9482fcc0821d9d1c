"""`bingads emulator` is the emulator itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

COMMAND = [sys.executable, "-c", "from airflow_provider_bingads.cli.main import main; main()", "emulator"]


def test_it_serves_until_it_is_told_to_stop_and_leaves_nothing_behind() -> None:
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        with urllib.request.urlopen(f"{started['url']}/__emulator__/health", timeout=10) as reply:
            assert json.load(reply)["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_its_help_is_the_emulator_s() -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    assert "--latency-ms" in shown.stdout
