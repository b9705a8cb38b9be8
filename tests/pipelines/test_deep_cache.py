"""DeepCache: which steps compute the whole UNet, and that the others take its deeper levels from the last of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import paddle
import pytest
from conftest import DATA
from kills import Killed, kill_at
from ppdiffusers import ControlNetModel, UNet2DConditionModel
from stand_in_engine import FragileEngine
from test_text_to_video_zero import SETTINGS, left_half

from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.models.loading.weights import load_component
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks import predictors
from ppt2v.pipelines.networks.unet_programs import NoisePrediction, OutermostLevel
from ppt2v.pipelines.settings import Sharing
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.pipelines.video_controlnet import Control, VideoControlNetPipeline
from ppt2v.pipelines.video_instruct_pix2pix import VideoInstructPix2PixPipeline

REFERENCE = DATA / "guided_reference"

# T1 is before step 2 and T0 before step 5 of ten: the count of three begins at step 0 and again at step 2.
STEPS, INTERVAL = 10, 3
TEXT2VIDEO = {"prompt": "the fox in the snow", "t1": 35, "t0": 20, "video_length": 3, "chunk_size": 2}
GUIDED = {"prompt": "the fox in the snow", "chunk_size": 2}
SMOOTH = {"smooth_bg": left_half, "smooth_bg_strength": 0.2}


def _named(value: object) -> str:
    """The name of a case: the same in every process, unlike a function's address."""
    return "smooth background" if value is SMOOTH else str(value)


# Which steps are whole, by hand.
AFTER_T1, FROM_THE_START, STOPPED = {0, 2, 5, 8}, {0, 3, 6, 9}, {0, 3, 5, 8}
IN_PART, PART = {0, 2, 5, 7}, {"control_guidance_start": 0.15, "control_guidance_end": 0.7}


@pytest.fixture(scope="module")
def model():
    return load_stable_diffusion(DATA / "text2video_reference" / "model")


@pytest.fixture(scope="module")
def text2video(model):
    return TextToVideoZeroPipeline(**model.components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def runs(model, text2video, pictures) -> dict:
    """By mode: a pipeline and what it is given."""
    controls = [
        Control(load_component(REFERENCE / f"controlnet{number}", ControlNetModel), pictures, strength)
        for number, strength in ((0, 0.7), (1, 0.5))
    ]
    pix2pix = {**model.components, "unet": load_component(REFERENCE / "pix2pix_unet", UNet2DConditionModel)}
    controlnet = VideoControlNetPipeline(**model.components, requires_safety_checker=False)
    return {
        "text2video": (text2video, TEXT2VIDEO),
        "one control": (controlnet, {**GUIDED, "controls": controls[:1]}),
        "part of the steps": (controlnet, {**GUIDED, **PART, "controls": controls[:1]}),
        "two controls": (controlnet, {**GUIDED, "controls": controls}),
        "pix2pix": (
            VideoInstructPix2PixPipeline(**pix2pix, requires_safety_checker=False),
            {**GUIDED, "frames": pictures},
        ),
    }


@pytest.fixture(scope="module")
def without_attention(model):
    """A pipeline whose UNet has no attention in its outermost level, as the embedded model."""
    paddle.seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )
    unet.eval()
    return TextToVideoZeroPipeline(**{**model.components, "unet": unet}, requires_safety_checker=False)


@pytest.fixture(scope="module")
def plain(text2video) -> np.ndarray:
    return make(text2video, TEXT2VIDEO)


def make(pipe, given: dict, interval: int = INTERVAL, **changes) -> np.ndarray:
    arguments = {"num_inference_steps": STEPS, "cache_interval": interval, **given, **changes}
    return pipe(noise=Noise(0), **arguments).numpy()


