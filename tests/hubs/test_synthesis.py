"""Text to video with a video model: ``Model``, ModelScope's call, the command, conversion, and what is refused."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import av
import numpy as np
import pytest

from ppt2v import MODES, InputError, Model, OutputKeys, pipeline, video
from ppt2v.cache import default_folder
from ppt2v.cli.app import main
from ppt2v.models.conversion import convert
from ppt2v.models.families import text_to_video
from ppt2v.models.layouts import modelscope
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import locate
from ppt2v.runs.session import Session

TASK = "text-to-video-synthesis"
SHORT = {"num_inference_steps": 2, "seed": 0}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


@pytest.fixture(scope="module")
def paddle_folder(modelscope_folder, tmp_path_factory) -> Path:
    return convert(modelscope_folder, tmp_path_factory.mktemp("converted") / "paddle", "paddle")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Ten frames, 32x16, of a square that moves to the right, at 16 frames per second."""
    frames = np.full((10, 16, 32, 3), 60, np.uint8)
    for number, frame in enumerate(frames):
        frame[4:12, 2 * number : 2 * number + 8] = 220
    return video.write(frames, tmp_path_factory.mktemp("clips") / "square.mp4", 16, {})


def frames_of(model: Model, place: Path, **given) -> np.ndarray:
    """The frames of a video that is kept losslessly."""
    from imageio.v3 import imread

    values = {"prompt": "a fox", "video_length": 2, "resolution": 8, **SHORT, **given}
    folder = model.process_text2video_synthesis(save_path=place.with_suffix(".png"), **values)
    return np.stack([imread(file) for file in sorted(Path(folder).glob("*.png"))])


@pytest.fixture(scope="module")
def plain(model, modelscope_folder, tmp_path_factory) -> np.ndarray:
    return frames_of(model, tmp_path_factory.mktemp("plain") / "plain", model_name=modelscope_folder)


@pytest.fixture
def make(model, modelscope_folder, tmp_path):
    """Makes a video; its frames."""

    def call(name: str = "made", **given) -> np.ndarray:
        return frames_of(model, tmp_path / name, **{"model_name": modelscope_folder, **given})

    return call


@pytest.fixture
def synthesize(model, modelscope_folder):
    """A pipeline as ModelScope's library makes it."""
    made = pipeline(TASK, modelscope_folder, device="cpu", show_progress=False)
    made._maker = model  # which has the networks already
    return made


# Model


def test_defaults_are_modelscopes(model, modelscope_folder, tmp_path):
    path = model.process_text2video_synthesis(
        "a fox", modelscope_folder, num_inference_steps=1, resolution="16x8", save_path=tmp_path / "fox.mp4"
    )
    made, values = video.read(path, multiple=1), video.read_recipe(path)["parameters"]
    assert (made.frames.shape, made.fps) == ((16, 8, 16, 3), 8)
    assert (values["guidance_scale"], values["solver"], values["eta"]) == (9, "ddim", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a dog"},
        {"n_prompt": "snow"},
        {"seed": 1},
        {"num_inference_steps": 3},
        {"guidance_scale": 2.0},
        {"guidance_stop_step": 0.5},
        {"solver": "lcm"},
        {"solver": "euler_a"},
        {"eta": 0.5},
        {"watermark": "fox"},
    ],
    ids=str,
)
def test_every_argument_has_its_effect(make, plain, change):
    changed = make(**change)
    assert changed.shape == plain.shape and not np.array_equal(changed, plain)


def test_offloading_changes_nothing_then_or_later(make, plain):
    assert np.array_equal(make("offloaded", offload=True), plain)
    assert np.array_equal(make("again"), plain)


def test_size_and_length(make):
    assert make(video_length=3, resolution="24x10").shape == (3, 10, 24, 3)


def test_a_clip_decides_length_and_size_and_the_strength_how_much_is_left(make, clip):
    given = {"init_video": clip, "num_inference_steps": 2, "resolution": 32}
    half, all_steps = make("half", strength=0.5, **given), make("all", strength=1, **given)
    assert half.shape == all_steps.shape == (5, 16, 32, 3)  # half of its ten frames, at 8 per second
    assert not np.array_equal(half, all_steps)
    assert len(make("part", end_t=0.25, out_fps=16.0, **given)) == 4


def test_all_formats_make_the_same_video(make, plain, paddle_folder):
    assert np.array_equal(make(model_name=paddle_folder), plain)


