"""Convolutions of a doubled picture, computed on the picture as it was.

A kernel of 3x3 meets each number up to four times when it has been doubled along both sides. For each of the four
places in a doubled cell a kernel of 2x2, sums of its weights, makes the same: 16 products for each number instead of 36
(the nearest neighbour resize convolution as a sub-pixel convolution, arXiv 1707.02937, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ppt2v.environment.openvino import import_openvino

ov = import_openvino()
ops = ov.opset15

_LAYERS = ".upsamplers."  # in the names of convolutions that may stand behind a doubling
_DOUBLING = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
_CONVOLVING = {"strides": [1, 1], "dilations": [1, 1], "pads_begin": [1, 1], "pads_end": [1, 1]}
# Along one side, for the first and the second place: the weights that each of the two of its kernel sums up.
_SUMS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)


def concerns(name: str, weight: np.ndarray) -> bool:
    """Whether a weight of that name is of such a convolution."""
    return _LAYERS in name and weight.shape[2:] == (3, 3)


def kernels(weight: np.ndarray) -> np.ndarray:
    """``[out, in, 3, 3]`` -> for each place, row by row, ``[4, out, in, 2, 2]``."""
    sums = np.einsum("aph,bqw,oihw->aboipq", _SUMS, _SUMS, weight, optimize=True)
    return sums.reshape(4, *weight.shape[:2], 2, 2).astype(weight.dtype)


def convolutions(model: ov.Model) -> Iterator:
    """Those whose picture is doubled, and does not come otherwise."""
    for node in model.get_ordered_ops():
        if (
            node.get_type_name() == "Convolution"
            and _is(node, _CONVOLVING)
            and _doubles(node.input_value(0).get_node())
        ):
            yield node


def replace(convolution, of_places: np.ndarray) -> None:
    """Puts four convolutions in the place of one; ``of_places``: their kernels, which stay where they are."""
    picture = convolution.input_value(0).get_node().input_value(0)
    name, bias = convolution.input_value(1).get_node().get_friendly_name(), _bias(convolution)
    parts = []
    for place, kernel in enumerate(of_places):
        before = [1 - place // 2, 1 - place % 2]
        constant = ops.constant(kernel, shared_memory=True, name=f"{name} {place}")
        made = ops.convolution(picture, constant, [1, 1], before, [1 - side for side in before], [1, 1])
        parts.append(made if bias is None else ops.add(made, bias.input_value(1)))
    last = convolution if bias is None else bias
    last.output(0).replace(ops.depth_to_space(ops.concat(parts, 1), "blocks_first", 2).output(0))


def _bias(convolution):
    """The addition of a bias to what a convolution makes: in front of the places' merging it costs nothing."""
    targets = convolution.output(0).get_target_inputs()
    added = next(iter(targets)).get_node() if len(targets) == 1 else None
    is_bias = added is not None and added.get_type_name() == "Add" and _is_vector(added.input_value(1))
    return added if is_bias else None


def _is_vector(output) -> bool:
    """Whether it holds one number for each channel, whatever the picture."""
    shape = output.get_partial_shape()
    return shape.is_static and shape.to_shape() == [1, shape[1].get_length(), 1, 1] if len(shape) == 4 else False


def _doubles(node) -> bool:
    if node.get_type_name() != "Interpolate" or not _is(node, _DOUBLING):
        return False
    scales = node.input_value(1).get_node()
    return scales.get_type_name() == "Constant" and scales.data.tolist() == [2, 2]


def _is(node, attributes: dict) -> bool:
    of_node = node.get_attributes()
    return all(of_node[name] == value for name, value in attributes.items())
