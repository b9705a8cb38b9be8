import inspect
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from ppt2v.errors import InputError, NumericalError
from ppt2v.pipelines.animate import AnimatePipeline
from ppt2v.pipelines.latent_diffusion import LatentDiffusion
from ppt2v.pipelines.settings import Sampling, Sharing, by_keywords
from ppt2v.pipelines.text_to_video_modelscope import TextToVideoPipeline
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.pipelines.video_controlnet import VideoControlNetPipeline
from ppt2v.pipelines.video_fusion import VideoFusionPipeline
from ppt2v.pipelines.video_instruct_pix2pix import VideoInstructPix2PixPipeline

OF_IMAGE_MODELS = AnimatePipeline, TextToVideoZeroPipeline, VideoControlNetPipeline, VideoInstructPix2PixPipeline
OF_VIDEO_MODELS = TextToVideoPipeline, VideoFusionPipeline


@by_keywords(guidance_scale=9.0, cache_interval=3)
def call(sampling: Sampling, noise: str, sharing: Sharing, strength: float = 0.6):
    return sampling, noise, sharing, strength


def names(group: type) -> list[str]:
    return [field.name for field in fields(group)]


def test_fields_are_given_as_keywords():
    sampling, noise, sharing, strength = call(prompt="a fox", noise="white", eta=0.5, merging_ratio=0.2, strength=1.0)
    assert (sampling.prompt, sampling.eta, noise, sharing.merging_ratio, strength) == ("a fox", 0.5, "white", 0.2, 1.0)


def test_what_must_be_given_may_be_given_by_position():
    sampling, noise, _, _ = call("a fox", "white")
    assert (sampling.prompt, noise) == ("a fox", "white")


def test_defaults_are_those_of_the_pipeline_then_those_of_the_fields():
    sampling, _, sharing, strength = call("a fox", "white")
    assert sampling == Sampling("a fox", guidance_scale=9.0)
    assert (sharing, strength) == (Sharing(cache_interval=3), 0.6)


@pytest.mark.parametrize("given", [{"steps": 3}, {"noise": "pink"}, {"sampling": Sampling("a fox")}])
def test_a_keyword_that_is_unknown_or_given_twice_is_refused(given):
    with pytest.raises(TypeError, match=f"'{next(iter(given))}'"):
        call("a fox", "white", **given)


def test_a_call_without_its_prompt_is_refused():
    with pytest.raises(TypeError, match="'prompt'"):
        call(noise="white")


@pytest.mark.parametrize("pipeline", OF_IMAGE_MODELS + OF_VIDEO_MODELS)
def test_the_signature_of_a_pipeline_shows_all_that_it_is_told(pipeline):
    shown = inspect.signature(pipeline.__call__).parameters
    shared = names(Sharing) if pipeline in OF_IMAGE_MODELS else []
    assert [name for name in shown if name in names(Sampling) + names(Sharing)] == names(Sampling) + shared
    assert {"noise", "checkpoint", "progress"} < set(shown)


@pytest.mark.parametrize(
    ("scale", "texts"), [(1.0, ["a fox"]), (0.0, ["a fox"]), (1.5, ["blurred", "a fox"]), (9.0, ["blurred", "a fox"])]
)
def test_without_guidance_there_is_no_negative_prompt(scale, texts):
    assert Sampling("a fox", guidance_scale=scale, negative_prompt="blurred").texts == texts


@pytest.mark.parametrize("solver", ["ddim", "euler", "unipc"])
def test_the_spacing_of_timesteps_is_the_one_that_is_asked_for(solver):
    """999, 749, 499, 249: what models in four steps were distilled on."""
    from ppdiffusers import DDIMScheduler

    pipeline = LatentDiffusion()
    pipeline.scheduler = DDIMScheduler(steps_offset=1)
    own = pipeline.solver(Sampling("a fox", 4, solver=solver)).timesteps
    asked = pipeline.solver(Sampling("a fox", 4, solver=solver, timestep_spacing="trailing")).timesteps
    assert asked == [999, 749, 499, 249] != own
    assert pipeline.solver(Sampling("a fox", 4, solver=solver)).timesteps == own


def test_a_solver_with_timesteps_of_its_own_takes_no_spacing():
    with pytest.raises(InputError, match="timestep_spacing=leading: the solver lcm has timesteps of its own"):
        LatentDiffusion().solver(Sampling("a fox", solver="lcm", timestep_spacing="leading"))


@pytest.mark.parametrize(
    "solver, stop, guided",
    [("heun", 0.5, 4), ("heun", 0.3, 2), ("heun", 0.0, 0), ("dpm++_sde", 0.7, 6), ("euler", 0.5, 2)],
)
def test_guidance_stops_behind_a_step_and_not_within_it(solver, stop, guided, monkeypatch):
    """In 4 steps, of which these solvers but euler make 7 predictions: two in each but the last one."""
    from ppdiffusers import DDIMScheduler

    pipeline, sampling = LatentDiffusion(), Sampling("a fox", 4, guidance_stop_step=stop, solver=solver)
    pipeline.scheduler = DDIMScheduler(steps_offset=1)
    monkeypatch.setattr(pipeline, "_read", lambda sampling, texts: (None, None))
    assert pipeline.schedule(sampling, pipeline.solver(sampling)).guided == guided


def test_a_preview_that_cannot_be_decoded_is_grey_and_the_run_goes_on(monkeypatch):
    def decode(latents, tile):
        raise NumericalError("E-NETWORK-INFINITE", "{task} gave NaN", task="decoding")

    pipeline = LatentDiffusion()
    pipeline.vae_scale_factor, pipeline.running = 2, SimpleNamespace(preview=np.full((3, 4, 8, 6), np.nan))
    monkeypatch.setattr(pipeline, "decode", decode)
    for count in (1, None):
        shown = pipeline.preview(frames=count)
        assert shown.shape == (count or 3, 16, 12, 3) and shown.dtype == np.uint8 and (shown == 127).all()
