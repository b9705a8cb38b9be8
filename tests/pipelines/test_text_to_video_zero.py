"""Text2Video-Zero: against PyTorch diffusers, and its promises of chunks, resuming, arguments and precision."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import paddle
import pytest
from conftest import DATA
from kills import Killed, kill_at
from stand_in_engine import FragileEngine

from ppt2v.errors import InputError, NumericalError
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.autoencoders import Decoder
from ppt2v.pipelines.networks.text_programs import TextLookup
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

REFERENCE = DATA / "text2video_reference"
CASES = json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))

# T1 is before step 2 and T0 before step 5 of ten, so that every phase has several steps.
STEPS, START, WARP = 10, 2, 5
SHORT = {"prompt": "the fox in the snow", "num_inference_steps": STEPS, "t1": 35, "t0": 20, "video_length": 5}
SETTINGS = {"prompt": "the fox in the snow", "seed": 0}


class StoredNoise:
    """The noise that the reference was made with (tests/data/make_text2video_reference.py)."""

    def __init__(self, noise: np.ndarray):
        self.start, self.forward = noise[:1], noise[1:]

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        start, forward = (noise[..., : shape[-1]] for noise in (self.start, self.forward))
        by_purpose = {"start": start, "forward": forward, "step": np.roll(forward, step + 1, axis=-1)}
        return paddle.to_tensor(by_purpose[purpose][frame_ids])


def make(pipe, seed: int = 0, **changes) -> np.ndarray:
    return pipe(noise=Noise(seed), **{**SHORT, **changes}).numpy()


def count_frames(pipe, branches: int) -> Counter:
    """Frames that the UNet computes from now on, by the step of the run."""
    frames, embedded = Counter(), {}

    def count(layer, inputs) -> None:
        step = embedded.setdefault(layer.time_proj(None).numpy().tobytes(), len(embedded))
        frames[step] += inputs[0].shape[0] // branches

    pipe.unet.register_forward_pre_hook(count)
    return frames


def self_attention(network) -> list:
    return [layer for name, layer in network.named_sublayers() if name.endswith("attn1")]


def processors(network) -> list:
    return [layer.processor for layer in self_attention(network)]


@pytest.fixture(scope="module")
def reference_pipe() -> TextToVideoZeroPipeline:
    loaded = load_stable_diffusion(REFERENCE / "model")
    return TextToVideoZeroPipeline(**loaded.components, requires_safety_checker=False)


@pytest.fixture
def pipe(tiny_pipe) -> TextToVideoZeroPipeline:
    return TextToVideoZeroPipeline(**tiny_pipe.components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def module_pipe(tiny_folder) -> TextToVideoZeroPipeline:
    """For tests of results alone: one pipeline that makes many videos, as a Model does."""
    return TextToVideoZeroPipeline(**load_stable_diffusion(tiny_folder).components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def plain(module_pipe) -> np.ndarray:
    return make(module_pipe)


@pytest.mark.parametrize("case", CASES)
def test_latents_are_those_of_diffusers(reference_pipe, case):
    with np.load(REFERENCE / "latents.npz") as stored:
        expected, noise = stored[case], StoredNoise(stored["noise"])
    latents = reference_pipe(noise=noise, **CASES[case]).numpy()
    assert np.abs(latents - expected).max() <= 1e-3 * expected.std()


CAMERA = {"camera": "0: zoom 1; 8: pan 9 0 zoom 1.3 rotate 5"}


@pytest.mark.parametrize(
    "changes",
    [
        CAMERA,
        {"eta": 0.5},
        {"solver": "dpmsolver++"},
        {"solver": "lcm"},
        {"solver": "dpm++_sde", "num_inference_steps": 4},
        {"solver": "unipc", "num_inference_steps": 6},
        {"solver": "lms", "num_inference_steps": 4},
    ],
    ids=str,
)
def test_chunk_size_changes_nothing(module_pipe, changes):
    latents = [make(module_pipe, video_length=9, chunk_size=chunk_size, **changes) for chunk_size in (2, 3, 5, 8, 100)]
    assert np.ptp(latents, axis=0).max() <= 1e-4


@pytest.mark.parametrize("video_length", [1, 2, 4])
def test_the_first_frames_of_a_longer_video_are_the_shorter_one(module_pipe, plain, video_length):
    assert np.abs(make(module_pipe, video_length=video_length) - plain[:video_length]).max() <= 1e-4


@pytest.mark.parametrize("chunk_size, guidance_scale, branches", [(2, 7, 2), (3, 7, 2), (8, 7, 2), (3, 1, 1)])
def test_no_step_is_computed_twice(pipe, chunk_size, guidance_scale, branches):
    frames = count_frames(pipe, branches)
    make(pipe, chunk_size=chunk_size, guidance_scale=guidance_scale)
    assert list(frames.values()) == [1] * START + [5] * (STEPS - START)


def test_a_step_of_two_predictions_is_not_cut_where_the_frames_branch_off(pipe):
    frames = count_frames(pipe, branches=2)
    make(pipe, solver="dpm2")
    counts = list(frames.values())
    alone = counts.count(1)
    assert counts == [1] * alone + [5] * (2 * STEPS - 1 - alone)
    assert alone > 0 and alone % 2 == 0


def test_without_motion_field_every_frame_takes_every_step(pipe):
    frames = count_frames(pipe, branches=2)
    make(pipe, use_motion_field=False, chunk_size=3)
    assert list(frames.values()) == [5] * STEPS


def test_keys_and_values_are_computed_for_the_first_frame_only(pipe):
    rows = Counter()
    for layer in self_attention(pipe.unet):
        for projection in (layer.to_k, layer.to_v):
            projection.register_forward_post_hook(lambda layer, _, output: rows.update({id(layer): output.shape[0]}))
    make(pipe, chunk_size=3)
    assert set(rows.values()) == {2 * STEPS}
    assert len(rows) == 2 * len(self_attention(pipe.unet))


def test_progress_ends_at_its_total(pipe):
    reports = []
    make(pipe, progress=lambda done, total: reports.append((done, total)))
    done, totals = zip(*reports)
    assert set(totals) == {done[-1]} == {STEPS + 4 * (STEPS - START)}
    assert list(done) == sorted(set(done))


@pytest.mark.parametrize("call", [None, 1, WARP, WARP + 2])
def test_processors_are_restored(pipe, call):
    before = processors(pipe.unet)
    if call is None:
        make(pipe)
    else:
        with pytest.raises(Killed):
            make(pipe, progress=kill_at(call))
    assert all(now is then for now, then in zip(processors(pipe.unet), before))


@pytest.mark.parametrize(
    "change",
    [
        {"use_cf_attn": False},
        {"use_motion_field": False},
        {"motion_field_strength_x": 100},
        {"motion_field_strength_y": -100},
        {"loop": True},
        {"camera": "0: zoom 1; 4: pan 9 0 zoom 1.3 rotate 5"},
        {"guidance_scale": 1.0},
        {"guidance_scale": 3.0},
        {"negative_prompt": "dog"},
        {"prompt": "cat on the beach"},
        {"eta": 0.5},
        {"solver": "dpmsolver++"},
        {"solver": "lcm"},
        {"seed": 1},
        {"num_inference_steps": 7},
        {"t0": 30},
        {"t1": 45},
    ],
    ids=str,
)
def test_an_argument_has_its_effect_on_every_call(module_pipe, plain, change):
    first, back, second = make(module_pipe, **change), make(module_pipe), make(module_pipe, **change)
    assert np.abs(first - plain).max() > 1e-3 * plain.std()
    assert np.array_equal(back, plain)
    assert np.array_equal(second, first)


@pytest.mark.parametrize("height, width", [(32, 16), (16, 48), (None, 32)])
def test_latents_have_the_size_asked_for(module_pipe, height, width):
    latents = make(module_pipe, height=height, width=width, num_inference_steps=3)
    assert latents.shape == (5, 4, (height or 16) // 2, width // 2)


def test_without_guidance_there_is_no_negative_prompt(module_pipe):
    assert np.array_equal(
        make(module_pipe, guidance_scale=1, negative_prompt="dog"), make(module_pipe, guidance_scale=0)
    )


@pytest.mark.parametrize("change", [{"chunk_size": 1}, {"t0": 35}, {"height": 18}, {"num_inference_steps": 1}], ids=str)
def test_impossible_arguments_are_refused_before_the_unet_runs(pipe, change):
    frames = count_frames(pipe, branches=2)
    with pytest.raises(InputError):
        make(pipe, **change)
    assert not frames


def test_eta_is_refused_where_the_scheduler_has_none(pipe):
    from ppdiffusers import PNDMScheduler

    pipe.scheduler = PNDMScheduler.from_config(pipe.scheduler.config)
    with pytest.raises(InputError, match="eta=0.5: PNDMScheduler"):
        make(pipe, eta=0.5)


# The anchor reports once a step, the followers once a step from START on: calls 1, 2 are the anchor's way to T1; 3, 4,
# 5 its way to T0; 6, 7, 8 the followers' way to T0; after that anchor and followers report in turn up to call 18.
@pytest.mark.parametrize("call", [1, 2, 4, 6, 7, 8, 9, 10, 17, 18])
def test_a_killed_run_ends_in_the_same_bytes(module_pipe, plain, tmp_path, call):
    with pytest.raises(Killed):
        make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(call))
    assert np.array_equal(make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)


@pytest.mark.parametrize("call", [1, 7])
@pytest.mark.parametrize(
    "changes",
    [
        {"use_cf_attn": False, "eta": 0.5},
        {"use_motion_field": False},
        {"video_length": 1},
        {"solver": "dpmsolver++", "camera": "0: zoom 1; 4: zoom 1.3 rotate 5"},
        {"solver": "dpm++_sde", "num_inference_steps": 6},
        {"solver": "unipc"},
    ],
    ids=str,
)
def test_so_does_a_run_with_other_arguments(module_pipe, tmp_path, call, changes):
    expected = make(module_pipe, **changes)
    with pytest.raises(Killed):
        make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(call), **changes)
    assert np.array_equal(make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), **changes), expected)


def test_a_run_killed_again_and_again_ends_in_the_same_bytes(module_pipe, tmp_path, plain):
    for _ in range(6):  # each gets at least a step further
        with pytest.raises(Killed):
            make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(5))
    assert np.array_equal(make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)


def test_a_killed_run_goes_on_from_its_last_step(pipe, tmp_path):
    with pytest.raises(Killed):
        make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(18))
    frames = count_frames(pipe, branches=2)
    make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS))
    assert list(frames.values()) == [5]


@pytest.fixture
def unfinished(module_pipe, tmp_path) -> Path:
    """A folder with a run that was killed in its last step."""
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        make(module_pipe, checkpoint=Checkpoint(folder, SETTINGS), progress=kill_at(18))
    return folder


@pytest.mark.parametrize("settings, named", [({"seed": 1}, "seed"), ({"eta": 0.5}, "eta")])
def test_a_checkpoint_of_other_settings_is_refused(module_pipe, unfinished, settings, named):
    with pytest.raises(InputError, match=f"{named} differ"):
        make(module_pipe, checkpoint=Checkpoint(unfinished, {**SETTINGS, **settings}))


def test_the_settings_of_a_checkpoint_can_be_read(unfinished):
    assert Checkpoint.saved_settings(unfinished) == SETTINGS
    assert Checkpoint.saved_settings(unfinished.parent) is None


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b"", lambda b: b[:200] + b"x" * 99 + b[299:]])
def test_a_damaged_checkpoint_is_refused(module_pipe, unfinished, damage):
    file = unfinished / "latents.npz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError, match="latents.npz is damaged"):
        make(module_pipe, checkpoint=Checkpoint(unfinished, SETTINGS))


def test_a_file_that_is_no_checkpoint_is_refused(unfinished):
    np.savez(unfinished / "latents.npz", anchor=np.zeros(3))
    with pytest.raises(InputError, match="latents.npz is damaged"):
        Checkpoint(unfinished, SETTINGS).load()


def test_removing_a_checkpoint_leaves_other_files_alone(unfinished):
    other = unfinished / "thesis.txt"
    other.touch()
    Checkpoint(unfinished, SETTINGS).remove()
    assert list(unfinished.iterdir()) == [other]


def test_removing_a_checkpoint_removes_its_own_folder(unfinished):
    Checkpoint(unfinished, SETTINGS).remove()
    Checkpoint(unfinished, SETTINGS).remove()
    assert not unfinished.exists()


def test_nan_latents_are_an_error_that_names_the_step(pipe):
    pipe.scheduler.set_timesteps(STEPS)
    late = int(pipe.scheduler.timesteps[3])
    late_embedding, forward = pipe.unet.time_proj(paddle.to_tensor([late])).numpy(), pipe.unet.forward

    def fail_late(latents, timestep, **kwargs):
        failing = np.allclose(pipe.unet.time_proj(None).numpy(), late_embedding, atol=1e-4)
        return forward(latents * (float("nan") if failing else 1), timestep, **kwargs)

    pipe.unet.forward = fail_late
    with pytest.raises(NumericalError, match=f"step 4 of {STEPS} .timestep {late}."):
        make(pipe)


@pytest.mark.parametrize("programs", [NoisePrediction, (NoisePrediction, TextLookup)], ids=["unet", "text too"])
@pytest.mark.parametrize("changes", [{}, {"use_motion_field": False}, {"use_cf_attn": False}], ids=str)
def test_nan_in_half_precision_is_computed_again_in_float32(pipe, changes, programs):
    expected = make(pipe, **changes)
    pipe.engine = FragileEngine(programs)
    assert np.array_equal(make(pipe, **changes), expected)
    assert all(runner.half for runner in pipe.engine.runners)


def test_a_rescued_run_goes_on_in_float32(pipe, tmp_path, plain):
    pipe.engine = FragileEngine(NoisePrediction)
    with pytest.raises(Killed):
        make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(12))
    assert pipe.engine.runners[-1].half
    assert np.array_equal(make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)
    assert not any(pipe.engine.runners[-1].calls)


def test_nan_in_float32_too_is_an_error(pipe):
    pipe.engine = FragileEngine(NoisePrediction, cured=False)
    with pytest.raises(NumericalError, match=f"step 1 of {STEPS} "):
        make(pipe)
    assert pipe.engine.runners[-1].half


def test_frames_are_what_the_vae_makes_of_each_latent(module_pipe, plain):
    frames = list(module_pipe.decode(paddle.to_tensor(plain)))
    with paddle.no_grad():
        latents = paddle.to_tensor(plain) / module_pipe.vae.config.scaling_factor
        pictures = module_pipe.vae.decode(latents).sample.numpy()
    expected = np.clip(pictures / 2 + 0.5, 0, 1).transpose(0, 2, 3, 1) * 255
    assert [(frame.shape, frame.dtype) for frame in frames] == [((16, 16, 3), np.uint8)] * 5
    assert np.abs(np.stack(frames) - expected).max() <= 0.51


def test_nan_pixels_in_half_precision_are_decoded_again_in_float32(pipe, plain):
    expected = list(pipe.decode(paddle.to_tensor(plain)))
    pipe.engine = FragileEngine(Decoder)
    assert np.array_equal(list(pipe.decode(paddle.to_tensor(plain))), expected)
    assert pipe.engine.runners[-1].half


def test_a_decoding_that_is_given_up_puts_the_precision_back(pipe, plain):
    pipe.engine = FragileEngine(Decoder)
    frames = pipe.decode(paddle.to_tensor(plain))
    next(frames)
    assert not pipe.engine.runners[-1].half
    frames.close()
    assert pipe.engine.runners[-1].half


def test_nan_pixels_in_float32_too_are_an_error_that_names_the_frame(pipe, plain):
    latents = plain.copy()
    latents[3] = np.nan
    frames = pipe.decode(paddle.to_tensor(latents))
    assert [next(frames).shape for _ in range(3)] == [(16, 16, 3)] * 3
    with pytest.raises(NumericalError, match="frame 3"):
        next(frames)


# Smooth backgrounds


def left_half(frame: np.ndarray) -> np.ndarray:
    """Finds the subject of a frame in its left half."""
    mask = np.zeros(frame.shape[:2], np.float32)
    mask[:, : frame.shape[1] // 2] = 1
    return mask


SMOOTH = {"smooth_bg": left_half, "smooth_bg_strength": 0.2}


def test_smoothing_changes_the_followers_and_leaves_the_anchor(module_pipe):
    plain, smoothed = make(module_pipe), make(module_pipe, **SMOOTH)
    assert np.allclose(smoothed[0], plain[0], atol=1e-5)
    assert not np.allclose(smoothed[1:], plain[1:], atol=1e-2)


def test_smoothing_with_all_of_the_own_background_changes_nothing(module_pipe):
    assert np.allclose(make(module_pipe, **{**SMOOTH, "smooth_bg_strength": 1.0}), make(module_pipe), atol=1e-5)


def test_with_a_camera_the_background_is_what_it_moves(module_pipe):
    still = {"motion_field_strength_x": 0, "motion_field_strength_y": 0}
    one, other = (make(module_pipe, camera=f"0: pan 0 0; 4: pan {x} 0", **still, **SMOOTH) for x in (64, 128))
    kept = make(module_pipe, camera="0: pan 0 0; 4: pan 64 0", **still, **{**SMOOTH, "smooth_bg_strength": 1.0})
    assert np.allclose(kept, make(module_pipe, **still), atol=1e-5)
    assert not np.allclose(one[1:], other[1:], atol=1e-2)


@pytest.mark.parametrize("call", [1, 6, 9, 15, 22, 27])
def test_a_killed_run_with_smoothing_goes_on_to_the_same_latents(module_pipe, tmp_path, call):
    expected = make(module_pipe, **SMOOTH)
    with pytest.raises(Killed):
        make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(call), **SMOOTH)
    resumed = make(module_pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), **SMOOTH)
    assert np.array_equal(resumed, expected)


def test_progress_ends_at_its_total_with_smoothing(module_pipe):
    reports = []
    make(module_pipe, progress=lambda done, total: reports.append((done, total)), **SMOOTH)
    assert reports[-1][0] == reports[-1][1] and reports == sorted(reports)
