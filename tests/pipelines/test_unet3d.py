"""The text-to-video UNet: against ModelScope's and diffusers' own, in layers, windows and on every engine."""

from __future__ import annotations

import itertools

import numpy as np
import paddle
import pytest
from modelscope_tiny import ODD_SHAPES, REFERENCE, SHAPES, inputs
from paddle import nn

from ppt2v.cache import Cache
from ppt2v.engine.eager import EagerEngine, EagerRunner
from ppt2v.errors import InputError
from ppt2v.pipelines.networks.schedule import Schedule
from ppt2v.pipelines.networks.unet3d import UNet3D
from ppt2v.pipelines.networks.video_layers import GroupNorm
from ppt2v.pipelines.networks.video_predictor import VideoUNet
from ppt2v.pipelines.networks.video_programs import VideoNoisePrediction, VideoTextLookup
from ppt2v.pipelines.networks.windowed import Windowed
from ppt2v.pipelines.planning.windows import shares, windows

TIMESTEP = 481
CASES = [("modelscope", shape) for shape in SHAPES] + [("diffusers", shape) for shape in (*SHAPES, *ODD_SHAPES)]
SMALL = {
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
    "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 6,
    "attention_head_dim": 4,
}


@pytest.fixture(scope="module")
def unet(modelscope_model) -> UNet3D:
    return modelscope_model.unet


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE / "outputs.npz") as stored:
        return dict(stored)


