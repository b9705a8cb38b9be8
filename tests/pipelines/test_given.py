"""A given first frame: it stays as it is, and the others come out of it and look at it."""

from __future__ import annotations

import numpy as np
import pytest
from kills import Killed, kill_at

from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

SHORT = {"prompt": "the fox in the snow", "num_inference_steps": 6, "t1": 35, "t0": 20, "video_length": 4}


@pytest.fixture(scope="module")
def pipe(tiny_folder) -> TextToVideoZeroPipeline:
    from ppt2v.models.families.stable_diffusion import load_stable_diffusion

    return TextToVideoZeroPipeline(**load_stable_diffusion(tiny_folder).components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)


def make(pipe, **changes) -> np.ndarray:
    return pipe(noise=Noise(0), **{**SHORT, **changes}).numpy()


@pytest.mark.parametrize("solver", ["ddim", "dpmsolver++", "euler_a"])
def test_the_first_frame_is_the_picture_and_the_others_come_out_of_it(pipe, picture, solver):
    plain, given = make(pipe, solver=solver), make(pipe, solver=solver, first=picture)
    encoded = (pipe.encode(picture) * pipe.vae.config.scaling_factor).numpy()
    assert np.array_equal(given[:1], encoded)
    assert (np.abs(given[1:] - plain[1:]).max((1, 2, 3)) > 1e-2).all()


def test_chunk_size_changes_nothing(pipe, picture):
    latents = [make(pipe, first=picture, chunk_size=chunk_size) for chunk_size in (2, 8)]
    assert np.ptp(latents, axis=0).max() <= 1e-4


@pytest.mark.parametrize("call", [1, 5])
def test_a_killed_run_goes_on_to_the_same_bytes(pipe, picture, tmp_path, call):
    expected = make(pipe, first=picture)
    with pytest.raises(Killed):
        make(pipe, first=picture, checkpoint=Checkpoint(tmp_path, {}), progress=kill_at(call))
    assert np.array_equal(make(pipe, first=picture, checkpoint=Checkpoint(tmp_path, {})), expected)
