"""How much memory a run takes, and the settings that keep it within a limit: numbers only.

The coefficients were measured under OpenVINO on a CPU, with a UNet of Stable Diffusion 1.5's size at 256x256 (bfloat16;
in float32 the cells are reckoned at twice as much) and the embedded VAE at 512x512. They are estimates elsewhere.
Mapped pages of exported weights do not count: the system takes them back when memory is short.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ppt2v.engine.offload import BLOCKS, NETWORKS, NONE
from ppt2v.errors import InputError
from ppt2v.language import words

GB = 1e9
_UNITS = {"MB": 1e6, "GB": 1e9, "MIB": 2**20, "GIB": 2**30}

# Of the process without any network: Python, Paddle, PPDiffusers.
BASE = 0.65 * GB
# Bytes per weight while a network runs, and bytes per latent cell of each frame and branch computed together, for each
# 320 channels of the UNet's first level. In int8 they are those of the layers that stay in float: three to four
# hundredths more was allocated than in bfloat16, which is within.
WEIGHT = {"float32": 4.2, "bfloat16": 2.2, "float16": 2.2}
# How many of the UNet's weights one of a ControlNet counts for, with what it hands over.
CONTROL = 1.75
CELL = {"float32": 72_000.0, "bfloat16": 36_000.0, "float16": 36_000.0}
# Bytes per pixel of a frame, or of a tile, that is decoded, for each 128 channels of the VAE's last level.
PIXEL = {"float32": 5_400.0, "bfloat16": 3_300.0, "float16": 3_300.0}

CHUNKS = (16, 8, 6, 4, 3, 2)
TILES = (None, 512, 256)


class Needs(NamedTuple):
    """What the memory of a run depends on.

    ``unet``, ``vae`` and ``text``: numbers of weights (``unet`` with its ControlNets, which count for more);
    ``channels`` and ``vae_channels``: of their levels of full size; ``branches``: of guidance; ``height`` and
    ``width``: in pixels; ``scale``: pixels per latent cell; ``kept``: bytes of what is kept of all frames from step to
    step; ``vae_in_float32``: whether the VAE computes in float32 whatever the others do; ``window``: the frames that
    motion modules see together, without which the size of a chunk counts; ``block``: weights of the largest block,
    where blocks can leave the memory.
    """

    unet: int
    vae: int
    text: int
    channels: int
    vae_channels: int
    branches: int
    height: int
    width: int
    scale: int
    kept: float = 0.0
    vae_in_float32: bool = False
    window: int | None = None
    block: int | None = None

    @classmethod
    def of(
        cls,
        pipeline,
        controlnets: Collection,
        size: tuple[int, int],
        branches: int,
        kept_frames: int,
        window: int | None = None,
        anchors: int = 0,
        block: int | None = None,
    ) -> Needs:
        """Those of a pipeline's networks for frames of a size (height, width).

        ``kept_frames`` keep deep features; of ``anchors`` frames beside the first keys and values are kept.
        """
        unet, vae = pipeline.unet, pipeline.vae
        channels, scale = unet.config.block_out_channels, pipeline.vae_scale_factor
        deep = channels[1] + (unet.config.layers_per_block + 1) * channels[0] * bool(controlnets)
        kept = deep * kept_frames + looked_up(unet.config) * anchors
        return cls(
            _count(unet) + round(CONTROL * sum(map(_count, controlnets))),
            _count(vae),
            sum(map(_count, pipeline.text_encoders)),
            channels[0],
            vae.config.block_out_channels[0],
            branches,
            *size,
            scale,
            4.0 * kept * branches * size[0] * size[1] / scale**2,
            pipeline.vae_in_float32,
            window,
            block,
        )


def looked_up(config: Mapping) -> float:
    """Numbers in the keys and values of a frame's self-attention, for each cell of its latents, in a UNet."""
    kinds, widths, layers = config["down_block_types"], config["block_out_channels"], config["layers_per_block"]
    depths = config.get("transformer_layers_per_block", 1)
    depths = [depths] * len(widths) if isinstance(depths, int) else depths
    levels = [
        (2 * layers + 1) * depth * width / 4**level
        for level, (kind, width, depth) in enumerate(zip(kinds, widths, depths))
        if "CrossAttn" in kind
    ]
    middle = depths[-1] * widths[-1] / 4 ** (len(widths) - 1)
    return 2 * (sum(levels) + middle)


