"""The help of the commands: what it names, how it is laid out, what a shell completes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ppt2v.cli import app
from ppt2v.parameters import GROUPS


@pytest.fixture
def helped(capsys):
    """The help that arguments print, without its line breaks unless asked for with them."""

    def call(*arguments: str, whole: bool = True) -> str:
        with pytest.raises(SystemExit) as end:
            app.main(arguments)
        assert not end.value.code
        printed = capsys.readouterr().out
        return " ".join(printed.split()) if whole else printed

    return call


def test_the_default_is_the_one_that_is_used(helped):
    shown = helped("text2video", "--help")
    assert "Denoising steps. [default: the model's own, else 50]" in shown
    assert "Number of frames. [default: 8]" in shown


def test_choices_are_shown(helped):
    assert "--engine auto|eager|openvino|inference " in helped("text2video", "--help")


def test_motion_says_which_way(helped):
    shown = helped("text2video", "--help")
    assert "--motion X Y Motion to the left per frame, in 1/512 of the width; negative: to the right. " in shown
    assert "Motion upwards per frame, in 1/512 of the height, likewise; negative: down." in shown


def test_options_stand_in_groups(helped):
    lines = helped("text2video", "--help", whole=False).splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Arguments:", "Options:", *(f"{group}:" for group in GROUPS[1:])]
    steps, chunk = (lines.index(next(line for line in lines if flag in line)) for flag in ("--steps", "--chunk-size"))
    assert steps < lines.index("Motion:") < lines.index("Speed and memory:") < chunk


@pytest.mark.parametrize("command", [[], ["text2video"], ["control", "canny"], ["cache"]], ids=" ".join)
def test_h_is_help(helped, command):
    assert helped(*command, "-h") == helped(*command, "--help")


def test_o_is_out(helped):
    for command in [["text2video"], ["rerun"], ["batch"], ["control", "canny"], ["dreambooth", "train"]]:
        assert "-o, --out " in helped(*command, "-h")


@pytest.mark.parametrize("columns", [60, 150])
def test_help_is_as_wide_as_the_terminal(helped, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    widths = [len(line) for line in helped("text2video", "-h", whole=False).splitlines()]
    assert columns - 20 < max(widths) <= columns


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("ppt2v text", "text2video"), ("ppt2v text2video --solver eu", "euler_a"), ("ppt2v text2video --ste", "--steps")],
)
def test_a_shell_completes_commands_options_and_choices(typed, offered):
    completed = subprocess.run(
        [sys.executable, "-m", "ppt2v"],
        env={
            "PATH": "",
            "_PPT2V_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split()) - 1),
        },
        capture_output=True,
        text=True,
    )
    assert offered in completed.stdout.split()
