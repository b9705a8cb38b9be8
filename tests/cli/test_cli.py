"""The ``ppt2v`` command: options from the table of modes, precedence, exit codes, bad input, and what it prints."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import ppt2v.cli
import ppt2v.model
from ppt2v import MODES, InputError, NumericalError, video
from ppt2v.cache import Cache
from ppt2v.cli import app, config_file, doctor
from ppt2v.cli.modes import mode_command
from ppt2v.environment import versions
from ppt2v.language import speaking
from ppt2v.models.families import stable_diffusion
from ppt2v.models.sources import catalogue, downloads, locate
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, resolve
from ppt2v.runs.files import fingerprints
from ppt2v.version import __version__

HEAVY = ("cv2", "decord", "numpy", "paddle", "paddlenlp", "ppdiffusers", "starlette", "torch")


# Options

OPTIONS = [
    (["--model", "a/b"], {"model_name": "a/b"}),
    (["--lora", "a.safetensors:0.8", "--lora", "b"], {"lora": ["a.safetensors:0.8", "b"]}),
    (["--textual-inversion", "a.pt:<a>"], {"textual_inversion": ["a.pt:<a>"]}),
    (["--tokenizer", "a/b"], {"tokenizer": "a/b"}),
    (["--vae", "a/b"], {"vae": "a/b"}),
    (["--clip-skip", "2"], {"clip_skip": 2}),
    (["--prediction-type", "v_prediction"], {"prediction_type": "v_prediction"}),
    (["--frames", "3"], {"video_length": 3}),
    (["--resolution", "64x32"], {"resolution": "64x32"}),
    (["--negative-prompt", "[snow]"], {"n_prompt": "[snow]"}),
    (["--seed", "0"], {"seed": 0}),
    (["--steps", "7"], {"num_inference_steps": 7}),
    (["--guidance-scale", "1"], {"guidance_scale": 1.0}),
    (["--guidance-stop", "0.5"], {"guidance_stop_step": 0.5}),
    (["--guidance-rescale", "0.7"], {"guidance_rescale": 0.7}),
    (["--pag-scale", "3"], {"pag_scale": 3.0}),
    (["--freeu", "1.5", "1.6", "0.9", "0.2"], {"freeu_b1": 1.5, "freeu_b2": 1.6, "freeu_s1": 0.9, "freeu_s2": 0.2}),
    (["--prompt-2", "[night]"], {"prompt_2": "[night]"}),
    (["--negative-prompt-2", "[day]"], {"n_prompt_2": "[day]"}),
    (["--prompt-at", "4: [dusk]"], {"prompt_at": "4: [dusk]"}),
    (["--init-image", "first.png"], {"init_image": "first.png"}),
    (["--camera", "0: zoom 1; 7: zoom 2"], {"camera": "0: zoom 1; 7: zoom 2"}),
    (["--loop"], {"loop": True}),
    (["--spacing", "trailing"], {"timestep_spacing": "trailing"}),
    (["--preview-vae", "a/b"], {"preview_vae": "a/b"}),
    (["--eta", "0.5"], {"eta": 0.5}),
    (["--memory", "8GB"], {"memory": "8GB"}),
    (["--decode-tile", "256"], {"decode_tile": 256}),
    (["--offload", "networks"], {"offload": "networks"}),
    (["--fast"], {"fast": True}),
    (["--solver", "dpmsolver++"], {"solver": "dpmsolver++"}),
    (["--chunk-size", "2"], {"chunk_size": 2}),
    (["--cross-frame-attention"], {"use_cf_attn": True}),
    (["--no-cross-frame-attention"], {"use_cf_attn": False}),
    (["--anchors", "first+previous"], {"anchors": "first+previous"}),
    (["--merging-ratio", "0.5"], {"merging_ratio": 0.5}),
    (["--cache-interval", "3"], {"cache_interval": 3}),
    (["--motion", "-3.5", "0"], {"motion_field_strength_x": -3.5, "motion_field_strength_y": 0.0}),
    (["--t0", "40"], {"t0": 40}),
    (["--t1", "45"], {"t1": 45}),
    (["--no-motion-field"], {"use_motion_field": False}),
    (["--smooth-background"], {"smooth_bg": True}),
    (["--background-kept", "0.2"], {"smooth_bg_strength": 0.2}),
    (["--saliency", "u2net.pth"], {"saliency_weights": "u2net.pth"}),
    (["--fps", "12"], {"fps": 12.0}),
    (["--interpolate", "2"], {"interpolate": 2}),
    (["--interpolate-model", "flownet.pkl"], {"interpolate_model": "flownet.pkl"}),
    (["--upscale", "2"], {"upscale": 2.0}),
    (["--upscale-model", "a/b"], {"upscale_model": "a/b"}),
    (["--upscale-strength", "0.5"], {"upscale_strength": 0.5}),
    (["--upscale-tile", "256"], {"upscale_tile": 256}),
    (["--watermark", "[me]"], {"watermark": "[me]"}),
    (["--out", "a.gif"], {"save_path": "a.gif"}),
    (["--format", "gif"], {"save_format": "gif"}),
    (["--checkpoint-dir", "state"], {"checkpoint_dir": "state"}),
    (["--out", "a.gif", "--resume"], {"save_path": "a.gif", "checkpoint_dir": "a.gif.resume"}),
]


@pytest.mark.parametrize(("arguments", "expected"), [([], {}), *OPTIONS])
def test_only_what_is_given_reaches_the_model(run, made, arguments, expected):
    assert run("text2video", "a [red] fox [/]", *arguments) == (0, "made.mp4\n", "")
    machine = {"device": None, "dtype": None, "engine": "auto", "workers": 1, "runner": "local", "show_progress": True}
    assert made == [{"mode": "text2video", "parameters": {"prompt": "a [red] fox [/]", **expected}, **machine}]


def test_every_parameter_of_the_mode_has_an_option_above():
    reached = {name for _, expected in OPTIONS for name in expected} | {"prompt"}
    assert reached == {parameter.name for parameter in MODES["text2video"].parameters}


@pytest.mark.parametrize("mode", ["pix2pix", "pose", "canny", "depth", "canny-db"])
def test_guided_modes_take_a_clip_and_a_prompt(run, made, mode):
    assert run(mode, "clip.mp4", "a fox", "--out-fps", "5", "--resolution", "128") == (0, "made.mp4\n", "")
    given = {"video_path": "clip.mp4", "prompt": "a fox", "out_fps": 5.0, "resolution": 128}
    assert (made[0]["mode"], made[0]["parameters"]) == (mode, given)


def test_synthesize_takes_a_prompt_alone_and_may_start_from_a_clip(run, made):
    arguments = [
        "--model",
        "a/b",
        "--frames",
        "24",
        "--resolution",
        "576x320",
        "--init-video",
        "clip.mp4",
        "--strength",
        "0.7",
        "--end-t",
        "2",
        "--guidance-stop",
        "0.8",
        "--offload",
        "networks",
    ]
    assert run("synthesize", "a fox", *arguments) == (0, "made.mp4\n", "")
    given = {
        "prompt": "a fox",
        "model_name": "a/b",
        "video_length": 24,
        "resolution": "576x320",
        "init_video": "clip.mp4",
        "strength": 0.7,
        "end_t": 2.0,
        "guidance_stop_step": 0.8,
        "offload": "networks",
    }
    assert (made[0]["mode"], made[0]["parameters"]) == ("synthesize", given)


def test_options_that_can_be_repeated(run, made):
    run("canny", "clip.mp4", "a fox", "--also", "depth:0.5", "--also", "pose:1:a/b")
    assert made[0]["parameters"]["extra_controls"] == ["depth:0.5", "pose:1:a/b"]


def test_device_precision_and_quiet(run, made):
    run("text2video", "fox", "--device", "cuda:1", "--dtype", "float16", "--quiet")
    assert (made[0]["device"], made[0]["dtype"], made[0]["show_progress"]) == ("cuda:1", "float16", False)


@pytest.mark.parametrize("mode", MODES.values(), ids=lambda mode: mode.name)
def test_help_names_everything_whole_in_80_columns(run, mode):
    helped = run(mode.name, "--help")[1]
    assert f"Usage: ppt2v {mode.name} [OPTIONS]{' [CLIP]' if mode.takes_clip else ''} [PROMPT]\n" in helped
    flags = {f"--{each.flag}" for each in config_file.parameters(mode) if not each.positional}
    assert flags <= set(helped.split())
    assert f"{mode.name} {mode.summary}" in " ".join(run("--help")[1].split())


def test_a_new_row_is_a_new_command(made):
    row = Mode(
        "upscale",
        "Make it larger.",
        "m:C",
        (
            Parameter("prompt", str, None, "What it shows.", positional="PROMPT"),
            Parameter("factor", int, 2, "How much [larger].", minimum=1),
            Parameter("use_blur", bool, False, "Blur it.", option="blur"),
        ),
    )
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(mode_command(row))
    helped = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for words in ("How much [larger]. [default: 2]", "Blur it. [default: off]", "--no-blur", "What it shows."):
        assert words in helped
    assert CliRunner().invoke(app, ["fox", "--factor", "3", "--blur"]).exit_code == 0
    assert made[0]["parameters"] == {"prompt": "fox", "factor": 3, "use_blur": True}


def test_the_version(run):
    assert run("--version") == (0, f"ppt2v {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["text2video", "fox", "--frames", "many"], "E-PARAMETER-VALUE", "--frames"),
        (["text2video", "fox", "--t0", "4.5"], "E-PARAMETER-VALUE", "--t0"),
        (["serve", "--port", "65536"], "E-PARAMETER-VALUE", "--port='65536'"),
        (["serve", "--queue", "0"], "E-PARAMETER-VALUE", ">= 1"),
        (["serve", "--workers", "0"], "E-PARAMETER-VALUE", ">= 1"),
        (["text2video", "fox", "--motion", "3"], "E-OPTION-EMPTY", "--motion"),
        (["text2video", "fox", "--seed"], "E-OPTION-EMPTY", "`ppt2v text2video -h`"),
        (["text2video", "fox", "--vae", ""], "E-PARAMETER-EMPTY", "--vae"),
        (["rerun", "made.mp4", "--out", ""], "E-OPTION-EMPTY", "--out"),
        (["interpolate", "made.mp4", "--model", ""], "E-OPTION-EMPTY", "--model"),
        (["report", "", "--source", "clip.mp4"], "E-OPTION-EMPTY", "VIDEO"),
        (["text2video", "fox", "--quiet=1"], "E-OPTION-SWITCH", "--quiet"),
        (["text2video", "fox", "--modle", "x"], "E-OPTION-UNKNOWN", "--model"),
        (["text2video", "fox", "--qqqqqqq"], "E-OPTION-UNKNOWN-HELP", "`ppt2v text2video -h`"),
        (["--qqqqqqq"], "E-OPTION-UNKNOWN-HELP", "`ppt2v -h`"),
        (["text2video", "a", "fox", "in", "the", "snow"], "E-ARGUMENTS-MANY", "'fox in the snow'"),
        (["text2vide", "fox"], "E-COMMAND-UNKNOWN", "text2video"),
        (["cache", "empty"], "E-COMMAND-UNKNOWN", "clear"),
        (["report"], "E-ARGUMENT-MISSING", "VIDEO"),
        (["convert", "one", "other"], "E-ARGUMENT-MISSING", "--format"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_cannot_be_parsed_is_one_line_in_both_languages(run, made, arguments, code, named, language):
    with speaking(language):
        status, out, err = run(*arguments)
    assert (status, out, made) == (2, "", [])
    assert err.endswith(f"[{code}]\n") and named in err and err.count("\n") == 1
    assert err.startswith({"en": "Error: ", "zh": "错误："}[language])


def test_help_shows_no_types_of_python(run):
    for command in ("serve", "ui", "report", "convert", "quantize", "batch", "rerun", "show"):
        assert "<" not in run(command, "--help")[1].replace("<=", "")


# Precedence


def test_command_line_wins_over_config_and_config_over_defaults(run, made):
    lines = "prompt: a cat", "video_length: 5", "fps: 9", "resolution: 512", "device: gpu:3", "dtype: float32"
    Path("c.yaml").write_text("\n".join(lines))
    assert run("text2video", "--config", "c.yaml", "--frames", "6", "--device", "cpu")[0] == 0
    assert made[0]["parameters"] == {"prompt": "a cat", "video_length": 6, "fps": 9, "resolution": 512}
    assert (made[0]["device"], made[0]["dtype"]) == ("cpu", "float32")


def test_the_printed_config_can_be_given_back(run, made):
    code, printed, _ = run("config", "text2video")
    assert (code, printed) == (0, config_file.dump(MODES["text2video"]))
    Path("c.yaml").write_text(printed.replace("#video_length: 8", "video_length: 9"), encoding="utf-8")
    assert run("text2video", "fox", "--config", "c.yaml")[0] == 0
    assert made[0]["parameters"] == {"prompt": "fox", "video_length": 9}


def test_resume_beside_the_output_of_a_config(run, made):
    Path("c.yaml").write_text("save_path: ~/a.mp4\n")
    run("text2video", "fox", "--config", "c.yaml", "--resume")
    assert made[0]["parameters"]["checkpoint_dir"] == os.path.expanduser("~/a.mp4.resume")


# Exit codes


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("E-ANY", "a [red]\n  prompt [/]"), 2, "Error: a [red] prompt [/] [E-ANY]\n"),
        (NumericalError("E-NAN", "NaN at step {step}", step=3), 1, "Error: NaN at step 3 [E-NAN]\n"),
        (
            ImportError("libGL.so.1: no such file"),
            1,
            "Error: libGL.so.1: no such file; `ppt2v doctor` says what mends it [E-PACKAGE-BROKEN]\n",
        ),
        (KeyboardInterrupt(), 130, "Interrupted\n"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(run, monkeypatch, error, code, line):
    def fail(**machine):
        raise error

    monkeypatch.setattr(ppt2v.model, "Model", fail)
    assert run("text2video", "fox") == (code, "", line)


def test_bugs_keep_their_traceback(run, monkeypatch):
    monkeypatch.setattr(ppt2v.model, "Model", lambda **machine: {}["bug"])
    with pytest.raises(KeyError):
        app.main(["text2video", "fox"])


def test_ctrl_c_while_the_file_is_written_leaves_nothing(run, monkeypatch):
    def frames():
        yield np.zeros((16, 16, 3), np.uint8)
        raise KeyboardInterrupt

    class Interrupted:
        def __init__(self, **machine):
            pass

        def run(self, mode, **parameters):
            return video.write(frames(), Path("a.gif"), 4, {})

    monkeypatch.setattr(ppt2v.model, "Model", Interrupted)
    assert run("text2video", "fox")[0] == 130
    assert list(Path().iterdir()) == []


# Bad input

BAD = [
    ([""], "prompt is empty"),
    ([" \n"], "prompt is empty"),
    (["fox", "--frames", "0"], "--frames=0"),
    (["fox", "--frames", "-1"], "--frames=-1"),
    (["fox", "--resolution", "0"], "resolution='0'"),
    (["fox", "--resolution", "-64"], "resolution='-64'"),
    (["fox", "--resolution", "large"], "resolution='large'"),
    (["fox", "--resolution", "18"], "multiples of 4"),
    (["fox", "--resolution", "1000x16"], "from 4 to 64"),
    (["fox", "--t0", "47", "--t1", "44"], "t0=47, t1=44"),
    (["fox", "--t0", "44", "--t1", "44"], "t0=44, t1=44"),
    (["fox", "--t1", "50"], "t1=50"),
    (["fox", "--steps", "0"], "--steps=0"),
    (["fox", "--steps", "1"], "at least 2"),
    (["fox", "--fps", "0"], "--fps=0"),
    (["fox", "--fps", "nan"], "--fps=nan"),
    (["fox", "--seed", "-1"], "--seed=-1"),
    (["fox", "--motion", "0", "1e9"], "--motion=1000000000.0"),
    (["fox", "--chunk-size", "1"], "--chunk-size=1"),
    (["fox", "--format", "avi"], "mp4, gif, webm, png"),
    (["fox", "--out", "a.avi"], "mp4, gif, webm, png"),
    (["fox", "--out", "a.gif", "--format", "mp4"], "change one of them"),
    (["fox", "--out", "folder"], "is a folder"),
    (["fox", "--out", "missing/a.mp4"], "no folder missing"),
    (["fox", "--out", "c.yaml/a.mp4"], "cannot be written"),
    (["fox", "--device", "cuda:99"], "device 'cuda:99'"),
    (["fox", "--device", "tpu"], "cpu, cuda"),
    (["fox", "--device", "cpu", "--dtype", "float16"], "float32"),
    (["fox", "--dtype", "int4"], "unknown dtype"),
    (["fox", "--model", "stable-difusion-v1-5"], "did you mean stable-diffusion-v1-5/stable-diffusion-v1-5"),
    (["fox", "--model", "folder"], "is no model"),
    (["fox", "--config", "c.yaml"], "did you mean video_length"),
    (["fox", "--config", "missing.yaml"], "missing.yaml: there is no such file"),
    (["fox", "--resume"], "--out"),
    (["fox", "--resume", "--out", "a.mp4", "--checkpoint-dir", "state"], "--checkpoint-dir"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_refused_before_a_model_is_loaded(run, monkeypatch, tiny_folder, arguments, words):
    monkeypatch.setattr(stable_diffusion, "load_stable_diffusion", lambda *_, **__: pytest.fail("a model was loaded"))
    monkeypatch.setattr(downloads, "download", lambda *_: pytest.fail("a model was downloaded"))
    Path("folder").mkdir()
    Path("c.yaml").write_text("video_lenght: 8\n")
    before = sorted(Path().rglob("*"))
    code, out, err = run("text2video", "--model", str(tiny_folder), *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert words in err
    assert sorted(Path().rglob("*")) == before


def test_a_truncated_checkpoint_is_refused_by_name(run, tiny_folder):
    shutil.copytree(tiny_folder, "model")
    [file] = Path("model/unet").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    code, out, err = run("text2video", "fox", "--model", "model", "--quiet", "--steps", "2", "--frames", "2")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and str(file) in err
    assert [path.name for path in Path().iterdir()] == ["model"]


# rerun


def _video(recipe: dict, name: str = "first.gif") -> None:
    video.write([np.zeros((16, 16, 3), np.uint8)] * 2, Path(name), 4, recipe)


def _recipe(**changes) -> dict:
    run = {"mode": "text2video", "parameters": {"prompt": "a [red] fox", "seed": 3, "fps": 4.0}}
    return {**run, "device": "cpu", "dtype": "float32", "engine": "eager", "versions": versions.installed(), **changes}


@pytest.mark.parametrize("name", ["first.gif", "first.png"])
def test_rerun_follows_the_recipe(run, made, name):
    _video(_recipe(), name)
    assert run("rerun", name) == (0, "made.mp4\n", "")
    parameters = {"prompt": "a [red] fox", "seed": 3, "fps": 4.0, "save_path": name.replace(".", "-rerun.")}
    machine = {"device": "cpu", "dtype": "float32", "engine": "eager", "workers": 1, "runner": "local"}
    machine["show_progress"] = True
    assert made == [{"mode": "text2video", "parameters": parameters, **machine}]


def test_rerun_elsewhere(run, made):
    _video(_recipe())
    run("rerun", "first.gif", "--out", "b.mp4", "--device", "cuda", "--dtype", "float16", "--quiet")
    assert made[0]["parameters"]["save_path"] == "b.mp4"
    assert (made[0]["device"], made[0]["dtype"], made[0]["show_progress"]) == ("cuda", "float16", False)


def test_rerun_never_takes_a_name_that_exists(run, made):
    _video(_recipe())
    Path("first-rerun.gif").touch()
    run("rerun", "first.gif")
    assert made[0]["parameters"]["save_path"] == "first-rerun-2.gif"


def test_rerun_warns_of_other_versions_in_one_line(run, made):
    _video(_recipe(versions={**versions.installed(), "paddle": "2.0.0"}))
    code, out, err = run("rerun", "first.gif")
    assert (code, out) == (0, "made.mp4\n")
    assert err.startswith("Warning: ") and err.count("\n") == 1
    assert "paddle 2.0.0" in err and "ppdiffusers" not in err


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (_recipe(mode="text2opera"), "text2opera"),
        (_recipe(parameters={"prompt": "fox", "smell": 3}), "smell"),
        ({"comment": "not of ppt2v"}, "no recipe of a run"),
    ],
)
def test_rerun_refuses_what_it_cannot_follow(run, made, recipe, words):
    _video(recipe)
    code, out, err = run("rerun", "first.gif")
    assert (code, out, made) == (2, "", [])
    assert err.startswith("Error: first.gif") and err.count("\n") == 1 and words in err


STRANGERS = {
    "clip": ("canny", {"video_path": "/home/ann/clip.mp4", "model_name": "embedded"}, "reads /home/ann/clip.mp4"),
    "clip to start from": ("synthesize", {"init_video": "clip.mp4", "model_name": "embedded/video"}, "reads clip.mp4"),
    "picture": ("text2video", {"watermark": "/etc/logo.png"}, "reads /etc/logo.png"),
    "lora": ("text2video", {"lora": ["/etc/a.safetensors:0.5"]}, "reads /etc/a.safetensors"),
    "folder": ("text2video", {"model_name": "/srv/model"}, "reads /srv/model"),
    "model": ("text2video", {"model_name": "hf:an/other"}, "downloads hf:an/other from Hugging Face (https://"),
    "adapter": ("text2video", {"textual_inversion": ["an/embedding"]}, "downloads an/embedding from Paddle"),
    "controlnet": (
        "canny",
        {"video_path": "a.mp4", "model_name": "embedded", "extra_controls": ["canny:0.5:aistudio:an/other"]},
        "downloads aistudio:an/other from AI Studio",
    ),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_rerun_follows_a_strangers_recipe_only_if_it_is_told_to(run, made, kind, monkeypatch, tmp_path):
    for name in ("HF_HUB_CACHE", "PPNLP_HOME", "AISTUDIO_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    mode, parameters, said = STRANGERS[kind]
    _video(_recipe(mode=mode, parameters={"prompt": "a fox", **parameters}))
    code, out, err = run("rerun", "first.gif")
    assert (code, out, made) == (2, "", []) and err.count("\n") == 1
    assert f" {said}" in err and err.endswith("if it may, add --trust [E-RECIPE-TRUST]\n")
    code, out, err = run("rerun", "first.gif", "--trust", "--quiet")
    assert (code, out) == (0, "made.mp4\n") and err.startswith("The recipe ") and said in err
    assert made[0]["parameters"].items() >= parameters.items()


def test_rerun_says_when_a_file_has_other_contents(run, made, tmp_path):
    style = tmp_path / "style.safetensors"
    style.write_bytes(b"one")
    parameters = {"prompt": "a fox", "lora": [f"{style}:0.5"]}
    recorded = fingerprints(MODES["text2video"], resolve(MODES["text2video"].parameters, parameters, {}))
    _video(_recipe(parameters=parameters, files=recorded))
    assert "Warning" not in run("rerun", "first.gif", "--trust")[2]
    style.write_bytes(b"two")
    code, out, err = run("rerun", "first.gif", "--trust")
    assert (code, out) == (0, "made.mp4\n")
    assert err.endswith(
        "Warning: other contents than then: style.safetensors; the new video will differ [N-RERUN-FILES]\n"
    )


def test_rerun_of_a_video_with_a_long_name(run, made):
    name = f"{'雪' * 80}.gif"
    _video(_recipe(), name)
    assert run("rerun", name)[0] == 0
    made_name = made[0]["parameters"]["save_path"]
    assert made_name.endswith("-rerun.gif") and len(made_name.encode()) <= 255


@pytest.mark.parametrize(
    "command", [["rerun"], ["report"], ["batch"], ["interpolate"], ["upscale"], ["control", "canny"]]
)
def test_a_name_that_no_file_can_have_is_refused_in_one_line(run, command):
    code, out, err = run(*command, "x" * 300 + (".csv" if command == ["batch"] else ".mp4"))
    assert (code, out) == (2, "") and err.count("\n") == 1 and err.startswith("Error: ")


def test_rerun_writes_nowhere_else_than_it_is_told(run, made):
    _video(_recipe(parameters={"prompt": "a fox", "checkpoint_dir": "/srv/other", "save_path": "/srv/other.mp4"}))
    assert run("rerun", "first.gif")[0] == 0
    assert made[0]["parameters"] == {"prompt": "a fox", "save_path": "first-rerun.gif"}


def test_rerun_of_no_video(run, made):
    Path("a.mp4").write_text("no video")
    assert run("rerun", "a.mp4")[0] == run("rerun", "missing.mp4")[0] == 2


# The other commands


def test_models_lists_known_and_cached_ones(run, monkeypatch, tmp_path):
    known = catalogue.KNOWN[0]
    cached = [(known.paddle_id, tmp_path, 4_270_000_000), ("hf:someone/something", tmp_path, 2_500_000_000)]
    monkeypatch.setattr(locate, "cached", lambda: cached)
    code, out, _ = run("models")
    assert code == 0
    shipped = [
        f"{catalogue.EMBEDDED}/{part}"
        for part in ("canny", "depth", "dreambooth", "nearness", "pix2pix", "pose", "saliency")
    ]
    sizes = "4.27", "2.50", f"{known.memory_gb('float16'):.1f}"
    for words in ("embedded", *shipped, known.id, "hf:someone/something", *sizes):
        assert words in out
    listed = {model["names"][0]: model for model in json.loads(run("models", "--json")[1])}
    assert set(shipped) < set(listed["embedded"]["names"])
    assert (listed[known.id]["bytes"], listed[known.id]["memory_gb"]["float16"]) == (
        4_270_000_000,
        known.memory_gb("float16"),
    )
    assert listed["hf:someone/something"]["memory_gb"] is None


def test_cache_lists_and_clears_exported_programs(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "engines"))
    assert run("cache", "list")[0] == 0 and not (tmp_path / "engines").exists()
    key = {"program": "Decoder", "network": "VAE", "precision": "float32", "inputs": [["z", [-1, 4, 8, 16], "float32"]]}
    model = str(locate.embedded()[catalogue.EMBEDDED])
    Cache().add(key, lambda folder: (folder / "a").write_bytes(b"x" * 10**7), model)
    Cache().add({**key, "program": "weights"}, lambda folder: (folder / "a").write_bytes(b"x" * 10**6), "/models/mine")
    code, out, _ = run("cache", "list")
    assert code == 0
    for words in ("Decoder", "VAE", "embedded", "16x8 z", "float32", "10.", "weights", "mine", "0.01 GB of at most"):
        assert words in out
    told = json.loads(run("cache", "list", "--json")[1])
    assert told["folder"] == str(tmp_path / "engines")
    assert {(each["program"], each["model"]) for each in told["programs"]} == {
        ("Decoder", "embedded"),
        ("weights", "mine"),
    }
    assert sum(each["bytes"] for each in told["programs"]) > 11 * 10**6
    code, out, _ = run("cache", "clear")
    assert (code, out.strip()) == (0, "0.01 GB freed")
    assert "Decoder" not in run("cache", "list")[1]


@pytest.mark.parametrize(("remedy", "code"), [(None, 0), ("pip install numpy", 1)])
def test_doctor_says_by_its_exit_code_whether_all_is_well(run, monkeypatch, remedy, code):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("numpy", "1.26.4", remedy)])
    assert run("doctor")[0] == code
    told = {"subject": "numpy", "found": "1.26.4", "remedy": remedy}
    assert (run("doctor", "--json")[:2]) == (code, f"{json.dumps([told], indent=1)}\n")


def test_help_imports_nothing_heavy():
    code = "import sys; from ppt2v.cli import main\ntry: main(sys.argv[1:])\nfinally: print('modules', *sys.modules)"
    command = [sys.executable, "-c", code, "text2video", "--help"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert any("--motion" in line for line in lines)
    [modules] = [line.split() for line in lines if line.startswith("modules ")]
    assert not set(HEAVY) & set(modules)


def test_a_command_does_not_look_for_garbage_again_and_again():
    looked = "print(gc.get_threshold()[0], gc.get_freeze_count() > 0)"
    code = f"import gc; from ppt2v.cli import main\ntry: main()\nfinally: {looked}"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    often, frozen = done.stdout.splitlines()[-1].split()
    assert int(often) > 10_000 and frozen == "True"


def test_the_real_command_prints_the_path_and_nothing_else(tmp_path, tiny_folder, run):
    command = [sys.executable, "-c", "from ppt2v.cli import main; main()"]
    arguments = ["text2video", "a fox", "--model", str(tiny_folder), "--device", "cpu", "--out", "a.gif", "--quiet"]
    arguments += ["--steps", "2", "--frames", "2"]
    done = subprocess.run(command + arguments, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a.gif\n", "")
    assert video.read_recipe(tmp_path / "a.gif")["parameters"]["prompt"] == "a fox"
    assert run("rerun", "a.gif", "--quiet")[0] == 2
    assert run("rerun", "a.gif", "--quiet", "--trust") == (0, "a-rerun.gif\n", f"The recipe reads {tiny_folder}\n")
    assert (tmp_path / "a-rerun.gif").read_bytes() == (tmp_path / "a.gif").read_bytes()


def test_an_interruption_while_the_commands_are_loaded_is_one_line(monkeypatch, capsys):
    class Interrupted(types.ModuleType):
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ppt2v.cli.app", Interrupted("ppt2v.cli.app"))
    with pytest.raises(SystemExit) as ended:
        ppt2v.cli.main(["models"])
    assert ended.value.code == 130 and capsys.readouterr().err == "Interrupted\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "out/a.json"), "'out/a.json': Permission denied"),
        (FileExistsError(errno.EEXIST, "File exists", "state"), "'state': File exists"),
    ],
    ids=["full", "closed", "taken"],
)
def test_what_the_system_refuses_is_one_line(run, monkeypatch, error, said):
    def refuse():
        raise error

    monkeypatch.setattr(doctor, "examine", refuse)
    code, out, err = run("doctor")
    assert (code, out) == (2, "") and err.startswith(f"Error: {said} [E-SYSTEM") and err.count("\n") == 1
