"""The one guidance and scheduler loop that every pipeline uses."""
from __future__ import annotations

import inspect

import paddle

from ..errors import InputError, NumericalError
from .noise import Noise
from .unet import UNet


def finite(tensor: paddle.Tensor) -> bool:
    """Whether no number in the tensor is NaN or infinite."""
    return bool(paddle.isfinite(tensor).all().item())


class Denoiser:
    """Takes the latents of any frames from one step of the schedule to the next.

    Args:
        unet: predicts the noise of each guidance branch.
        scheduler: a DDIM-like scheduler (no state between steps) whose timesteps are set.
        guidance_scale: classifier-free guidance; used with two branches.
        eta: DDIM's stochasticity, 0..1 (arXiv 2010.02502, eq. 16).
        noise: where the noise of stochastic steps comes from.

    Raises:
        InputError: ``eta`` is not 0 and the scheduler has no such parameter.
    """

    def __init__(self, unet: UNet, scheduler, guidance_scale: float, eta: float, noise: Noise):
        self.unet, self.scheduler = unet, scheduler
        self.guidance_scale, self.eta, self.noise = guidance_scale, eta, noise
        self.timesteps = [int(timestep) for timestep in scheduler.timesteps.tolist()]
        if eta and "variance_noise" not in inspect.signature(scheduler.step).parameters:
            raise InputError(f"eta={eta}: {type(scheduler).__name__} has no eta; use 0, or the DDIM scheduler")

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """One step for the frames given: float32 ``[frames, channels, height, width]`` in and out.

        Where the network runs in half precision and yields NaN or infinity, it goes on in float32.

        Raises:
            NumericalError: the result is not finite in float32 either.
        """
        anchor = self.unet.anchor
        result = self._step(latents, step, frame_ids)
        if not finite(result) and self.unet.half:
            self.unet.use_float32()
            self.unet.anchor = anchor  # the second attempt must not attend to what the failed one left behind
            result = self._step(latents, step, frame_ids)
        if not finite(result):
            raise NumericalError(
                f"step {step + 1} of {len(self.timesteps)} (timestep {self.timesteps[step]}) gave NaN or infinite "
                "latents in float32: the weights are damaged, or guidance_scale is too large"
            )
        return result

    def _step(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        timestep = self.timesteps[step]
        predicted = self._predict(self.scheduler.scale_model_input(latents, timestep), step)
        stochastic = {}
        if self.eta:
            variance_noise = self.noise.draw("step", frame_ids, latents.shape[1:], step)
            stochastic = {"eta": self.eta, "variance_noise": variance_noise}
        return self.scheduler.step(predicted, timestep, latents, **stochastic).prev_sample

    def _predict(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        predicted = self.unet(latents, step)
        if self.unet.branches == 1:
            return predicted
        unconditional, conditional = predicted.chunk(self.unet.branches)
        return unconditional + self.guidance_scale * (conditional - unconditional)
