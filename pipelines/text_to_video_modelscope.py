"""Text to video with a model that was trained on videos: ModelScope's (arXiv 2308.06571) and those tuned from it.

All frames of a clip are denoised together; a clip longer than those of the training is made of overlapping windows.
From a given clip, noised to some level, the same network makes another one of the same motion.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle

from ..engine.program import Program
from ..errors import InputError
from ..sizes import frame_size
from .denoise import Denoiser
from .latent import LatentDiffusion
from .noise import Noise
from .resume import Checkpoint
from .run import Report
from .solvers import Frames
from .solvers import solver as make_solver
from .video_unet import WINDOW, VideoNoisePrediction, VideoUNet


class TextToVideoPipeline(LatentDiffusion):
    """Text to video with the parts of ``video_models.TextToVideo``, on ``engine``."""

    def __init__(self, text_encoder, tokenizer, unet, vae, scheduler):
        self.text_encoder, self.tokenizer, self.unet = text_encoder, tokenizer, unet
        self.vae, self.scheduler = vae, scheduler
        self.vae_scale_factor = 2 ** (len(vae.config.block_out_channels) - 1)

    @paddle.no_grad()
    def __call__(
        self,
        prompt: str,
        noise: Noise,
        video_length: int = 16,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 50,
        guidance_scale: float = 9.0,
        guidance_stop_step: float = 1.0,
        negative_prompt: str = "",
        eta: float = 0.0,
        solver: str = "ddim",
        window: int = WINDOW,
        overlap: int = WINDOW // 2,
        clip: np.ndarray | None = None,
        strength: float = 0.6,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            prompt: what to show, in English.
            noise: all randomness of the run.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor; None: the model's own size.
            num_inference_steps: steps of the schedule, >= 1.
            guidance_scale: classifier-free guidance; 1 or less turns it off, and with it the negative prompt.
            guidance_stop_step: the part of the steps that is guided, 0..1; the rest follow the prompt alone.
            negative_prompt: what to avoid.
            eta: 0 (DDIM) to 1 (as stochastic as DDPM); for the solver "ddim".
            solver: one of ``schedule.SOLVERS``.
            window: frames that are computed together, >= 1; a longer clip is made of several windows.
            overlap: frames that a window shares with the next one, 0..window - 1.
            clip: frames to start from, uint8 RGB ``[frames, height, width, 3]``; their number and size are the video's.
            strength: how much of the schedule is run from a clip, above 0 (little is changed) to 1 (little is left).
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        check(video_length, strength)
        if not 0 <= overlap < window:
            raise InputError(f"window={window}, overlap={overlap}: the rule is 0 <= overlap < window, in frames")
        if clip is not None:
            video_length, height, width = clip.shape[:3]
        height, width = frame_size(height, width, self.unet.config, self.vae.config, any_latents=True)
        stepper = make_solver(solver, self.scheduler, num_inference_steps, eta)
        first = 0 if clip is None else first_step(num_inference_steps, strength)
        texts = [negative_prompt, prompt] if guidance_scale > 1 else [prompt]
        schedule = self.schedule(texts, stepper.timesteps, guidance_stop_step)
        unet = VideoUNet(self.main_program(height, width), self.engine, schedule, window, overlap)

        def start() -> paddle.Tensor:
            drawn = noise.draw("start", list(range(video_length)), self.latent_shape(height, width))
            return self.start(clip, drawn, stepper, first)

        denoiser = Denoiser(unet, stepper, [guidance_scale], noise)
        return self.run(WholeClip(denoiser, start, first, checkpoint, progress))

    def main_program(self, height: int, width: int) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        return VideoNoisePrediction(self.unet, *self.latent_shape(height, width)[1:])


class WholeClip:
    """One run from noise to latents in which each step takes all frames together.

    Args:
        denoiser: makes the steps.
        start: makes the latents before the first step; not called where a killed run goes on.
        first: the step of the schedule at which the run begins.
        checkpoint: where each completed step is saved, and from where a killed run goes on.
        progress: called with the frame steps done and their total.
    """

    def __init__(self, denoiser: Denoiser, start: Callable[[], paddle.Tensor], first: int,
                 checkpoint: Checkpoint | None, progress: Report):
        self.denoiser, self.start, self.first = denoiser, start, first
        self.checkpoint, self.progress = checkpoint, progress

    def __call__(self) -> paddle.Tensor:
        """The latents of all frames.

        Raises:
            NumericalError: NaN or infinite latents, also in float32.
        """
        try:
            return self._latents()
        finally:
            self.denoiser.unet.restore()

    def _latents(self) -> paddle.Tensor:
        frames, step = self._restored() or (Frames(self.start()), self.first)
        frame_ids, last = list(range(len(frames.latents))), len(self.denoiser.solver.timesteps)
        for step in range(step, last):
            frames = self.denoiser(frames, step, frame_ids)
            self.anchor = frames.part(0, 1)
            self.progress((step + 1 - self.first) * len(frame_ids), (last - self.first) * len(frame_ids))
            self._save(frames, step + 1)
        return frames.latents

    def _save(self, frames: Frames, step: int) -> None:
        if self.checkpoint is not None:
            kept = {name: tensor.numpy() for name, tensor in frames._asdict().items() if tensor is not None}
            self.checkpoint.save(**kept, step=step, in_float32=not self.denoiser.unet.half)

    def _restored(self) -> tuple[Frames, int] | None:
        """The frames of a run to go on with and its next step."""
        state = self.checkpoint.load() if self.checkpoint else None
        if state is None:
            return None
        if state["in_float32"]:  # a network rescued from half precision stays rescued
            self.denoiser.unet.use_float32()
        fields = {name: paddle.to_tensor(state[name]) for name in Frames._fields if name in state}
        return Frames(**fields), int(state["step"])


def check(video_length: int, strength: float) -> None:
    """Refuses numbers that no run can have, before anything is loaded."""
    if video_length < 1:
        raise InputError(f"video_length={video_length}: the rule is video_length >= 1")
    if not 0 < strength <= 1:
        raise InputError(f"strength={strength}: the rule is 0 < strength <= 1; with 1 little is left of the clip")


def first_step(steps: int, strength: float) -> int:
    """The step of the schedule at which a run from a clip begins: at least one is made."""
    return steps - max(1, min(int(steps * strength), steps))
