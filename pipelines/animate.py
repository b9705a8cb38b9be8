"""AnimateDiff (arXiv 2307.04725): motion modules, trained on videos, make an image model one of moving pictures.

All frames of a window are denoised together; a clip longer than that is made of overlapping windows, whose frames start
from noise that is repeated from window to window. From a given clip, noised to some level, another one of the same
motion is made, and from a given picture one that begins with it.
"""

from __future__ import annotations

import numpy as np
import paddle

from ppt2v.pipelines.denoising.anchored import Report
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.free_init import FreeInit
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.whole_clip import WholeClipRun, check, first_step, in_windows
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.planning import travel as travels
from ppt2v.pipelines.planning.sizes import frame_size

from .latent_diffusion import VideoPipeline
from .settings import Sampling, Sharing, by_keywords


class AnimatePipeline(VideoPipeline):
    """Text to video with a Stable Diffusion whose UNet is a ``MotionUNet``."""

    over_workers = True

    @by_keywords(use_cf_attn=False)
    @paddle.no_grad()
    def __call__(
        self,
        sampling: Sampling,
        noise: Noise,
        sharing: Sharing,
        video_length: int = 16,
        height: int | None = None,
        width: int | None = None,
        window: int | None = None,
        prompt_at: str | None = None,
        clip: np.ndarray | None = None,
        first: np.ndarray | None = None,
        strength: float = 0.6,
        free_init: int = 1,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            sampling: the fields of ``Sampling``, each as a keyword.
            noise: all randomness of the run.
            sharing: the fields of ``Sharing``, likewise; the anchor is the first frame, for all windows.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor times the UNet's; None: the model's own size.
            window: frames that are computed together, 2 to those that the motion modules tell apart; None: 16, or as
                many as they do. A longer clip is made of windows that overlap by half.
            prompt_at: which prompts follow that of ``sampling``, see ``planning.travel.parse``.
            clip: frames to start from, uint8 RGB ``[frames, height, width, 3]``; their number and size are the video's.
            first: the first frame, where that is given, uint8 RGB ``[1, height, width, 3]`` (``denoising.given``); not
                with a clip. The others start from it, as from a clip in which nothing moves.
            strength: how much of the schedule is run from a clip or a first frame, above 0 (little is changed) to 1
                (little is left).
            free_init: how often the schedule is run, >= 1 (``denoising.free_init``); without a clip or a first frame.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        check(video_length, strength)
        if clip is not None:
            video_length, height, width = clip.shape[:3]
        height, width = frame_size(height, width, self.unet.config, self.vae.config)
        stepper = self.solver(sampling)
        begins = clip is not None or first is not None
        begin = first_step(sampling.num_inference_steps, strength) * stepper.stages if begins else 0
        travel = travels.parse(sampling.prompt, prompt_at) if prompt_at else None
        texts = sampling.texts_along(travel)
        schedule = self.schedule(sampling, stepper, sharing.cache_interval, begin, texts)
        schedule = schedule._replace(travel=travel)
        program = self.main_program(height, width, sharing, texts_of_frames=travel is not None)
        unet, repeated = in_windows(UNet(program, self.engine, schedule), self.unet.longest, window, noise)

        def draw(iteration: int) -> paddle.Tensor:
            return repeated.draw("start", list(range(video_length)), self.latent_shape(height, width), iteration)

        given = None if first is None else self.given(first, draw(0)[:1])

        def start() -> paddle.Tensor:
            if given is not None:
                return stepper.noised(given.clean, draw(0), begin)
            return self.start(clip, draw(0), stepper, begin)

        denoiser = Denoiser(unet, stepper, sampling.guidance(), noise, given)
        return self.run(WholeClipRun(denoiser, start, begin, checkpoint, progress, FreeInit(free_init, draw)))
