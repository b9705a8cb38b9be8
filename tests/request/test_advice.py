import re
import warnings
from itertools import chain

import numpy as np
import pytest
from conftest import ROOT

from ppt2v import MODES, InputError, Model
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.formats.writing import save_torch
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import downloads, locate
from ppt2v.request import prompts
from ppt2v.request.request import Request

CLIPS = ROOT / "__assets__" / "clips"


def said(mode="text2video", **given):
    if MODES[mode].takes_clip:
        given = {"video_path": CLIPS / "panda.mp4", **given}
    return " ".join(map(str, Request.of(MODES[mode], given).advice()))


def test_the_embedded_model_says_which_words_it_does_not_know():
    advice = said(prompt="a (corgi:1.2) surfing on the beach, 3 corgis")
    assert "knows no: corgi, surfing, corgis; it knows astronaut, panda" in advice
    assert "in the snow" in advice and "\n" not in advice


@pytest.mark.parametrize("mode", MODES)
def test_the_samples_of_every_mode_hold_known_words_alone(mode):
    # That every mode has samples but those for which nothing ships, the page's tests say.
    for clip, prompt in MODES[mode].samples:
        assert not said(mode, prompt=prompt, **({"video_path": CLIPS / clip} if clip else {}))


def test_the_words_are_those_that_the_models_were_taught(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from training.pictures import moving, sprites

    moving_pictures = "embedded/video", "embedded/videofusion", "embedded/animate"
    for model in ("embedded", "embedded/pix2pix", "embedded/dreambooth", *moving_pictures):
        taught = read_json(locate.locate(model) / "words.json")
        assert set(taught["subjects"]) >= set(sprites.SUBJECTS)
        phrases = {phrase for place in sprites.PLACES.values() for phrase in place.phrases}
        if model in moving_pictures:
            phrases |= {phrase for motion in moving.MOTIONS.values() for phrase in motion}
        known = set(re.findall(r"[a-z]+", " ".join(chain(*taught.values())).lower()))
        assert known >= set(re.findall(r"[a-z]+", " ".join(phrases)))


@pytest.mark.parametrize(("mode", "model", "prompt", "unknown"), [
    ("text2video", "embedded", "a panda moving left in the snow", "moving, left"),
    ("synthesize", "embedded", "a panda moving left in the snow", ""),
    ("synthesize", "embedded/videofusion", "a panda dancing in the snow", "dancing"),
    ("pix2pix", "embedded", "make it a pencil drawing", ""),
    ("pix2pix", "embedded", "turn the fox into a castle", "castle"),
    ("canny-db", "embedded/dreambooth", "a sks bear at night", ""),
    ("canny", "embedded", "a sks bear at night", "sks"),
])  # fmt: skip
def test_each_embedded_model_has_words_of_its_own(mode, model, prompt, unknown):
    model = MODES[mode].default("model_name") if model == "embedded" else model
    advice = said(mode, prompt=prompt, model_name=model)
    assert f"knows no: {unknown};" in advice if unknown else not advice


def test_words_of_a_textual_inversion_and_whatever_a_lora_teaches_are_known(tmp_path):
    save_torch(tmp_path / "corgi.bin", {"corgi": np.zeros(128, np.float32)})
    assert not said(prompt="a corgi in the snow", textual_inversion=[str(tmp_path / "corgi.bin")])
    assert not said(prompt="a corgi in the snow", model_name="some/model")
    asked = Request.of(MODES["text2video"], {"prompt": "a corgi"}).values
    assert not prompts.advice(asked, Adapters(loras=("stands for a LoRA",)))


@pytest.mark.parametrize("name", ["prompt", "a_prompt", "n_prompt"])
def test_a_prompt_that_is_not_in_english_is_advised_against(name):
    asked = {"prompt": "a fox", "model_name": "some/model", name: "雪地里的狐狸"}
    (only,) = prompts.advice(asked, Adapters())
    assert only.code == "N-PROMPT-LANGUAGE" and "write the prompt in English" in str(only)


@pytest.mark.parametrize(
    ("prompt", "found", "told"),
    [
        ("a [fox:dog:0.5] in the snow", "[fox:dog:0.5]", "another prompt from a step on.*--prompt-at"),
        ("a [dog:10]", "[dog:10]", "another prompt from a step on"),
        ("a [fox::4]", "[fox::4]", "another prompt from a step on"),
        ("a [fox|dog]", "[fox|dog]", "words that take turns"),
        ("a {red|blue} fox", "{red|blue}", "a choice of words"),
        ("a fox in __places__", "__places__", "a choice of words"),
        ("a fox AND snow", "AND", "several prompts that are added up"),
        ("a fox <hypernet:anime:0.5>", "<hypernet:anime:0.5>", "a hypernetwork"),
        (
            "a fox, embedding:EasyNegative",
            "embedding:EasyNegative",
            "the file of a textual inversion.*--textual-inversion",
        ),
        ("a fox++ in the snow", "fox++", r"a weight.*as \(word:1.3\)"),
        ("a (red fox)1.3", ")1.3", "a weight"),
        ("a (fox)+", ")+", "a weight"),
        ("a (fox:1,3)", "(fox:1,3)", "a weight"),
        ("a （fox：1.3）", "（fox：1.3）", "a weight"),
        ("a (fox：1.3)", "(fox：1.3)", "a weight"),
        ("a 【fox：1.3】", "【fox：1.3】", "a weight"),
        ("a （（fox））", "（（fox））", "a weight"),
    ],
)
@pytest.mark.parametrize("name", ["prompt", "n_prompt"])
def test_what_other_programs_read_in_a_prompt_is_told_to_be_words_here(name, prompt, found, told):
    given = {"prompt": "a fox", "model_name": "some/model", name: prompt}
    assert re.search(f"{name} has {re.escape(repr(found))}, elsewhere {told}", said(**given))


@pytest.mark.parametrize(
    "prompt",
    [
        "a (fox:1.3) in ((snow)), [blurry], (red [blue])",
        r"a fox \[from 10:30\], a smiley :) [sic], BLACK AND WHITE",
        "a fox (1990) - at 10:30 BREAK a well-known fox, 2+2",
        "a sign, saying: [no entry], fox-like (soft)-focus",
        "a fox （vulpes） 【sketch】 at night （10：30）, (10：30), (16:9), [16:9], [at 10:30], f/1.8",
        "a C++ handbook, (1990)- a photo",
    ],
)
def test_weights_and_ordinary_punctuation_are_not_commented(prompt):
    assert not said(prompt=prompt, model_name="some/model")


FOX = {"prompt": "a fox in the snow"}


@pytest.mark.parametrize(
    "given, told",
    [
        ({"video_length": 8, "anchors": "8"}, "anchors=8 does nothing in a video of 8 frames"),
        ({"video_length": 9, "anchors": "8"}, ""),
        ({"video_length": 4, "anchors": "first+previous"}, ""),
        ({"video_length": 24}, ""),
        ({"video_length": 24, "motion_field_strength_x": -12}, "such as --motion -3.7 3.7 "),
        (
            {"video_length": 24, "motion_field_strength_x": 0, "motion_field_strength_y": 12},
            "such as --motion 0.0 3.7 ",
        ),
        ({"video_length": 24, "motion_field_strength_x": 12, "use_motion_field": False}, ""),
        ({"video_length": 24, "motion_field_strength_x": 12, "loop": True}, ""),
        ({"video_length": 80, "motion_field_strength_x": 12, "loop": True}, "such as --motion 3.3 "),
        ({"prompt_2": "a fox", "prompt_at": "4: a fox at night", "model_name": "some/xl"}, "prompt_2 stays the same"),
        ({"prompt_2": "a fox", "model_name": "some/xl"}, ""),
    ],
)
def test_what_has_no_effect_or_loses_the_subject_is_said(given, told):
    assert told in said(**FOX, **given) if told else not said(**FOX, **given)


def test_every_so_many_frames_of_a_clip_are_counted_in_the_clip():
    clip = {"start_t": 0.0, "end_t": 0.5, "out_fps": 8.0}
    assert "anchors=4 does nothing in a video of 4 frames" in said(
        "pix2pix", prompt="make it snow", anchors="4", **clip
    )


def test_it_is_said_before_anything_is_downloaded(monkeypatch):
    order = []
    monkeypatch.setattr(downloads, "download", lambda *_: order.append("download") or pytest.fail("downloaded"))
    monkeypatch.setattr(warnings, "warn", lambda message, **_: order.append(str(message)))
    with pytest.raises(pytest.fail.Exception):
        Model("cpu", show_progress=False).run("text2video", prompt="雪地里的狐狸", model_name="some/model")
    assert order[-1] == "download" and order[-2].endswith("write the prompt in English")


@pytest.mark.parametrize(("tag", "option"), [
    ("<lora:style:0.8>", "--lora style.safetensors:0.8"), ("<LORA:my style>", "--lora my style.safetensors or"),
    ("<lyco:style:1>", "--lora style.safetensors:1"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["prompt", "a_prompt", "n_prompt"])
def test_lora_in_a_prompt_is_answered_with_how_it_is_given(name, tag, option):
    with pytest.raises(InputError, match=f"{name} has {tag}: .*{option}"):
        prompts.check({"prompt": "a fox", name: f"a fox {tag}"})


def test_weights_that_are_none_are_refused_before_a_model_is_loaded():
    with pytest.raises(InputError, match="a weight of 99: the rule is -10 to 10"):
        Model("cpu").process_text2video("a (fox:99)", model_name="some/model")


def test_a_layer_that_the_text_encoder_does_not_have_is_refused(tmp_path):
    with pytest.raises(InputError, match="clip_skip=3: the text encoder of embedded has 2 layers; give 1 to 2"):
        Model("cpu", show_progress=False).process_text2video("a fox", clip_skip=3, save_path=tmp_path / "a.mp4")


def test_long_weighted_prompts_and_other_layers_make_other_videos(tmp_path):
    common = "a fox in the snow, " * 20
    asked = [
        {"prompt": "a fox in the snow"}, {"prompt": "a (fox:1.5) in the snow"}, {"prompt": f"{common} at night"},
        {"prompt": f"{common} at sunset"}, {"prompt": "a fox in the snow", "clip_skip": 2},
    ]  # fmt: skip
    model = Model("cpu", engine="eager", show_progress=False)
    short = {"video_length": 1, "num_inference_steps": 1, "seed": 0, "use_motion_field": False}
    for number, each in enumerate(asked):
        model.process_text2video(**each, **short, save_path=tmp_path / f"{number}.png")
    assert len({(tmp_path / f"{number}.png" / "00000.png").read_bytes() for number in range(5)}) == 5
