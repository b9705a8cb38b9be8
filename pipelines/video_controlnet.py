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
from ppt2v.pipelines.denoising.whole_clip import WholeClipRun, in_windows
from ppt2v.pipelines.networks.motion_unet import MotionUNet
from ppt2v.pipelines.networks.predictors import ControlNet, UNet
from ppt2v.pipelines.planning import travel as travels
from ppt2v.pipelines.planning.timesteps import guided_part

from .latent_diffusion import VideoPipeline
from .settings import Sampling, Sharing, by_keywords


class Control(NamedTuple):
    """A ControlNet (a ControlNetModel), its maps, uint8 RGB ``[frames, height, width, 3]``, and its strength: one for
    all frames, or one for each."""

    network: object
    maps: np.ndarray
    strength: float | Sequence[float] = 1.0


class VideoControlNetPipeline(VideoPipeline):
    """Makes a video that follows the control maps of a clip."""

    over_workers = True

    @by_keywords(num_inference_steps=20, guidance_scale=9.0)
    @paddle.no_grad()
    def __call__(
        self,
        sampling: Sampling,
        noise: Noise,
        controls: Sequence[Control],
        sharing: Sharing,
        control_guidance_start: float = 0.0,
        control_guidance_end: float = 1.0,
        guess_mode: bool = False,
        prompt_at: str | None = None,
        chunk_size: int = 8,
        window: int | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[frames, channels, height / 8, width / 8]`` (8 for most VAEs).

        All frames start from the same noise. With a ``MotionUNet`` each starts from its own, and the frames of a window
        are denoised together (as in ``animate``).

        Args:
            sampling: the fields of ``Sampling``, each as a keyword.
            noise: all randomness of the run.
            controls: what guides it, one or several; their maps have the size of the video.
            sharing: the fields of ``Sharing``, likewise.
            control_guidance_start, control_guidance_end: the part of the steps that ``controls`` guide, 0..1.
            guess_mode: whether they guide what follows the prompt alone, the UNet's outer layers less than its inner
                ones (diffusers' "guess mode").
            prompt_at: which prompts follow that of ``sampling``, see ``planning.travel.parse``.
            chunk_size: frames computed together, the anchor included, >= 2; without a ``MotionUNet``.
            window: the same with one, as in ``animate``.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        count, height, width = controls[0].maps.shape[:3]
        stepper = self.solver(sampling)
        controlled = guided_part(len(stepper.timesteps), control_guidance_start, control_guidance_end)
        travel = travels.parse(sampling.prompt, prompt_at) if prompt_at else None
        texts = sampling.texts_along(travel)
        schedule = self.schedule(sampling, stepper, sharing.cache_interval, texts=texts)
        schedule = schedule._replace(controlled=controlled, travel=travel)
        guides = [
            ControlNet(*control, sharing.attention, number, self.engine, schedule, guess_mode)
            for number, control in enumerate(controls)
        ]
        moves = isinstance(self.unet, MotionUNet)
        told_by_frame = moves and travel is not None
        program = self.main_program(height, width, sharing, residuals=True, texts_of_frames=told_by_frame)
        unet = UNet(program, self.engine, schedule, guides)
        guidance, shape = sampling.guidance(), self.latent_shape(height, width)
        if moves:
            windowed, repeated = in_windows(unet, self.unet.longest, window, noise)

            def start() -> paddle.Tensor:
                return stepper.start(repeated.draw("start", list(range(count)), shape))

            return self.run(WholeClipRun(Denoiser(windowed, stepper, guidance, noise), start, 0, checkpoint, progress))
        shared = SharedNoise(noise, ("start",))
        denoiser = Denoiser(unet, stepper, guidance, shared)
        chunks = sharing.chunks(count, chunk_size)
        return self.run(AnchoredRun(denoiser, shared, chunks, shape, checkpoint, progress))
