"""The one guidance and scheduler loop that every pipeline uses."""
from __future__ import annotations

import paddle

from ..errors import NumericalError
from .noise import Noise
from .solvers import Frames, Solver
from .unet import UNet


def finite(tensor: paddle.Tensor) -> bool:
    """Whether no number in the tensor is NaN or infinite."""
    return bool(paddle.isfinite(tensor).all().item())


class Denoiser:
    """Takes any frames from one step of the schedule to the next.

    Args:
        unet: predicts the noise of each guidance branch.
        solver: makes the step.
        guidance_scale: classifier-free guidance; used with two branches.
        noise: where the noise of stochastic steps comes from.
    """

    def __init__(self, unet: UNet, solver: Solver, guidance_scale: float, noise: Noise):
        self.unet, self.solver, self.guidance_scale, self.noise = unet, solver, guidance_scale, noise

    def __call__(self, frames: Frames, step: int, frame_ids: list[int]) -> Frames:
        """One step for the frames given.

        Where the network runs in half precision and yields NaN or infinity, it goes on in float32.

        Raises:
            NumericalError: the result is not finite in float32 either.
        """
        anchor = self.unet.anchor
        result = self._step(frames, step, frame_ids)
        if not finite(result.latents) and self.unet.half:
            self.unet.use_float32()
            self.unet.anchor = anchor  # the second attempt must not attend to what the failed one left behind
            result = self._step(frames, step, frame_ids)
        if not finite(result.latents):
            timesteps = self.solver.timesteps
            raise NumericalError(
                f"step {step + 1} of {len(timesteps)} (timestep {timesteps[step]}) gave NaN or infinite latents in "
                "float32: the weights are damaged, or guidance_scale is too large"
            )
        return result

    def _step(self, frames: Frames, step: int, frame_ids: list[int]) -> Frames:
        scheduler, shape = self.solver.scheduler, frames.latents.shape[1:]
        predicted = self._predict(scheduler.scale_model_input(frames.latents, self.solver.timesteps[step]), step)
        return self.solver.step(predicted, step, frames, lambda: self.noise.draw("step", frame_ids, shape, step))

    def _predict(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        predicted = self.unet(latents, step)
        if self.unet.branches == 1:
            return predicted
        unconditional, conditional = predicted.chunk(self.unet.branches)
        return unconditional + self.guidance_scale * (conditional - unconditional)
