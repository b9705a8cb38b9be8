from __future__ import annotations

import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.sizes import frame_size, parse

# Stable Diffusion 1.5.
UNET = {"sample_size": 64, "block_out_channels": [320, 640, 1280, 1280]}
VAE = {"block_out_channels": [128, 256, 512, 512]}


@pytest.mark.parametrize(
    "resolution, height_and_width",
    [(None, (None, None)), (512, (512, 512)), ("512", (512, 512)), ("640x384", (384, 640))],
)
def test_a_resolution_is_a_side_or_width_by_height(resolution, height_and_width):
    assert parse(resolution) == height_and_width


@pytest.mark.parametrize("resolution", [0, -512, 512.5, "", "x", "640x", "0x64", "640x384x3", "640 x 384", "large"])
def test_another_resolution_is_refused(resolution):
    with pytest.raises(InputError, match="resolution="):
        parse(resolution)


@pytest.mark.parametrize(
    "height, width, expected",
    [(None, None, (512, 512)), (384, 640, (384, 640)), (None, 256, (512, 256)), (64, 2048, (64, 2048))],
)
def test_a_missing_side_is_the_models_own(height, width, expected):
    assert frame_size(height, width, UNET, VAE) == expected


@pytest.mark.parametrize("height, width", [(500, 512), (512, 520), (32, 512), (512, 2112)])
def test_a_side_that_the_networks_cannot_make_is_refused(height, width):
    with pytest.raises(InputError, match=f"{width}x{height} pixels: .* multiples of 64, from 64 to 2048"):
        frame_size(height, width, UNET, VAE)
