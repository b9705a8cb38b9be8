"""The facade: what it returns, what it refuses, and that every argument has its effect on every call."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from ppt2v import InputError, Model, video
from ppt2v.environment.devices import device_name, dtype_name
from ppt2v.models.families import stable_diffusion

FAST = {"num_inference_steps": 4, "video_length": 3, "seed": 3, "fps": 4}


@pytest.fixture
def model():
    return Model(device="cpu", engine="eager", show_progress=False)


@pytest.fixture
def make(model, tiny_folder, tmp_path):
    """Makes a lossless clip and returns its frames."""

    def make(name: str = "clip", **changed) -> np.ndarray:
        from imageio.v3 import imread

        given = {
            **FAST,
            "prompt": "a panda",
            "model_name": tiny_folder,
            "save_path": tmp_path / name,
            "save_format": "png",
            **changed,
        }
        folder = model.run("text2video", **given)
        return np.stack([imread(file) for file in sorted((tmp_path / f"{name}.png").glob("*.png"))]) if folder else None

    return make


def test_frames_between_are_made_on_demand_and_the_others_stay(make, tmp_path):
    plain, smooth = make("plain"), make("smooth", interpolate=3)
    assert len(smooth) == 7 and np.array_equal(smooth[::3], plain)
    assert video.part(tmp_path / "smooth.png").fps == 12


@pytest.mark.smoke
def test_published_call_runs_unchanged(tiny_folder, tmp_path):
    path = str(tmp_path / "video.gif")
    written = Model(device="cpu", show_progress=False).process_text2video(
        "a panda",
        model_name=str(tiny_folder),
        fps=4,
        save_path=path,
        save_format="gif",
        chunk_size=4,
        is_gradio=False,
        t0=44,
        t1=47,
        motion_field_strength_x=12,
        motion_field_strength_y=12,
        video_length=3,
        num_inference_steps=6,
    )
    assert written == path
    clip = video.read(path, multiple=1)
    assert clip.frames.shape == (3, 16, 16, 3)
    assert clip.fps == pytest.approx(4)


def test_paddle_seed_repeats_the_video_and_a_number_overrides_it(make):
    def seeded(name: str, **changed) -> np.ndarray:
        paddle.seed(1234)
        return make(name, **{"seed": None, **changed})

    first = seeded("a")
    assert np.array_equal(first, seeded("b"))
    assert not np.array_equal(first, make("c", seed=None))
    assert not np.array_equal(first, seeded("d", seed=5))
    assert np.array_equal(make("e", seed=5), seeded("f", seed=5))


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": "a dog in the snow"},
        {"n_prompt": "a dog in the snow"},
        {"seed": 4},
        {"num_inference_steps": 5},
        {"guidance_scale": 1.0},
        {"guidance_scale": 3.0},
        {"eta": 1.0},
        {"use_cf_attn": False},
        {"use_motion_field": False},
        {"motion_field_strength_x": 200.0},
        {"motion_field_strength_y": 200.0},
        {"t0": 10, "t1": 30},
        {"watermark": "ppt2v"},
        {"solver": "dpmsolver++"},
    ],
    ids=lambda changed: " ".join(changed),
)
def test_every_argument_has_its_effect_on_the_second_call_too(make, changed):
    plain = make("plain", resolution=32)
    other = make("other", resolution=32, **changed)
    assert other.shape == plain.shape and not np.array_equal(other, plain)
    assert np.array_equal(make("again", resolution=32), plain)


def test_fast_takes_the_preset_and_what_is_given_wins(model, tiny_folder, tmp_path, copy):
    def used(name: str, model_name: Path, **given) -> tuple:
        path = model.process_text2video(
            "a panda", model_name=model_name, video_length=2, seed=0, fast=True, save_path=tmp_path / name, **given
        )
        values = video.read_recipe(path)["parameters"]
        return values["solver"], values["num_inference_steps"]

    assert used("a.mp4", tiny_folder) == ("dpmsolver++", 20)
    assert used("b.mp4", tiny_folder, num_inference_steps=7) == ("dpmsolver++", 7)
    (copy / "ppt2v.json").write_text('{"fast": {"text2video": {"num_inference_steps": 5}}}')
    assert used("c.mp4", copy) == ("ddim", 5)


def test_size_and_length(make):
    assert make("wide", resolution="24x16").shape == (3, 16, 24, 3)
    assert make("long", video_length=5, chunk_size=2).shape == (5, 16, 16, 3)
    assert make("one", video_length=1).shape == (1, 16, 16, 3)


def test_chunk_size_changes_nothing(make):
    assert np.abs(make("a", chunk_size=2).astype(int) - make("b", chunk_size=8)).max() <= 1


def test_recipe_makes_the_same_video_again(model, tiny_folder, tmp_path):
    given = {"prompt": "a panda", "model_name": tiny_folder, **FAST, "seed": None}
    first = model.run("text2video", **given, save_path=tmp_path / "a.mp4")
    recipe = video.read_recipe(tmp_path / "a.mp4")
    again = model.run(recipe["mode"], **recipe["parameters"], save_path=tmp_path / "b.mp4")
    assert open(first, "rb").read() == open(again, "rb").read()


def test_recipe_holds_in_every_folder(model, tiny_folder, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tiny").symlink_to(tiny_folder)
    video.contact_sheet([np.zeros((8, 8, 3), np.uint8)], tmp_path / "mark.png")
    monkeypatch.chdir(tmp_path)
    given = {**FAST, "prompt": "a panda", "model_name": "tiny", "watermark": "mark.png"}
    first = Path(model.run("text2video", save_path="a.gif", **given)).absolute()
    parameters = video.read_recipe(first)["parameters"]
    monkeypatch.chdir("elsewhere")
    again = model.run("text2video", save_path="b.gif", **parameters)
    assert first.read_bytes() == Path(again).read_bytes()


def test_recipes_for_strangers_say_nothing_of_this_machines_folders(tiny_folder, tmp_path):
    given = {"prompt": "/etc is what I want to see", "model_name": str(tiny_folder), **FAST}
    made = Model("cpu", engine="eager", show_progress=False, for_strangers=True).run(
        "text2video", save_path=tmp_path / "a.mp4", **given
    )
    parameters = video.read_recipe(made)["parameters"]
    assert (parameters["model_name"], parameters["prompt"]) == (tiny_folder.name, given["prompt"])
    assert str(tiny_folder.parent) not in str(video.read_recipe(made))


def test_gradio_gets_a_file_of_its_own(model, tiny_folder):
    given = {"prompt": "a panda", "model_name": str(tiny_folder), **FAST}
    first, second = (model.process_text2video(is_gradio=True, **given) for _ in range(2))
    assert first != second and first.endswith(".mp4")
    with pytest.raises(InputError, match="is_gradio"):
        model.process_text2video(is_gradio=True, save_path="x.mp4", **given)


def test_one_pipeline_is_loaded_at_a_time_and_kept(make, monkeypatch):
    loads = []
    load = stable_diffusion.load_stable_diffusion
    monkeypatch.setattr(
        stable_diffusion, "load_stable_diffusion", lambda *args, **given: loads.append(args) or load(*args, **given)
    )
    make("a")
    make("b")
    assert len(loads) == 1


class Killed(Exception):
    pass


@pytest.fixture
def killed_after(monkeypatch):
    """Kills runs when they have saved their state so often."""
    from ppt2v.pipelines.denoising.checkpoint import Checkpoint

    save, saved = Checkpoint.save, []

    def kill(times: int) -> None:
        def killed(self, **state):
            save(self, **state)
            saved.append(state)
            if len(saved) == times:
                raise Killed

        monkeypatch.setattr(Checkpoint, "save", killed)

    return kill


def test_killed_run_goes_on_to_the_same_bytes(model, tiny_folder, tmp_path, killed_after):
    given = {"prompt": "a panda", "model_name": tiny_folder, **FAST, "seed": None}
    given["checkpoint_dir"] = tmp_path / "checkpoint"
    paddle.seed(7)
    whole = model.run("text2video", **{**given, "checkpoint_dir": None}, save_path=tmp_path / "whole.mp4")
    paddle.seed(7)
    killed_after(3)
    with pytest.raises(Killed):
        model.run("text2video", **given, save_path=tmp_path / "resumed.mp4")
    assert not (tmp_path / "resumed.mp4").exists()
    resumed = model.run("text2video", **given, save_path=tmp_path / "resumed.mp4")
    assert open(resumed, "rb").read() == open(whole, "rb").read()
    assert not (tmp_path / "checkpoint").exists()


def test_a_killed_run_does_not_go_on_with_another_picture(model, tiny_folder, tmp_path, killed_after):
    picture, given = tmp_path / "first.png", {"prompt": "a panda", "model_name": tiny_folder, **FAST}
    given |= {"init_image": picture, "checkpoint_dir": tmp_path / "checkpoint", "save_path": tmp_path / "made.mp4"}
    Image.new("RGB", (16, 16), (200, 40, 40)).save(picture)
    killed_after(1)
    with pytest.raises(Killed):
        model.run("text2video", **given)
    Image.new("RGB", (16, 16), (40, 40, 200)).save(picture)
    with pytest.raises(InputError, match="files differ"):
        model.run("text2video", **given)


def test_a_run_of_a_version_without_a_parameter_goes_on(model, tiny_folder, tmp_path, killed_after):
    folder, given = tmp_path / "checkpoint", {"prompt": "a panda", "model_name": tiny_folder, **FAST}
    killed_after(1)
    with pytest.raises(Killed):
        model.run("text2video", **given, checkpoint_dir=folder, save_path=tmp_path / "made.mp4")
    with np.load(folder / "latents.npz") as stored:
        state = dict(stored)
    settings = json.loads(str(state["settings"]))
    for name in ("loop", "pag_scale", "guidance_rescale", "files"):
        del settings[name]
    np.savez(folder / "latents.npz", **{**state, "settings": json.dumps(settings)})
    with pytest.raises(InputError, match="loop differ"):
        model.run("text2video", **given, loop=True, checkpoint_dir=folder, save_path=tmp_path / "made.mp4")
    model.run("text2video", **given, checkpoint_dir=folder, save_path=tmp_path / "made.mp4")
    assert not folder.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "  "},
        {"video_length": 0},
        {"video_length": 2.5},
        {"resolution": 0},
        {"resolution": 10**6},
        {"resolution": 30},
        {"resolution": "wide"},
        {"t0": 47, "t1": 44},
        {"t0": 44, "t1": 50},
        {"t0": -1},
        {"chunk_size": 1},
        {"fps": 0},
        {"fps": float("nan")},
        {"eta": 2},
        {"seed": -1},
        {"seed": True},
        {"num_inference_steps": 0},
        {"num_inference_steps": 1},
        {"save_format": "avi"},
        {"save_path": "/nowhere/at/all.mp4"},
        {"model_name": "no such model"},
        {"model_name": "/tmp"},
        {"watermark": "missing.png"},
        {"watermark": " "},
        {"guidance_scale": "high"},
        {"video_lenght": 4},
        {"solver": "eulr"},
        {"solver": "lcm", "eta": 0.5},
        {"save_format": "gif", "fps": 100},
    ],
    ids=lambda wrong: " ".join(f"{k}={v}" for k, v in wrong.items()),
)
def test_wrong_values_are_refused_before_a_model_is_loaded(model, tiny_folder, tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stable_diffusion, "load_stable_diffusion", lambda *_, **__: pytest.fail("a model was loaded"))
    with pytest.raises(InputError) as error:
        model.run("text2video", **{"prompt": "a panda", "model_name": tiny_folder, **wrong})
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_prompt_is_complained_about_before_the_model(model):
    with pytest.raises(InputError, match="prompt is empty"):
        model.run("text2video", prompt=" ", model_name="no such model")


def test_a_prompt_in_other_letters_than_english_is_warned_of(make):
    with pytest.warns(UserWarning, match="trained on English texts only"):
        make(prompt="雪地里的熊猫", num_inference_steps=2)


@pytest.mark.parametrize("device", ["cuda", "gpu:3", "tpu", "cpu:1", ""])
def test_devices_that_are_not_here(device, monkeypatch):
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: False)
    with pytest.raises(InputError, match="device"):
        Model(device=device)


def test_without_a_gpu_the_error_names_both_ways_out(monkeypatch):
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: False)
    with pytest.raises(InputError, match="choose cpu and leave dtype out, or use a machine with a CUDA GPU"):
        Model(device="cuda", dtype=paddle.float16)
    with pytest.raises(InputError, match="leave dtype out, or choose float32"):
        Model(device="cpu", dtype=paddle.float16, engine="eager")


def test_device_and_dtype_names():
    assert device_name("cpu") == "cpu"
    assert [dtype_name(dtype) for dtype in (paddle.float16, "bfloat16", "FLOAT32")] == [
        "float16",
        "bfloat16",
        "float32",
    ]
    for wrong in ("int4", "half", paddle.int32):
        with pytest.raises(InputError, match="unknown dtype.*choose float32, float16, bfloat16, int8"):
            dtype_name(wrong)


@pytest.mark.parametrize("engine", ["eager", "auto"])
def test_a_run_leaves_the_networks_as_they_were(tiny_folder, tmp_path, engine):
    model = Model(device="cpu", engine=engine, show_progress=False)
    given = {**FAST, "prompt": "a panda", "model_name": tiny_folder}
    model.run("text2video", save_path=tmp_path / "a.gif", **given)
    unet = model._session.loaded.parts["unet"]
    before = [layer.processor for name, layer in unet.named_sublayers() if name.endswith("attn1")]
    model.run("text2video", save_path=tmp_path / "b.gif", **given)
    after = [layer.processor for name, layer in unet.named_sublayers() if name.endswith("attn1")]
    assert all(one is other for one, other in zip(before, after)) and len(before) > 0
