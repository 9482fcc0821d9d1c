"""Puts the generator's modules within reach, as when it runs as a script, and the one that builds environments."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "judges")]
