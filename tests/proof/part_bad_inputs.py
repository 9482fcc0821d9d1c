"""The part ``bad_inputs``: rows, names and sizes that break programs."""

from __future__ import annotations

import contextlib
import os

from tests.proof.bad_inputs import try_bad_inputs
from tests.proof.part import Options, Part

__all__ = ["run"]


def run(options: Options) -> Part:
    """Try all bad inputs."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        tried = try_bad_inputs(options.seed)
    options.say(f"bad inputs: {tried.inputs:,} tried, {len(tried.problems)} problems")
    return Part(
        figures={
            "bad inputs tried": tried.inputs,
            "bad inputs refused with their reason": tried.refused,
            "bad inputs that arrived as meant": tried.arrived,
        },
        problems=tried.problems,
    )
