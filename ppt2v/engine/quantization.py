"""OpenVINO models with layers in int8, by what was seen to come into each of them.

Weights are rounded symmetrically, with a scale for each output channel; what comes in asymmetrically, with one scale
(arXiv 2106.08295, section 2). Before, its channels are made more alike at the cost of the weights, which changes
nothing in what the layer computes (SmoothQuant, arXiv 2211.10438, section 4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ppt2v.environment.openvino import import_openvino

ov = import_openvino()
ops = ov.opset15

_STEPS = 255  # between the least and the largest of 256 levels
_LARGEST = 127  # level of a weight
_SMOOTHING = 0.6  # how much of the differences between channels goes over to the weights, 0..1
# Decibels between what comes in and the error of rounding it. Layers below, whose largest numbers are far from all
# others, stay in float: in transformers the second of each feed-forward part.
_LEAST_SNR = 30.0
_LEAST = 1e-5  # of a channel's numbers, which may all be zero
# Channels that a layer must have on both sides. The first and the last have few: they cost little, and their errors go
# straight in or out.
_FEWEST = 32
# What a convolution must come behind, as nearly all do: OpenVINO 2026.4 computes nonsense where one takes what another
# one makes and both are in int8, as a shortcut behind a downsampler.
_ACTIVATION = "Swish"
_PRODUCTS = ".ff."  # in the names of those that tolerate it: errors in attention grow


class Layer(NamedTuple):
    """A convolution or matrix product with a weight of the network.

    ``inner`` and ``outer``: the weight's axes for the channels that come in and go out.
    """

    operation: Any
    name: str
    weight: np.ndarray
    inner: int
    outer: int

    def along_inner(self, numbers: np.ndarray) -> np.ndarray:
        """One number for each channel that comes in, for products with the weight."""
        return numbers.reshape([-1 if axis == self.inner else 1 for axis in range(self.weight.ndim)])

    def along_input(self, numbers: np.ndarray) -> np.ndarray:
        """The same for products with what comes in."""
        rank = len(self.operation.get_input_partial_shape(0))
        return numbers.reshape([-1 if axis == self.channels else 1 for axis in range(rank)])

    @property
    def channels(self) -> int:
        """The axis of the channels that come in."""
        convolves = self.operation.get_type_name() == "Convolution"
        return 1 if convolves else len(self.operation.get_input_partial_shape(0)) - 1


class Seen(NamedTuple):
    """What came into a layer: the least, the largest and the mean square of each channel."""

    low: np.ndarray
    high: np.ndarray
    square: np.ndarray

    def joined(self, other: Seen, share: float) -> Seen:
        """Together with another, of which ``share`` (0..1) goes into the mean."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Seen(low, high, self.square + share * (other.square - self.square))

    def divided(self, scales: np.ndarray) -> Seen:
        """What would have come in divided by numbers for each channel."""
        return Seen(self.low / scales, self.high / scales, self.square / scales**2)


class Grid(NamedTuple):
    """256 levels, one of which is zero: the least and the step between them."""

    low: float
    step: float

    @classmethod
    def over(cls, seen: Seen) -> Grid:
        low, high = min(seen.low.min(), 0.0), max(seen.high.max(), _LEAST)
        step = (high - low) / _STEPS
        return cls(float(np.round(low / step) * step), float(step))

    @property
    def high(self) -> float:
        return self.low + _STEPS * self.step

    def snr(self, seen: Seen) -> float:
        """Decibels between what was seen and the error of rounding it to the levels."""
        return float(10 * np.log10(max(seen.square.mean(), 1e-30) / (self.step**2 / 12)))


def layers(model: ov.Model) -> list[Layer]:
    """Those that may be quantised, in order."""
    found = []
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        if kind not in ("Convolution", "MatMul"):
            continue
        weight = operation.input_value(1).get_node()
        name = weight.get_friendly_name()
        if weight.get_type_name() != "Constant" or (kind == "MatMul" and _PRODUCTS not in name):
            continue
        if kind == "Convolution" and operation.input_value(0).get_node().get_type_name() != _ACTIVATION:
            continue
        if min(weight.get_output_shape(0)[:2]) >= _FEWEST:
            first = kind == "Convolution" or operation.get_attributes()["transpose_b"]
            found.append(Layer(operation, name, weight.data, *((1, 0) if first else (0, 1))))
    return found


def watched(model: ov.Model) -> tuple[ov.Model, list[str]]:
    """A model that gives low, high and square (``Seen``) of each layer after its own outputs; and the layers' names."""
    model = model.clone()
    found = layers(model)
    for layer in found:
        coming = layer.operation.input_value(0)
        rank = len(layer.operation.get_input_partial_shape(0))
        others = np.array([axis for axis in range(rank) if axis != layer.channels])
        square = ops.reduce_mean(ops.multiply(coming, coming), others)
        model.add_results(
            [ops.result(each) for each in (ops.reduce_min(coming, others), ops.reduce_max(coming, others), square)]
        )
    model.validate_nodes_and_infer_types()
    return model, [layer.name for layer in found]


def quantized(model: ov.Model, seen: dict[str, Seen]) -> ov.Model:
    """A model with the layers in int8 of which something was ``seen``, and that tolerate it."""
    model = model.clone()
    for layer in layers(model):
        if layer.name in seen:
            _quantize(layer, seen[layer.name])
    model.validate_nodes_and_infer_types()
    return model


def _quantize(layer: Layer, seen: Seen) -> None:
    scales = _scales(layer, seen)
    even = seen.divided(scales)
    grid = Grid.over(even)
    if grid.snr(even) >= _LEAST_SNR:
        layer.operation.input(0).replace_source_output(_on_grid(layer, grid, scales).output(0))
        layer.operation.input(1).replace_source_output(_int8(layer, scales).output(0))


def _scales(layer: Layer, seen: Seen) -> np.ndarray:
    """By what each channel is divided before it is rounded, and its weights multiplied."""
    others = tuple(axis for axis in range(layer.weight.ndim) if axis != layer.inner)
    weight = np.maximum(np.abs(layer.weight).max(axis=others), _LEAST)
    coming = np.maximum(np.maximum(-seen.low, seen.high), _LEAST)
    return (coming**_SMOOTHING / weight ** (1 - _SMOOTHING)).astype(np.float32)


def _on_grid(layer: Layer, grid: Grid, scales: np.ndarray):
    """What comes in, divided and rounded."""
    coming, along = layer.operation.input_value(0), layer.along_input(scales)
    low, high = np.float32(grid.low), np.float32(grid.high)
    if layer.channels == 1:  # in one operation; along other axes OpenVINO 2026.4 gets limits for each channel wrong
        limits = (low * along, high * along, low, high)
    else:
        coming, limits = ops.multiply(coming, ops.constant(1 / along)), (low, high, low, high)
    return ops.fake_quantize(coming, *map(ops.constant, limits), _STEPS + 1)


def _int8(layer: Layer, scales: np.ndarray):
    """The weight, multiplied and rounded."""
    weight = layer.weight * layer.along_inner(scales)
    others = tuple(axis for axis in range(weight.ndim) if axis != layer.outer)
    step = np.maximum(np.abs(weight).max(axis=others, keepdims=True), 1e-30) / np.float32(_LARGEST)
    levels = ops.constant(np.rint(weight / step).astype(np.int8))
    return ops.multiply(ops.convert(levels, "f32"), ops.constant(step))
