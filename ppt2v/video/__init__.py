"""Video files in and out.

Frames are uint8 RGB arrays ``[F, H, W, 3]`` (one frame ``[H, W, 3]``); times are seconds.
"""

from __future__ import annotations

from .output_path import FORMATS, check_fps, keeps_sound, make_folder, output_file
from .overlay import watermark
from .reading import Clip, Cut, Facts, check_clip, cut, facts, read
from .recipe import read_recipe
from .sound import Sound
from .storage import on_disk
from .writing import contact_sheet, write

__all__ = [
    "FORMATS",
    "Clip",
    "Cut",
    "Facts",
    "Sound",
    "check_clip",
    "check_fps",
    "contact_sheet",
    "cut",
    "facts",
    "keeps_sound",
    "make_folder",
    "on_disk",
    "output_file",
    "read",
    "read_recipe",
    "watermark",
    "write",
]