def test_a_killed_run_goes_on(make, plain, tmp_path, monkeypatch):
    from ppt2v.pipelines.denoising.checkpoint import Checkpoint

    class Killed(BaseException):
        pass

    def save_and_die(self, **state):
        save(self, **state)
        raise Killed

    save = Checkpoint.save
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoint, "save", save_and_die)
        make("killed", checkpoint_dir=tmp_path / "state")
    assert (tmp_path / "state").exists()
    assert np.array_equal(make("resumed", checkpoint_dir=tmp_path / "state"), plain)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model_name": "embedded/pix2pix"}, "embedded/pix2pix is no text-to-video model"),
        ({"prompt": " "}, "prompt is empty"),
        ({"strength": 0}, "strength=0"),
        ({"resolution": 9}, "multiples of 2"),
        ({"init_video": "no.mp4"}, "no.mp4"),
        ({"chunk_size": 4}, "unknown parameter 'chunk_size'"),
        ({"solver": "lcm", "eta": 1}, "eta=1"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused(make, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        make(**change)
    assert not any(tmp_path.iterdir())


def test_a_clip_takes_one_number_as_its_size(make, clip):
    with pytest.raises(InputError, match="'32x16': with init_video give one number"):
        make(init_video=clip, resolution="32x16")


def test_the_other_modes_refuse_a_model_for_videos(model, modelscope_folder, paddle_folder, tmp_path):
    for folder in (modelscope_folder, paddle_folder):
        with pytest.raises(InputError, match="is a text-to-video model; for text2video choose"):
            model.process_text2video("a fox", model_name=folder, save_path=tmp_path / "fox.mp4")


def test_a_prompt_in_other_letters_than_english_is_warned_of(make):
    with pytest.warns(UserWarning, match="trained on English texts only"):
        make(prompt="лиса в снегу", num_inference_steps=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "the model was trained")
        make("other", prompt="a café, 5 m: fox!", num_inference_steps=1)


# As ModelScope's library


def test_without_a_file_the_video_is_returned_as_bytes(synthesize, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = synthesize({"text": "a fox"}, num_frames=2, height=8, width=8, **SHORT)
    assert made.keys() == {"output_video"} and not any(tmp_path.iterdir())
    (tmp_path / "made.mp4").write_bytes(made[OutputKeys.OUTPUT_VIDEO])
    with av.open(str(tmp_path / "made.mp4")) as container:
        [stream] = container.streams
        assert (stream.codec_context.name, stream.average_rate, stream.frames) == ("h264", 8, 2)


def test_with_a_file_its_path_is_returned(synthesize, make, tmp_path):
    path = str(tmp_path / "fox.mp4")
    keywords = {"num_frames": 3, "fps": 5, "negative_prompt": "snow", "guidance_scale": 3, "solver": "dpmsolver++"}
    made = synthesize({"text": "a fox", "height": 10}, output_video=path, height=12, width=24, **keywords, **SHORT)
    assert made == {OutputKeys.OUTPUT_VIDEO: path}
    clip, values = video.read(path, multiple=1), video.read_recipe(path)["parameters"]
    assert (clip.frames.shape, clip.fps) == ((3, 10, 24, 3), 5)
    assert (values["n_prompt"], values["guidance_scale"], values["solver"]) == ("snow", 3, "dpmsolver++")


def test_one_side_alone_leaves_the_other_to_the_model(synthesize, tmp_path):
    synthesize({"text": "a fox", "height": 10}, tmp_path / "fox.gif", num_frames=1, **SHORT)
    assert video.read(tmp_path / "fox.gif", multiple=1).frames.shape == (1, 10, 64, 3)


def test_a_list_gives_a_list(synthesize, tmp_path):
    files = [str(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    made = synthesize([{"text": "a fox"}, {"text": "a dog"}], files, num_frames=1, height=8, width=8, **SHORT)
    assert made == [{"output_video": file} for file in files]
    assert [video.read_recipe(file)["parameters"]["prompt"] for file in files] == ["a fox", "a dog"]
    [alone] = synthesize([{"text": "a fox"}], num_frames=1, height=8, width=8, **SHORT)
    assert isinstance(alone["output_video"], bytes)


@pytest.mark.parametrize(
    "given, keywords, words",
    [
        ("a fox", {}, "'a fox' is no dictionary: give {'text'"),
        (["a fox"], {}, "no dictionary"),
        ({}, {}, "has no text"),
        ({"text": " "}, {}, "has no text"),
        ({"text": 3}, {}, "has no text"),
        ({"text": "a fox", "textt": 1}, {}, "unknown parameter 'textt'; did you mean text"),
        ({"text": "a fox", "width": "16"}, {}, "width='16'"),
        ({"text": "a fox"}, {"height": 9}, "multiples of 2"),
        ([{"text": "a fox"}] * 2, {"output_video": "a.mp4"}, "one file for 2 inputs"),
        ([{"text": "a fox"}] * 2, {"output_video": ["a.mp4"]}, "1 files for 2 inputs"),
        ({"text": "a fox"}, {"seed": -1}, "seed=-1"),
        ({"text": "a fox"}, {"num_frames": 0}, "video_length=0"),
    ],
    ids=str,
)
def test_inputs_that_are_none(synthesize, given, keywords, words):
    with pytest.raises(InputError, match=words):
        synthesize(given, **keywords)


def test_a_pipeline_needs_its_task_and_a_model_of_its_kind(tiny_folder):
    with pytest.raises(InputError, match="unknown task 'text-to-image'"):
        pipeline("text-to-image", "a/b", device="cpu")
    with pytest.raises(InputError, match="no such folder"):
        pipeline(TASK, "./nowhere", device="cpu")
    with pytest.raises(InputError, match="is no text-to-video model"):
        pipeline(TASK, tiny_folder, device="cpu", show_progress=False)({"text": "a fox"}, num_frames=1)


@pytest.mark.parametrize("named", [None, "embedded"])
def test_the_model_that_ships_serves_where_no_other_is_named(named):
    assert pipeline(TASK, named, device="cpu")._model == MODES["synthesize"].default("model_name")


def test_modelscopes_own_id_stands_for_the_model_that_can_be_had():
    assert pipeline(TASK, "damo/text-to-video-synthesis", device="cpu")._model == "damo-vilab/text-to-video-ms-1.7b"


# Folders, the command, conversion


@pytest.mark.parametrize("missing", ["VQGAN_autoencoder.pth", "text2video_pytorch_model.pth"])
def test_an_incomplete_folder_is_refused_with_what_it_lacks(modelscope_folder, tmp_path, missing):
    copied = shutil.copytree(modelscope_folder, tmp_path / "copied")
    locate.check(copied)
    (copied / missing).unlink()
    with pytest.raises(InputError, match=f"it has no {missing}"):
        locate.check(copied)


def test_a_configuration_that_is_no_object_is_named(tmp_path):
    (tmp_path / modelscope.CONFIGURATION).write_text("[]")
    with pytest.raises(InputError, match=f"{modelscope.CONFIGURATION} holds a list instead of an object"):
        locate.check(tmp_path)


@pytest.mark.parametrize("content", [{}, {"pipeline": "x"}, {"pipeline": {"type": "image-captioning"}}], ids=str)
def test_a_configuration_of_something_else_makes_no_model(tmp_path, content):
    (tmp_path / modelscope.CONFIGURATION).write_text(json.dumps(content))
    with pytest.raises(InputError, match="it has no model_index.json"):
        locate.check(tmp_path)


def test_frame_sizes_are_known_before_a_model_is_converted(modelscope_folder, paddle_folder):
    own, converted = map(text_to_video.frame_configs, (modelscope_folder, paddle_folder))
    for part, same in zip(own, converted):
        assert {name: same[name] for name in part} == part


def test_the_command(modelscope_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "synthesize",
                "a fox",
                "--model",
                str(modelscope_folder),
                "--frames",
                "2",
                "--steps",
                "1",
                "--device",
                "cpu",
                "--resolution",
                "8",
                "--quiet",
                "--negative-prompt",
                "snow",
                "--seed",
                "4",
            ]
        )
    assert (ended.value.code or 0, capsys.readouterr().out) == (0, "a-fox.mp4\n")
    values = video.read_recipe("a-fox.mp4")["parameters"]
    assert (values["n_prompt"], values["seed"], values["video_length"]) == ("snow", 4, 2)


def test_the_command_needs_no_model_and_says_which_to_give(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Session, "_notice_given", False)
    (default_folder() / ".embedded-notice").unlink(missing_ok=True)
    with pytest.raises(SystemExit) as ended:
        main(["synthesize", "a fox", "--frames", "1", "--steps", "1", "--device", "cpu", "--engine", "eager"])
    written, said = capsys.readouterr()
    assert ended.value.code == 0 and (tmp_path / written.strip()).is_file()
    assert "--model damo-vilab/text-to-video-ms-1.7b" in said


def test_convert_on_the_command_line(modelscope_folder, tmp_path, capsys):
    target = tmp_path / "made"
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(modelscope_folder), str(target), "--format", "diffusers", "--dtype", "float16"])
    assert (ended.value.code or 0, capsys.readouterr().out) == (0, f"{target}\n")
    assert read_json(target / "model_index.json")["_class_name"] == "TextToVideoSDPipeline"
    locate.check(target)
    with pytest.raises(SystemExit) as ended:
        main(["convert", "embedded/video", str(tmp_path / "shipped"), "--format", "diffusers"])
    assert not ended.value.code and capsys.readouterr().err == ""
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(target), str(tmp_path / "other"), "--format", "onnx"])
    assert ended.value.code == 2 and "unknown format 'onnx'" in capsys.readouterr().err
