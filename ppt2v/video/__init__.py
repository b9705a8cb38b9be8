"""Video files in and out.

Frames are uint8 RGB arrays ``[F, H, W, 3]`` (one frame ``[H, W, 3]``); times are seconds.
"""

from __future__ import annotations

from .output_path import FORMATS, check_fps, ending, make_folder, output_file, shortened
from .overlay import watermark
from .reading import Clip, Facts, Part, facts, on_disk, part, read
from .recipe import read_recipe
from .writing import contact_sheet, write

__all__ = [
    "FORMATS",
    "Clip",
    "Facts",
    "Part",
    "check_fps",
    "contact_sheet",
    "ending",
    "facts",
    "make_folder",
    "on_disk",
    "output_file",
    "part",
    "read",
    "read_recipe",
    "shortened",
    "watermark",
    "write",
]
