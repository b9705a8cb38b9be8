"""``Model`` in the guided modes, on tiny networks: the published calls, what comes out, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from ppt2v import InputError, Model, video
from ppt2v.models.families import stable_diffusion

BASE = DATA / "text2video_reference" / "model"
CONTROLNET = DATA / "guided_reference" / "controlnet0"
SHORT = {"prompt": "the fox", "num_inference_steps": 2, "resolution": 32, "seed": 0}
CONTROLLED = ("process_controlnet_pose", "process_controlnet_canny", "process_controlnet_depth")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Five frames, 64x48, of a square that moves to the right, at 10 frames per second."""
    frames = np.random.default_rng(0).integers(0, 80, (5, 48, 64, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[16:32, 8 + 4 * number : 24 + 4 * number] = 220
    return video.write(frames, tmp_path_factory.mktemp("clips") / "square.mp4", 10, {})


@pytest.fixture
def make(model, clip, tmp_path):
    """Runs a process_* method on the clip; the frames and the rate of what it wrote."""

    def call(method: str, *positional, **given) -> video.Clip:
        arguments = {"model_path_list": [BASE, CONTROLNET], "control": "map", **SHORT, **given}
        path = getattr(model, method)(*positional, clip, save_path=tmp_path / "made.mp4", **arguments)
        return video.read(path, multiple=1)

    return call


def test_steady_frames_are_other_ones_of_the_same_video(model, clip, tmp_path):
    given = {"model_path_list": [BASE, CONTROLNET], "control": "map", **SHORT}
    runs = [
        model.process_controlnet_canny(clip, save_path=tmp_path / f"{steady}.png", steady=steady, **given)
        for steady in (0, 0.5, 1)
    ]
    plain, *held = [video.read(path, multiple=1).frames.astype(float) for path in runs]
    apart = [np.abs(each - plain).mean() for each in held]
    assert 0 < apart[0] < apart[1] and held[0].shape == plain.shape


@pytest.mark.parametrize("method", CONTROLLED)
def test_published_controlled_calls(make, method):
    made = make(method)
    assert made.frames.shape == (5, 24, 32, 3)
    assert made.fps == (4 if method.endswith("pose") else 10)


def test_published_dreambooth_call(make):
    made = make("process_controlnet_canny_db", BASE, model_path_list=[CONTROLNET])
    assert made.frames.shape == (5, 24, 32, 3)


def test_published_pix2pix_call(clip, pix2pix, tmp_path):
    path = Model(device="cpu", show_progress=False).process_pix2pix(
        clip,
        prompt="make it snow",
        resolution=32,
        model_path=pix2pix,
        chunk_size=8,
        save_path=tmp_path / "edited",
        save_format="gif",
        is_gradio=False,
        num_inference_steps=2,
        seed=0,
    )
    assert path == str(tmp_path / "edited.gif") and video.read(path, multiple=1).frames.shape == (5, 24, 32, 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"prompt": "the dog"},
        {"a_prompt": "in the snow"},
        {"n_prompt": "the dog"},
        {"low_threshold": 300, "high_threshold": 400},
        {"controlnet_conditioning_scale": 0.3},
        {"control_keyframes": [{"frame": 1, "strength": 1}, {"frame": 3, "strength": 0.2}]},
        {"control_guidance_start": 0.5},
        {"control_guidance_end": 0.5},
        {"guess_mode": True},
        {"guidance_scale": 2.0},
        {"use_cf_attn": False},
        {"guidance_stop_step": 0.5},
        {"num_inference_steps": 3},
        {"solver": "euler_a"},
        {"eta": 0.5},
        {"control": "map"},
        {"extra_controls": [f"canny:0.7:{CONTROLNET}"]},
        {"lora": [DATA / "adapters_reference" / "kohya.safetensors"]},
    ],
)
def test_every_argument_has_its_effect(make, changed):
    given = {"control": "video"}
    plain, other = (make("process_controlnet_canny", **{**given, **each}).frames for each in ({}, changed))
    assert not np.array_equal(plain, other)


def test_chunk_size_changes_nothing(make):
    one, other = (make("process_controlnet_canny", chunk_size=size).frames for size in (2, 8))
    assert np.abs(one.astype(int) - other).max() <= 1


def test_a_part_of_the_clip(make):
    assert len(make("process_controlnet_canny", start_t=0.1, end_t=0.3).frames) == 2
    made = make("process_controlnet_canny", out_fps=4)
    assert (len(made.frames), made.fps) == (2, 4)


def test_a_clip_of_one_frame_gives_one_frame(make):
    assert len(make("process_controlnet_canny", end_t=0.05).frames) == 1


def test_recipe_makes_the_same_video_again(model, make, tmp_path):
    made = make("process_controlnet_canny", extra_controls=[f"canny:0.5:{CONTROLNET}"])
    recipe = video.read_recipe(tmp_path / "made.mp4")
    assert Path(recipe["parameters"]["video_path"]).is_absolute()
    again = model.run(recipe["mode"], **recipe["parameters"], save_path=str(tmp_path / "again.mp4"))
    assert np.array_equal(video.read(again, multiple=1).frames, made.frames)


def test_networks_are_kept_for_the_next_run(make, monkeypatch):
    make("process_controlnet_canny")
    monkeypatch.setattr(stable_diffusion, "load_controlnet", None)
    make("process_controlnet_pose")


