"""The precisions of OpenVINO on this processor, and which is the fastest: measured, since no list of features tells."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ppt2v import unfinished
from ppt2v.cache import default_folder
from ppt2v.environment import processor
from ppt2v.environment.devices import PRECISIONS
from ppt2v.environment.openvino import import_openvino
from ppt2v.environment.threads import threads

ov = import_openvino()
ops = ov.opset15

_HINTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
_CAPABILITIES = {"float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}
_GAIN = 0.9  # of the time of a more exact precision that a less exact one may take to be worth it
_ROUNDS = 3
# Channels and side of the levels of Stable Diffusion's UNet with attention, for frames of 256x256.
_LEVELS = ((320, 32), (640, 16), (1280, 8))
_HEADS = 8


def available() -> tuple[str, ...]:
    """The precisions that OpenVINO computes in on this processor, the most exact first."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(name for name in PRECISIONS if _CAPABILITIES.get(name) in capabilities)


def compile_model(model: ov.Model, precision: str) -> ov.CompiledModel:
    """Makes a program ready for this machine, on as many threads as Paddle's.

    The threads are not pinned: OpenVINO pins those of every process to the same first cores, where several workers of
    fewer threads than cores would take turns on one and leave the others idle.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads(),
        "ENABLE_CPU_PINNING": False,
    }
    return ov.Core().compile_model(model, "CPU", settings)


def default() -> str:
    """The precision to take where none is asked for."""
    precisions = available()
    return fastest(measured()) if len(precisions) > 1 else precisions[0]


def fastest(seconds: Mapping[str, float]) -> str:
    """The precision to take: of those in ``seconds``, the most exact first, the fastest by a clear margin."""
    chosen, *others = seconds
    for name in others:
        if seconds[name] < _GAIN * seconds[chosen]:
            chosen = name
    return chosen


def measured() -> dict[str, float]:
    """Seconds of processor time that a part of a UNet takes in each precision, the most exact first.

    Kept beside the cache of exported programs for each kind of processor and version of OpenVINO, so that the choice
    stays the same.
    """
    about = {**processor.about(), "openvino": ov.get_version()}
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    file, precisions = default_folder() / f"precisions-{digest}.json", available()
    seconds = _kept(file)
    if set(seconds) != set(precisions):
        seconds = _measure(precisions)
        _keep(file, {**about, "seconds": seconds})
    return {name: seconds[name] for name in precisions}


def _kept(file: Path) -> dict[str, float]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return {name: float(taken) for name, taken in json.loads(file.read_text(encoding="utf-8"))["seconds"].items()}
    return {}


def _keep(file: Path, content: Mapping) -> None:
    with suppress(OSError):  # without a cache the next process measures again
        file.parent.mkdir(parents=True, exist_ok=True)
        part = unfinished.beside(file.parent, ".precisions-")
        try:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
            os.replace(part, file)
        finally:
            unfinished.remove(part)


def _measure(precisions: Iterable[str]) -> dict[str, float]:
    """The least of some rounds in turn, so that what else the machine does weighs little."""
    model = _part_of_unet()
    compiled = {name: compile_model(model, name) for name in precisions}
    inputs = [np.ones(list(each.shape), np.float32) for each in model.inputs]
    for program in compiled.values():
        program(inputs)  # the first call prepares the weights
    rounds = [{name: _seconds(program, inputs) for name, program in compiled.items()} for _ in range(_ROUNDS)]
    return {name: min(each[name] for each in rounds) for name in compiled}


def _seconds(program, inputs: list[np.ndarray]) -> float:
    start = time.process_time()
    program(inputs)
    return time.process_time() - start


def _part_of_unet() -> ov.Model:
    """A residual and a transformer block of each level, for both branches of guidance."""
    largest = max(9 * channels**2 for channels, _ in _LEVELS)
    numbers = np.random.default_rng(0).standard_normal(largest, np.float32) / 100

    def weights(*shape: int):
        """A constant of that shape, which takes no memory of its own."""
        return ops.constant(numbers[: int(np.prod(shape))].reshape(shape), shared_memory=True)

    inputs = [ops.parameter([2, channels, side, side], np.float32) for channels, side in _LEVELS]
    results = []
    for x, (channels, side) in zip(inputs, _LEVELS):
        x = _convolved(x, channels, weights)
        results.append(ops.result(_transformed(x, channels, side**2, weights)))
    return ov.Model(results, inputs, "part of a UNet")


def _convolved(x, channels: int, weights: Callable[..., Any]):
    padding, one = [1, 1], [1, 1]
    for _ in range(2):
        x = ops.swish(ops.group_normalization(x, weights(channels), weights(channels), 32, 1e-5))
        x = ops.convolution(x, weights(channels, channels, 3, 3), one, padding, padding, one)
    return x


def _transformed(x, channels: int, tokens: int, weights: Callable[..., Any]):
    flat = [0, tokens, channels]
    x = ops.reshape(ops.transpose(x, np.array([0, 2, 3, 1])), np.array(flat), True)

    def projected(x, before: int, after: int):
        return ops.matmul(x, weights(before, after), False, False)

    def heads(x):
        split = ops.reshape(x, np.array([0, tokens, _HEADS, channels // _HEADS]), True)
        return ops.transpose(split, np.array([0, 2, 1, 3]))

    normalized = ops.mvn(x, np.array([2]), True, 1e-5, "inside_sqrt")
    query, key, value = (heads(projected(normalized, channels, channels)) for _ in range(3))
    attended = ops.transpose(ops.scaled_dot_product_attention(query, key, value), np.array([0, 2, 1, 3]))
    x = ops.add(x, projected(ops.reshape(attended, np.array(flat), True), channels, channels))
    return ops.add(x, projected(ops.gelu(projected(x, channels, 4 * channels), "ERF"), 4 * channels, channels))
