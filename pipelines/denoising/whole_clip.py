"""A run that denoises all frames of a clip at once, for networks that were trained on videos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle

from ppt2v.errors import InputError
from ppt2v.pipelines.networks.predictors import UNet
from ppt2v.pipelines.networks.windowed import Windowed
from ppt2v.pipelines.planning.windows import window_length

from .anchored import Report
from .checkpoint import Checkpoint
from .denoiser import Denoiser
from .free_init import FreeInit
from .noise import Noise, RepeatedNoise
from .solvers import Frames
from .spread import Workers
from .spread_windows import WindowsOverWorkers


class WholeClipRun:
    """One run from noise to latents in which each step takes all frames together.

    Args:
        denoiser: makes the steps.
        start: makes the latents before the first step; not called where a killed run goes on.
        first: the step of the schedule at which the run begins.
        checkpoint: where each completed step is saved after which the next one is whole
            (``schedule.Schedule.whole``), and from where a killed run goes on.
        progress: called with the frame steps done and their total.
        free_init: how the run starts again from what it has made; None: it does not.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        start: Callable[[], paddle.Tensor],
        first: int,
        checkpoint: Checkpoint | None,
        progress: Report,
        free_init: FreeInit | None = None,
    ):
        self.denoiser, self.start, self.first = denoiser, start, first
        self.checkpoint, self.progress, self.free_init = checkpoint, progress, free_init

    def __call__(self) -> paddle.Tensor:
        """The latents of all frames.

        Raises:
            NumericalError: NaN or infinite latents, also in float32.
        """
        try:
            return self._latents()
        finally:
            self.denoiser.unet.restore()

    def share(self, workers: Workers, shared: Any) -> None:
        """Lets workers predict the windows (``spread_windows``); ``shared``: a parcel that each call is given."""
        windowed = self.denoiser.unet
        assert isinstance(windowed, Windowed)
        windowed.predict = WindowsOverWorkers(workers, shared, windowed)

    @property
    def preview(self) -> paddle.Tensor:
        """As ``latent_diffusion.Run`` has it."""
        return self.frames.preview

    def _latents(self) -> paddle.Tensor:
        frames, step, begun = self._restored() or (Frames(self.start()), self.first, 0)
        frames = self._denoised(frames, step, begun)
        if self.free_init is not None:
            for iteration in range(begun + 1, self.free_init.iterations):
                latents = self.free_init.start(self.denoiser.solver, frames.latents, iteration)
                frames = self._denoised(Frames(latents), self.first, iteration)
        return frames.latents

    def _denoised(self, frames: Frames, first: int, iteration: int) -> Frames:
        """The frames at the end of an iteration of which a step is the next one."""
        frame_ids, last = list(range(len(frames.latents))), len(self.denoiser.solver.timesteps)
        steps, iterations = last - self.first, self.free_init.iterations if self.free_init else 1
        if self.denoiser.given is not None:
            frames = self.denoiser.given.put_into(frames, self.denoiser.solver, first, frame_ids)
        for step in range(first, last):
            frames = self.denoiser(frames, step, frame_ids)
            self.frames = frames
            done = iteration * steps + step + 1 - self.first
            self.progress(done * len(frame_ids), iterations * steps * len(frame_ids))
            self._save(frames, step + 1, iteration)
        return frames

    def _save(self, frames: Frames, step: int, iteration: int) -> None:
        if self.checkpoint is not None and self.denoiser.unet.schedule.whole(step):
            kept = {name: tensor.numpy() for name, tensor in frames._asdict().items() if tensor is not None}
            self.checkpoint.save(**kept, step=step, iteration=iteration, in_float32=not self.denoiser.unet.half)

    def _restored(self) -> tuple[Frames, int, int] | None:
        """The frames of a run to go on with, its next step, and in which iteration."""
        state = self.checkpoint.load() if self.checkpoint else None
        if state is None:
            return None
        if state["in_float32"]:  # a network rescued from half precision stays rescued
            self.denoiser.unet.use_float32()
        fields = {name: paddle.to_tensor(state[name]) for name in Frames._fields if name in state}
        return Frames(**fields), int(state["step"]), int(state["iteration"])


def in_windows(unet: UNet, longest: int, window: int | None, noise: Noise) -> tuple[Windowed, RepeatedNoise]:
    """With motion modules: the predictor of a whole clip, and the noise that its frames start from.

    Args:
        unet: predicts a window of them.
        longest: the most frames that the modules tell apart.
        window: frames that are computed together; None: as many as is usual. Windows overlap by half.
        noise: all randomness of the run.

    Raises:
        InputError: the modules do not tell so many frames apart.
    """
    length = window_length(window, longest)
    return Windowed(unet, length, length // 2), RepeatedNoise(noise, length, length // 2)


def check(video_length: int, strength: float) -> None:
    """Refuses numbers that no run can have, before anything is loaded."""
    if video_length < 1:
        raise InputError(
            "E-VIDEO-LENGTH", "video_length={video_length}: the rule is video_length >= 1", video_length=video_length
        )
    if not 0 < strength <= 1:
        raise InputError(
            "E-STRENGTH",
            "strength={strength}: the rule is 0 < strength <= 1; with 1 little is left of the clip",
            strength=strength,
        )


def first_step(steps: int, strength: float) -> int:
    """The step of the schedule at which a run from a clip begins: at least one is made."""
    return steps - max(1, min(int(steps * strength), steps))
