"""Video Instruct-Pix2Pix: a clip is edited as an instruction says (arXiv 2303.13439, section 3.3.5; 2211.09800)."""

from __future__ import annotations

import numpy as np
import paddle

from ppt2v.pipelines.denoising.anchored import AnchoredRun, Report
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.noise import Noise, SharedNoise
from ppt2v.pipelines.networks.predictors import UNet

from .latent_diffusion import VideoPipeline
from .settings import Sampling, Sharing, by_keywords


class VideoInstructPix2PixPipeline(VideoPipeline):
    """Edits a clip; the UNet takes the clip's latents beside its own."""

    over_workers = True

    @by_keywords(solver="euler_a")
    @paddle.no_grad()
    def __call__(
        self,
        sampling: Sampling,
        noise: Noise,
        frames: np.ndarray,
        sharing: Sharing,
        chunk_size: int = 8,
        image_guidance_scale: float = 1.5,
        shared_noise: bool = True,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of the edited clip: float32 ``[frames, channels, height / 8, width / 8]`` (for most VAEs).

        Args:
            sampling: the fields of ``Sampling``, each as a keyword; the prompt is the instruction.
            noise: all randomness of the run.
            frames: the clip, uint8 RGB ``[frames, height, width, 3]``.
            sharing: the fields of ``Sharing``, likewise.
            chunk_size: frames computed together, the anchor included, >= 2.
            image_guidance_scale: how closely to keep to the clip; below 1 turns all guidance off.
            shared_noise: whether all frames get the same noise, which flickers less than noise of their own.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        height, width = frames.shape[1:3]
        stepper = self.solver(sampling)
        guided = sampling.guidance_scale > 1 and image_guidance_scale >= 1
        texts = [sampling.negative_prompt, *sampling.texts] if guided else [sampling.prompt]
        schedule = self.schedule(sampling, stepper, sharing.cache_interval, texts=texts)
        clip = self.encode(frames)

        def appended(frame_ids: list[int], branches: int) -> paddle.Tensor:
            """The clip's latents in each branch; the first of three goes without."""
            latents = clip[frame_ids]
            return paddle.concat([paddle.zeros_like(latents), latents, latents][-branches:])

        program = self.main_program(height, width, sharing)
        unet = UNet(program, self.engine, schedule, appended=appended)
        if shared_noise:
            noise = SharedNoise(noise, ("start", "step"))
        denoiser = Denoiser(unet, stepper, sampling.guidance(image_guidance_scale), noise)
        chunks = sharing.chunks(len(frames), chunk_size)
        return self.run(AnchoredRun(denoiser, noise, chunks, self.latent_shape(height, width), checkpoint, progress))
