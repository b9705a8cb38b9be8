"""Text-to-video models: from the folder that ModelScope published, or one in the layout of diffusers or Paddle.

There are two kinds, which ``kind`` tells apart: ModelScope's, and VideoFusion's (arXiv 2303.08320), whose folder holds
a network for pictures in ``unet`` and one for the frames' own noise in ``residual``.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from . import modelscope, weights
from .errors import InputError
from .model_files import read_json
from .vocabulary import load_tokenizer
from .weights import build, load_component


class TextToVideo(NamedTuple):
    """The parts of a model of ModelScope's kind, as the pipeline takes them."""

    text_encoder: Any
    tokenizer: Any
    unet: Any
    vae: Any
    scheduler: Any


class VideoFusion(NamedTuple):
    """The parts of a model of VideoFusion's kind, as the pipeline takes them.

    ``base_noise_share``: the part of a frame's noise variance that all frames share (the paper's lambda); ``frames``:
    of the clips that it was trained on.
    """

    text_encoder: Any
    tokenizer: Any
    unet: Any
    residual: Any
    vae: Any
    scheduler: Any
    base_noise_share: float
    frames: int


class Kind(NamedTuple):
    """A kind of model.

    ``pipeline``: as in ``modes.Mode``, instead of the mode's own, if any; ``load``: reads the parts, of a folder as
    ``load_text_to_video``; ``any_latents``: as for ``sizes.frame_size``; ``base_noise``: whether there is noise that
    all frames share.
    """

    pipeline: str | None
    load: Callable[..., TextToVideo | VideoFusion]
    any_latents: bool
    base_noise: bool


def kind(folder: Path) -> Kind:
    """The kind of a text-to-video model."""
    if _is_video_fusion(folder):
        return Kind("video_fusion:VideoFusionPipeline", load_video_fusion, any_latents=False, base_noise=True)
    return Kind(None, load_text_to_video, any_latents=True, base_noise=False)


def load_text_to_video(folder: Path, dtype: str = "float32", lazy: bool = False) -> TextToVideo:
    """A text-to-video model of ModelScope's kind; dtype and lazy as for ``weights.load_component``.

    ModelScope's own folder is converted, part by part, at the first call; the copy in the cache serves later ones.
    A ``tokenizer`` in the folder is used; ModelScope's has none, and means CLIP's.

    Raises:
        InputError: no such model, or weights that do not fit exactly.
    """
    from ppdiffusers import DDIMScheduler

    parts = {part: _folder(folder, part) for part in modelscope.PARTS}
    loaded = {part: load_component(place, network_class(part), dtype, lazy) for part, place in parts.items()}
    tokenizer = _fitting_tokenizer(folder, loaded["text_encoder"])
    return TextToVideo(tokenizer=tokenizer, scheduler=DDIMScheduler.from_config(scheduler_config(folder)), **loaded)


