"""VideoFusion models (arXiv 2303.08320): a generator of base frames and one of the frames' own noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading.weights import load_component

from . import stable_diffusion
from .noise_schedule import noise_schedule
from .replacements import Replacements
from .text_to_video import fitting_tokenizer, scheduler_config

if TYPE_CHECKING:
    from .family import Use


class VideoFusion:
    """The row of the family; see ``family.Family``.

    A model's folder holds a network for pictures in ``unet`` and one for the frames' own noise in ``residual``.
    """

    name, group, any_latents = "VideoFusion", "video", False

    def recognises(self, model: Path) -> bool:
        index = model / "model_index.json"
        return index.exists() and read_json(index).get("_class_name") == "VideoFusionPipeline"

    def frame_configs(self, model: Path, vae: str | None = None) -> tuple[dict, dict]:
        return stable_diffusion.frame_configs(model)

    def check(self, model: Path, use: Use) -> None:
        if use.values.get("free_noise"):
            raise InputError(
                "E-FREE-NOISE",
                "free_noise=True: {name} makes one window alone, behind which no frames come; leave it out",
                name=use.name,
            )

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        return load_video_fusion(model, precision, lazy=True)._asdict()

    def pipeline(self, of_mode: str) -> str:
        return "video_fusion:VideoFusionPipeline"


class Parts(NamedTuple):
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


def load_video_fusion(folder: Path, dtype: str = "float32", lazy: bool = False) -> Parts:
    """A text-to-video model of VideoFusion's kind; dtype and lazy as for ``weights.load_component``.

    Raises:
        InputError: weights that do not fit exactly, or networks that do not belong together.
    """
    from ppdiffusers import AutoencoderKL, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    from ppt2v.pipelines.networks.unet3d import UNet3D

    share, frames = _decomposition(folder)
    _check_generators(folder)
    classes = {"unet": UNet2DConditionModel, "residual": UNet3D, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    loaded = {part: load_component(folder / part, cls, dtype, lazy) for part, cls in classes.items()}
    return Parts(
        tokenizer=fitting_tokenizer(folder, loaded["text_encoder"]),
        base_noise_share=share,
        frames=frames,
        scheduler=noise_schedule(scheduler_config(folder), str(folder)),
        **loaded,
    )


def _decomposition(folder: Path) -> tuple[float, int]:
    """The share of the base noise, and the frames of the training."""
    index = read_json(folder / "model_index.json")
    share, frames = index.get("base_noise_share"), index.get("frames")
    if not (isinstance(share, (int, float)) and 0 <= share < 1 and isinstance(frames, int) and frames >= 1):
        raise InputError(
            "E-VIDEO-FUSION-INDEX",
            "{file}: base_noise_share={share!r}, frames={frames!r}; the rule is a number of 0 or more and less than "
            "1, and a whole number of 1 or more",
            file=folder / "model_index.json",
            share=share,
            frames=frames,
        )
    return float(share), frames


def _check_generators(folder: Path) -> None:
    """Refuses a schedule and a residual generator that VideoFusion's equations do not fit."""
    predicted = scheduler_config(folder).get("prediction_type")
    if predicted != "v_prediction":
        raise InputError(
            "E-VIDEO-FUSION-PREDICTION",
            "{folder}: prediction_type={predicted!r}; VideoFusion models predict v_prediction",
            folder=folder / "scheduler",
            predicted=predicted,
        )
    base, residual = (read_json(folder / part / "config.json") for part in ("unet", "residual"))
    channels = base["in_channels"]
    if (residual["in_channels"], residual["out_channels"]) != (2 * channels + 1, channels):
        raise InputError(
            "E-VIDEO-FUSION-RESIDUAL",
            "{folder}: a network from {inputs} to {outputs} channels; one from {wanted_inputs} to {wanted_outputs} "
            "belongs to this base",
            folder=folder / "residual",
            inputs=residual["in_channels"],
            outputs=residual["out_channels"],
            wanted_inputs=2 * channels + 1,
            wanted_outputs=channels,
        )
