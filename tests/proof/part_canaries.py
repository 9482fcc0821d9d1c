"""The part ``canaries``: personal data and secrets, planted and looked for."""

from __future__ import annotations

from tests.proof.canaries import watch_canaries
from tests.proof.part import Options, Part

__all__ = ["run"]


def run(options: Options) -> Part:
    """Watch a run under each fault, by both transports."""
    watched = watch_canaries()
    options.say(f"canaries: {watched.runs} runs, {watched.planted:,} planted, {len(watched.leaked)} leaked")
    return Part(
        figures={
            "canaries planted": watched.planted,
            "leaked": len(watched.leaked),
            "runs watched for canaries": watched.runs,
        },
        problems=watched.leaked,
    )
