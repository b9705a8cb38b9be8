"""Text to video with a video model: what the arguments do, long clips, starting from a clip, going on, precision."""

from __future__ import annotations

from collections import Counter

import numpy as np
import paddle
import pytest
from kills import Killed, kill_at
from stand_in_engine import FragileEngine

from ppt2v.engine.eager import EagerEngine
from ppt2v.errors import InputError, NumericalError
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.solvers import Frames
from ppt2v.pipelines.denoising.solvers import solver as make_solver
from ppt2v.pipelines.denoising.whole_clip import first_step
from ppt2v.pipelines.networks.autoencoders import Decoder, Encoder
from ppt2v.pipelines.networks.video_programs import VideoNoisePrediction
from ppt2v.pipelines.planning.sizes import frame_size
from ppt2v.pipelines.planning.solver_names import SOLVERS
from ppt2v.pipelines.text_to_video_modelscope import TextToVideoPipeline

STEPS = 3
SHORT = {"prompt": "a fox", "video_length": 2, "height": 8, "width": 8, "num_inference_steps": STEPS}
SETTINGS = {"prompt": "a fox"}


@pytest.fixture
def pipe(modelscope_model) -> TextToVideoPipeline:
    return TextToVideoPipeline(**modelscope_model._asdict())


@pytest.fixture(scope="module")
def plain(modelscope_model) -> np.ndarray:
    return make(TextToVideoPipeline(**modelscope_model._asdict()))


@pytest.fixture
def clip() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 10, 6, 3), np.uint8)


def make(pipe, seed: int = 0, **changes) -> np.ndarray:
    return pipe(noise=Noise(seed), **{**SHORT, **changes}).numpy()


def encode(pipe, clip: np.ndarray) -> paddle.Tensor:
    return pipe.encode(clip) * pipe.vae.config.scaling_factor


def count_calls(pipe) -> Counter:
    """Calls of the UNet from now on, by the number of pictures."""
    calls, forward = Counter(), pipe.unet.forward

    def counted(latents, *rest):
        calls[latents.shape[0]] += 1
        return forward(latents, *rest)

    pipe.unet.forward = counted
    return calls


@pytest.fixture(autouse=True)
def restored(modelscope_model):
    yield
    vars(modelscope_model.unet).pop("forward", None)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"prompt": "a dog"},
        {"negative_prompt": "snow"},
        {"guidance_scale": 1},
        {"guidance_scale": 3},
        {"num_inference_steps": 2},
        {"guidance_stop_step": 0.4},
        {"eta": 0.5},
        {"solver": "dpmsolver++"},
    ],
    ids=str,
)
def test_an_argument_has_its_effect_on_every_call(pipe, plain, change):
    first, back, second = make(pipe, **change), make(pipe), make(pipe, **change)
    assert np.abs(first - plain).max() > 1e-3 * plain.std()
    assert np.array_equal(back, plain) and np.array_equal(second, first)


def test_without_guidance_there_is_one_branch_and_no_negative_prompt(pipe):
    calls = count_calls(pipe)
    alone = make(pipe, guidance_scale=1)
    assert calls == {2: STEPS}
    assert np.array_equal(make(pipe, guidance_scale=0, negative_prompt="snow"), alone)


def test_steps_that_are_not_guided_have_one_branch(pipe):
    calls = count_calls(pipe)
    make(pipe, guidance_stop_step=2 / 3)
    assert calls == {4: 2, 2: 1}


