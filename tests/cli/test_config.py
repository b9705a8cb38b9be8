"""Config files: what they may say, what is refused, and that the printed defaults are such a file."""

from __future__ import annotations

import re

import pytest

from ppt2v import MODES, InputError
from ppt2v.cli import config_file

MODE = MODES["text2video"]


def _load(folder, text: str) -> dict:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return config_file.load(file, MODE)


def test_the_printed_defaults_decide_nothing(tmp_path):
    assert _load(tmp_path, config_file.dump(MODE)) == {}


def test_the_printed_defaults_without_their_marks_are_the_defaults(tmp_path):
    values = _load(tmp_path, re.sub(r"^#(?! )", "", config_file.dump(MODE), flags=re.M))
    assert values == {
        each.name: list(each.default) if each.many else each.default for each in config_file.parameters(MODE)
    }


def test_every_printed_default_has_its_help_above(tmp_path):
    lines = config_file.dump(MODE).splitlines()
    for parameter in config_file.parameters(MODE):
        above = lines.index(f"# {parameter.help}")
        assert lines[above + 1].startswith(f"#{parameter.name}:")


def test_values_and_interpolations(tmp_path):
    text = "prompt: 'a [red] fox: ü'\nfps: 8\nvideo_length: ${chunk_size}\nchunk_size: 4\ndevice: cpu\n"
    assert _load(tmp_path, text) == {
        "prompt": "a [red] fox: ü",
        "fps": 8,
        "video_length": 4,
        "chunk_size": 4,
        "device": "cpu",
    }


@pytest.mark.parametrize(
    "text", ["${oc.env:PPT2V_SECRET}", "a ${ oc.env : PPT2V_SECRET } b", "${oc.${n_prompt}:PPT2V_SECRET}"]
)
def test_nothing_is_taken_from_the_environment(tmp_path, monkeypatch, text):
    monkeypatch.setenv("PPT2V_SECRET", "hunter2")
    with pytest.raises(InputError, match="write the value itself") as refused:
        _load(tmp_path, f"n_prompt: env\nprompt: '{text}'\n")
    assert "hunter2" not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_of_unicode_is_read(tmp_path, encoding):
    (tmp_path / "config.yaml").write_bytes("prompt: a fox, 雪\r\nfps: 8\r\n".encode(encoding))
    assert config_file.load(tmp_path / "config.yaml", MODE) == {"prompt": "a fox, 雪", "fps": 8}


def test_an_empty_file_says_nothing(tmp_path):
    assert _load(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video_lenght: 8", "unknown parameter 'video_lenght'; did you mean video_length"),
        ("frames: 8", "unknown parameter 'frames'"),
        ("3: 8", "unknown parameter '3'"),
        ("prompt: [unclosed", "cannot be read"),
        ("- prompt", "is a list"),
        ("just a text", "unknown parameter 'just a text'"),
        ("prompt: ${nowhere}", "cannot be read"),
        ("fps: 1\nseed: 2\nfps: 3", "cannot be read"),
        ("prompt: a\0b", "is no text"),
        ("prompt: " + "[" * 5000, "cannot be read"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(InputError, match=r"config\.yaml") as refused:
        _load(tmp_path, text)
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00prompt"])
def test_a_missing_or_binary_file_is_refused(tmp_path, content):
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"config\.yaml"):
        config_file.load(file, MODE)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        config_file.load(tmp_path, MODE)
