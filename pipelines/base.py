"""What all pipelines that make a video with an image model have in common: the way in and the way out."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import paddle
from ppdiffusers import StableDiffusionPipeline

from ..engine import Engine, Runner
from ..engine.eager import EagerEngine
from ..engine.program import Program
from ..errors import NumericalError
from .denoise import finite
from .networks import Schedule
from .programs import Decoder, Encoder, NoisePrediction, SelfAttention, TextEncoder

Progress = Callable[[int, int], None]


class VideoPipeline(StableDiffusionPipeline):
    """The parts of a Stable Diffusion pipeline, run on ``engine``."""

    engine: Engine = EagerEngine()

    def main_program(self, height: int, width: int, attention: SelfAttention, residuals: bool = False) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        return NoisePrediction(self.unet, *self.latent_shape(height, width)[1:], attention, residuals)

    def latent_shape(self, height: int, width: int) -> list[int]:
        """``[channels, height, width]`` of a frame's latents."""
        return [self.vae.config.latent_channels, height // self.vae_scale_factor, width // self.vae_scale_factor]

    def schedule(self, texts: list[str], timesteps: Sequence[float], guidance_stop_step: float) -> Schedule:
        """When the networks run; ``guidance_stop_step`` is the part of the steps that is guided, 0..1."""
        return Schedule(self._encode_text(texts), timesteps, round(guidance_stop_step * len(timesteps)))

    def _encode_text(self, texts: list[str]) -> paddle.Tensor:
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pd")
        encode = self.engine.prepare(TextEncoder(self.text_encoder))
        return paddle.concat([paddle.to_tensor(encode([one])[0]) for one in tokens["input_ids"].split(len(texts))])

    @paddle.no_grad()
    def encode(self, frames: np.ndarray) -> paddle.Tensor:
        """The latents of frames, uint8 RGB ``[F, H, W, 3]``, one after the other and not scaled."""
        encode = self.engine.prepare(Encoder(self.vae, *frames.shape[1:3]))
        try:
            pictures = (paddle.to_tensor(frame).transpose([2, 0, 1]).astype("float32") / 127.5 - 1 for frame in frames)
            return paddle.concat([paddle.to_tensor(encode([picture[None]])[0]) for picture in pictures])
        finally:
            encode.restore()

    @paddle.no_grad()
    def decode(self, latents: paddle.Tensor) -> Iterator[np.ndarray]:
        """Decodes the latents frame by frame to uint8 RGB ``[height, width, 3]``.

        Raises:
            NumericalError: a frame is not finite, in float32 either.
        """
        decoder = self.engine.prepare(Decoder(self.vae, *latents.shape[2:]))
        try:
            for index, latent in enumerate(latents.split(latents.shape[0])):
                yield _picture(decoder, latent / self.vae.config.scaling_factor, index)
        finally:
            decoder.restore()


def _picture(decoder: Runner, latent: paddle.Tensor, index: int) -> np.ndarray:
    picture = paddle.to_tensor(decoder([latent])[0])
    if not finite(picture) and decoder.half:
        decoder.use_float32()
        picture = paddle.to_tensor(decoder([latent])[0])
    if not finite(picture):
        raise NumericalError(
            f"decoding frame {index} gave NaN or infinite pixels in float32: the VAE's weights are damaged"
        )
    picture = (picture[0].astype("float32") / 2 + 0.5).clip(0, 1) * 255
    return picture.round().astype("uint8").transpose([1, 2, 0]).numpy()
