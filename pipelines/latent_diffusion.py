"""What all pipelines share: the way into the latent space and out of it, on an engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import paddle
from ppdiffusers import StableDiffusionPipeline

from ppt2v.engine import Engine, Runner
from ppt2v.engine.eager import EagerEngine
from ppt2v.engine.program import Program
from ppt2v.errors import NumericalError
from ppt2v.pipelines.denoising.denoiser import Denoiser, finite
from ppt2v.pipelines.denoising.solvers import Frames, Solver
from ppt2v.pipelines.networks.predictors import Schedule
from ppt2v.pipelines.networks.programs import Decoder, Encoder, NoisePrediction, SelfAttention, TextEncoder
from ppt2v.pipelines.networks.tiles import decode_in_tiles


class Run(Protocol):
    """One run from noise to latents."""

    denoiser: Denoiser
    anchor: Frames  # the first frame as it stands

    def __call__(self) -> paddle.Tensor:
        """The latents of all frames."""


class LatentDiffusion:
    """What all pipelines do around the denoising, with their parts run on ``engine``.

    The parts are attributes: ``text_encoder``, ``tokenizer``, ``unet``, ``vae``, ``scheduler``; ``vae_scale_factor`` is
    the number of pixels along a side of a latent cell.
    """

    engine: Engine = EagerEngine()
    offload = False  # whether each network leaves the memory when its part is done
    running: Run | None = None  # the run in progress

    @abstractmethod
    def main_program(self, height: int, width: int, *settings: Any) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""

    def program_for(self, height: int, width: int, arguments: Mapping[str, Any]) -> Program:
        """The main program of a run with these arguments of ``__call__``; sizes in pixels."""
        return self.main_program(height, width)

    def latent_shape(self, height: int, width: int) -> list[int]:
        """``[channels, height, width]`` of a frame's latents."""
        return [self.vae.config.latent_channels, height // self.vae_scale_factor, width // self.vae_scale_factor]

    def schedule(
        self,
        texts: list[str],
        timesteps: Sequence[float],
        guidance_stop_step: float,
        cache_interval: int = 1,
        start: int = 0,
    ) -> Schedule:
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
        self.running = run
        try:
            return run()
        finally:
            self.running = None
            if self.offload:
                run.denoiser.unet.release()

    def preview(self, tile: int | None = None) -> np.ndarray:
        """The first frame in the middle of a run, uint8 RGB ``[height, width, 3]``: what the last step took it for.

        ``tile`` is as for ``decode``.
        """
        anchor = self.running.anchor
        return next(self.decode(anchor.latents if anchor.clean is None else anchor.clean, tile))

    @paddle.no_grad()
    def encode(self, frames: np.ndarray) -> paddle.Tensor:
        """The latents of frames, uint8 RGB ``[F, H, W, 3]``, one after the other and not scaled.

        Each is the mean of what the autoencoder takes it for, so that the same frames have the same latents.

        Raises:
            NumericalError: latents that are not finite, in float32 either.
        """
        with self._prepared(Encoder(self.vae, *frames.shape[1:3])) as encoder:
            return paddle.concat([_encoded(encoder, frame, index) for index, frame in enumerate(frames)])

    def start(self, clip: np.ndarray | None, noise: paddle.Tensor, solver: Solver, step: int) -> paddle.Tensor:
        """The latents before a step: of standard normal noise, or of a clip (as for ``encode``) with that noise."""
        if clip is None:
            return solver.start(noise)
        return solver.noised(self.encode(clip) * self.vae.config.scaling_factor, noise, step)

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
                yield _decoded(decoder, latent / self.vae.config.scaling_factor, max(cells), index)


def _encoded(encoder: Runner, frame: np.ndarray, index: int) -> paddle.Tensor:
    picture = paddle.to_tensor(frame[None]).transpose([0, 3, 1, 2]).astype("float32") / 127.5 - 1
    return _rescued(encoder, lambda: paddle.to_tensor(encoder([picture])[0]), f"encoding frame {index}")


def _decoded(decoder: Runner, latent: paddle.Tensor, tile: int, index: int) -> np.ndarray:
    def decode() -> paddle.Tensor:
        return decode_in_tiles(lambda part: paddle.to_tensor(decoder([part])[0]), latent, tile)

    picture = _rescued(decoder, decode, f"decoding frame {index}")
    picture = (picture[0] / 2 + 0.5).clip(0, 1) * 255
    return picture.round().astype("uint8").transpose([1, 2, 0]).numpy()


def _rescued(runner: Runner, compute: Callable[[], paddle.Tensor], task: str) -> paddle.Tensor:
    """What is computed with a runner; in float32 where half precision gives NaN or infinity."""
    made = compute()
    if not finite(made) and runner.half:
        runner.use_float32()
        made = compute()
    if not finite(made):
        raise NumericalError(f"{task} gave NaN or infinite numbers in float32: the VAE's weights are damaged")
    return made.astype("float32")


class VideoPipeline(LatentDiffusion, StableDiffusionPipeline):
    """The parts of a Stable Diffusion pipeline, run on ``engine``."""

    def main_program(
        self, height: int, width: int, attention: SelfAttention, residuals: bool = False, cache_interval: int = 1
    ) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        size = self.latent_shape(height, width)[1:]
        return NoisePrediction(self.unet, *size, attention, residuals, deep_features=cache_interval > 1)

    def program_for(self, height: int, width: int, arguments: Mapping[str, Any]) -> Program:
        attention = SelfAttention(arguments.get("use_cf_attn", True), arguments.get("merging_ratio", 0.0))
        return self.main_program(height, width, attention, "controls" in arguments, arguments.get("cache_interval", 1))
