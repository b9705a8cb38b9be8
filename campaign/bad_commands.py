"""Bad values of every option, and bad files, for every command."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from . import zoo
from .command import Command
from .trial import Trial

_NUMBERS = ("-1", "0", "1e3", "nan", "inf", "-inf", "1e400", "", " ", "9" * 400, "0x10", "1_000", "2.5", "true", "x")
_NUMBERS += ("\u0661", str(2**63), str(-(2**63)), "1e-320", "--", "1,5")
_TEXTS = (
    "",
    " ",
    "a" * 300,
    "\udcff",
    "a/b/c",
    "hf:",
    "aistudio:/",
    "../..",
    "None",
    "a:b:c",
    ":",
    "\u202e",
    "\x1b[2J",
)
_QUICK = ("--device", "cpu", "--engine", "eager", "--quiet")
_SHORT = {"num_inference_steps": "2", "video_length": "2", "end_t": "0.2"}


def trials(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Half of them modes with bad options, half other commands with bad files and options."""
    import tiny_model

    from ppt2v.modes import MODES

    command = Command(folder)
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    bad_files = zoo.make(command.work)
    command.run(["text2video", "a fox", "--model", model, "--out", "first.mp4", *_QUICK, "--steps", "2"])
    Path("first.mp4").unlink()
    for index in range(number):
        mode = random.choice(list(MODES.values()))
        arguments = _mode(random, mode, bad_files, model) if index % 2 else _other(random, bad_files)
        yield Trial(" ".join(repr(each)[:60] for each in arguments), partial(command.refuses, arguments))


def _mode(random: Random, mode, bad_files: list[str], model: Path) -> list[str]:
    """A mode with one to three bad options, and else as quick as can be."""
    from ppt2v.cli.options import by_flag

    named = {parameter.name: parameter for parameter in mode.parameters}
    arguments = [mode.name, *(["good.mp4"] if mode.takes_clip else []), "a fox", *_QUICK, "--out", "out.mp4"]
    if mode.name == "text2video":
        arguments += ["--model", str(model)]
    for name, value in _SHORT.items():
        if name in named:
            arguments += [f"--{named[name].flag}", value]
    flags = [
        (flag, group)
        for flag, group in by_flag(mode.parameters).items()
        if group[0].positional is None and group[0].kind is not bool
    ]
    for flag, group in random.sample(flags, random.randint(1, 3)):
        arguments += [f"--{flag}", *(_bad(random, parameter, bad_files) for parameter in group)]
    if random.random() < 0.1:
        arguments[1] = random.choice([*bad_files, *_TEXTS])
    return arguments


def _bad(random: Random, parameter, bad_files: list[str]) -> str:
    if parameter.kind in (int, float):
        return random.choice(_NUMBERS)
    if parameter.holds in ("clip", "model", "adapter", "file", "picture", "output"):
        return random.choice([*bad_files, *_TEXTS])
    return random.choice(_TEXTS)


def _other(random: Random, bad_files: list[str]) -> list[str]:
    """Another command with bad files; a service only with what it must refuse before it listens."""
    file, other = random.choice(bad_files), random.choice(bad_files)
    number = random.choice(_NUMBERS)
    return random.choice(
        [
            ["report", file],
            ["report", "good.mp4", "--source", file],
            [
                "report",
                "good.mp4",
                "--json",
                random.choice(["missing/x.json", "/proc/x.json", "folder.mp4", "a" * 300]),
            ],
            ["compare", "good.mp4", other],
            ["control", random.choice(["canny", "pose", "depth"]), file, "--out", "maps.mp4"],
            ["control", "canny", "good.mp4", "--low-threshold", number, "--out", "maps.mp4"],
            [
                "control",
                "canny",
                "good.mp4",
                "--out",
                random.choice(["missing/x.mp4", "good.mp4", "folder.mp4", "x.exe"]),
            ],
            ["rerun", file],
            ["rerun", file, "--trust", "--out", other],
            ["convert", file or "x", "made", "--format", "diffusers"],
            ["convert", ".", random.choice(["missing/made", "/proc/made", "good.mp4"]), "--format", "paddle"],
            ["convert", ".", "made", "--format", random.choice(_TEXTS)],
            ["batch", file, "--quiet"],
            ["batch", "half.json", "--workers", number],
            ["dreambooth", "train", file, "--prompt", "a sks fox", "--out", "subject", "--quiet"],
            ["dreambooth", "train", "--images", file, "--prompt", "a sks fox", "--out", other, "--quiet"],
            ["text2video", "a fox", "--config", file, *_QUICK, "--steps", "2", "--frames", "2"],
            ["serve", "--host", "0.0.0.0"],
            ["serve", "--token", "short"],
            ["serve", "--port", random.choice(["-1", "65536", "x"])],
            ["serve", "--model", random.choice(["no model", "missing/x/y", ""])],
            ["ui", "--share"],
            ["ui", "--auth", random.choice(["a:b", ":", "a", ""])],
            ["ui", "--side", random.choice(["0", "-1", "x"])],
            ["config", random.choice(["text2opera", "", "--x"])],
            [random.choice(["text2vid", "", "--nothing", "\x00"]), "a fox"],
        ]
    )
