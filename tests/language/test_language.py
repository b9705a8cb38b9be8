"""Messages are put together in the language of who reads them, whatever they went through before."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

from ppt2v.errors import DiskFull, InputError, Notice, NumericalError
from ppt2v.language import Message, choice, current, either, preferred, speaking, words
from ppt2v.request import request

CLIP = InputError("E-CLIP-MISSING", "{path} does not exist: give a video file", path="a.mp4")


def test_a_message_is_told_in_the_language_in_force():
    assert str(CLIP) == "a.mp4 does not exist: give a video file" and CLIP.code == "E-CLIP-MISSING"
    with speaking("zh"):
        assert str(CLIP) == "a.mp4 不存在：请给出视频文件"
    assert current() == "en"


@pytest.mark.parametrize("error", [CLIP, NumericalError("E-STRENGTH", "{strength}", strength=1.5), DiskFull()])
def test_an_error_crosses_processes_with_its_code_and_values(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and again.message == error.message and str(again) == str(error)


def test_what_is_kept_as_json_is_told_in_the_language_of_who_reads_it():
    kept = Message("E-MODE-UNKNOWN", "unknown mode {name!r}: choose one of {modes}", name="x", modes=["a", "b"])
    read = Message.of_json(json.loads(json.dumps(kept.as_json())))
    assert read == kept and str(read) == "unknown mode 'x': choose one of a, b"
    with speaking("zh"):
        assert str(read) == "未知的模式 'x'：请从 a、b 中选择"


def test_a_message_within_a_message_is_told_in_the_same_language():
    outer = InputError(CLIP.code, "{path}, line {line}: {error}", path="b.csv", line=3, error=CLIP)
    assert (outer.code, str(outer)) == ("E-CLIP-MISSING", "b.csv, line 3: a.mp4 does not exist: give a video file")
    with speaking("zh"):
        assert str(outer) == "b.csv 第 3 行：a.mp4 不存在：请给出视频文件"
        assert str(either(["a", "b"])) == "a 或 b"


def test_values_are_kept_as_they_are_told():
    told = Message(
        None, "{number:.1f} {names} {names!r} {whole:d}", number=np.float32(0.25), names=["a"], whole=np.int64(2)
    )
    assert str(told) == "0.2 a ['a'] 2"
    assert str(Message(None, "{names}", names={"a": 1, "b": 2})) == "a, b"


def test_texts_within_a_message_can_be_changed():
    told = Message(None, "{path}: {why}", path="/secret/a", why=words("{file}", file="/secret/b"))
    assert str(told.changed(lambda text: text.replace("/secret/", ""))) == "a: b"


def test_a_notice_is_a_warning_with_a_code():
    with pytest.warns(UserWarning, match="English texts only") as caught:
        warnings.warn(Notice("N-PROMPT-LANGUAGE", "the model was trained on English texts only"), stacklevel=1)
    assert caught[0].message.code == "N-PROMPT-LANGUAGE"


LANGUAGES = ("PPT2V_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"PPT2V_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"PPT2V_LANG": "fr"}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_says_the_language(variables, language, monkeypatch):
    for name in LANGUAGES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert choice._of_process.__wrapped__() == language


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"PPT2V_LANG": "zh", "LANG": "en_US.UTF-8"}, "错误：提示词为空"), ({}, "Error: the prompt is empty")],
)
def test_a_process_speaks_the_language_of_its_environment(variables, said):
    others = {name: value for name, value in os.environ.items() if name not in LANGUAGES}
    command = [sys.executable, "-m", "ppt2v", "text2video", " "]
    environment = {**others, **variables, "PYTHONIOENCODING": "utf-8"}
    ended = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    assert ended.returncode == 2 and ended.stderr.startswith(said) and ended.stderr.endswith(" [E-PROMPT-EMPTY]\n")


def test_the_tables_are_read_only_where_they_are_asked_for():
    code = "import sys, ppt2v.cli.app; print('ppt2v.language.chinese' in sys.modules)"
    in_english = {**os.environ, "PPT2V_LANG": "en"}
    assert (
        subprocess.run([sys.executable, "-c", code], env=in_english, capture_output=True, check=True).stdout
        == b"False\n"
    )


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de, en;q=0.5, zh;q=0.4", "en"), ("", "en"), ("zh;q=x", "en")],
)
def test_a_client_gets_the_language_that_it_prefers(header, language):
    assert preferred(header) == language


def test_the_rule_of_a_parameter_is_told_in_chinese():
    with speaking("zh"), pytest.raises(InputError) as refused:
        request.Request.of(request.mode("text2video"), {"prompt": "a fox", "seed": -1})
    with speaking("zh"):
        assert str(refused.value).startswith("seed=-1 无效；有效值：整数 >= 0 且 <= ")
