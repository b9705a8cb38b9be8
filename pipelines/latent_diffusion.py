"""What all pipelines share: the way into the latent space and out of it, on an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import paddle
from ppdiffusers import StableDiffusionPipeline

from ppt2v.engine import Engine, Runner
from ppt2v.engine.eager import EagerEngine
from ppt2v.engine.program import Program
from ppt2v.errors import NumericalError
from ppt2v.language import Message, words
from ppt2v.pipelines.denoising.denoiser import Denoiser, finite
from ppt2v.pipelines.denoising.given import GivenFrame
from ppt2v.pipelines.denoising.solvers import Solver
from ppt2v.pipelines.denoising.solvers import solver as make_solver
from ppt2v.pipelines.denoising.spread import Workers
from ppt2v.pipelines.networks.autoencoders import Decoder, Encoder, PreviewDecoder
from ppt2v.pipelines.networks.conditions import Conditions
from ppt2v.pipelines.networks.schedule import Schedule
from ppt2v.pipelines.networks.text_programs import TextEncoder
from ppt2v.pipelines.networks.texts import encode_texts
from ppt2v.pipelines.networks.tiles import in_tiles
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.planning.timesteps import check_spacing

from .settings import Sampling, Sharing

_GREY = 127  # what a preview shows that cannot be decoded


class Run(Protocol):
    """One run from noise to latents."""

    denoiser: Denoiser
    preview: paddle.Tensor  # latents of the frames as the last step took them for, the first one in front

    def __call__(self) -> paddle.Tensor:
        """The latents of all frames."""

    def share(self, workers: Workers, shared: Any) -> None:
        """Lets workers make its steps; ``shared``: a parcel that each of their calls is given."""


class LatentDiffusion:
    """What all pipelines do around the denoising, with their parts run on ``engine``.

    The parts are attributes: ``text_encoder``, ``tokenizer``, ``unet``, ``vae``, ``scheduler``; ``vae_scale_factor`` is
    the number of pixels along a side of a latent cell.
    """

    engine: Engine = EagerEngine()
    offload = False  # whether each network leaves the memory when its part is done
    preview_vae: Any = None  # a tiny autoencoder that decodes previews instead of ``vae``
    vae_in_float32 = False  # whether the autoencoder computes in float32 whatever the others do
    running: Run | None = None  # the run in progress
    over_workers = False  # whether workers can share a step (``denoising.spread``, ``denoising.spread_windows``)

    def solver(self, sampling: Sampling) -> Solver:
        """The solver of a run, on the model's schedule."""
        check_spacing(sampling.timestep_spacing, sampling.solver)
        scheduler = self.scheduler
        if sampling.timestep_spacing is not None:
            scheduler = scheduler.from_config(scheduler.config, timestep_spacing=sampling.timestep_spacing)
        return make_solver(sampling.solver, scheduler, sampling.num_inference_steps, sampling.eta)

    def latent_shape(self, height: int, width: int) -> list[int]:
        """``[channels, height, width]`` of a frame's latents."""
        return [self.vae.config.latent_channels, height // self.vae_scale_factor, width // self.vae_scale_factor]

    def schedule(
        self,
        sampling: Sampling,
        solver: Solver,
        cache_interval: int = 1,
        start: int = 0,
        texts: Sequence[str] | None = None,
    ) -> Schedule:
        """When the networks run, and for which texts: those of ``sampling`` if not given, one for each branch."""
        guided = round(sampling.guidance_stop_step * sampling.num_inference_steps) * solver.stages
        text, conditions = self._read(sampling, texts or sampling.texts)
        return Schedule(text, solver.timesteps, guided, cache_interval, start, conditions)

    @property
    def text_encoders(self) -> list:
        """The networks that read the texts."""
        return [self.text_encoder]

    def _read(self, sampling: Sampling, texts: Sequence[str]) -> tuple[paddle.Tensor, Conditions | None]:
        """What the networks are told of the texts: ``[texts, tokens, channels]``, and what some take beside it."""
        return self._encode_text(texts, sampling.clip_skip), None

    def _encode_text(self, texts: Sequence[str], clip_skip: int = 1) -> paddle.Tensor:
        with self._prepared(TextEncoder(self.text_encoder, clip_skip)) as encode:
            length = self.text_encoder.config.max_position_embeddings
            return encode_texts(encode, self.tokenizer, texts, length).tokens

    @contextmanager
    def _prepared(self, program: Program) -> Iterator[Runner]:
        runner = self.engine.prepare(program)
        try:
            yield runner
        finally:
            runner.restore()
            if self.offload:
                self.engine.release(program)

    @contextmanager
    def _autoencoder(self, program: Program) -> Iterator[Runner]:
        with self._prepared(program) as runner:
            if self.vae_in_float32:
                runner.use_float32()
            yield runner

    @staticmethod
    def perform(run: Run) -> paddle.Tensor:
        """What is done with a run that is ready; who lets others take part in it puts something else here."""
        return run()

    def run(self, run: Run) -> paddle.Tensor:
        """The latents that a run makes."""
        self.running = run
        try:
            return self.perform(run)
        finally:
            self.running = None
            if self.offload:
                run.denoiser.unet.release()

    def preview(self, tile: int | None = None, frames: int | None = None) -> np.ndarray:
        """Frames in the middle of a run, uint8 RGB ``[F, height, width, 3]``: what the last step took them for.

        Args:
            tile: as for ``decode``.
            frames: how many at most, from the first on; None: all.

        Returns:
            The frames; grey ones where they are not finite.
        """
        latents = self.running.preview[:frames]
        try:
            return self._previewed(latents, tile)
        except NumericalError:  # halfway it need be no picture yet, and the run goes on
            sides = [side * self.vae_scale_factor for side in latents.shape[2:]]
            return np.full((latents.shape[0], *sides, 3), _GREY, np.uint8)

    def _previewed(self, latents: paddle.Tensor, tile: int | None) -> np.ndarray:
        if self.preview_vae is None:
            return np.stack(list(self.decode(latents, tile)))
        program = PreviewDecoder(self.preview_vae, *latents.shape[2:])
        with self._prepared(program) as decoder:
            pictures = (_decoded(decoder, each, max(each.shape[2:]), 0) for each in latents.split(latents.shape[0]))
            return np.stack(list(pictures))

    @paddle.no_grad()
    def encode(self, frames: np.ndarray) -> paddle.Tensor:
        """The latents of frames, uint8 RGB ``[F, H, W, 3]``, one after the other and not scaled.

        Each is the mean of what the autoencoder takes it for, so that the same frames have the same latents.

        Raises:
            NumericalError: latents that are not finite, in float32 either.
        """
        with self._autoencoder(Encoder(self.vae, *frames.shape[1:3])) as encoder:
            return paddle.concat([_encoded(encoder, frame, index) for index, frame in enumerate(frames)])

    def start(self, clip: np.ndarray | None, noise: paddle.Tensor, solver: Solver, step: int) -> paddle.Tensor:
        """The latents before a step: of standard normal noise, or of a clip (as for ``encode``) with that noise."""
        if clip is None:
            return solver.start(noise)
        return solver.noised(self.encode(clip) * self.vae.config.scaling_factor, noise, step)

    def given(self, first: np.ndarray, noise: paddle.Tensor) -> GivenFrame:
        """The first frame of a run, uint8 RGB ``[1, H, W, 3]``, that is not made; with its noise."""
        return GivenFrame(self.encode(first) * self.vae.config.scaling_factor, noise)

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
        with self._autoencoder(Decoder(self.vae, *cells)) as decoder:
            for index, latent in enumerate(latents.split(latents.shape[0])):
                yield _decoded(decoder, latent / self.vae.config.scaling_factor, max(cells), index)


def _encoded(encoder: Runner, frame: np.ndarray, index: int) -> paddle.Tensor:
    picture = paddle.to_tensor(frame[None]).transpose([0, 3, 1, 2]).astype("float32") / 127.5 - 1
    return _rescued(
        encoder, lambda: paddle.to_tensor(encoder([picture])[0]), words("encoding frame {number}", number=index)
    )


def _decoded(decoder: Runner, latent: paddle.Tensor, tile: int, index: int) -> np.ndarray:
    def decode() -> paddle.Tensor:
        return in_tiles(lambda part: paddle.to_tensor(decoder([part])[0]), latent, tile)

    picture = _rescued(decoder, decode, words("decoding frame {number}", number=index))
    picture = (picture[0] / 2 + 0.5).clip(0, 1) * 255
    return picture.round().astype("uint8").transpose([1, 2, 0]).numpy()


def _rescued(runner: Runner, compute: Callable[[], paddle.Tensor], task: Message) -> paddle.Tensor:
    """What is computed with a runner; in float32 where half precision gives NaN or infinity."""
    made = compute()
    if not finite(made) and runner.half:
        runner.use_float32()
        made = compute()
    if not finite(made):
        raise NumericalError(
            "E-NETWORK-INFINITE",
            "{task} gave NaN or infinite numbers in float32: the VAE's weights are damaged",
            task=task,
        )
    return made.astype("float32")


class VideoPipeline(LatentDiffusion, StableDiffusionPipeline):
    """The parts of a Stable Diffusion pipeline, run on ``engine``."""

    def main_program(
        self,
        height: int,
        width: int,
        sharing: Sharing,
        residuals: bool = False,
        perturbed: bool = False,
        texts_of_frames: bool = False,
    ) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        deep, size = sharing.cache_interval > 1, self.latent_shape(height, width)[1:]
        kind = residuals, deep, sharing.freeu, perturbed, texts_of_frames
        return NoisePrediction(self.unet, *size, sharing.attention, *kind)
