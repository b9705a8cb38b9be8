"""Weights put exactly into a network: by name, each with its shape, none left over."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import Message, words

from .dtypes import widen
from .reading import PADDLE, PYTORCH, WeightFile

_LISTED_KEYS = 4

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_PADDLE_CLIP = {
    ".transformer.": ".encoder.",
    ".positional_embedding.": ".embeddings.position_embedding.",
    ".token_embedding.": ".embeddings.token_embedding.",
    ".ln_final.": ".final_layer_norm.",
    ".linear1.": ".mlp.fc1.",
    ".linear2.": ".mlp.fc2.",
    ".norm1.": ".layer_norm1.",
    ".norm2.": ".layer_norm2.",
}  # names of paddlenlp's own CLIPTextModel, in which early Paddle conversions of Stable Diffusion were saved
_PYTORCH_BATCH_NORM = {"running_mean": "_mean", "running_var": "_variance"}
# Names of the scales that bitsandbytes, ComfyUI, optimum-quanto, GPTQ and torchao put beside quantized weights.
_SCALES = re.compile(r"(^|\.)(absmax|quant_map|SCB|scale_weight|scaled_fp8|weight_scale|weight\._scale|scales|qzeros)$")
_NO_WEIGHTS = ("position_ids", "num_batches_tracked")  # PyTorch's buffers of which Paddle's networks have none


def put(
    network,
    checkpoint: WeightFile,
    source: str,
    change: Callable[[str, np.ndarray], np.ndarray] = lambda name, array: array,
) -> None:
    """Copies a checkpoint into a Paddle network, each tensor in the network's own type.

    ``change`` is given the name of each weight and its array, in the network's layout, and returns what is copied.
    Raises InputError, before anything is copied, as ``match`` does.
    """
    import paddle

    tensors = match(network, checkpoint, source)
    for name, parameter in network.state_dict().items():
        value = np.array(change(name, widen(tensors[name])), order="C")
        if parameter.dtype == paddle.float32:  # as an array, since memory that was freed takes no tensor
            parameter.set_value(value.astype(np.float32, copy=False))
        else:
            parameter.set_value(paddle.to_tensor(value).cast(parameter.dtype))


def match(network, checkpoint: WeightFile, source: str) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint under the names and in the layout of a Paddle network.

    Names of older versions of the libraries are understood. A network can say, by ``unused_weights``, with what the
    names begin that some files hold and it has no use for. ``source`` names the file in errors.
    Raises InputError unless names and shapes are otherwise exactly those of the network, and for weights that mean
    nothing without the scales of a quantization.
    """
    state = network.state_dict()
    unused = getattr(network, "unused_weights", ())
    tensors = _current_names(checkpoint.tensors, set(state))
    tensors = {name: array for name, array in tensors.items() if not name.startswith(unused)}
    if _layout(network, tensors, checkpoint.layout) == PYTORCH:
        tensors = transpose_linear(network, tensors)
    kind = type(network).__name__
    _check_numbers(set(state), tensors, source)
    _check_names(set(state), set(tensors), f"{source} does not fit {kind}")
    _check_shapes(state, tensors, f"{source} does not fit {kind}")
    return tensors


def transpose_linear(network, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a network from PyTorch's layout to Paddle's, or back."""
    linear = _linear_shapes(network)
    return {name: array.T if name in linear else array for name, array in tensors.items()}


def _layout(network, tensors: dict[str, np.ndarray], said: str) -> str:
    """In whose layout the Linear weights are, as the first says whose sides differ; ``said`` where none does."""
    for name, shape in _linear_shapes(network).items():
        if shape[0] != shape[1] and name in tensors and tensors[name].shape in (shape, shape[::-1]):
            return PADDLE if tensors[name].shape == shape else PYTORCH
    return said


def _linear_shapes(network) -> dict[str, tuple[int, ...]]:
    """The shapes of the Linear weights, which PyTorch keeps transposed, by name."""
    from paddle import nn

    layers = ((name, layer) for name, layer in network.named_sublayers() if isinstance(layer, nn.Linear))
    return {f"{name}.weight": tuple(layer.weight.shape) for name, layer in layers}


def _current_names(tensors: dict[str, np.ndarray], expected: set[str]) -> dict[str, np.ndarray]:
    renamed = {_current_name(name, expected): array for name, array in tensors.items()}
    return {name: array for name, array in renamed.items() if name in expected or not name.endswith(_NO_WEIGHTS)}


def _current_name(name: str, expected: set[str]) -> str:
    if name in expected:
        return name
    clip = name
    for old, new in _OLD_PADDLE_CLIP.items():
        clip = clip.replace(old, new)
    attention = re.sub(
        r"\.(query|key|value|proj_attn)\.(weight|bias)$", lambda m: f".{_OLD_ATTENTION[m[1]]}.{m[2]}", name
    )
    norm = re.sub(r"\.(running_mean|running_var)$", lambda m: f".{_PYTORCH_BATCH_NORM[m[1]]}", name)
    candidates = (attention, f"text_model.{name}", clip, norm)
    return next((candidate for candidate in candidates if candidate in expected), name)


def _check_numbers(expected: set[str], tensors: dict[str, np.ndarray], source: str) -> None:
    scales = [name for name in tensors if name not in expected and _SCALES.search(name)]
    whole = [name for name, array in tensors.items() if array.dtype in (np.int8, np.uint8)]
    if scales or whole:
        raise InputError(
            "E-WEIGHTS-QUANTIZED",
            "{source} is quantized: its weights are numbers of 8 bits or less with scales beside them{names}, which "
            "are not read here; give the same model in float32, float16, bfloat16 or plain float8",
            source=source,
            names=_listed(sorted({*scales, *whole})),
        )


def _check_names(expected: set[str], found: set[str], complaint: str) -> None:
    missing, unexpected = sorted(expected - found), sorted(found - expected)
    if missing or unexpected:
        raise InputError(
            "E-WEIGHTS-NAMES",
            "{complaint}: {missing} weights are missing{missing_names}, {unexpected} are "
            "unexpected{unexpected_names}; give the file that belongs to this network and its config.json",
            complaint=complaint,
            missing=len(missing),
            missing_names=_listed(missing),
            unexpected=len(unexpected),
            unexpected_names=_listed(unexpected),
        )


def _check_shapes(state: dict, tensors: dict[str, np.ndarray], complaint: str) -> None:
    wrong = [
        words(
            "{name} is {given} instead of {wanted}",
            name=name,
            given=str(list(tensors[name].shape)),
            wanted=str(list(parameter.shape)),
        )
        for name, parameter in state.items()
        if list(tensors[name].shape) != list(parameter.shape)
    ]
    if wrong:
        raise InputError(
            "E-WEIGHTS-SHAPES",
            "{complaint}: {wrong} weights have another shape{wrong_names}; give the file that belongs to this "
            "network and its config.json",
            complaint=complaint,
            wrong=len(wrong),
            wrong_names=_listed(wrong),
        )


def _listed(names: Sequence[str | Message]) -> Message | str:
    """The first of them, in brackets."""
    if not names:
        return ""
    return words(" ({names})", names=[*names[:_LISTED_KEYS], *(["..."] if len(names) > _LISTED_KEYS else [])])
