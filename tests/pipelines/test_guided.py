"""The guided pipelines: against PyTorch diffusers, and their promises of chunks and of undone changes."""

from __future__ import annotations

import json

import numpy as np
import paddle
import pytest
from conftest import DATA
from ppdiffusers import ControlNetModel, UNet2DConditionModel

from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.models.loading.weights import load_component
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.solvers import Frames, solver
from ppt2v.pipelines.video_controlnet import Control, VideoControlNetPipeline
from ppt2v.pipelines.video_instruct_pix2pix import VideoInstructPix2PixPipeline

REFERENCE = DATA / "guided_reference"
CASES = json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))
COMMON = {"prompt": "the fox in the snow", "negative_prompt": "dog on the beach", "num_inference_steps": 10}
TOLERANCE = 1e-3  # of the latents' standard deviation, after 10 steps; float32 sums in another order differ by less


class StoredNoise:
    """The noise that the reference was made with (tests/data/make_guided_reference.py)."""

    def __init__(self, noise: np.ndarray):
        self.noise = noise

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        return paddle.to_tensor(self.noise[0 if purpose == "start" else 1 + step][frame_ids])


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE / "latents.npz"))


@pytest.fixture(scope="module")
def model():
    return load_stable_diffusion(DATA / "text2video_reference" / "model")


@pytest.fixture(scope="module")
def controlnet(model):
    return VideoControlNetPipeline(**model.components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def networks():
    return [load_component(REFERENCE / f"controlnet{number}", ControlNetModel) for number in (0, 1)]


@pytest.fixture(scope="module")
def pix2pix(model):
    parts = {**model.components, "unet": load_component(REFERENCE / "pix2pix_unet", UNet2DConditionModel)}
    return VideoInstructPix2PixPipeline(**parts, requires_safety_checker=False)


def controls(networks: list, stored: dict, strengths: list[float]) -> list[Control]:
    maps = [stored["pictures"], stored["pictures"][::-1]]
    return [Control(*each) for each in zip(networks, maps, strengths)]


def assert_close(latents: paddle.Tensor, expected: np.ndarray) -> None:
    assert np.abs(latents.numpy() - expected).max() < TOLERANCE * expected.std()


@pytest.mark.parametrize("chunk_size", [8, 3])
@pytest.mark.parametrize("name", CASES["controlnet"])
def test_controlnet_is_that_of_diffusers(name, chunk_size, controlnet, networks, stored):
    case = dict(CASES["controlnet"][name])
    guides = controls(networks, stored, case.pop("strengths"))
    latents = controlnet(noise=StoredNoise(stored["noise"]), controls=guides, chunk_size=chunk_size, **COMMON, **case)
    assert_close(latents, stored[f"controlnet {name}"])


def test_prompts_that_change_are_seen_by_unet_and_controlnet(controlnet, networks, stored):
    guides, prompt = controls(networks, stored, [1.0]), COMMON["prompt"]

    def make(**changes) -> np.ndarray:
        given = {**COMMON, "num_inference_steps": 2, **changes}
        return controlnet(noise=StoredNoise(stored["noise"]), controls=guides, **given).numpy()

    plain, same, other = make(), make(prompt_at=f"2: {prompt}"), make(prompt_at="2: cat on the beach", chunk_size=2)
    assert np.abs(same - plain).max() <= 1e-4 * plain.std()
    assert np.abs(other[0] - plain[0]).max() <= 1e-4 * plain.std()
    assert (np.abs(other[1:] - plain[1:]).max((1, 2, 3)) > 1e-3 * plain.std()).all()


@pytest.mark.parametrize("chunk_size", [8, 3])
@pytest.mark.parametrize("name", CASES["pix2pix"])
def test_pix2pix_is_that_of_diffusers(name, chunk_size, pix2pix, stored, monkeypatch):
    case = dict(CASES["pix2pix"][name])
    if case.pop("no_spacing", False):
        config = {name: value for name, value in pix2pix.scheduler.config.items() if name != "timestep_spacing"}
        monkeypatch.setattr(pix2pix, "scheduler", type(pix2pix.scheduler).from_config(config))
    arguments = {"shared_noise": case.pop("shared", True), "chunk_size": chunk_size, **COMMON, **case}
    latents = pix2pix(noise=StoredNoise(stored["noise"]), frames=stored["pictures"], **arguments)
    assert_close(latents, stored[f"pix2pix {name}"])


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_euler_ancestral_is_that_of_diffusers(kind, stored):
    from ppdiffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=kind,
        rescale_betas_zero_snr=kind == "v_prediction",
        timestep_spacing="trailing",
    )
    stepper = solver("euler_a", scheduler, 10)
    frames = Frames(stepper.start(paddle.to_tensor(stored["noise"][0])))
    for step, expected in enumerate(stored[f"euler {kind}"]):
        predicted = stepper.scaled(frames.latents, step) / 2
        frames = stepper.step(predicted, step, frames, lambda: paddle.to_tensor(stored["noise"][1 + step]))
        # diffusers' latents are larger by the square root of 1 + sigma^2, the inverse of the signal's share
        here = stepper.level(step + 1)[0]
        assert np.abs(frames.latents.numpy() - expected * here).max() < 1e-4 * (expected * here).std()


