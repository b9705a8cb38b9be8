"""Text to video with a model that was trained on videos: ModelScope's (arXiv 2308.06571) and those tuned from it.

All frames of a clip are denoised together; a clip longer than those of the training is made of overlapping windows.
From a given clip, noised to some level, the same network makes another one of the same motion.
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
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.whole_clip import WholeClipRun, check, first_step
from ppt2v.pipelines.networks.tiled import Tiled
from ppt2v.pipelines.networks.video_predictor import VideoUNet
from ppt2v.pipelines.networks.video_programs import VideoNoisePrediction
from ppt2v.pipelines.networks.windowed import Windowed
from ppt2v.pipelines.planning.sizes import frame_size, tile_size
from ppt2v.pipelines.planning.windows import WINDOW

from .latent_diffusion import LatentDiffusion
from .settings import Sampling, by_keywords


class TextToVideoPipeline(LatentDiffusion):
    """Text to video with the parts of ``families.text_to_video.TextToVideo``, on ``engine``."""

    over_workers = True

    def __init__(self, text_encoder, tokenizer, unet, vae, scheduler):
        self.text_encoder, self.tokenizer, self.unet = text_encoder, tokenizer, unet
        self.vae, self.scheduler = vae, scheduler
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
        window: int = WINDOW,
        overlap: int = WINDOW // 2,
        clip: np.ndarray | None = None,
        strength: float = 0.6,
        tile: int | None = None,
        free_init: int = 1,
        checkpoint: Checkpoint | None = None,
        progress: Report = lambda done, total: None,
    ) -> paddle.Tensor:
        """Makes the latents of a video: float32 ``[video_length, channels, height / 8, width / 8]`` (8 for most VAEs).

        Args:
            sampling: the fields of ``Sampling``, each as a keyword; the prompt is in English.
            noise: all randomness of the run.
            video_length: number of frames, >= 1.
            height, width: in pixels, multiples of the VAE's scale factor; None: the model's own size.
            window: frames that are computed together, >= 1; a longer clip is made of several windows.
            overlap: frames that a window shares with the next one, 0..window - 1.
            clip: frames to start from, uint8 RGB ``[frames, height, width, 3]``; their number and size are the video's.
            strength: how much of the schedule is run from a clip, above 0 (little is changed) to 1 (little is left).
            tile: side in pixels, a multiple of the VAE's scale factor, of the tiles in which large frames are predicted
                (``networks.tiled``); None: at once.
            free_init: how often the schedule is run, >= 1 (``denoising.free_init``); without a clip.
            checkpoint: where each completed step is saved, and from where a killed run goes on.
            progress: called with the frame steps done and their total.

        Raises:
            InputError: a value is outside its range.
            NumericalError: NaN or infinite latents, also in float32.
        """
        check(video_length, strength)
        if not 0 <= overlap < window:
            raise InputError(
                "E-WINDOW",
                "window={window}, overlap={overlap}: the rule is 0 <= overlap < window, in frames",
                window=window,
                overlap=overlap,
            )
        if clip is not None:
            video_length, height, width = clip.shape[:3]
        height, width = frame_size(height, width, self.unet.config, self.vae.config, any_latents=True)
        stepper = self.solver(sampling)
        first = 0 if clip is None else first_step(sampling.num_inference_steps, strength) * stepper.stages
        schedule = self.schedule(sampling, stepper)
        size = tile_size(tile, height, width, self.unet.config, self.vae.config, any_latents=True)
        network = VideoUNet(self.main_program(*size), self.engine, schedule)
        unet = Windowed(Tiled(network, max(size) // self.vae_scale_factor), window, overlap)

        def draw(iteration: int) -> paddle.Tensor:
            return noise.draw("start", list(range(video_length)), self.latent_shape(height, width), iteration)

        def start() -> paddle.Tensor:
            return self.start(clip, draw(0), stepper, first)

        denoiser = Denoiser(unet, stepper, sampling.guidance(), noise)
        return self.run(WholeClipRun(denoiser, start, first, checkpoint, progress, FreeInit(free_init, draw)))

    def main_program(self, height: int, width: int) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        return VideoNoisePrediction(self.unet, *self.latent_shape(height, width)[1:])
