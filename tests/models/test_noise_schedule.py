"""The noise schedules of models: what their files leave out has the family's value, whichever class wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion, text_to_video, video_fusion
from ppt2v.models.families.noise_schedule import noise_schedule
from ppt2v.models.formats import reading
from ppt2v.models.layouts import file_schedule
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.layouts.ldm_names import SCHEDULER

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
# What these classes write for the same model: all the parameters that each has, and none that it lacks.
CLASSES = {
    "PNDMScheduler": {"skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1, "trained_betas": None},
    "DDIMScheduler": {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
    "DPMSolverMultistepScheduler": {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    "EulerDiscreteScheduler": {"interpolation_type": "linear", "use_karras_sigmas": False, "steps_offset": 1},
    "EulerAncestralDiscreteScheduler": {"steps_offset": 1},
    "UniPCMultistepScheduler": {"solver_order": 2, "solver_type": "bh2", "predict_x0": True},
    "DDPMScheduler": {"variance_type": "fixed_small", "clip_sample": True, "clip_sample_range": 1.0},
    "LCMScheduler": {"original_inference_steps": 50, "timestep_scaling": 10.0, "clip_sample": False},
}


def reference():
    from ppdiffusers import DDIMScheduler

    return DDIMScheduler(**{name: value for name, value in SCHEDULER.items() if name != "_class_name"})


def assert_same(one, other) -> None:
    for name in ("clip_sample", "set_alpha_to_one", "steps_offset", "prediction_type"):
        assert one.config[name] == other.config[name], name
    np.testing.assert_array_equal(one.alphas_cumprod.numpy(), other.alphas_cumprod.numpy())
    assert one.final_alpha_cumprod.item() == other.final_alpha_cumprod.item()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("loader", ["Stable Diffusion", "text to video", "VideoFusion"])
def test_every_class_of_scheduler_gives_the_familys_schedule(kind, loader, copy, request, monkeypatch):
    place = "scheduler/scheduler_config.json"
    said = {"_class_name": kind, **BETAS, **CLASSES[kind]}
    if loader == "Stable Diffusion":
        (copy / place).write_text(json.dumps(said))
        made, expected = stable_diffusion.load_stable_diffusion(copy, lazy=True).scheduler, reference()
    elif loader == "text to video":
        folder = request.getfixturevalue("modelscope_folder")
        monkeypatch.setattr(text_to_video, "scheduler_config", lambda _: said)
        made, expected = text_to_video.load_text_to_video(folder, lazy=True).scheduler, reference()
    else:
        folder = request.getfixturevalue("video_fusion_folder")
        said |= {"prediction_type": "v_prediction"}
        monkeypatch.setattr(video_fusion, "scheduler_config", lambda _: said)
        made = video_fusion.load_video_fusion(folder, lazy=True).scheduler
        expected = noise_schedule({"prediction_type": "v_prediction"}, "x")
    assert_same(made, expected)


def test_what_a_file_says_is_kept():
    said = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "prediction_type": "sample"}
    made = noise_schedule({**said, "timestep_spacing": "trailing", "rescale_betas_zero_snr": True}, "x")
    assert made.config.prediction_type == "sample" and made.config.timestep_spacing == "trailing"
    assert made.betas[0].item() == pytest.approx(0.0001, rel=0.1) and made.alphas_cumprod[-1].item() == 0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "another family"),
        ({"prediction_type": "flow"}, "prediction_type='flow'; the rule is one of epsilon, v_prediction, sample"),
        ({"num_train_timesteps": 10**12}, "num_train_timesteps=1000000000000; the rule is a whole number from 1000"),
        ({"num_train_timesteps": "many"}, "num_train_timesteps='many'; the rule is a whole number"),
        ({"beta_schedule": "strange"}, "beta_schedule='strange'; the rule is one of linear, scaled_linear, squared"),
        ({"beta_start": "x"}, "beta_start='x'; the rule is a number above 0 and below 1"),
        ({"beta_end": 1.2}, "beta_end=1.2; the rule is a number"),
        ({"beta_start": True}, "beta_start=True; the rule is a number"),
        ({"steps_offset": "x"}, "steps_offset='x'; the rule is a whole number from 0"),
        ({"steps_offset": -1}, "steps_offset=-1; the rule is a whole number from 0"),
        ({"set_alpha_to_one": 1}, "set_alpha_to_one=1; the rule is true or false"),
        ({"timestep_spacing": "odd"}, "timestep_spacing='odd'; the rule is one of leading, trailing, linspace"),
        ({"trained_betas": "x"}, "trained_betas='x'; the rule is a list of 1000 numbers"),
        ({"trained_betas": [0.1] * 999}, "; the rule is a list of 1000 numbers .* published with$"),
        ({"rescale_betas_zero_snr": True}, "cannot be gone through by predicting epsilon"),
    ],
)
def test_schedules_that_cannot_be(said, message):
    with pytest.raises(InputError, match=f"^the file.*{message}"):
        noise_schedule(said, "the file")


def test_a_list_of_betas_and_a_strange_entry_are_no_error():
    made = noise_schedule({"trained_betas": [0.5] * 1000, "self": 1, "beta_schedule": None}, "the file")
    np.testing.assert_allclose(made.alphas_cumprod[:3].numpy(), [0.5, 0.25, 0.125])


def test_whole_numbers_are_such_however_they_are_written(tmp_path):
    file = tmp_path / "scheduler_config.json"
    file.write_text('{"steps_offset": 1.0, "num_train_timesteps": 1e3, "beta_end": 0.012, "far": 1e300}', "utf-8")
    said = read_json(file)
    assert repr(said) == "{'steps_offset': 1, 'num_train_timesteps': 1000, 'beta_end': 0.012, 'far': 1e+300}"
    assert noise_schedule(said, "the file").config.steps_offset == 1


# Single files


def written(folder: Path, yaml: str | None = None, names: tuple[str, ...] = (), **metadata: str) -> dict:
    file = folder / "model.safetensors"
    if yaml is not None:
        file.with_suffix(".yaml").write_text(yaml, encoding="utf-8")
    named = {f"modelspec.{name}": value for name, value in metadata.items()}
    loaded = reading.WeightFile({name: np.zeros(0, np.float32) for name in names}, reading.PYTORCH, named)
    return file_schedule.schedule(loaded, file)


def test_a_file_that_says_nothing_predicts_noise(tmp_path):
    assert written(tmp_path) == SCHEDULER


@pytest.mark.parametrize(
    "how",
    [
        {"names": ("v_pred",)},
        {"prediction_type": "v"},
        {"architecture": "stable-diffusion-v2-768-v"},
        {"architecture": "stable-diffusion-v2-512", "prediction_type": "v"},
        {"prediction_type": "v_prediction"},
        {"yaml": "model:\n  params:\n    parameterization: v\n"},
        {"yaml": "model: {params: {parameterization: eps}}", "names": ("v_pred",)},
    ],
)
def test_ways_in_which_a_file_says_that_it_predicts_v(tmp_path, how):
    assert written(tmp_path, **how)["prediction_type"] == "v_prediction"


def test_what_is_given_counts_more(tmp_path):
    loaded = reading.WeightFile({"v_pred": np.zeros(0, np.float32)}, reading.PYTORCH)
    made = file_schedule.schedule(loaded, tmp_path / "model.ckpt", "epsilon")
    assert made["prediction_type"] == "epsilon"


def test_a_file_that_ends_without_signal_begins_there(tmp_path):
    scheduler = noise_schedule(written(tmp_path, names=("v_pred", "ztsnr")), "x")
    scheduler.set_timesteps(10)
    assert scheduler.timesteps[0].item() == 999 and scheduler.alphas_cumprod[-1].item() == 0


def test_the_levels_of_a_yaml_count(tmp_path):
    said = "model:\n  params:\n    linear_start: 0.001\n    linear_end: 0.01\n    timesteps: 1000\n"
    assert written(tmp_path, said)["beta_start"] == 0.001


@pytest.mark.parametrize("yaml", ["", "- a\n- b\n", "model: 5\n", "model: {params: }\n", "other: thing\n"])
def test_a_yaml_of_something_else_says_nothing(tmp_path, yaml):
    assert written(tmp_path, yaml) == SCHEDULER


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"yaml": "model: [\n"}, "model.yaml cannot be read"),
        ({"yaml": "!!python/object/apply:os.system [echo]"}, "model.yaml cannot be read"),
        ({"prediction_type": "strange"}, "it predicts 'strange'"),
        ({"yaml": "model: {params: {parameterization: [v]}}"}, "it predicts"),
    ],
)
def test_what_a_file_cannot_say(tmp_path, how, message):
    with pytest.raises(InputError, match=message):
        written(tmp_path, **how)