@pytest.fixture
def other_family(tmp_path) -> Path:
    folder = Path(shutil.copytree(CONTROLNET, tmp_path / "other"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "cross_attention_dim": 1024}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompt": " "}, "prompt is empty"),
        ({"resolution": 8000}, "resolution=8000"),
        ({"resolution": 0}, "resolution=0"),
        ({"start_t": 9.0}, "start_t"),
        ({"start_t": 0.3, "end_t": 0.2}, "end_t"),
        ({"low_threshold": 200, "high_threshold": 100}, "high_threshold"),
        ({"control_keyframes": "0: 1; 99: 0"}, "frame 99 lies beyond"),
        ({"control_guidance_start": 0.6, "control_guidance_end": 0.4}, "control_guidance_end"),
        ({"extra_controls": ["edges:0.5"]}, "KIND:STRENGTH"),
        ({"extra_controls": ["canny:much"]}, "KIND:STRENGTH"),
        ({"model_path_list": [BASE, CONTROLNET, CONTROLNET]}, "extra_controls"),
        ({"model_path_list": [BASE, "no/such/folder"]}, "unknown model"),
        ({"model_path_list": [BASE, DATA / "adapters_reference" / "kohya.safetensors"]}, "a LoRA and no ControlNet"),
        ({"strenght": 1}, "unknown parameter"),
    ],
)
def test_wrong_values_are_refused_before_networks_are_loaded(make, monkeypatch, tmp_path, wrong, message):
    monkeypatch.setattr(stable_diffusion, "load_stable_diffusion", None)
    monkeypatch.setattr(stable_diffusion, "load_controlnet", None)
    with pytest.raises(InputError, match=message):
        make("process_controlnet_canny", **wrong)
    assert not list(tmp_path.glob("made*"))


def test_a_controlnet_of_another_family_is_refused(make, other_family):
    with pytest.raises(InputError, match="cross_attention_dim 1024 instead of 16"):
        make("process_controlnet_canny", model_path_list=[BASE, other_family])


def test_a_model_of_another_kind_is_refused(make, model, clip, pix2pix):
    with pytest.raises(InputError, match="in_channels"):
        make("process_controlnet_canny", model_path_list=[pix2pix, CONTROLNET])
    with pytest.raises(InputError, match="instruct-pix2pix"):
        model.process_pix2pix(clip, model_path=BASE, **SHORT)


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_clips_that_are_none(model, tmp_path, content):
    file = tmp_path / "clip.mp4"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="clip.mp4"):
        model.process_pix2pix(file, **SHORT)


@pytest.fixture(scope="module")
def loud_clip(tmp_path_factory, clip) -> Path:
    """The same clip with half a second of noise to be heard, the second half louder."""
    heard = np.random.default_rng(0).integers(-3000, 3000, (24000, 1), np.int16)
    heard[12000:] *= 8
    path = tmp_path_factory.mktemp("clips") / "loud.mp4"
    return video.write(video.read(clip, multiple=1).frames, path, 10, {}, video.Sound(heard))


def heard_in(path: str | Path) -> video.Sound | None:
    return video.part(path).sound()


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_the_sound_of_the_clip_is_kept_and_cut_with_it(model, loud_clip, tmp_path, ending):
    given = {"model_name": BASE, "controlnet": CONTROLNET, "control": "map", "video_path": loud_clip, **SHORT}
    path = model.run("canny", save_path=tmp_path / f"made.{ending}", **given)
    samples = np.abs(heard_in(path).samples.astype(int))[:, 0]
    assert len(samples) == 24000 and samples[14000:20000].mean() > 3 * samples[2000:10000].mean() > 1000
    late = model.run("canny", start_t=0.3, save_path=tmp_path / f"late.{ending}", **given)
    assert len(heard_in(late).samples) == 9600
    assert heard_in(model.run("canny", audio=False, save_path=tmp_path / f"mute.{ending}", **given)) is None


def test_sound_is_left_out_where_the_video_has_another_speed_and_it_is_said(loud_clip, tmp_path, capsys):
    given = {"model_name": BASE, "controlnet": CONTROLNET, "control": "map", "video_path": loud_clip, **SHORT}
    slow = Model(device="cpu", engine="eager").run("canny", fps=5, save_path=tmp_path / "slow.mp4", **given)
    assert heard_in(slow) is None and "sound is left out" in capsys.readouterr().err


def test_the_clip_itself_is_not_overwritten(model, loud_clip):
    before = loud_clip.read_bytes()
    with pytest.raises(InputError, match="made from"):
        model.run("canny", video_path=loud_clip, save_path=loud_clip, model_name=BASE, controlnet=CONTROLNET, **SHORT)
    assert loud_clip.read_bytes() == before


def test_what_is_done_to_a_clip_is_said(tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (64, 48), "red").save(tmp_path / "still.png")
    given = {"model_name": BASE, "controlnet": CONTROLNET, "control": "map", **SHORT}
    model = Model(device="cpu", engine="eager")
    path = model.run("canny", video_path=tmp_path / "still.png", save_path=tmp_path / "a.mp4", **given)
    assert len(video.read(path).frames) == 1 and "still.png is a single picture" in capsys.readouterr().err
