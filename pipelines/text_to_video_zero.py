"""Text2Video-Zero: a text-to-image model makes video with no training (arXiv 2303.13439, section 3.3).

The first frame (the anchor) is denoised alone down to T0; there the other frames (the followers) branch off, moved
along the motion field and noised again to T1; from then on each step takes the anchor first, and the followers attend
to it. Steps are the outer loop and chunks the inner one, so the chunk size changes nothing but the memory that is
needed.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import paddle
from ppdiffusers import StableDiffusionPipeline

from ..chunks import followers
from ..engine import Engine, Runner
from ..engine.eager import EagerEngine
from ..engine.program import Program
from ..errors import NumericalError
from ..sizes import frame_size
from .denoise import Denoiser, finite
from .motion import ddpm_forward, warp
from .noise import Noise
from .programs import Decoder, NoisePrediction, TextEncoder
from .resume import Checkpoint
from .schedule import REFERENCE_STEPS, motion_steps
from .solvers import DDIM, Frames
from .solvers import solver as make_solver
from .unet import UNet

Progress = Callable[[int, int], None]


class TextToVideoZeroPipeline(StableDiffusionPipeline):
    """Zero-shot text to video with the parts of a Stable Diffusion pipeline, on ``engine``."""

    engine: Engine = EagerEngine()

    @paddle.no_grad()
    def __call__(
        self,
        prompt: str,
        noise: Noise,
        video_length: int = 8,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 50,
        guidance_scale: float = 7.5,
        negative_prompt: str = "",
        eta: float = 0.0,
        solver: str = "ddim",
        motion_field_strength_x: float = 12,
        motion_field_strength_y: float = 12,
        t0: int = 44,
        t1: int = 47,
        chunk_size: int = 8,
        use_cf_attn: bool = True,
        use_motion_field: bool = True,
        checkpoint: Checkpoint | None = None,
        progress: Progress = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            prompt: what to show.
            noise: all randomness of the run.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor times the UNet's; None: the model's own size.
            num_inference_steps: steps of the schedule, >= 1 (>= 2 with a motion field).
            guidance_scale: classifier-free guidance; 1 or less turns it off, and with it the negative prompt.
            negative_prompt: what to avoid.
            eta: 0 (DDIM) to 1 (as stochastic as DDPM); for the solver "ddim".
            solver: one of ``schedule.SOLVERS``.
            motion_field_strength_x, motion_field_strength_y: see ``motion.warp``.
            t0, t1: noise levels T0 and T1, see ``schedule.check_motion_levels``.
            chunk_size: frames computed together, the anchor included, >= 2.
            use_cf_attn: whether frames attend to the anchor instead of to themselves.
            use_motion_field: without it every frame starts from its own noise, as in the paper's ablation.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        height, width = frame_size(height, width, self.unet.config, self.vae.config)
        chunks = followers(video_length, chunk_size)
        reference = DDIM(self.scheduler, REFERENCE_STEPS).timesteps
        stepper = make_solver(solver, self.scheduler, num_inference_steps, eta)
        start, warp_step = motion_steps(stepper.timesteps, reference, t0, t1) if use_motion_field else (0, 0)
        shape = self._latent_shape(height, width)
        text = self._encode([negative_prompt, prompt] if guidance_scale > 1 else [prompt])
        unet = UNet(self.main_program(height, width, use_cf_attn), self.engine, text, stepper.timesteps)
        denoiser = Denoiser(unet, stepper, guidance_scale, noise)
        strength = motion_field_strength_x, motion_field_strength_y
        run = _Run(denoiser, noise, chunks, shape, start, warp_step, strength, checkpoint, progress)
        try:
            return run()
        finally:
            unet.restore()

    def main_program(self, height: int, width: int, use_cf_attn: bool) -> Program:
        """What nearly all of a run's time goes into."""
        return NoisePrediction(self.unet, *self._latent_shape(height, width)[1:], use_cf_attn)

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

    def _latent_shape(self, height: int, width: int) -> list[int]:
        return [self.unet.config.in_channels, height // self.vae_scale_factor, width // self.vae_scale_factor]

    def _encode(self, texts: list[str]) -> paddle.Tensor:
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pd")
        encode = self.engine.prepare(TextEncoder(self.text_encoder))
        return paddle.concat([paddle.to_tensor(encode([one])[0]) for one in tokens["input_ids"].split(len(texts))])


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


class _Run:
    """One run from noise to latents: where the anchor and the followers stand, and how they go on."""

    def __init__(self, denoiser, noise, chunks, shape, start, warp_step, strength, checkpoint, progress):
        self.denoiser, self.noise, self.chunks, self.shape = denoiser, noise, chunks, shape
        self.start, self.warp_step, self.strength = start, warp_step, strength
        self.checkpoint, self.progress = checkpoint, progress
        self.frame_ids = [frame for chunk in chunks for frame in chunk]
        self.solver = denoiser.solver
        self.last_step = len(self.solver.timesteps)
        self.anchor_step, self.followers_step = 0, start
        self.anchor = Frames(noise.draw("start", [0], shape) * self.solver.scheduler.init_noise_sigma)
        self.followers: Frames | None = None

    def __call__(self) -> paddle.Tensor:
        self._restore()
        while self.anchor_step < self.start:
            self._advance_anchor()
            self._save()
        if self.anchor_step < self.warp_step or self.followers is None:
            self._branch_off()
        while self.anchor_step < self.last_step:
            self._advance_anchor()
            self._advance_followers()
            self._save()
        return Frames.joined([self.anchor, self.followers] if self.frame_ids else [self.anchor]).latents

    def _branch_off(self) -> None:
        """Takes the anchor from T1 to T0, warps it there, and brings the followers from T1 to T0."""
        at_start, remembered = self.anchor, []
        while self.anchor_step < self.warp_step:
            self._advance_anchor()
            remembered.append(self.denoiser.unet.anchor)
        if self.followers is None:
            self.followers = self._first_followers()
        while self.followers_step < self.warp_step:
            self.denoiser.unet.anchor = remembered[self.followers_step - self.start]
            self._advance_followers()
            # Saved with the anchor at T1: what it leaves behind for the followers is too large to keep on disk.
            self._save(at_start, self.start)

    def _first_followers(self) -> Frames | None:
        if not self.frame_ids:
            return None
        if self.warp_step == self.start:
            noise = self.noise.draw("start", self.frame_ids, self.shape)
            return Frames(noise * self.solver.scheduler.init_noise_sigma)
        high, low = (self.solver.timesteps[step] for step in (self.start, self.warp_step))
        moved = warp(self.anchor.latents, self.frame_ids, *self.strength)
        noise = self.noise.draw("forward", self.frame_ids, self.shape)
        return Frames(ddpm_forward(moved, noise, self.solver.scheduler.alphas[low:high]))

    def _advance_anchor(self) -> None:
        self.denoiser.unet.forget()
        self.anchor = self.denoiser(self.anchor, self.anchor_step, [0])
        self.anchor_step += 1
        self._report()

    def _advance_followers(self) -> None:
        advanced = []
        for chunk in self.chunks:
            frames = self.followers.part(chunk[0] - 1, chunk[-1])
            advanced.append(self.denoiser(frames, self.followers_step, chunk))
        self.followers = Frames.joined(advanced) if advanced else None
        self.followers_step += 1
        self._report()

    def _report(self) -> None:
        frames = len(self.frame_ids)
        done = self.anchor_step + (self.followers_step - self.start) * frames
        self.progress(done, self.last_step + (self.last_step - self.start) * frames)

    def _save(self, anchor: Frames | None = None, anchor_step: int | None = None) -> None:
        if self.checkpoint is None:
            return
        self.checkpoint.save(
            **_arrays("anchor", anchor or self.anchor),
            **_arrays("followers", self.followers),
            anchor_step=self.anchor_step if anchor_step is None else anchor_step,
            followers_step=self.followers_step,
            in_float32=not self.denoiser.unet.half,
        )

    def _restore(self) -> None:
        state = self.checkpoint.load() if self.checkpoint else None
        if state is None:
            return
        self.anchor, self.followers = _frames("anchor", state), _frames("followers", state)
        self.anchor_step, self.followers_step = int(state["anchor_step"]), int(state["followers_step"])
        if state["in_float32"]:  # a network rescued from half precision stays rescued
            self.denoiser.unet.use_float32()


def _arrays(name: str, frames: Frames | None) -> dict[str, np.ndarray]:
    """The frames as a checkpoint keeps them."""
    fields = {} if frames is None else frames._asdict()
    return {f"{name}_{field}": tensor.numpy() for field, tensor in fields.items() if tensor is not None}


def _frames(name: str, state: dict[str, np.ndarray]) -> Frames | None:
    """The frames that a checkpoint holds."""
    fields = {field: state[f"{name}_{field}"] for field in Frames._fields if f"{name}_{field}" in state}
    return Frames(**{field: paddle.to_tensor(array) for field, array in fields.items()}) if fields else None
