"""Between latents and frames: the autoencoder of a latent diffusion model, frame by frame, on any engine."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import paddle

from ..engine import Engine, Runner
from ..errors import NumericalError
from .denoise import finite
from .programs import Decoder, Encoder


@paddle.no_grad()
def decode(vae, latents: paddle.Tensor, engine: Engine) -> Iterator[np.ndarray]:
    """Decodes latents ``[frames, channels, height, width]`` to uint8 RGB ``[height, width, 3]``, one by one.

    Raises:
        NumericalError: a frame is not finite, in float32 either.
    """
    decoder = engine.prepare(Decoder(vae, *latents.shape[2:]))
    try:
        for index, latent in enumerate(latents.split(latents.shape[0])):
            picture = _run(decoder, latent / vae.config.scaling_factor, f"decoding frame {index}")
            picture = (picture[0] / 2 + 0.5).clip(0, 1) * 255
            yield picture.round().astype("uint8").transpose([1, 2, 0]).numpy()
    finally:
        decoder.restore()


@paddle.no_grad()
def encode(vae, frames: np.ndarray, engine: Engine) -> paddle.Tensor:
    """The latents, float32 ``[frames, channels, ...]``, of uint8 RGB ``[frames, height, width, 3]``.

    Each is the mean of what the autoencoder takes it for, so that the same frames have the same latents.

    Raises:
        NumericalError: latents that are not finite, in float32 either.
    """
    encoder = engine.prepare(Encoder(vae, *frames.shape[1:3]))
    try:
        latents = [_run(encoder, _picture(frame), f"encoding frame {index}") for index, frame in enumerate(frames)]
        return paddle.concat(latents) * vae.config.scaling_factor
    finally:
        encoder.restore()


def _picture(frame: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(frame[None]).transpose([0, 3, 1, 2]).astype("float32") / 127.5 - 1


def _run(runner: Runner, given: paddle.Tensor, task: str) -> paddle.Tensor:
    made = paddle.to_tensor(runner([given])[0])
    if not finite(made) and runner.half:
        runner.use_float32()
        made = paddle.to_tensor(runner([given])[0])
    if not finite(made):
        raise NumericalError(f"{task} gave NaN or infinite numbers in float32: the VAE's weights are damaged")
    return made.astype("float32")
