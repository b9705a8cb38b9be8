"""Malformed model folders: tiny models with a file that is damaged, missing, too much, or no file at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import tiny_model

from . import mutate
from .command import Command
from .trial import Trial

_QUICK = ("--device", "cpu", "--engine", "eager", "--quiet", "--out", "out.mp4", "--steps", "2", "--frames", "2")


def trials(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Two of three from a Stable Diffusion folder, one from ModelScope's own files."""
    command = Command(folder)
    models = {
        "text2video": tiny_model.write_stable_diffusion(folder / "tiny"),
        "synthesize": tiny_model.write_modelscope(folder / "modelscope"),
    }
    for mode, model in models.items():
        command.run([mode, "a fox", "--model", model, *_QUICK])
    for index in range(number):
        mode = "synthesize" if index % 3 == 2 else "text2video"
        file = random.choice([path for path in sorted(models[mode].rglob("*")) if path.is_file()])
        what, damage = _damage(random, file)
        name = f"{file.relative_to(models[mode])}: {what}"
        yield Trial(name, partial(_try, command, mode, models[mode], file, damage))


def _damage(random: Random, file: Path) -> tuple[str, Callable[[Path], object]]:
    """What is done to a file, in words and as a function of its copy, which is gone when it is called."""
    if random.random() < 0.12:
        return random.choice(
            [
                ("missing", lambda path: None),
                ("a folder", Path.mkdir),
                ("a pipe", os.mkfifo),
                ("a link to nowhere", lambda path: path.symlink_to("nowhere")),
                ("a link to itself", lambda path: path.symlink_to(path.name)),
                ("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero")),
                ("a link to a folder", lambda path: path.symlink_to("..")),
            ]
        )
    if file.suffix == ".json":
        content = mutate.json_file(random, json.loads(file.read_text(encoding="utf-8")))
    elif file.suffix == ".txt":
        content = mutate.text(random, file.read_text(encoding="utf-8"))
    elif file.suffix == ".safetensors" and random.random() < 0.6:
        content = _other_header(random, file.read_bytes())
    else:
        content = mutate.binary(random, file.read_bytes())
    return f"{len(content)} bytes, {content[:50]!r}", lambda path: path.write_bytes(content)


def _other_header(random: Random, content: bytes) -> bytes:
    """A .safetensors file with something changed in its header, whose stated length is right or not."""
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(mutate.value(random, json.loads(content[8 : 8 + length]))).encode("utf-8", "surrogatepass")
    stated = len(header) if random.random() < 0.9 else random.choice([0, 1, 2**40, 2**63])
    return stated.to_bytes(8, "little") + header + content[8 + length :]


def _try(command: Command, mode: str, model: Path, file: Path, damage: Callable[[Path], object]) -> None:
    copy = command.work / "model"
    shutil.copytree(model, copy, copy_function=os.link)
    try:
        place = copy / file.relative_to(model)
        place.unlink()
        damage(place)
        command.refuses([mode, "a fox", "--model", "model", *_QUICK])
    finally:
        shutil.rmtree(copy)