def test_guidance_that_stops_runs_the_last_steps_with_one_branch(controlnet, networks, stored):
    batches = []
    hook = controlnet.unet.register_forward_pre_hook(lambda layer, inputs: batches.append(inputs[0].shape[0]))
    controlnet(noise=Noise(0), controls=controls(networks, stored, [1.0]), guidance_stop_step=0.3, **COMMON)
    hook.remove()
    assert batches == [2, 6] * 3 + [1, 3] * 7


@pytest.mark.parametrize("guess_mode", [False, True])
def test_frames_have_their_own_strengths_in_any_chunks(guess_mode, controlnet, networks, stored):
    """Each frame is as if all had its strength, where frames do not attend to each other."""

    def made(strengths, chunk_size):
        guides = [Control(networks[0], stored["pictures"], strengths)]
        arguments = {"guess_mode": guess_mode, "use_cf_attn": False, "chunk_size": chunk_size, **COMMON}
        return controlnet(noise=Noise(0), controls=guides, **arguments).numpy()

    own = [0.0, 1.0, 0.4, 1.0]
    for chunk_size in (2, 8):
        frames = made(own, chunk_size)
        for strength in set(own):
            alike = [number for number, given in enumerate(own) if given == strength]
            assert_close(paddle.to_tensor(frames[alike]), made(strength, 8)[alike])


def test_a_controlnet_computes_in_its_part_of_the_steps_alone(controlnet, networks, stored):
    runs = []
    hook = networks[0].register_forward_pre_hook(lambda layer, inputs: runs.append(layer))
    part = {"control_guidance_start": 0.15, "control_guidance_end": 0.7}
    controlnet(noise=Noise(0), controls=controls(networks, stored, [1.0]), **part, **COMMON)
    hook.remove()
    assert len(runs) == 2 * 5  # the first frame and the others, at steps 2 to 6 of 10


def test_pix2pix_without_its_last_guidance_keeps_the_clip(pix2pix, stored):
    arguments = {"noise": Noise(0), "frames": stored["pictures"], **COMMON}
    full, stopped = (pix2pix(guidance_stop_step=part, **arguments) for part in (1.0, 0.5))
    assert stopped.shape == full.shape and not np.allclose(stopped.numpy(), full.numpy())


@pytest.mark.slow
def test_openvino_makes_the_same(controlnet, pix2pix, networks, stored, monkeypatch):
    guides = controls(networks, stored, [0.7, 0.5])
    runs = [(controlnet, {"controls": guides}), (pix2pix, {"frames": stored["pictures"]})]
    for pipeline, own in runs:
        eager = pipeline(noise=Noise(0), chunk_size=3, **own, **COMMON)
        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "engine", OpenVINOEngine("float32"), raising=False)
            assert_close(pipeline(noise=Noise(0), chunk_size=3, **own, **COMMON), eager.numpy())
