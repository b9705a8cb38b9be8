"""Sizes of frames in pixels: integers only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ppt2v.errors import InputError

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
            "E-RESOLUTION-FORM",
            "resolution={resolution!r}: give the side of a square in pixels (512) or WIDTHxHEIGHT (640x384)",
            resolution=resolution,
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
    native, divisor = _native(unet, vae), _divisor(unet, vae, any_latents)
    size = height or native, width or native
    for side in size:
        if side % divisor or not divisor <= side <= LARGEST * native:
            raise InputError(
                "E-RESOLUTION-MULTIPLE",
                "{width}x{height} pixels: this model makes frames with sides that are multiples of {divisor}, from "
                "{divisor} to {most}; its own size is {native}x{native}",
                width=size[1],
                height=size[0],
                divisor=divisor,
                most=LARGEST * native,
                native=native,
            )
    return size


def multiple(unet: Mapping, vae: Mapping, any_latents: bool = False) -> int:
    """What the sides of a clip are rounded to: 64 as in the published code, less for models of small pictures.

    ``any_latents`` is as for ``frame_size``.
    """
    return max(_divisor(unet, vae, any_latents), min(64, _native(unet, vae) // 8))


def clip_resolution(resolution: int | None, unet: Mapping, vae: Mapping, any_latents: bool = False) -> int:
    """The longest side of a clip, as it was given, else the model's own; ``any_latents`` is as for ``frame_size``.

    Raises:
        InputError: too small or too large for the networks.
    """
    resolution = resolution or _native(unet, vae)
    least, most = clip_sides(unet, vae, any_latents)
    if not least <= resolution <= most:
        raise InputError(
            "E-RESOLUTION-CLIP",
            "resolution={resolution}: this model works on clips whose longest side is {least} to {most}",
            resolution=resolution,
            least=least,
            most=most,
        )
    return resolution


def clip_sides(unet: Mapping, vae: Mapping, any_latents: bool = False) -> tuple[int, int]:
    """The least and the most that the longest side of a clip can be; ``any_latents`` is as for ``frame_size``."""
    return multiple(unet, vae, any_latents), LARGEST * _native(unet, vae)


def tile_size(
    tile: int | None, height: int, width: int, unet: Mapping, vae: Mapping, any_latents: bool = False
) -> tuple[int, int]:
    """``(height, width)`` of the tiles in which frames are predicted: those of the frames where no tile is asked for.

    Args:
        tile: the longest side of a tile.
        height, width: of the frames. All in pixels; the others are as for ``frame_size``.

    Raises:
        InputError: as ``check_tile``.
    """
    check_tile(tile, unet, vae, any_latents)
    return (height, width) if tile is None else (min(tile, height), min(tile, width))


def check_tile(tile: int | None, unet: Mapping, vae: Mapping, any_latents: bool = False) -> None:
    """Refuses tiles that the networks cannot divide: an InputError."""
    divisor = _divisor(unet, vae, any_latents)
    if tile is not None and (tile < divisor or tile % divisor):
        raise InputError(
            "E-TILE",
            "tile={tile}: this model makes tiles with sides that are multiples of {divisor} pixels; its own size is "
            "{native}",
            tile=tile,
            divisor=divisor,
            native=_native(unet, vae),
        )


def _native(unet: Mapping, vae: Mapping) -> int:
    return unet["sample_size"] * _scale(vae)


def _divisor(unet: Mapping, vae: Mapping, any_latents: bool) -> int:
    halvings = 0 if any_latents else len(unet["block_out_channels"]) - 1
    return _scale(vae) * 2**halvings


def _scale(vae: Mapping) -> int:
    return 2 ** (len(vae["block_out_channels"]) - 1)
