"""Damaged config files and batch files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import tiny_model

from . import mutate
from .command import Command
from .trial import Trial

_QUICK = ("--device", "cpu", "--engine", "eager", "--quiet")


def configs(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Config files of `text2video`, as YAML and as JSON, which is YAML too."""
    command, values = Command(folder), _values(folder)
    short = [f"--steps={values.pop('num_inference_steps')}", f"--frames={values.pop('video_length')}"]
    values |= {"motion_field_strength_x": 12, "solver": "ddim", "chunk_size": 2, "t0": 44, "t1": 47}
    for index in range(number):
        damaged = _damaged(random, values, "\n".join(f"{name}: {value}" for name, value in values.items()))
        arguments = ["text2video", "a fox", "--config", "damaged.yaml", *_QUICK, *short, "--out", "out.mp4"]
        yield Trial(f"config {index}: {damaged[:60]!r}", partial(_try, command, "damaged.yaml", damaged, arguments))


def batches(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Batch files in the three formats."""
    command, values = Command(folder), _values(folder)
    rows = [
        {**values, "prompt": "a fox", "name": "one"},
        {**values, "prompt": "a dog", "seed": 3, "mode": "text2video"},
    ]
    names = sorted({name for row in rows for name in row})
    texts = {
        "damaged.jsonl": "\n".join(map(json.dumps, rows)),
        "damaged.yaml": json.dumps(rows),
        "damaged.csv": "\n".join(
            [",".join(names), *(",".join(str(row.get(name, "")) for name in names) for row in rows)]
        ),
    }
    for index in range(number):
        name, text = random.choice(list(texts.items()))
        damaged = mutate.text(random, text) if name == "damaged.csv" else _damaged(random, rows, text)
        arguments = ["batch", name, "--out", "made", *_QUICK]
        yield Trial(f"{name} {index}: {damaged[:60]!r}", partial(_try, command, name, damaged, arguments))


def _values(folder: Path) -> dict:
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    # So that a run stays short where a damaged file does not say how long it is.
    tiny_model.write_json(model / "ppt2v.json", {"text2video": {"num_inference_steps": 2}})
    return {"model_name": str(model), "num_inference_steps": 2, "video_length": 2, "guidance_scale": 5.0, "seed": 1}


def _damaged(random: Random, values: object, text: str) -> bytes:
    if random.random() < 0.5:
        return json.dumps(mutate.value(random, values)).encode("utf-8", "surrogatepass")
    return mutate.text(random, text)


def _try(command: Command, name: str, content: bytes, arguments: list[str]) -> None:
    file = command.work / name
    file.write_bytes(content)
    try:
        command.refuses(arguments, some_rows=arguments[0] == "batch")
    finally:
        file.unlink()
