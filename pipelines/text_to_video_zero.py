"""Text2Video-Zero: a text-to-image model makes video with no training (arXiv 2303.13439, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import paddle

from ppt2v.pipelines.denoising.anchored import AnchoredRun, Motion, Report, Smoothing
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.denoiser import Denoiser
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.solvers import DDIM
from ppt2v.pipelines.methods.background import subject_cells
from ppt2v.pipelines.methods.motion import Field, Movement
from ppt2v.pipelines.methods.viewed import Viewed
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.planning import camera as cameras
from ppt2v.pipelines.planning import travel as travels
from ppt2v.pipelines.planning.sizes import frame_size
from ppt2v.pipelines.planning.timesteps import REFERENCE_STEPS, motion_steps

from .latent_diffusion import VideoPipeline
from .settings import Sampling, Sharing, by_keywords

SubjectFinder = Callable[[np.ndarray], np.ndarray]


class TextToVideoZeroPipeline(VideoPipeline):
    """Zero-shot text to video."""

    over_workers = True

    @by_keywords()
    @paddle.no_grad()
    def __call__(
        self,
        sampling: Sampling,
        noise: Noise,
        sharing: Sharing,
        chunk_size: int = 8,
        video_length: int = 8,
        height: int | None = None,
        width: int | None = None,
        motion_field_strength_x: float = 12,
        motion_field_strength_y: float = 12,
        camera: str | None = None,
        prompt_at: str | None = None,
        loop: bool = False,
        t0: int = 44,
        t1: int = 47,
        use_motion_field: bool = True,
        smooth_bg: SubjectFinder | None = None,
        smooth_bg_strength: float = 0.4,
        pag_scale: float = 0.0,
        first: np.ndarray | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            sampling: the fields of ``Sampling``, each as a keyword; >= 2 steps with a motion field.
            noise: all randomness of the run.
            sharing: the fields of ``Sharing``, likewise.
            chunk_size: frames computed together, the anchor included, >= 2.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor times the UNet's; None: the model's own size.
            motion_field_strength_x, motion_field_strength_y: see ``methods.motion.Field``.
            camera: instead of them where a camera goes, see ``planning.camera.parse``; with ``smooth_bg`` it moves the
                background, and they the subject.
            prompt_at: which prompts follow that of ``sampling``, see ``planning.travel.parse``; between two frames what
                they are encoded as is mixed.
            loop: whether the last frame leads back to the first: so do camera and prompts, and the motion goes round on
                a circle.
            t0, t1: noise levels T0 and T1, see ``timesteps.check_motion_levels``.
            use_motion_field: without it every frame starts from its own noise, as in the paper's ablation.
            smooth_bg: finds the subject of a frame, uint8 RGB ``[H, W, 3]``, as float32 ``[H, W]`` in 0..1; with it the
                background is smoothed (section 3.3.3), which takes about twice the time.
            smooth_bg_strength: the share of its own background that each frame keeps, 0..1.
            pag_scale: how much is added of what the prompt has over the same with perturbed attention in the UNet's
                middle (arXiv 2403.17377), which is one branch more; 0: none. Not with ``prompt_at``.
            first: the first frame, where that is given, uint8 RGB ``[1, height, width, 3]`` (``denoising.given``).
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        height, width = frame_size(height, width, self.unet.config, self.vae.config)
        chunks = sharing.chunks(video_length, chunk_size)
        reference = DDIM(self.scheduler, REFERENCE_STEPS).timesteps
        stepper = self.solver(sampling)
        steps = motion_steps(stepper.timesteps[:: stepper.stages], reference, t0, t1) if use_motion_field else (0, 0)
        field = Field(motion_field_strength_x, motion_field_strength_y)
        movements = self._movements(field, camera, noise, smooth_bg is not None, video_length if loop else None)
        motion = Motion(*(step * stepper.stages for step in steps), *movements)
        travel = travels.parse(sampling.prompt, prompt_at) if prompt_at else None
        travel = travel.closed(video_length) if travel and loop else travel
        texts = sampling.texts_along(travel)
        schedule = self.schedule(sampling, stepper, sharing.cache_interval, motion.start, texts)
        schedule = schedule._replace(travel=travel)
        if pag_scale:
            schedule = schedule.with_perturbed()
        program = self.main_program(height, width, sharing, perturbed=schedule.perturbed)
        unet = UNet(program, self.engine, schedule)
        shape = self.latent_shape(height, width)
        given = None if first is None else self.given(first, noise.draw("start", [0], shape))
        denoiser = Denoiser(unet, stepper, sampling.guidance(perturbed=pag_scale), noise, given)
        smoothing = Smoothing(partial(self._subject, smooth_bg), smooth_bg_strength) if smooth_bg else None
        return self.run(AnchoredRun(denoiser, noise, chunks, shape, checkpoint, progress, motion, smoothing))

    def _movements(
        self, field: Field, camera: str | None, noise: Noise, separate: bool, length: int | None
    ) -> list[Movement]:
        """How the frames move, and how their background does where that is something else.

        Args:
            separate: whether the camera moves the background alone.
            length: of a video that leads back to its first frame; None: it does not.
        """

        def viewed(way: cameras.Camera | cameras.Circle) -> Viewed:
            return Viewed(way.matrix, lambda shape: noise.draw("finer", [0], shape))

        whole: Movement = field if length is None else viewed(cameras.Circle(*field, length))
        if camera is None:
            return [whole]
        way = cameras.parse(camera)
        background = viewed(way if length is None else way.closed(length))
        return [whole, background] if separate else [background]

    def _subject(self, find: SubjectFinder, latents: paddle.Tensor) -> paddle.Tensor:
        return subject_cells(map(find, self.decode(latents)), *latents.shape[2:])
