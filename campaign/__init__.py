"""A campaign against ppt2v: bad input, kills, full disks, many at once; with harmless input and tiny models.

``python -m campaign --help`` (``make campaign``). It uses the tests' tiny models, and so needs a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIPS = ROOT / "__assets__" / "clips"
sys.path.append(str(ROOT / "tests"))
