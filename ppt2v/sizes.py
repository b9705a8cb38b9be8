"""Sizes of frames in pixels: integers only."""
from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import InputError

# A side this many times the one that a model was trained on gives repeated subjects at best, and needs 16 times the
# memory.
LARGEST = 4


def parse(resolution: int | str | None) -> tuple[int | None, int | None]:
    """``(height, width)`` of a resolution: a number is the side of a square, "640x384" is width x height.

    Raises:
        InputError: neither a positive number nor WIDTHxHEIGHT.
    """
    if resolution is None:
        return None, None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", str(resolution))
    if not match or not all(int(side) for side in match.groups() if side):
        raise InputError(
            f"resolution={resolution!r}: give the side of a square in pixels (512) or WIDTHxHEIGHT (640x384)"
        )
    width = int(match[1])
    return int(match[2] or width), width


def frame_size(
    height: int | None, width: int | None, unet: Mapping, vae: Mapping, any_latents: bool = False
) -> tuple[int, int]:
    """The size of the frames, the model's own where a side is None.

    Args:
        height, width: in pixels.
        unet, vae: the configurations of the networks.
        any_latents: whether the UNet takes latents that do not halve evenly.

    Raises:
        InputError: a side that the networks cannot divide, or that is too large for them.
    """
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    native, halvings = unet["sample_size"] * scale, 0 if any_latents else len(unet["block_out_channels"]) - 1
    multiple = scale * 2**halvings
    size = height or native, width or native
    for side in size:
        if side % multiple or not multiple <= side <= LARGEST * native:
            raise InputError(
                f"{size[1]}x{size[0]} pixels: this model makes frames with sides that are multiples of {multiple}, "
                f"from {multiple} to {LARGEST * native}; its own size is {native}x{native}"
            )
    return size