class SlowReference:
    """Computes all levels at every step, and at those that are not whole puts former results in their places.

    Args:
        unet: of the pipeline.
        whole: the steps that are.
    """

    def __init__(self, unet, whole: set[int], monkeypatch):
        self.whole, self.deep, self.residuals = whole, {}, {}
        self.last, self.forward, self.call = unet.up_blocks[-1].forward, unet.forward, predictors.UNet.__call__
        monkeypatch.setattr(unet.up_blocks[-1], "forward", self.run_last_block, raising=False)
        monkeypatch.setattr(unet, "forward", self.run_unet, raising=False)
        reference = self
        monkeypatch.setattr(predictors.UNet, "__call__", lambda unet, *inputs: reference.note(unet, *inputs))

    def note(self, unet, latents, step: int, frame_ids: list[int]):
        self.is_whole, self.frames = step in self.whole, tuple(frame_ids)
        return self.call(unet, latents, step, frame_ids)

    def kept(self, store: dict, value):
        if self.is_whole:
            store[self.frames] = value
        return store[self.frames]

    def run_last_block(self, hidden_states, **given):
        return self.last(hidden_states=self.kept(self.deep, hidden_states), **given)

    def run_unet(self, latents, timestep, **given):
        if "down_block_additional_residuals" in given:
            residuals = self.kept(self.residuals, given["down_block_additional_residuals"])
            given["down_block_additional_residuals"] = residuals
        return self.forward(latents, timestep, **given)


def reference(pipe, whole: set[int], given: dict, **changes) -> np.ndarray:
    with pytest.MonkeyPatch.context() as patch:
        SlowReference(pipe.unet, whole, patch)
        return make(pipe, given, interval=1, **changes)


