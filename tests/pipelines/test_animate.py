"""Motion modules: against PyTorch diffusers, on every engine, in windows, killed and gone on with."""

from __future__ import annotations

import json

import numpy as np
import paddle
import pytest
from conftest import DATA
from ppdiffusers import ControlNetModel

from ppt2v.engine.eager import EagerEngine, EagerRunner
from ppt2v.engine.inference import InferenceEngine
from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.models.loading.weights import load_component
from ppt2v.pipelines.animate import AnimatePipeline
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise, RepeatedNoise
from ppt2v.pipelines.networks.motion_modules import MotionModules
from ppt2v.pipelines.networks.motion_unet import MotionUNet
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.networks.programs import SelfAttention
from ppt2v.pipelines.networks.schedule import Schedule
from ppt2v.pipelines.networks.text_programs import TextLookup
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.networks.windowed import Windowed
from ppt2v.pipelines.planning.windows import window_length
from ppt2v.pipelines.video_controlnet import Control, VideoControlNetPipeline

REFERENCE = DATA / "animate_reference"
CASES = json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))
COMMON = {"prompt": "the fox in the snow", "negative_prompt": "dog on the beach"}
SAME_PROMPTS = f"2: {COMMON['prompt']}; 4: {COMMON['prompt']}"
SIZE = {"height": 16, "width": 16}
TOLERANCE = 1e-3  # of the latents' standard deviation, after 10 steps; float32 sums in another order differ by less


class StoredNoise:
    """The noise that the reference was made with (tests/data/make_animate_reference.py)."""

    def __init__(self, noise: np.ndarray):
        self.noise = noise

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        drawn = (
            self.noise if step == 0 else np.random.default_rng(2 + step).standard_normal(self.noise.shape, np.float32)
        )
        return paddle.to_tensor(drawn[frame_ids])


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE / "latents.npz"))


def parts(modules: str) -> dict:
    """Those of the reference's model with its motion modules of that name."""
    added = adapters.read({"motion_module": str(REFERENCE / modules)})
    loaded = load_stable_diffusion(DATA / "text2video_reference" / "model", adapters=added)
    return {**loaded.components, "requires_safety_checker": False}


@pytest.fixture(scope="module")
def animate():
    return AnimatePipeline(**parts("with the middle"))


@pytest.fixture(scope="module")
def guided():
    return VideoControlNetPipeline(**parts("with the middle"))


@pytest.fixture(scope="module")
def controls(stored):
    network = load_component(DATA / "guided_reference" / "controlnet0", ControlNetModel)
    return lambda strength: [Control(network, stored["pictures"], strength)]


def deviation(made, expected: np.ndarray) -> float:
    """The largest difference, as a share of the standard deviation."""
    return float(np.abs(np.asarray(made) - expected).max() / expected.std())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "controls" not in case])
def test_it_makes_what_diffusers_makes(name, animate, stored):
    case = dict(CASES[name])
    pipeline = animate if case.pop("modules") == "with the middle" else AnimatePipeline(**parts("without"))
    clip = {"clip": stored["pictures"]} if "strength" in case else {"video_length": 5, **SIZE}
    made = pipeline(noise=StoredNoise(stored["noise"]), num_inference_steps=10, **clip, **COMMON, **case)
    assert deviation(made, stored[name]) < TOLERANCE


def test_guided_by_a_controlnet_it_makes_what_diffusers_makes(guided, controls, stored):
    [strength] = CASES["one ControlNet"]["controls"]
    settings = {"use_cf_attn": False, "guidance_scale": 7.5, "num_inference_steps": 10, **COMMON}
    made = guided(noise=StoredNoise(stored["noise"]), controls=controls(strength), **settings)
    assert deviation(made, stored["one ControlNet"]) < TOLERANCE


