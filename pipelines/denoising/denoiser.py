"""The one guidance and scheduler loop that every pipeline uses."""

from __future__ import annotations

from typing import Any, Protocol

import paddle

from ppt2v.errors import NumericalError
from ppt2v.pipelines.methods.guidance import Guidance
from ppt2v.pipelines.networks.schedule import Schedule

from .given import GivenFrame
from .noise import Noise
from .solvers import Frames, Solver


def finite(tensor: paddle.Tensor) -> bool:
    """Whether no number in the tensor is NaN or infinite."""
    return bool(paddle.isfinite(tensor).all().item())


class NoisePredictor(Protocol):
    """The network of a run: ``predictors.UNet``, ``windowed.Windowed`` or ``tiled.Tiled``."""

    schedule: Schedule
    half: bool  # whether it computes in half precision
    memory: Any  # what a call has left behind for the next ones; can be set again

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""

    def use_float32(self) -> None:
        """Goes on in float32 until it is put back."""


class Denoiser:
    """Takes any frames from one step of the schedule to the next.

    Args:
        unet: predicts the noise of each guidance branch.
        solver: makes the step.
        guidance: makes one prediction of those of the branches.
        noise: where the noise of stochastic steps comes from.
        given: the first frame, where that is not made.
    """

    def __init__(
        self, unet: NoisePredictor, solver: Solver, guidance: Guidance, noise: Noise, given: GivenFrame | None = None
    ):
        self.unet, self.solver, self.guidance, self.noise, self.given = unet, solver, guidance, noise, given

    def __call__(self, frames: Frames, step: int, frame_ids: list[int]) -> Frames:
        """One step for the frames given.

        Where the network runs in half precision and yields NaN or infinity, it goes on in float32.

        Raises:
            NumericalError: the result is not finite in float32 either.
        """
        memory = self.unet.memory
        result = self._step(frames, step, frame_ids)
        if not finite(result.latents) and self.unet.half:
            self.unet.use_float32()
            self.unet.memory = memory  # the second attempt must not attend to what the failed one left behind
            result = self._step(frames, step, frame_ids)
        if not finite(result.latents):
            timesteps = self.solver.timesteps
            raise NumericalError(
                "E-LATENTS-INFINITE",
                "step {number} of {steps} (timestep {timestep}) gave NaN or infinite latents in float32: the weights "
                "are damaged, or guidance_scale is too large",
                number=step + 1,
                steps=len(timesteps),
                timestep=timesteps[step],
            )
        return result

    def _step(self, frames: Frames, step: int, frame_ids: list[int]) -> Frames:
        predicted = self._predict(self.solver.scaled(frames.latents, step), step, frame_ids)
        shape = frames.latents.shape[1:]
        made = self.solver.step(predicted, step, frames, lambda: self.noise.draw("step", frame_ids, shape, step))
        return self.given.put_into(made, self.solver, step + 1, frame_ids) if self.given else made

    def _predict(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        return self.guidance(self.unet(latents, step, frame_ids).chunk(self.unet.schedule.branches(step)))
