"""Video guided by control maps: ControlNet with cross-frame attention (arXiv 2303.13439, section 3.3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import paddle

from ppt2v.pipelines.denoising.anchored import AnchoredRun, Report
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.noise import Noise, SharedNoise
from ppt2v.pipelines.denoising.solvers import solver as make_solver
from ppt2v.pipelines.networks.predictors import ControlNet, UNet
from ppt2v.pipelines.networks.programs import SelfAttention
from ppt2v.pipelines.planning.chunks import followers

from .latent_diffusion import VideoPipeline


class Control(NamedTuple):
    """A ControlNet (a ControlNetModel), its maps, uint8 RGB ``[frames, height, width, 3]``, and its strength."""

    network: object
    maps: np.ndarray
    strength: float = 1.0


class VideoControlNetPipeline(VideoPipeline):
    """Makes a video that follows the control maps of a clip."""

    @paddle.no_grad()
    def __call__(
        self,
        prompt: str,
        noise: Noise,
        controls: Sequence[Control],
        num_inference_steps: int = 20,
        guidance_scale: float = 9.0,
        guidance_stop_step: float = 1.0,
        negative_prompt: str = "",
        eta: float = 0.0,
        solver: str = "ddim",
        chunk_size: int = 8,
        use_cf_attn: bool = True,
        merging_ratio: float = 0.0,
        cache_interval: int = 1,
        clip_skip: int = 1,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[frames, channels, height / 8, width / 8]`` (8 for most VAEs).

        All frames start from the same noise.

        Args:
            prompt: what to show.
            noise: all randomness of the run.
            controls: what guides it, one or several; their maps have the size of the video.
            num_inference_steps: steps of the schedule, >= 1.
            guidance_scale: classifier-free guidance; 1 or less turns it off, and with it the negative prompt.
            guidance_stop_step: the part of the steps that is guided, 0..1; the rest follow the prompt alone.
            negative_prompt: what to avoid.
            eta: 0 (DDIM) to 1 (as stochastic as DDPM); for the solver "ddim".
            solver: one of ``schedule.SOLVERS``.
            chunk_size: frames computed together, the anchor included, >= 2.
            use_cf_attn: whether frames attend to the anchor instead of to themselves, in UNet and ControlNets.
            merging_ratio: share of the tokens that are merged where the layers have most, 0..0.9 (``merging``).
            cache_interval: of so many steps one computes UNet and ControlNets, the others the UNet's outermost level
                alone, with what the rest made before (DeepCache, arXiv 2312.00858); 1: all compute everything.
            clip_skip: which layer of the text encoder is taken, counted from the last one, 1..layers.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        count, height, width = controls[0].maps.shape[:3]
        stepper = make_solver(solver, self.scheduler, num_inference_steps, eta)
        texts = [negative_prompt, prompt] if guidance_scale > 1 else [prompt]
        attention = SelfAttention(use_cf_attn, merging_ratio)
        schedule = self.schedule(texts, stepper.timesteps, guidance_stop_step, cache_interval, clip_skip=clip_skip)
        guides = [
            ControlNet(*control, attention, number, self.engine, schedule) for number, control in enumerate(controls)
        ]
        program = self.main_program(height, width, attention, True, cache_interval)
        unet = UNet(program, self.engine, schedule, guides)
        noise = SharedNoise(noise, ("start",))
        denoiser = Denoiser(unet, stepper, [guidance_scale], noise)
        chunks = followers(count, chunk_size)
        return self.run(AnchoredRun(denoiser, noise, chunks, self.latent_shape(height, width), checkpoint, progress))
