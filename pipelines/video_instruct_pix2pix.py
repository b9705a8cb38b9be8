"""Video Instruct-Pix2Pix: a clip is edited as an instruction says (arXiv 2303.13439, section 3.3.5; 2211.09800)."""

from __future__ import annotations

import numpy as np
import paddle

from ppt2v.pipelines.denoising.anchored import AnchoredRun, Report
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.noise import Noise, SharedNoise
from ppt2v.pipelines.denoising.solvers import solver as make_solver
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.networks.programs import SelfAttention
from ppt2v.pipelines.planning.chunks import followers

from .latent_diffusion import VideoPipeline


class VideoInstructPix2PixPipeline(VideoPipeline):
    """Edits a clip; the UNet takes the clip's latents beside its own."""

    @paddle.no_grad()
    def __call__(
        self,
        prompt: str,
        noise: Noise,
        frames: np.ndarray,
        num_inference_steps: int = 50,
        guidance_scale: float = 7.5,
        image_guidance_scale: float = 1.5,
        guidance_stop_step: float = 1.0,
        negative_prompt: str = "",
        eta: float = 0.0,
        solver: str = "euler_a",
        chunk_size: int = 8,
        use_cf_attn: bool = True,
        merging_ratio: float = 0.0,
        cache_interval: int = 1,
        clip_skip: int = 1,
        shared_noise: bool = True,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of the edited clip: float32 ``[frames, channels, height / 8, width / 8]`` (for most VAEs).

        Args:
            prompt: the instruction.
            noise: all randomness of the run.
            frames: the clip, uint8 RGB ``[frames, height, width, 3]``.
            num_inference_steps: steps of the schedule, >= 1.
            guidance_scale: how closely to follow the instruction; 1 or less turns guidance off.
            image_guidance_scale: how closely to keep to the clip; below 1 turns guidance off.
            guidance_stop_step: the part of the steps that is guided, 0..1.
            negative_prompt: what to avoid.
            eta: 0 (DDIM) to 1 (as stochastic as DDPM); for the solver "ddim".
            solver: one of ``schedule.SOLVERS``.
            chunk_size: frames computed together, the anchor included, >= 2.
            use_cf_attn: whether frames attend to the anchor instead of to themselves.
            merging_ratio: share of the tokens that are merged where the layers have most, 0..0.9 (``merging``).
            cache_interval: of so many steps one computes the whole UNet, the others its outermost level alone, with
                what the deeper levels made before (DeepCache, arXiv 2312.00858); 1: all compute the whole.
            clip_skip: which layer of the text encoder is taken, counted from the last one, 1..layers.
            shared_noise: whether all frames get the same noise, which flickers less than noise of their own.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        height, width = frames.shape[1:3]
        stepper = make_solver(solver, self.scheduler, num_inference_steps, eta)
        guided = guidance_scale > 1 and image_guidance_scale >= 1
        texts = [negative_prompt, negative_prompt, prompt] if guided else [prompt]
        attention = SelfAttention(use_cf_attn, merging_ratio)
        schedule = self.schedule(texts, stepper.timesteps, guidance_stop_step, cache_interval, clip_skip=clip_skip)
        clip = self.encode(frames)

        def appended(frame_ids: list[int], branches: int) -> paddle.Tensor:
            """The clip's latents in each branch; the first of three goes without."""
            latents = clip[frame_ids]
            return paddle.concat([paddle.zeros_like(latents), latents, latents][-branches:])

        program = self.main_program(height, width, attention, cache_interval=cache_interval)
        unet = UNet(program, self.engine, schedule, appended=appended)
        if shared_noise:
            noise = SharedNoise(noise, ("start", "step"))
        denoiser = Denoiser(unet, stepper, [image_guidance_scale, guidance_scale], noise)
        chunks = followers(len(frames), chunk_size)
        return self.run(AnchoredRun(denoiser, noise, chunks, self.latent_shape(height, width), checkpoint, progress))
