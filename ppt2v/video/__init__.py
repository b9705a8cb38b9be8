"""Video files in and out.

Frames are uint8 RGB arrays ``[F, H, W, 3]`` (one frame ``[H, W, 3]``); times are seconds.
"""

from __future__ import annotations

from .output_path import FORMATS, check_fps, ending, keeps_sound, make_folder, output_file, shortened
from .overlay import watermark
from .reading import Clip, Facts, Part, facts, part, read, whole
from .recipe import read_recipe
from .sound import Sound
from .still import check_still, read_still
from .storage import on_disk
from .writing import contact_sheet, write

__all__ = [
    "FORMATS",
    "Clip",
    "Facts",
    "Part",
    "Sound",
    "check_fps",
    "check_still",
    "contact_sheet",
    "ending",
    "facts",
    "keeps_sound",
    "make_folder",
    "on_disk",
    "output_file",
    "part",
    "read",
    "read_recipe",
    "read_still",
    "shortened",
    "watermark",
    "whole",
    "write",
]