def _count(network) -> int:
    return sum(math.prod(parameter.shape) for parameter in network.parameters())


class Plan(NamedTuple):
    """Settings, and the peak in bytes that they should need; ``chunk_size`` is None where there are windows instead."""

    chunk_size: int | None
    decode_tile: int | None
    offload: str
    peak: float

    def __str__(self) -> str:
        size = words("chunk size {chunk_size}", chunk_size=self.chunk_size)
        chunks = words("windows of the motion module") if self.chunk_size is None else size
        tile = words(", decoding in tiles of {pixels} pixels", pixels=self.decode_tile) if self.decode_tile else ""
        leaving = {
            NETWORKS: words(", networks leaving the memory when they are done"),
            BLOCKS: words(", blocks of networks in the memory only while they compute"),
        }
        plan = words(
            "{chunks}{tile}{offload}; expected peak {peak:.1f} GB",
            chunks=chunks,
            tile=tile,
            offload=leaving.get(self.offload, ""),
            peak=self.peak / GB,
        )
        return str(plan)


def parse(text: str) -> float:
    """Bytes of a text such as "8GB".

    Raises:
        InputError: it is no such text.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]i?B)\s*", text, re.IGNORECASE)
    unit = match and match[2].upper()
    if unit not in _UNITS or not float(match[1]):
        raise InputError("E-MEMORY-FORM", "memory={text!r}: give a size such as 8GB, 6.5GB or 900MB", text=text)
    return float(match[1]) * _UNITS[unit]


def peak(sizes: Needs, precision: str, plan: Plan) -> float:
    """Bytes that a run needs at most; ``precision``: of the layers in float."""
    rows = sizes.branches * (sizes.window if plan.chunk_size is None else plan.chunk_size - 1)
    cells = sizes.height * sizes.width / sizes.scale**2
    pixels = sizes.height * sizes.width
    if plan.decode_tile:
        pixels = min(sizes.height, plan.decode_tile) * min(sizes.width, plan.decode_tile)
    of_vae = "float32" if sizes.vae_in_float32 else precision
    computing = sizes.block if plan.offload == BLOCKS and sizes.block is not None else sizes.unet
    unet, vae, text = WEIGHT[precision] * computing, WEIGHT[of_vae] * sizes.vae, WEIGHT[precision] * sizes.text
    denoising = unet + sizes.kept + rows * cells * CELL[precision] * sizes.channels / 320
    decoding = vae + pixels * PIXEL[of_vae] * sizes.vae_channels / 128
    if plan.offload != NONE:
        return BASE + max(text, denoising, decoding)
    return BASE + text + max(denoising, unet + decoding)


def choose(limit: float, sizes: Needs, precision: str, fixed: Mapping[str, object]) -> Plan:
    """The first of the settings, the fastest in front, that stay within a limit.

    Args:
        limit: in bytes.
        precision: in which the networks compute; with int8 that of the layers in float.
        fixed: settings that were asked for, by the names of ``Plan``.

    Raises:
        InputError: none does.
    """
    if sizes.window is not None:
        fixed = {**fixed, "chunk_size": None}
    plans = [plan._replace(peak=peak(sizes, precision, plan)) for plan in _plans(fixed, sizes.block is not None)]
    for plan in plans:
        if plan.peak <= limit:
            return plan
    least = min(plan.peak for plan in plans)
    together = words("the smallest chunks")
    if sizes.window is not None:
        together = words("windows of {frames} frames (motion_window)", frames=sizes.window)
    raise InputError(
        "E-MEMORY-LITTLE",
        "memory={limit:.3g}GB is too little: this model needs about {least:.1f}GB at {width}x{height} even with "
        "{together}; make smaller frames, or take a half precision (dtype)",
        limit=limit / GB,
        least=least / GB,
        together=together,
        width=sizes.width,
        height=sizes.height,
    )


def _plans(fixed: Mapping[str, object], by_block: bool) -> list[Plan]:
    chunks = [fixed["chunk_size"]] if "chunk_size" in fixed else CHUNKS
    tiles = [fixed["decode_tile"]] if "decode_tile" in fixed else TILES
    # Blocks cost more time than smaller chunks.
    offered = [[NONE, NETWORKS], *([[BLOCKS]] if by_block else [])]
    groups = [[fixed["offload"]]] if "offload" in fixed else offered
    return [Plan(chunk, tile, each, 0.0) for group in groups for chunk in chunks for each in group for tile in tiles]
