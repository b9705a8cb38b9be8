"""What all pipelines that make a video with an image model have in common."""
from __future__ import annotations

from ppdiffusers import StableDiffusionPipeline

from ..engine.program import Program
from .latent import LatentDiffusion
from .programs import NoisePrediction, SelfAttention


class VideoPipeline(LatentDiffusion, StableDiffusionPipeline):
    """The parts of a Stable Diffusion pipeline, run on ``engine``."""

    def main_program(self, height: int, width: int, attention: SelfAttention, residuals: bool = False,
                     cache_interval: int = 1) -> Program:
        """What nearly all of a run's time goes into; sizes in pixels."""
        size = self.latent_shape(height, width)[1:]
        return NoisePrediction(self.unet, *size, attention, residuals, deep_features=cache_interval > 1)