ENGINES = [
    (OpenVINOEngine, True, False),
    (InferenceEngine, False, False),
    pytest.param(OpenVINOEngine, True, True, marks=pytest.mark.slow),
    pytest.param(InferenceEngine, False, True, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("engine", "cross_frame", "texts_of_frames"), ENGINES)
def test_every_engine_predicts_the_same(engine, cross_frame, texts_of_frames, animate):
    network, text = animate.unet, paddle.randn([2, 15 if texts_of_frames else 5, 16])
    attended = SelfAttention(cross_frame)
    program = NoisePrediction(network, 8, 2, attended, deep_features=True, texts_of_frames=texts_of_frames)
    texts = program.texts(EagerRunner(TextLookup(network))([text]))
    time = network.time_proj(paddle.to_tensor([400.0]))
    given = [paddle.randn([6, 4, 8, 2]), time, *texts, *program.no_anchor(2)]
    for expected, made in zip(EagerRunner(program)(given), engine("float32").prepare(program)(given)):
        assert deviation(made, expected.numpy()) < 1e-4


@pytest.mark.slow
def test_guided_with_all_frames_at_the_first_openvino_makes_the_same(guided, controls, monkeypatch):
    settings = {"noise": Noise(0), "controls": controls(0.7), "num_inference_steps": 2, "window": 4, **COMMON}
    eager = guided(**settings).numpy()
    assert deviation(guided(**{**settings, "use_cf_attn": False}), eager) > 0.01
    monkeypatch.setattr(guided, "engine", OpenVINOEngine("float32"), raising=False)
    assert deviation(guided(**settings), eager) < TOLERANCE


# Windows


def predictor(network: MotionUNet, cross_frame: bool) -> Windowed:
    schedule = Schedule(paddle.to_tensor(np.random.default_rng(4).standard_normal((2, 5, 16), np.float32)), [400], 1)
    program = NoisePrediction(network, 8, 8, SelfAttention(cross_frame))
    return Windowed(UNet(program, EagerEngine(), schedule), window=4, overlap=2)


@pytest.mark.parametrize("cross_frame", [True, False])
def test_of_a_long_clip_all_windows_look_at_the_first_frame_or_none_does(cross_frame, animate):
    latents = Noise(0).draw("start", list(range(8)), [4, 8, 8])
    others = paddle.concat([latents[:1] + 1, latents[1:]])
    predict, frame_ids = predictor(animate.unet, cross_frame), list(range(8))
    with paddle.no_grad():
        first, second = (predict(each, 0, frame_ids).reshape([2, 8, -1]).numpy() for each in (latents, others))
    change = np.abs(first - second).max(axis=(0, 2))
    assert (change[:4] > 1e-3).all() and (change[4:] > 1e-3).all() == cross_frame
    assert cross_frame or not change[4:].any()


def test_the_frames_of_a_window_see_each_other(animate):
    settings = {"noise": Noise(0), "num_inference_steps": 1, **SIZE, **COMMON}
    alone, together = animate(video_length=1, **settings), animate(video_length=3, **settings)
    assert deviation(together[:1].numpy(), alone.numpy()) > 0.01


def test_noise_is_repeated_behind_the_first_window_in_another_order():
    noise = RepeatedNoise(Noise(5), window=8, unit=4)
    starts = noise.draw("start", list(range(20)), [2]).numpy()
    assert np.array_equal(starts[:8], Noise(5).draw("start", list(range(8)), [2]).numpy())
    for unit in range(8, 20, 4):
        before, here = starts[unit - 8 : unit - 4], starts[unit : unit + 4]
        assert np.array_equal(np.sort(before, axis=0), np.sort(here, axis=0))
    assert not np.array_equal(starts[:12], starts[8:20])
    assert np.array_equal(starts[13:15], noise.draw("start", [13, 14], [2]).numpy())
    assert len(np.unique(noise.draw("step", list(range(20)), [1]).numpy())) == 20


def test_a_window_has_no_more_frames_than_the_modules_tell_apart(animate):
    assert [window_length(asked, longest) for asked, longest in ((None, 24), (None, 6), (20, 24))] == [16, 6, 20]
    with pytest.raises(InputError, match="motion_window=7: the motion module tells 6 frames apart; give 2 to 6"):
        animate(noise=Noise(0), window=7, **COMMON)


# Prompts that change


def test_prompts_that_are_the_same_change_nothing(animate):
    settings = {"noise": Noise(0), "video_length": 6, "window": 4, "num_inference_steps": 4, "cache_interval": 2}
    plain, same = (animate(prompt_at=way, **settings, **SIZE, **COMMON) for way in (None, SAME_PROMPTS))
    assert deviation(same, plain.numpy()) <= 1e-5


def test_guided_prompts_that_are_the_same_change_nothing(guided, controls):
    settings = {"noise": Noise(0), "controls": controls(0.7), "window": 4, "num_inference_steps": 2}
    plain, same, other = (guided(prompt_at=way, **settings, **COMMON) for way in (None, SAME_PROMPTS, "4: dog"))
    assert deviation(same, plain.numpy()) <= 1e-5
    assert deviation(other, plain.numpy()) > 0.01


def test_a_keyframe_is_what_its_prompt_alone_makes_where_frames_do_not_see_each_other():
    pipeline = AnimatePipeline(**parts("without"))
    for name, weights in pipeline.unet.motion.named_parameters():
        if "proj_out" in name:
            weights.set_value(paddle.zeros_like(weights))
    settings = {"noise": Noise(0), "video_length": 6, "window": 4, "num_inference_steps": 2, **SIZE}
    settings["negative_prompt"] = COMMON["negative_prompt"]
    travelled = pipeline(prompt=COMMON["prompt"], prompt_at="3: cat on the beach; 5: dog", **settings).numpy()
    for frame, prompt in ((0, COMMON["prompt"]), (3, "cat on the beach"), (5, "dog")):
        alone = pipeline(prompt=prompt, **settings).numpy()
        assert deviation(travelled[frame], alone[frame]) < 1e-5 < 1e-3 < deviation(travelled[4], alone[4])


# Killed and gone on with


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_at_a_whole_step_and_ends_in_the_same_bytes(animate, tmp_path):
    settings = {"video_length": 5, "num_inference_steps": 4, "eta": 0.5, **SIZE, **COMMON}
    settings |= {"cache_interval": 2, "noise": Noise(3), "window": 4}
    whole = animate(**settings).numpy()
    checkpoint = Checkpoint(tmp_path, {})

    def kill(done: int, total: int) -> None:
        if done == 4 * 5:
            raise Killed

    with pytest.raises(Killed):
        animate(**settings, checkpoint=checkpoint, progress=kill)
    assert int(checkpoint.load()["step"]) == 2
    assert np.array_equal(animate(**settings, checkpoint=checkpoint).numpy(), whole)


@pytest.mark.parametrize(("killed", "kept"), [(3, (0, 3)), (5, (1, 2))])
def test_so_does_one_that_starts_again_from_what_it_has_made(killed, kept, animate, tmp_path):
    settings = {"video_length": 3, "num_inference_steps": 3, "free_init": 2, "noise": Noise(3), **SIZE, **COMMON}
    told, checkpoint = [], Checkpoint(tmp_path, {})
    whole = animate(**settings, progress=lambda *each: told.append(each)).numpy()
    assert told == [(3 * step, 18) for step in range(1, 7)]

    def kill(done: int, total: int) -> None:
        if done == (killed + 1) * 3:
            raise Killed

    with pytest.raises(Killed):
        animate(**settings, checkpoint=checkpoint, progress=kill)
    assert tuple(int(checkpoint.load()[name]) for name in ("iteration", "step")) == kept
    assert np.array_equal(animate(**settings, checkpoint=checkpoint).numpy(), whole)


def test_a_given_first_frame_comes_out_as_it_went_in_and_the_others_follow_it(animate, stored, tmp_path):
    height, width = stored["pictures"].shape[1:3]
    settings = {"video_length": 5, "window": 4, "num_inference_steps": 4, "noise": Noise(3), **COMMON}
    settings |= {"height": height, "width": width, "first": stored["pictures"][:1], "strength": 0.8}
    made = animate(**settings).numpy()
    scale = animate.vae.config.scaling_factor
    assert np.array_equal(made[:1], (animate.encode(settings["first"]) * scale).numpy())
    other = animate(**{**settings, "first": 255 - settings["first"]}).numpy()
    assert all(deviation(frame, expected) > 0.01 for frame, expected in zip(other[1:], made[1:]))

    def kill(done: int, total: int) -> None:
        assert total == 3 * 5
        if done == 2 * 5:
            raise Killed

    checkpoint = Checkpoint(tmp_path, {})
    with pytest.raises(Killed):
        animate(**settings, checkpoint=checkpoint, progress=kill)
    assert int(checkpoint.load()["step"]) == 2
    assert np.array_equal(animate(**settings, checkpoint=checkpoint).numpy(), made)


def test_levels_without_text_attention_have_modules_too(tiny_folder, motion_folder):
    added = adapters.read({"motion_module": str(motion_folder)})
    pipeline = AnimatePipeline(**load_stable_diffusion(tiny_folder, adapters=added).components)
    settings = {"noise": Noise(0), "video_length": 3, "num_inference_steps": 1, **SIZE, **COMMON}
    made = pipeline(**settings).numpy()
    module = pipeline.unet.motion.down_blocks[1].motion_modules[0]
    module.proj_out.weight.set_value(module.proj_out.weight * 2)
    assert deviation(pipeline(**settings), made) > 1e-3


def test_the_published_sizes():
    with paddle.LazyGuard():
        networks = [MotionModules(use_motion_mid_block=with_middle) for with_middle in (False, True)]
    assert [sum(int(np.prod(each.shape)) for each in network.parameters()) for network in networks] == [
        417_700_800,
        453_813_440,
    ]
