"""What is no path, and what no file can be called, is refused in one line and before anything is loaded."""

import pytest

from ppt2v import MODES, InputError
from ppt2v.request.request import Request

LONG = "雪" * 100 + ".mp4"
TEXTS = [
    ("text2video", "save_path"), ("text2video", "checkpoint_dir"), ("text2video", "watermark"),
    ("text2video", "model_name"), ("text2video", "tokenizer"), ("text2video", "saliency_weights"),
    ("canny", "video_path"), ("canny", "controlnet"), ("synthesize", "init_video"), ("pose", "detector_weights"),
]  # fmt: skip
NAMES = [each for each in TEXTS if each != ("text2video", "watermark")]
LISTS = [("text2video", "lora"), ("text2video", "textual_inversion"), ("canny", "extra_controls")]


def refused(mode, **given):
    with pytest.raises(InputError) as error:
        Request.of(MODES[mode], {"prompt": "a fox", **given})
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    return str(error.value)


@pytest.mark.parametrize(("mode", "name"), TEXTS)
@pytest.mark.parametrize("value", [5, 1.5, True, ["x"], ("a", "b"), {"a": 1}, b"x.mp4"], ids=repr)
def test_what_is_no_text_is_refused_by_the_rule(mode, name, value):
    assert refused(mode, **{name: value}).startswith(f"{name}=") and "the rule is a text" in refused(
        mode, **{name: value}
    )


@pytest.mark.parametrize(("mode", "name"), LISTS)
@pytest.mark.parametrize("value", [7, True, [7], [None], {"a": 1}, b"x"], ids=repr)
def test_what_is_no_list_of_texts_is_refused_by_the_rule(mode, name, value):
    assert refused(mode, **{name: value}).startswith(f"{name}=")


@pytest.mark.parametrize(("mode", "name"), TEXTS + LISTS)
def test_a_name_that_no_file_can_have_is_refused(mode, name):
    value = f"a/{LONG}.png" if name == "watermark" else f"a/{LONG}"
    said = refused(mode, **{name: [value] if (mode, name) in LISTS else value})
    assert name in said and "of more than 255 bytes" in said


@pytest.mark.parametrize(("mode", "name"), [*NAMES, *LISTS, ("animate", "motion_module"), ("text2video", "memory")])
def test_an_empty_text_names_nothing(mode, name):
    assert refused(mode, **{name: ""}).startswith(f"{name} is an empty text")
    if (mode, name) in LISTS:
        assert refused(mode, **{name: ["", "x"]}).startswith(f"{name} is an empty text")


@pytest.mark.parametrize("name", ["n_prompt", "watermark"])
def test_what_is_a_text_may_be_empty(name):
    assert Request.of(MODES["text2video"], {"prompt": "a fox", name: ""}).values[name] == ""


def test_a_long_text_as_the_watermark_is_no_path():
    Request.of(MODES["text2video"], {"prompt": "a fox", "watermark": "a text " * 60})


@pytest.mark.parametrize(("mode", "name"), TEXTS)
def test_a_path_with_a_zero_byte_is_refused(mode, name):
    assert name in refused(mode, **{name: "a\0b.png"})


@pytest.mark.parametrize("name", ["prompt", "n_prompt", "watermark", "save_path"])
def test_half_a_pair_is_no_text(name):
    assert name in refused("text2video", **{name: "a \ud83d fox"})
