"""Converts text-to-video models between ModelScope's own files, the layout of diffusers, and that of PPDiffusers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppt2v import unfinished
from ppt2v.errors import InputError
from ppt2v.models.families.family import family_of
from ppt2v.models.families.text_to_video import network_class, scheduler_config
from ppt2v.models.families.video_fusion import VideoFusion
from ppt2v.models.formats import fitting
from ppt2v.models.formats.dtypes import widen
from ppt2v.models.formats.writing import save_safetensors, save_torch
from ppt2v.models.layouts import clip_vocabulary, modelscope
from ppt2v.models.layouts.diffusers import weight_files
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading.weights import NetworkFiles, Weights, build
from ppt2v.video.output_path import check_parent

FORMATS = ("modelscope", "diffusers", "paddle")
PRECISIONS: dict[str, np.dtype] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}

_LIBRARIES = {"diffusers": ("diffusers", "transformers"), "paddle": ("ppdiffusers", "ppdiffusers.transformers")}
_FILES = {
    ("diffusers", "unet"): "diffusion_pytorch_model.safetensors",
    ("diffusers", "vae"): "diffusion_pytorch_model.safetensors",
    ("diffusers", "text_encoder"): "model.safetensors",
    ("paddle", "unet"): "diffusion_paddle_model.safetensors",
    ("paddle", "vae"): "diffusion_paddle_model.safetensors",
    ("paddle", "text_encoder"): "model.safetensors",
}


class _Part(NamedTuple):
    network: Any  # without weights
    config: dict[str, Any]
    tensors: dict[str, np.ndarray]  # by the network's names, in Paddle's layout


def convert(source: str | Path, target: str | Path, format: str, dtype: str | None = None) -> Path:
    """Writes a text-to-video model in another of ``FORMATS`` and compares what was written with what was read.

    ModelScope's format comes without the weights that making videos does not need, such as OpenCLIP's image tower:
    ppt2v reads it, while ModelScope's own loader asks for them.

    Args:
        source: a folder in any of the formats.
        target: a folder that does not exist yet, or is empty; it appears when it is complete.
        format: one of ``FORMATS``.
        dtype: one of ``PRECISIONS``, for storage; None keeps that of each weight.

    Returns:
        ``target``.

    Raises:
        InputError: an unknown format or precision, a target that has files in it, or a source that is no such model.
    """
    source, target = Path(source), Path(target)
    if VideoFusion().recognises(source):
        raise InputError(
            "E-CONVERT-VIDEO-FUSION",
            "{source} is a VideoFusion model, for which there is only one format: use it as it is",
            source=source,
        )
    if family_of(source).group != "video":
        raise InputError(
            "E-CONVERT-FAMILY",
            "{source} is no text-to-video model: one such as embedded/video can be converted",
            source=source,
        )
    _check(target, format, dtype)
    made = unfinished.beside(target.absolute().parent, ".convert-")
    try:
        made.mkdir(mode=0o700)
        configs = {}
        for name in modelscope.PARTS:
            part = _open(source, name)
            part = part._replace(tensors={key: _stored(array, dtype) for key, array in part.tensors.items()})
            configs[name] = part.config
            _write_part(part, name, made, format)
        _write_rest(source, made, format, configs)
        for name in modelscope.PARTS:
            _compare(_open(source, name), _open(made, name), name, dtype)
        if target.exists():
            target.rmdir()
        os.chmod(made, 0o755)
        os.rename(made, target)
    except OSError as error:
        raise InputError(
            "E-CONVERT-WRITE",
            "{target} cannot be written: {reason}; nothing of it is left",
            target=target,
            reason=error.strerror,
        ) from error
    finally:
        unfinished.remove(made)
    return target


def _check(target: Path, format: str, dtype: str | None) -> None:
    if format not in FORMATS:
        raise InputError(
            "E-CONVERT-FORMAT", "unknown format {format!r}: choose {formats}", format=format, formats=FORMATS
        )
    if dtype is not None and dtype not in PRECISIONS:
        raise InputError(
            "E-CONVERT-DTYPE",
            "weights cannot be stored as {dtype!r}: choose {precisions}",
            dtype=dtype,
            precisions=PRECISIONS,
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            "E-CONVERT-TARGET", "{target} is there already: give a folder that does not exist yet", target=target
        )
    check_parent(target.absolute())


def _open(folder: Path, name: str) -> _Part:
    """A part of a model in any format; its tensors are views of the file."""
    cls = network_class(name)
    if not modelscope.is_original(folder):
        config = read_json(folder / name / "config.json")
        network = build(cls, config)
        return _Part(network, config, Weights(network, NetworkFiles(config, weight_files(folder / name))).tensors())
    read = modelscope.read(folder, name)
    network = build(cls, read.config)
    return _Part(network, read.config, modelscope.matched(read, network, f"{folder}: {name}"))


def _stored(array: np.ndarray, dtype: str | None) -> np.ndarray:
    return array if dtype is None else widen(array).astype(PRECISIONS[dtype], copy=False)


def _write_part(part: _Part, name: str, folder: Path, format: str) -> None:
    if format == "modelscope":
        own = fitting.transpose_linear(part.network, part.tensors)
        entry = "state_dict" if name == "vae" else None
        save_torch(folder / modelscope.FILES[name][1], modelscope.original_tensors(name, part.config, own), entry)
        return
    (folder / name).mkdir()
    _write_json(folder / name / "config.json", part.config)
    in_paddle = format == "paddle"
    tensors = part.tensors if in_paddle else fitting.transpose_linear(part.network, part.tensors)
    save_safetensors(folder / name / _FILES[format, name], tensors, "np" if in_paddle else "pt")


def _write_rest(source: Path, folder: Path, format: str, configs: dict[str, dict]) -> None:
    """What a model has besides weights."""
    schedule = scheduler_config(source)
    if format == "modelscope":
        modelscope.check_schedule(schedule)
        _write_json(folder / modelscope.CONFIGURATION, modelscope.configuration(configs["unet"]))
    else:
        (folder / "scheduler").mkdir()
        _write_json(folder / "scheduler" / "scheduler_config.json", dict(schedule))
        _write_json(folder / "model_index.json", _index(format))
    if (source / "tokenizer").exists():
        shutil.copytree(source / "tokenizer", folder / "tokenizer")
    else:
        clip_vocabulary.write_tokenizer(folder / "tokenizer")


def _index(format: str) -> dict[str, Any]:
    diffusers, transformers = _LIBRARIES[format]
    return {
        "_class_name": "TextToVideoSDPipeline",
        "scheduler": [diffusers, "DDIMScheduler"],
        "text_encoder": [transformers, "CLIPTextModel"],
        "tokenizer": [transformers, "CLIPTokenizer"],
        "unet": [diffusers, "UNet3DConditionModel"],
        "vae": [diffusers, "AutoencoderKL"],
    }


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _compare(read: _Part, written: _Part, name: str, dtype: str | None) -> None:
    for key, array in read.tensors.items():
        expected, found = _stored(array, dtype), written.tensors[key]
        if expected.dtype != found.dtype or expected.tobytes() != found.tobytes():
            raise OSError(f"{name}: the weight {key} was written wrongly; is the disk full or damaged?")
