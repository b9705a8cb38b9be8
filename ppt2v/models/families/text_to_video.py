"""Text-to-video models: from the folder that ModelScope published, or one in the layout of diffusers or Paddle.

VideoFusion's models (``video_fusion``) are a family of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.layouts import modelscope
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading.tokenizer import clip_tokenizer, load_tokenizer
from ppt2v.models.loading.weights import build, load_component

from . import stable_diffusion
from .noise_schedule import noise_schedule
from .replacements import Replacements

if TYPE_CHECKING:
    from .family import Use


class TextToVideo:
    """The row of the family; see ``family.Family``."""

    name, group, any_latents = "ModelScope text to video", "video", True

    def recognises(self, model: Path) -> bool:
        if not model.is_dir() or modelscope.is_original(model):
            return model.is_dir()
        config = model / "unet" / "config.json"
        return config.exists() and read_json(config).get("_class_name") == "UNet3DConditionModel"

    def frame_configs(self, model: Path, vae: str | None = None) -> tuple[dict, dict]:
        return frame_configs(model)

    def check(self, model: Path, use: Use) -> None:
        if use.values.get("content_seed") is not None:
            raise InputError(
                "E-CONTENT-SEED",
                "content_seed={content_seed}: in {name} the frames share no noise that it could fix; leave it out, "
                "or take a VideoFusion model",
                content_seed=use.values["content_seed"],
                name=use.name,
            )

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        return load_text_to_video(model, precision, lazy=True)._asdict()

    def pipeline(self, of_mode: str) -> str:
        return of_mode


class Parts(NamedTuple):
    """The parts of a model of ModelScope's kind, as the pipeline takes them."""

    text_encoder: Any
    tokenizer: Any
    unet: Any
    vae: Any
    scheduler: Any


def load_text_to_video(folder: Path, dtype: str = "float32", lazy: bool = False) -> Parts:
    """A text-to-video model of ModelScope's kind; dtype and lazy as for ``weights.load_component``.

    ModelScope's own folder is converted, part by part, at the first call; the copy in the cache serves later ones.
    A ``tokenizer`` in the folder is used; ModelScope's has none, and means CLIP's.

    Raises:
        InputError: no such model, or weights that do not fit exactly.
    """
    parts = {part: _folder(folder, part) for part in modelscope.PARTS}
    loaded = {part: load_component(place, network_class(part), dtype, lazy) for part, place in parts.items()}
    tokenizer = fitting_tokenizer(folder, loaded["text_encoder"])
    return Parts(tokenizer=tokenizer, scheduler=noise_schedule(scheduler_config(folder), str(folder)), **loaded)


def frame_configs(folder: Path) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames."""
    if not modelscope.is_original(folder):
        return stable_diffusion.frame_configs(folder)
    return modelscope.read(folder, "unet").config, modelscope.read(folder, "vae").config


def network_class(part: str) -> type:
    """The class of one of ``layouts.modelscope.PARTS``."""
    from ppdiffusers import AutoencoderKL
    from ppdiffusers.transformers import CLIPTextModel

    from ppt2v.pipelines.networks.unet3d import UNet3D

    return {"unet": UNet3D, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}[part]


def scheduler_config(folder: Path) -> dict[str, Any]:
    """The noise schedule of a model."""
    if modelscope.is_original(folder):
        return modelscope.SCHEDULER
    return read_json(folder / "scheduler" / "scheduler_config.json")


def fitting_tokenizer(folder: Path, text_encoder):
    """The tokenizer of a model, CLIP's where ModelScope's folder has none; InputError if it has more words."""
    own = folder / "tokenizer"
    shared = modelscope.is_original(folder) and not own.exists()
    tokenizer, vocabulary = clip_tokenizer() if shared else load_tokenizer(own), text_encoder.config.vocab_size
    if len(tokenizer) > vocabulary:
        raise InputError(
            "E-TOKENIZER-WORDS-VIDEO",
            "{folder}: its tokenizer has {words} words and its text encoder {vocabulary}; put the model's own "
            "tokenizer into {own}",
            folder=folder,
            words=len(tokenizer),
            vocabulary=vocabulary,
            own=own,
        )
    return tokenizer


def _folder(folder: Path, part: str) -> Path:
    if not modelscope.is_original(folder):
        return folder / part
    return modelscope.converted(folder, part, lambda config: build(network_class(part), config))
