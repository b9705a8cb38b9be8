"""Text to video by decomposed diffusion (VideoFusion, arXiv 2303.08320): see ``methods.decomposed`` for the equations.

The noise that all frames share decides what the clip shows, that which each has of its own how it moves: the same base
noise with other residual noise is another clip of the same content. Every solver works here, since both generators
together predict a velocity for each frame, and the noise of stochastic steps is decomposed like that of the start.
"""

from __future__ import annotations

import numpy as np
import paddle

from ppt2v.engine.program import Program
from ppt2v.errors import InputError
from ppt2v.pipelines.denoising.anchored import Report
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.free_init import FreeInit
from ppt2v.pipelines.denoising.noise import BASE, Noise
from ppt2v.pipelines.denoising.solvers import Solver
from ppt2v.pipelines.denoising.whole_clip import WholeClipRun, check, first_step
from ppt2v.pipelines.methods.decomposed import Decomposition, Level
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.networks.programs import SelfAttention
from ppt2v.pipelines.networks.tiled import Tiled
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.networks.video_predictor import VideoUNet
from ppt2v.pipelines.networks.video_programs import VideoNoisePrediction
from ppt2v.pipelines.planning.sizes import frame_size, tile_size

from .latent_diffusion import LatentDiffusion
from .settings import Sampling, by_keywords


class VideoFusionPipeline(LatentDiffusion):
    """Text to video with the parts of ``families.video_fusion.VideoFusion``, on ``engine``."""

    def __init__(self, text_encoder, tokenizer, unet, residual, vae, scheduler, base_noise_share: float, frames: int):
        self.text_encoder, self.tokenizer, self.unet, self.residual = text_encoder, tokenizer, unet, residual
        self.vae, self.scheduler = vae, scheduler
        self.base_noise_share, self.frames = base_noise_share, frames
        self.vae_scale_factor = 2 ** (len(vae.config.block_out_channels) - 1)

    @by_keywords(guidance_scale=9.0)
    @paddle.no_grad()
    def __call__(
        self,
        sampling: Sampling,
        noise: Noise,
        video_length: int = 16,
        height: int | None = None,
        width: int | None = None,
        clip: np.ndarray | None = None,
        strength: float = 0.6,
        tile: int | None = None,
        free_init: int = 1,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            noise: all randomness of the run; its content seed is that of the base noise.
            video_length: number of frames, 1 to that of the clips of the training.

        The other arguments are those of ``TextToVideoPipeline``; the base generator must be able to halve all sizes.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        if clip is not None:
            video_length, height, width = clip.shape[:3]
        check(video_length, strength)
        self._check_length(video_length)
        height, width = frame_size(height, width, self.unet.config, self.vae.config)
        stepper = self.solver(sampling)
        first = 0 if clip is None else first_step(sampling.num_inference_steps, strength) * stepper.stages
        schedule = self.schedule(sampling, stepper)
        parts = Decomposition(paddle.to_tensor, video_length, self.base_noise_share, self.frames)
        decomposed = DecomposedNoise(noise, parts)

        def draw(iteration: int) -> paddle.Tensor:
            return decomposed.draw("start", list(range(video_length)), self.latent_shape(height, width), iteration)

        def start() -> paddle.Tensor:
            return self.start(clip, draw(0), stepper, first)

        size = tile_size(tile, height, width, self.unet.config, self.vae.config)
        base_program = NoisePrediction(self.unet, *self.latent_shape(*size)[1:], SelfAttention(False))
        generators = Generators(
            UNet(base_program, self.engine, schedule),
            VideoUNet(self.main_program(*size), self.engine, schedule),
            parts,
            stepper,
        )
        unet = Tiled(generators, max(size) // self.vae_scale_factor)
        denoiser = Denoiser(unet, stepper, sampling.guidance(), decomposed)
        return self.run(WholeClipRun(denoiser, start, first, checkpoint, progress, FreeInit(free_init, draw)))

    def main_program(self, height: int, width: int) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        return VideoNoisePrediction(self.residual, *self.latent_shape(height, width)[1:])

    def _check_length(self, video_length: int) -> None:
        if video_length > self.frames:
            raise InputError(
                "E-VIDEO-FUSION-LENGTH",
                "video_length={video_length}: this VideoFusion model makes clips of 1 to {most} frames, as it was "
                "trained; make several with the same content_seed, or take a model of another kind",
                video_length=video_length,
                most=self.frames,
            )


class DecomposedNoise:
    """Draws noise for all frames of a clip, a part of which they share.

    Args:
        noise: where it comes from.
        parts: what is shared.
    """

    def __init__(self, noise: Noise, parts: Decomposition):
        self._noise, self._parts = noise, parts

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        """As ``Noise.draw``; ``frame_ids`` are those of the whole clip."""
        base = self._noise.draw(BASE + purpose, [0], shape, step)
        return self._parts.noise(base, self._noise.draw(purpose, frame_ids, shape, step))


class Generators:
    """The two networks of a run, which together predict the velocity of all frames of a clip.

    Each branch of guidance has its own base noise removed: the two networks are guided as one.

    Args:
        base: sees the base frame alone.
        residual: sees all frames.
        parts: what the frames share.
        solver: whose steps they are asked for.
    """

    memory = None  # no frame is remembered for others: all are computed together

    def __init__(self, base: UNet, residual: VideoUNet, parts: Decomposition, solver: Solver):
        self.schedule = residual.schedule
        self._base, self._residual, self._parts, self._solver = base, residual, parts, solver
        self._networks = base, residual

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The velocity of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""
        parts, level = self._parts, Level(*self._solver.level(step))
        at_base = parts.base_of(latents)
        base = self._base(at_base, step, [parts.base_frame]).unsqueeze(1)
        clips = latents.unsqueeze(0)
        seen = parts.residual_latents(clips, base, level)
        planes = paddle.concat(parts.residual_planes(seen), axis=-3).flatten(0, 1)
        residual = self._residual.predict(planes, step).reshape(seen.shape)
        return parts.velocity(clips, base, seen, residual, level).flatten(0, 1)

    @property
    def half(self) -> bool:
        """Whether any of them computes in half precision."""
        return any(network.half for network in self._networks)

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        for network in self._networks:
            network.use_float32()

    def restore(self) -> None:
        """Back to the engine's own precision."""
        for network in self._networks:
            network.restore()

    def release(self) -> None:
        """Frees the memory of the networks; the next run reads them again."""
        for network in self._networks:
            network.release()
