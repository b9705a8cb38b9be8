"""Planning within a limit of memory: numbers, and what a run makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from ppt2v import InputError, Model, video
from ppt2v.pipelines.planning import memory
from ppt2v.pipelines.planning.memory import GB, Needs, Plan

# Stable Diffusion 1.5 at 512x512
SIZES = Needs(860_000_000, 84_000_000, 123_000_000, 320, 128, 2, 512, 512, 8)


@pytest.mark.parametrize(("text", "expected"), [("8GB", 8e9), ("6.5 gb", 6.5e9), ("900MB", 9e8), ("2GiB", 2**31)])
def test_sizes_in_words(text, expected):
    assert memory.parse(text) == expected


@pytest.mark.parametrize("text", ["", "8", "much", "0GB", "-2GB", "8 TB", "8GB 2"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="8GB"):
        memory.parse(text)


def test_each_setting_saves_memory():
    full = Plan(8, None, "none", 0.0)
    peak = memory.peak(SIZES, "float32", full)
    for cheaper in (full._replace(chunk_size=4), full._replace(offload="networks")):
        assert memory.peak(SIZES, "float32", cheaper) < peak
    large = SIZES._replace(height=1024, width=1024)
    alone = Plan(2, None, "none", 0.0)
    assert memory.peak(large, "float32", alone._replace(decode_tile=256)) < memory.peak(large, "float32", alone)
    assert memory.peak(SIZES, "bfloat16", full) < peak


def test_less_memory_means_smaller_chunks_and_the_limit_is_kept():
    plans = [memory.choose(limit * GB, SIZES, "bfloat16", {}) for limit in (32, 8, 5, 4)]
    assert [plan.chunk_size for plan in plans] == sorted((plan.chunk_size for plan in plans), reverse=True)
    assert plans[0].chunk_size > plans[-1].chunk_size
    assert all(plan.peak <= limit * GB for plan, limit in zip(plans, (32, 8, 5, 4)))
    assert plans[0] == Plan(16, None, "none", plans[0].peak)


def test_stable_diffusion_xl_at_512x512_runs_within_24_gb_on_a_cpu():
    xl = Needs(2_567_000_000, 84_000_000, 818_000_000, 320, 128, 2, 512, 512, 8, vae_in_float32=True)
    peaks = [memory.peak(xl, precision, Plan(8, None, "none", 0.0)) / GB for precision in ("bfloat16", "float32")]
    assert [f"{peak:.1f}" for peak in peaks] == ["10.2", "19.0"]  # as docs/models.md says
    assert memory.choose(24 * GB, xl, "bfloat16", {}).chunk_size == 16


def test_where_blocks_can_leave_the_memory_they_do_when_nothing_else_is_enough():
    xl = Needs(2_567_000_000, 84_000_000, 818_000_000, 320, 128, 2, 512, 512, 8, vae_in_float32=True, block=49_000_000)
    plans = [memory.choose(limit * GB, xl, "float16", {}) for limit in (16, 9, 5)]
    assert [plan.offload for plan in plans] == ["none", "networks", "blocks"]
    assert plans[2].peak < 5 * GB and "blocks of networks in the memory only while they compute" in str(plans[2])
    with pytest.raises(InputError, match="needs about"):
        memory.choose(5 * GB, xl._replace(block=None), "float16", {})


def test_what_is_given_is_kept():
    plan = memory.choose(8 * GB, SIZES, "bfloat16", {"chunk_size": 3, "offload": "networks", "decode_tile": None})
    assert (plan.chunk_size, plan.offload, plan.decode_tile) == (3, "networks", None)


def test_too_little_is_refused_with_what_is_needed():
    with pytest.raises(InputError, match="needs about"):
        memory.choose(1 * GB, SIZES, "float32", {})


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


def test_a_run_within_a_limit(model, tiny_folder, tmp_path):
    given = {"prompt": "a panda", "model_name": tiny_folder, "video_length": 3, "seed": 0, "num_inference_steps": 3}
    plain = model.process_text2video(**given, save_path=tmp_path / "plain.mp4")
    within = model.process_text2video(**given, memory="4GB", save_path=tmp_path / "within.mp4")
    assert np.abs(video.read(plain).frames.astype(int) - video.read(within).frames).max() <= 1
    assert "memory" not in video.read_recipe(within)["parameters"]
    with pytest.raises(InputError, match="memory=0.1GB is too little"):
        model.process_text2video(**given, memory="100MB", save_path=tmp_path / "no.mp4")


def test_networks_that_left_the_memory_come_back(model, tiny_folder, tmp_path):
    def make(name: str, **changed) -> np.ndarray:
        given = {"prompt": "a panda", "model_name": tiny_folder, "video_length": 2, "seed": 0, **changed}
        path = model.process_text2video(**given, num_inference_steps=2, save_path=tmp_path / name)
        return video.read(path).frames

    first = make("a.mp4", offload="networks")
    assert all(parameter._is_initialized() is False for parameter in model._session.loaded.parts["unet"].parameters())
    assert np.array_equal(make("b.mp4"), first)
