"""What all pipelines that make a video with an image model have in common: the way in and the way out."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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
from .run import Run
from .tiles import decode_in_tiles


class VideoPipeline(StableDiffusionPipeline):
    """The parts of a Stable Diffusion pipeline, run on ``engine``."""

    engine: Engine = EagerEngine()
    offload = False  # whether each network leaves the memory when its part is done

    def main_program(self, height: int, width: int, attention: SelfAttention, residuals: bool = False,
                     cache_interval: int = 1) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        size = self.latent_shape(height, width)[1:]
        return NoisePrediction(self.unet, *size, attention, residuals, deep_features=cache_interval > 1)

    def latent_shape(self, height: int, width: int) -> list[int]:
        """``[channels, height, width]`` of a frame's latents."""
        return [self.vae.config.latent_channels, height // self.vae_scale_factor, width // self.vae_scale_factor]

    def schedule(self, texts: list[str], timesteps: Sequence[float], guidance_stop_step: float,
                 cache_interval: int = 1, start: int = 0) -> Schedule:
        """When the networks run; ``guidance_stop_step`` is the part of the steps that is guided, 0..1."""
        guided = round(guidance_stop_step * len(timesteps))
        return Schedule(self._encode_text(texts), timesteps, guided, cache_interval, start)

    def _encode_text(self, texts: list[str]) -> paddle.Tensor:
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pd")
        with self._prepared(TextEncoder(self.text_encoder)) as encode:
            return paddle.concat([paddle.to_tensor(encode([one])[0]) for one in tokens["input_ids"].split(len(texts))])

    @contextmanager
    def _prepared(self, program: Program) -> Iterator[Runner]:
        runner = self.engine.prepare(program)
        try:
            yield runner
        finally:
            runner.restore()
            if self.offload:
                self.engine.release(program)

    def run(self, run: Run) -> paddle.Tensor:
        """The latents that a run makes."""
        try:
            return run()
        finally:
            if self.offload:
                run.denoiser.unet.release()

    @paddle.no_grad()
    def encode(self, frames: np.ndarray) -> paddle.Tensor:
        """The latents of frames, uint8 RGB ``[F, H, W, 3]``, one after the other and not scaled."""
        with self._prepared(Encoder(self.vae, *frames.shape[1:3])) as encode:
            pictures = (paddle.to_tensor(frame).transpose([2, 0, 1]).astype("float32") / 127.5 - 1 for frame in frames)
            return paddle.concat([paddle.to_tensor(encode([picture[None]])[0]) for picture in pictures])

    @paddle.no_grad()
    def decode(self, latents: paddle.Tensor, tile: int | None = None) -> Iterator[np.ndarray]:
        """Decodes the latents frame by frame to uint8 RGB ``[height, width, 3]``.

        Args:
            latents: ``[frames, channels, height, width]``.
            tile: side in pixels of the tiles that are decoded one by one; None: each frame as a whole.

        Raises:
            NumericalError: a frame is not finite, in float32 either.
        """
        cells = latents.shape[2:]
        if tile:
            cells = [min(max(1, tile // self.vae_scale_factor), side) for side in cells]
        with self._prepared(Decoder(self.vae, *cells)) as decoder:
            for index, latent in enumerate(latents.split(latents.shape[0])):
                yield _picture(decoder, latent / self.vae.config.scaling_factor, max(cells), index)


def _picture(decoder: Runner, latent: paddle.Tensor, tile: int, index: int) -> np.ndarray:
    def decode() -> paddle.Tensor:
        return decode_in_tiles(lambda part: paddle.to_tensor(decoder([part])[0]), latent, tile)

    picture = decode()
    if not finite(picture) and decoder.half:
        decoder.use_float32()
        picture = decode()
    if not finite(picture):
        raise NumericalError(
            f"decoding frame {index} gave NaN or infinite pixels in float32: the VAE's weights are damaged"
        )
    picture = (picture[0] / 2 + 0.5).clip(0, 1) * 255
    return picture.round().astype("uint8").transpose([1, 2, 0]).numpy()
