"""Text to video with a model that was trained on videos: ModelScope's (arXiv 2308.06571) and those tuned from it.

All frames of a clip are denoised together; a clip longer than those of the training is made of overlapping windows.
From a given clip, noised to some level, the same network makes another one of the same motion.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import paddle

from ..engine import Engine
from ..engine.eager import EagerEngine
from ..engine.program import Program
from ..errors import InputError
from ..sizes import frame_size
from . import pictures
from .denoise import Denoiser
from .noise import Noise
from .programs import TextEncoder
from .resume import Checkpoint
from .solvers import Frames
from .solvers import solver as make_solver
from .video_unet import WINDOW, VideoNoisePrediction, VideoUNet

Progress = Callable[[int, int], None]


class TextToVideoPipeline:
    """Text to video with the parts of ``video_models.TextToVideo``, on ``engine``."""

    engine: Engine = EagerEngine()

    def __init__(self, text_encoder, tokenizer, unet, vae, scheduler):
        self.text_encoder, self.tokenizer, self.unet = text_encoder, tokenizer, unet
        self.vae, self.scheduler = vae, scheduler

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
        negative_prompt: str = "",
        eta: float = 0.0,
        solver: str = "ddim",
        window: int = WINDOW,
        overlap: int = WINDOW // 2,
        clip: np.ndarray | None = None,
        strength: float = 0.6,
        checkpoint: Checkpoint | None = None,
        progress: Progress = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            prompt: what to show, in English.
            noise: all randomness of the run.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor; None: the model's own size.
            num_inference_steps: steps of the schedule, >= 1.
            guidance_scale: classifier-free guidance; 1 or less turns it off, and with it the negative prompt.
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
        check(video_length, window, overlap, strength)
        if clip is not None:
            video_length, height, width = clip.shape[:3]
        height, width = frame_size(height, width, self.unet.config, self.vae.config, any_latents=True)
        stepper = make_solver(solver, self.scheduler, num_inference_steps, eta)
        first = 0 if clip is None else first_step(num_inference_steps, strength)
        text = self._encode([negative_prompt, prompt] if guidance_scale > 1 else [prompt])
        program = self.main_program(height, width)
        unet = VideoUNet(program, self.engine, text, stepper.timesteps, window, overlap)
        denoiser = Denoiser(unet, stepper, guidance_scale, noise)
        frame_ids = list(range(video_length))
        try:
            frames, step = _restored(checkpoint, unet)
            if frames is None:
                shape = [self.unet.config.in_channels, program.height, program.width]
                started = noise.draw("start", frame_ids, shape)
                frames, step = Frames(self._start(started, stepper.timesteps[first], clip)), first
            for step in range(step, len(stepper.timesteps)):
                frames = denoiser(frames, step, frame_ids)
                progress((step + 1 - first) * video_length, (len(stepper.timesteps) - first) * video_length)
                _save(checkpoint, frames, step + 1, unet)
            return frames.latents
        finally:
            unet.restore()

    def main_program(self, height: int, width: int) -> Program:
        """What nearly all of a run's time goes into."""
        scale = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return VideoNoisePrediction(self.unet, height // scale, width // scale)

    def decode(self, latents: paddle.Tensor) -> Iterator[np.ndarray]:
        """Decodes the latents frame by frame to uint8 RGB ``[height, width, 3]``; errors as ``pictures.decode``."""
        return pictures.decode(self.vae, latents, self.engine)

    def _start(self, noise: paddle.Tensor, timestep: int, clip: np.ndarray | None) -> paddle.Tensor:
        if clip is None:
            return noise * self.scheduler.init_noise_sigma
        latents = pictures.encode(self.vae, clip, self.engine)
        return self.scheduler.add_noise(latents, noise, paddle.full([len(clip)], timestep, "int64"))

    def _encode(self, texts: list[str]) -> paddle.Tensor:
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pd")
        encode = self.engine.prepare(TextEncoder(self.text_encoder))
        return paddle.concat([paddle.to_tensor(encode([one])[0]) for one in tokens["input_ids"].split(len(texts))])


def check(video_length: int, window: int, overlap: int, strength: float) -> None:
    """Refuses numbers that no run can have, before anything is loaded."""
    if video_length < 1:
        raise InputError(f"video_length={video_length}: the rule is video_length >= 1")
    if not 0 <= overlap < window:
        raise InputError(f"window={window}, overlap={overlap}: the rule is 0 <= overlap < window, in frames")
    if not 0 < strength <= 1:
        raise InputError(f"strength={strength}: the rule is 0 < strength <= 1; with 1 little is left of the clip")


def first_step(steps: int, strength: float) -> int:
    """The step of the schedule at which a run from a clip begins: at least one is made."""
    return steps - max(1, min(int(steps * strength), steps))


def _save(checkpoint: Checkpoint | None, frames: Frames, step: int, unet: VideoUNet) -> None:
    if checkpoint is not None:
        kept = {name: tensor.numpy() for name, tensor in frames._asdict().items() if tensor is not None}
        checkpoint.save(**kept, step=step, in_float32=not unet.half)


def _restored(checkpoint: Checkpoint | None, unet: VideoUNet) -> tuple[Frames | None, int]:
    """The frames of a run to go on with and its next step."""
    state = checkpoint.load() if checkpoint else None
    if state is None:
        return None, 0
    if state["in_float32"]:  # a network rescued from half precision stays rescued
        unet.use_float32()
    fields = {name: paddle.to_tensor(state[name]) for name in Frames._fields if name in state}
    return Frames(**fields), int(state["step"])