@pytest.mark.parametrize("height, width", [(2, 2), (14, 18), (10, 16)])
def test_sides_need_not_halve_evenly(pipe, height, width):
    latents = make(pipe, height=height, width=width, num_inference_steps=1)
    assert latents.shape == (2, 4, height // 2, width // 2)


def test_the_models_own_size():
    unet, vae = {"sample_size": 32, "block_out_channels": [1] * 4}, {"block_out_channels": [1] * 4}
    assert frame_size(None, None, unet, vae, any_latents=True) == (256, 256)
    assert frame_size(264, 1016, unet, vae, any_latents=True) == (264, 1016)
    with pytest.raises(InputError, match="multiples of 8, from 8 to 1024"):
        frame_size(260, None, unet, vae, any_latents=True)


def test_one_frame_is_a_picture(pipe):
    assert make(pipe, video_length=1).shape == (1, 4, 4, 4)


def test_a_long_clip_is_made_of_windows(pipe):
    calls = count_calls(pipe)
    assert make(pipe, video_length=7, window=3, overlap=1).shape[0] == 7
    assert calls == {6: 3 * STEPS}


def test_a_tile_as_large_as_the_frames_changes_nothing(pipe, plain):
    assert np.array_equal(make(pipe, tile=16), plain)


def test_large_frames_are_predicted_in_tiles_of_all_frames(pipe):
    seen, forward = [], pipe.unet.forward

    def noted(latents, *rest):
        seen.append(tuple(latents.shape))
        return forward(latents, *rest)

    pipe.unet.forward = noted
    large = {"height": 8, "width": 20, "num_inference_steps": 1}
    tiled = make(pipe, tile=8, **large)
    assert set(seen) == {(4, 4, 4, 4)} and len(seen) == 3  # both branches of two frames; 10 cells in tiles of 4
    assert tiled.shape == (2, 4, 4, 10) and (tiled != make(pipe, **large)).any()


def test_a_tile_that_the_networks_cannot_divide_is_refused(pipe):
    with pytest.raises(InputError, match="tile=9: .* multiples of 2 pixels"):
        make(pipe, tile=9)


def test_a_window_as_long_as_the_clip_changes_nothing(pipe, plain):
    assert np.array_equal(make(pipe, window=2, overlap=0), plain)


def test_a_short_clip_begins_as_a_longer_one_with_the_same_noise(pipe):
    longer = make(pipe, video_length=4, window=2, overlap=0)
    assert np.abs(longer[:2] - make(pipe, window=2, overlap=0)).max() <= 1e-5 * longer.std()


@pytest.mark.parametrize(
    "change, named",
    [
        ({"video_length": 0}, "video_length=0"),
        ({"window": 4, "overlap": 4}, "overlap=4"),
        ({"overlap": -1}, "overlap=-1"),
        ({"strength": 0}, "strength=0"),
        ({"strength": 1.1}, "strength=1.1"),
        ({"height": 9}, "multiples of 2"),
        ({"eta": 0.5, "solver": "lcm"}, "eta=0.5"),
    ],
    ids=str,
)
def test_impossible_arguments_are_refused_before_the_unet_runs(pipe, change, named):
    calls = count_calls(pipe)
    with pytest.raises(InputError, match=named):
        make(pipe, **change)
    assert not calls


def test_predicted_velocity_is_understood(pipe, plain):
    from ppdiffusers import DDIMScheduler

    pipe.scheduler = DDIMScheduler.from_config({**pipe.scheduler.config, "prediction_type": "v_prediction"})
    assert np.abs(make(pipe) - plain).max() > 1e-2 * plain.std()


# From a clip


def test_a_clip_decides_length_and_size(pipe, clip):
    assert make(pipe, clip=clip).shape == (3, 4, 5, 3)


def test_the_less_of_the_schedule_is_run_the_nearer_the_result_is_to_the_clip(pipe, clip):
    given = encode(pipe, clip).numpy()
    distances = [
        np.abs(make(pipe, clip=clip, strength=strength, num_inference_steps=10, guidance_scale=1) - given).mean()
        for strength in (0.1, 0.5, 1)
    ]
    assert distances == sorted(distances)


def test_strength_is_the_part_of_the_schedule_that_is_run(pipe, clip):
    reports = []
    short = {"strength": 0.5, "num_inference_steps": 4, "progress": lambda done, total: reports.append((done, total))}
    make(pipe, clip=clip, **short)
    assert reports == [(3, 6), (6, 6)]
    reports.clear()
    make(pipe, clip=clip, solver="heun", **short)  # two predictions in the third step, one in the last
    assert reports == [(3, 9), (6, 9), (9, 9)]
    assert [first_step(50, strength) for strength in (0.001, 0.5, 0.6, 1)] == [49, 25, 20, 0]


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("step", [0, 3, 9])
def test_a_solver_finds_a_clip_again_in_the_noise_that_was_added_for_a_step(pipe, name, step):
    solver = make_solver(name, pipe.scheduler, 10)
    clean, noise = (Noise(seed).draw("start", [0, 1], [4, 5, 3]) for seed in (0, 1))
    found = solver._clean(noise, step, Frames(solver.noised(clean, noise, step)))
    # The noise is up to 15 times what is left of the clip, which takes one of seven digits.
    assert np.abs((found - clean).numpy()).max() < 1e-5


def test_the_noise_of_a_step_is_what_the_scheduler_adds(pipe):
    solver = make_solver("ddim", pipe.scheduler, 10)
    clean, noise = (Noise(seed).draw("start", [0], [4, 5, 3]) for seed in (0, 1))
    expected = pipe.scheduler.add_noise(clean, noise, paddle.to_tensor([solver.timesteps[4]]))
    assert np.abs((solver.noised(clean, noise, 4) - expected).numpy()).max() < 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
def test_from_a_clip_with_every_solver(pipe, clip, solver):
    latents = make(pipe, clip=clip, solver=solver, num_inference_steps=4, strength=0.5, guidance_scale=1)
    assert np.isfinite(latents).all() and np.abs(latents - encode(pipe, clip).numpy()).mean() < 2 * latents.std()


# Between latents and frames


def test_frames_are_what_the_vae_makes_of_each_latent(pipe, plain):
    frames = list(pipe.decode(paddle.to_tensor(plain)))
    with paddle.no_grad():
        decoded = pipe.vae.decode(paddle.to_tensor(plain) / pipe.vae.config.scaling_factor).sample.numpy()
    expected = np.clip(decoded / 2 + 0.5, 0, 1).transpose(0, 2, 3, 1) * 255
    assert [(frame.shape, frame.dtype) for frame in frames] == [((8, 8, 3), np.uint8)] * 2
    assert np.abs(np.stack(frames) - expected).max() <= 0.51


def test_latents_are_the_scaled_means_of_what_the_vae_takes_frames_for(pipe, clip):
    with paddle.no_grad():
        given = paddle.to_tensor(clip.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        expected = pipe.vae.encode(given).latent_dist.mean.numpy() * pipe.vae.config.scaling_factor
    assert np.abs(encode(pipe, clip).numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("kind", [Encoder, Decoder])
def test_nan_of_the_vae_in_half_precision_is_computed_again_in_float32(pipe, clip, kind):
    def run(engine) -> list[np.ndarray]:
        pipe.engine = engine
        return list(pipe.decode(encode(pipe, clip)))

    engine = FragileEngine(kind)
    assert np.array_equal(run(engine), run(EagerEngine()))
    assert all(runner.half for runner in engine.runners)


def test_tiles_as_large_as_the_frame_change_nothing_and_smaller_ones_little(pipe):
    latents = paddle.to_tensor(make(pipe, height=24, width=24, video_length=1, num_inference_steps=1))
    [whole], [large], [small] = (list(pipe.decode(latents, tile)) for tile in (None, 24, 16))
    assert np.array_equal(large, whole)
    assert small.shape == whole.shape and not np.array_equal(small, whole)


def test_networks_leave_the_memory_and_come_back(modelscope_folder, plain):
    from ppt2v.models.families.text_to_video import load_text_to_video

    pipe = TextToVideoPipeline(**load_text_to_video(modelscope_folder, lazy=True)._asdict())
    pipe.offload = True
    assert np.array_equal(make(pipe), plain)
    assert not any(parameter._is_initialized() for parameter in pipe.unet.parameters())
    assert np.array_equal(make(pipe), plain)


def test_nan_of_the_vae_in_float32_too_is_an_error_that_names_the_frame(pipe, plain):
    latents = plain.copy()
    latents[1] = np.nan
    frames = pipe.decode(paddle.to_tensor(latents))
    next(frames)
    with pytest.raises(NumericalError, match="frame 1"):
        next(frames)


# Precision, and going on


def test_nan_in_half_precision_is_computed_again_in_float32(pipe, plain):
    pipe.engine = FragileEngine(VideoNoisePrediction)
    assert np.array_equal(make(pipe), plain)
    assert all(runner.half for runner in pipe.engine.runners)


def test_nan_in_float32_too_is_an_error(pipe):
    pipe.engine = FragileEngine(VideoNoisePrediction, cured=False)
    with pytest.raises(NumericalError, match=f"step 1 of {STEPS} "):
        make(pipe)


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("changes", [{}, {"solver": "dpmsolver++"}, {"eta": 0.5}], ids=str)
def test_a_killed_run_ends_in_the_same_bytes(pipe, tmp_path, call, changes):
    expected = make(pipe, **changes)
    saves, save = Counter(), Checkpoint.save

    def killed(self, **state):
        save(self, **state)
        saves["made"] += 1
        if saves["made"] == call:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoint, "save", killed)
        make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), **changes)
    calls = count_calls(pipe)
    assert np.array_equal(make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), **changes), expected)
    assert calls == {4: STEPS - call}


def test_a_rescued_run_goes_on_in_float32(pipe, tmp_path, plain):
    pipe.engine = FragileEngine(VideoNoisePrediction)
    with pytest.raises(Killed):
        make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(2))
    assert np.array_equal(make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)
    first, second = (runner.calls for runner in pipe.engine.runners)
    assert first == [True, False, False] and second == [False, False]


def test_progress_ends_at_its_total(pipe):
    reports = []
    make(pipe, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(2, 6), (4, 6), (6, 6)]