def random(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


@paddle.no_grad()
def predict(unet: UNet3D, latents: np.ndarray, text: np.ndarray, timesteps: list[int]) -> np.ndarray:
    """``[branches, channels, frames, height, width]``, like the latents."""
    branches, channels, frames, height, width = latents.shape
    folded = paddle.to_tensor(latents.transpose(0, 2, 1, 3, 4).reshape(-1, channels, height, width))
    time = unet.time_proj(paddle.to_tensor(timesteps))
    made = unet(folded, time, unet.look_up(paddle.to_tensor(text))).numpy()
    return made.reshape(branches, frames, channels, height, width).transpose(0, 2, 1, 3, 4)


def test_the_released_size():
    with paddle.LazyGuard():
        network = UNet3D()
    assert sum(int(np.prod(parameter.shape)) for parameter in network.parameters()) == 1_411_233_860


# Both sides compute in float32: some hundred layers in a row, each good for a few units in its seventh digit.
@pytest.mark.parametrize("origin, shape", CASES, ids=str)
def test_it_predicts_what_the_originals_do(unet, reference, origin, shape):
    expected = reference[f"{origin} {shape}"]
    made = predict(unet, *inputs(*shape), [TIMESTEP])
    assert np.abs(made - expected).max() <= 1e-4 * np.abs(expected).max()


def test_each_branch_may_have_its_own_timestep(unet):
    latents, text = inputs(2, 3, 4, 4)
    together = predict(unet, latents, text, [TIMESTEP, 21])
    alone = [predict(unet, latents[[row]], text[[row]], [step]) for row, step in enumerate((TIMESTEP, 21))]
    assert np.abs(together - np.concatenate(alone)).max() <= 1e-5
    assert np.abs(together - predict(unet, latents, text, [TIMESTEP])).max() > 1e-2


def test_frames_see_one_another_and_branches_do_not(unet):
    latents, text = inputs(2, 3, 4, 4)
    before = predict(unet, latents, text, [TIMESTEP])
    latents[1, :, 2] += 1
    change = np.abs(predict(unet, latents, text, [TIMESTEP]) - before).max(axis=(1, 3, 4))
    assert change[0].max() < 1e-5
    assert change[1].min() > 1e-3


def test_a_new_network_treats_every_frame_as_a_picture():
    paddle.seed(0)
    network = UNet3D(**SMALL)
    network.eval()
    latents, text = np.asarray(random(1, 4, 3, 6, 5)), np.asarray(random(1, 7, 6))
    together = predict(network, latents, text, [TIMESTEP])
    alone = [predict(network, latents[:, :, [frame]], text, [TIMESTEP]) for frame in range(3)]
    assert np.abs(together - np.concatenate(alone, axis=2)).max() < 1e-5
    assert together.std() > 1e-3


def test_normalization_where_the_mean_dominates():
    ratio = 1000
    x = random(2, 8, 5, 7) + ratio
    exact = x.numpy().astype(np.float64).reshape(2, 4, -1)
    exact = ((exact - exact.mean(2, keepdims=True)) / exact.std(2, keepdims=True)).reshape(x.shape)
    made, by_paddle = GroupNorm(4, 8)(x).numpy(), nn.GroupNorm(4, 8)(x).numpy()
    # A mean that is off by half a unit in the last place of 1000.
    assert np.abs(made - exact).max() < 1e-4
    assert np.abs(made - exact).max() < np.abs(by_paddle - exact).max()


@pytest.mark.parametrize(
    "change",
    [
        {"act_fn": "gelu"},
        {"mid_block_scale_factor": 2},
        {"down_block_types": ("DownBlock2D",) * 2},
    ],
    ids=str,
)
def test_other_architectures_are_refused(change):
    with pytest.raises(InputError, match=str(next(iter(change.values())))[:6].strip("(")):
        UNet3D(**{**SMALL, **change})


# On the engines


@pytest.mark.slow
@pytest.mark.skipif(int(paddle.__version__.split(".")[0]) < 3, reason="the engines need Paddle 3")
@pytest.mark.parametrize("engine, height, width", [("openvino", 5, 7), ("inference", 8, 8)])
def test_engines_compute_what_eager_paddle_does(engine, height, width, tmp_path):
    pytest.importorskip("openvino")
    from ppt2v.engine.inference import InferenceEngine
    from ppt2v.engine.openvino import OpenVINOEngine

    paddle.seed(0)
    network = UNet3D(**SMALL)
    network.eval()
    for name, parameter in network.named_parameters():
        if "temp" in name or "transformer_in" in name:  # which start at zero
            parameter.set_value(random(*parameter.shape) * 0.2)
    engine = {"openvino": OpenVINOEngine, "inference": InferenceEngine}[engine]("float32", Cache(tmp_path))
    look_up, program = VideoTextLookup(network), VideoNoisePrediction(network, height, width)
    text, runner = EagerRunner(look_up)([random(3, 7, 6)]), engine.prepare(program)
    assert not isinstance(runner, EagerRunner)
    for made, expected in zip(engine.prepare(look_up)([random(3, 7, 6)]), text):
        assert np.abs(np.asarray(made) - expected.numpy()).max() < 1e-5
    for branches, frames in ((1, 1), (2, 5), (3, 2)):
        given = [random(branches * frames, 4, height, width), random(1, 8), *(tensor[:branches] for tensor in text)]
        [expected], [made] = EagerRunner(program)(given), runner(given)
        assert np.abs(np.asarray(made) - expected.numpy()).max() <= 1e-4 * expected.numpy().std()


def test_what_the_libraries_note_in_a_configuration_does_not_name_another_program():
    network = UNet3D.from_config({**SMALL, "_class_name": "UNet3DConditionModel"})
    assert "_use_default_values" in network.config
    assert "'_" not in VideoTextLookup(network).identity()["config"]


# Windows


@pytest.mark.parametrize("frames, window, overlap", [(30, 16, 8), (64, 16, 4), (17, 16, 15), (33, 8, 0), (5, 2, 1)])
def test_windows_cover_every_frame_and_share_it_out(frames, window, overlap):
    parts = windows(frames, window, overlap)
    assert {frame for part in parts for frame in part} == set(range(frames))
    assert all(len(part) == window for part in parts)
    assert all(one.stop - other.start >= overlap for one, other in itertools.pairwise(parts))
    total = np.zeros(frames)
    for part, say in zip(parts, shares(parts, frames)):
        assert (say > 0).all()
        total[part.start : part.stop] += say
    assert np.allclose(total, 1)


def test_a_short_clip_is_one_window():
    assert windows(16, 16, 8) == [range(16)] and windows(1, 16, 8) == [range(1)]


def test_where_windows_overlap_the_prediction_goes_over_gradually():
    first, second = shares([range(8), range(4, 12)], 12)
    assert np.all(first[:4] == 1) and np.all(second[4:] == 1)
    assert np.all(np.diff(second[:4]) > 0) and np.all(np.diff(first[4:]) < 0)


def test_a_long_clip_is_predicted_window_by_window(unet):
    text, latents = random(2, 9, 128), random(5, 4, 4, 4)
    program, schedule = VideoNoisePrediction(unet, 4, 4), Schedule(text, [TIMESTEP], guided=1)

    def run(frames: paddle.Tensor, **sizes) -> np.ndarray:
        network = Windowed(VideoUNet(program, EagerEngine(), schedule), **sizes)
        return network(frames, 0, list(range(len(frames)))).numpy().reshape(2, -1, 4, 4, 4)

    whole, parts = run(latents, window=3, overlap=1), [run(latents[:3]), run(latents[2:])]
    assert np.abs(whole[:, :2] - parts[0][:, :2]).max() < 1e-5
    assert np.abs(whole[:, 3:] - parts[1][:, 1:]).max() < 1e-5
    assert np.abs(whole[:, 2] - (parts[0][:, 2] + parts[1][:, 0]) / 2).max() < 1e-5
    assert np.abs(whole - run(latents, window=5)).max() > 1e-3