def load_video_fusion(folder: Path, dtype: str = "float32", lazy: bool = False) -> VideoFusion:
    """A text-to-video model of VideoFusion's kind; dtype and lazy as for ``weights.load_component``.

    Raises:
        InputError: weights that do not fit exactly, or networks that do not belong together.
    """
    from ppdiffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    from .pipelines.unet3d import UNet3D

    share, frames = _decomposition(folder)
    _check_generators(folder)
    classes = {"unet": UNet2DConditionModel, "residual": UNet3D, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    loaded = {part: load_component(folder / part, cls, dtype, lazy) for part, cls in classes.items()}
    return VideoFusion(
        tokenizer=_fitting_tokenizer(folder, loaded["text_encoder"]), base_noise_share=share, frames=frames,
        scheduler=DDIMScheduler.from_config(scheduler_config(folder)), **loaded,
    )


def is_text_to_video(model: Path) -> bool:
    """Whether a model, given as its folder, is one of these."""
    if not model.is_dir() or modelscope.is_original(model) or _is_video_fusion(model):
        return model.is_dir()
    config = model / "unet" / "config.json"
    return config.exists() and read_json(config).get("_class_name") == "UNet3DConditionModel"


def frame_configs(folder: Path) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames."""
    if not modelscope.is_original(folder):
        return weights.frame_configs(folder)
    return modelscope.read(folder, "unet").config, modelscope.read(folder, "vae").config


def network_class(part: str) -> type:
    """The class of one of ``modelscope.PARTS``."""
    from ppdiffusers import AutoencoderKL
    from ppdiffusers.transformers import CLIPTextModel

    from .pipelines.unet3d import UNet3D

    return {"unet": UNet3D, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}[part]


def scheduler_config(folder: Path) -> dict[str, Any]:
    """The noise schedule of a model."""
    if modelscope.is_original(folder):
        return modelscope.SCHEDULER
    return read_json(folder / "scheduler" / "scheduler_config.json")


def tokenizer_of(folder: Path):
    """The tokenizer of a model: CLIP's where ModelScope's folder has none."""
    with tempfile.TemporaryDirectory() as made:
        given = folder / "tokenizer"
        if modelscope.is_original(folder) and not given.exists():
            given = Path(made)
            modelscope.write_tokenizer(given)
        tokenizer = load_tokenizer(given)
    if tokenizer.pad_token != tokenizer.eos_token:
        _read_padding_as_text(tokenizer)
    return tokenizer


def _fitting_tokenizer(folder: Path, text_encoder):
    tokenizer, vocabulary = tokenizer_of(folder), text_encoder.config.vocab_size
    if len(tokenizer) > vocabulary:
        raise InputError(
            f"{folder}: its tokenizer has {len(tokenizer)} words and its text encoder {vocabulary}; put the model's "
            f"own tokenizer into {folder / 'tokenizer'}"
        )
    return tokenizer


def _read_padding_as_text(tokenizer) -> None:
    """The models were trained on texts padded with "!", in which an exclamation mark was still one.

    The libraries' tokenizers would cut texts at each of them, and take it for padding.
    """
    tokenizer.unique_no_split_tokens = [
        token for token in tokenizer.unique_no_split_tokens if token != tokenizer.pad_token
    ]
    tokenizer._create_trie(tokenizer.unique_no_split_tokens)


def _folder(folder: Path, part: str) -> Path:
    if not modelscope.is_original(folder):
        return folder / part
    return modelscope.converted(folder, part, lambda config: build(network_class(part), config))


def _is_video_fusion(folder: Path) -> bool:
    index = folder / "model_index.json"
    return index.exists() and read_json(index).get("_class_name") == "VideoFusionPipeline"


def _decomposition(folder: Path) -> tuple[float, int]:
    """The share of the base noise, and the frames of the training."""
    index = read_json(folder / "model_index.json")
    share, frames = index.get("base_noise_share"), index.get("frames")
    if not (isinstance(share, (int, float)) and 0 <= share < 1 and isinstance(frames, int) and frames >= 1):
        raise InputError(
            f"{folder / 'model_index.json'}: base_noise_share={share!r}, frames={frames!r}; the rule is a number of 0 "
            "or more and less than 1, and a whole number of 1 or more"
        )
    return float(share), frames


def _check_generators(folder: Path) -> None:
    """Refuses a schedule and a residual generator that VideoFusion's equations do not fit."""
    predicted = scheduler_config(folder).get("prediction_type")
    if predicted != "v_prediction":
        raise InputError(
            f"{folder / 'scheduler'}: prediction_type={predicted!r}; VideoFusion models predict v_prediction"
        )
    base, residual = (read_json(folder / part / "config.json") for part in ("unet", "residual"))
    channels = base["in_channels"]
    if (residual["in_channels"], residual["out_channels"]) != (2 * channels + 1, channels):
        raise InputError(
            f"{folder / 'residual'}: a network from {residual['in_channels']} to {residual['out_channels']} channels; "
            f"one from {2 * channels + 1} to {channels} belongs to this base"
        )