def assert_close(made: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for the order of float32's sums."""
    assert np.abs(made - expected).max() < 1e-4 * expected.std()


@pytest.mark.parametrize(
    "mode, whole",
    [
        ("text2video", AFTER_T1),
        ("one control", FROM_THE_START),
        ("part of the steps", IN_PART),
        ("two controls", FROM_THE_START),
        ("pix2pix", FROM_THE_START),
    ],
)
def test_it_makes_what_the_slow_reference_makes(runs, mode, whole):
    pipe, given = runs[mode]
    made = make(pipe, given)
    assert_close(made, reference(pipe, whole, given))
    assert np.abs(made - make(pipe, given, interval=1)).max() > 1e-2 * made.std()


@pytest.mark.parametrize(
    "changes, whole",
    [
        ({"use_cf_attn": False}, AFTER_T1),
        ({"merging_ratio": 0.5}, AFTER_T1),
        ({"use_motion_field": False, "guidance_stop_step": 0.5}, STOPPED),
        ({"guidance_scale": 1.0, "solver": "dpmsolver++"}, AFTER_T1),
        ({"height": 12, "width": 20}, AFTER_T1),
        (SMOOTH, AFTER_T1),
    ],
    ids=_named,
)
def test_so_it_does_with_other_arguments(text2video, changes, whole):
    assert_close(make(text2video, TEXT2VIDEO, **changes), reference(text2video, whole, TEXT2VIDEO, **changes))


def test_so_it_does_where_the_outermost_level_has_no_attention(without_attention):
    made = make(without_attention, TEXT2VIDEO)
    assert_close(made, reference(without_attention, AFTER_T1, TEXT2VIDEO))


@pytest.mark.parametrize("mode", ["text2video", "one control", "pix2pix"])
def test_an_interval_of_one_changes_no_bit(runs, mode):
    pipe, given = runs[mode]
    plain = pipe(noise=Noise(0), num_inference_steps=STEPS, **given).numpy()
    make(pipe, given)
    assert np.array_equal(make(pipe, given, interval=1), plain)


def test_the_default_program_is_the_former_one(text2video):
    plain, caching = (text2video.main_program(16, 16, Sharing(cache_interval=n)) for n in (1, 3))
    assert plain.identity()["settings"] == {"cross_frame": True, "merging_ratio": 0.0}
    assert caching.identity() != plain.identity()


def test_chunk_size_changes_nothing(text2video, plain):
    made = [make(text2video, TEXT2VIDEO, chunk_size=size) for size in (3, 8)] + [plain]
    assert np.ptp(made, axis=0).max() <= 1e-4


@pytest.mark.parametrize("mode, steps, whole", [("text2video", 10 + 8 * 2, 4 + 3 * 2), ("one control", 30, 12)])
def test_only_whole_steps_compute_the_deeper_levels_and_the_controlnets(runs, mode, steps, whole):
    pipe, given = runs[mode]
    inner = [pipe.unet.down_blocks[1], pipe.unet.mid_block.resnets[0], pipe.unet.up_blocks[0]]
    inner += [control.network for control in given.get("controls", ())]
    outer = [pipe.unet.conv_in, pipe.unet.down_blocks[0], pipe.unet.up_blocks[-1], pipe.unet.conv_out]
    counts = Counter()
    hooks = [
        layer.register_forward_pre_hook(lambda *_, number=number: counts.update([number]))
        for number, layer in enumerate(outer + inner)
    ]
    make(pipe, given)
    for hook in hooks:
        hook.remove()
    assert [counts[number] for number in range(len(hooks))] == [steps] * len(outer) + [whole] * len(inner)


def state(network) -> list:
    """What a run could leave changed."""
    return [
        (
            name,
            type(layer),
            id(layer),
            "forward" in vars(layer),
            dict(layer._forward_post_hooks),
            id(getattr(layer, "processor", None)),
        )
        for name, layer in network.named_sublayers(include_self=True)
    ]


@pytest.mark.parametrize("call", [None, 1, 8, 12])
def test_the_network_is_as_it_was(text2video, call):
    before = state(text2video.unet)
    if call is None:
        make(text2video, TEXT2VIDEO)
    else:
        with pytest.raises(Killed):
            make(text2video, TEXT2VIDEO, progress=kill_at(call))
    assert state(text2video.unet) == before


def test_an_error_within_a_step_leaves_the_network_as_it_was(text2video, monkeypatch):
    before = state(text2video.unet)
    with monkeypatch.context() as patch:
        patch.setattr(OutermostLevel, "compute", lambda self, *given: self.network.fail())
        with pytest.raises(AttributeError):
            make(text2video, TEXT2VIDEO)
    assert state(text2video.unet) == before


# As in test_text_to_video_zero.py: calls 1, 2 are the anchor's way to T1; 3, 4, 5 its way to T0; 6, 7, 8 the followers'
# way to T0; after that anchor and followers report in turn up to call 18. With smoothing 8 steps of both follow.
_MOMENTS = [7, 16, *(pytest.param(call, marks=pytest.mark.slow) for call in (1, 4, 6, 9, 11, 15, 18))]


@pytest.mark.parametrize("call", _MOMENTS)
def test_a_killed_run_ends_in_the_same_bytes(text2video, plain, tmp_path, call):
    with pytest.raises(Killed):
        make(text2video, TEXT2VIDEO, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(call))
    assert np.array_equal(make(text2video, TEXT2VIDEO, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes, call",
    [
        (SMOOTH, 19),
        (SMOOTH, 29),
        ({"guidance_stop_step": 0.6, "solver": "dpmsolver++"}, 14),
    ],
    ids=_named,
)
def test_so_does_a_run_with_other_arguments(text2video, tmp_path, changes, call):
    expected = make(text2video, TEXT2VIDEO, **changes)
    with pytest.raises(Killed):
        make(text2video, TEXT2VIDEO, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(call), **changes)
    assert np.array_equal(make(text2video, TEXT2VIDEO, checkpoint=Checkpoint(tmp_path, SETTINGS), **changes), expected)


@pytest.mark.parametrize("programs", [NoisePrediction, OutermostLevel])
def test_nan_in_half_precision_is_computed_again_in_float32(text2video, plain, monkeypatch, programs):
    engine = FragileEngine(programs)
    monkeypatch.setattr(text2video, "engine", engine, raising=False)
    assert np.array_equal(make(text2video, TEXT2VIDEO), plain)
    assert sum(runner.calls.count(True) for runner in engine.runners) == 1
    assert all(runner.half for runner in engine.runners)


@pytest.mark.slow
def test_openvino_makes_the_same(runs, monkeypatch):
    pipe, given = runs["one control"]
    eager = make(pipe, given)
    monkeypatch.setattr(pipe, "engine", OpenVINOEngine("float32"), raising=False)
    assert np.abs(make(pipe, given) - eager).max() < 1e-3 * eager.std()


@pytest.mark.slow
def test_openvino_makes_the_same_where_the_outermost_level_has_no_attention(without_attention, monkeypatch, recwarn):
    eager = make(without_attention, TEXT2VIDEO)
    monkeypatch.setattr(without_attention, "engine", OpenVINOEngine("float32"), raising=False)
    assert np.abs(make(without_attention, TEXT2VIDEO) - eager).max() < 1e-3 * eager.std()
    assert not [warning for warning in recwarn if "runs eagerly" in str(warning.message)]
