"""One run from noise to latents: steps are the outer loop and chunks of frames the inner one.

At each step comes the anchor (the first frame), and then the followers, chunk by chunk, which attend to it; so the
chunk size changes nothing but the memory that is needed. With a motion field (Text2Video-Zero, arXiv 2303.13439,
section 3.3.1) the anchor is denoised alone down to T0; there the followers branch off, moved along the field and noised
again to T1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import paddle

from ppt2v.pipelines.methods.background import smooth, without_subject
from ppt2v.pipelines.methods.motion import Field, Level, Movement, ddpm_forward

from .checkpoint import Checkpoint
from .denoiser import Denoiser
from .noise import Noise
from .solvers import Frames
from .spread import OverWorkers, Workers
from .stepping import InThisProcess, Memory, Stepping

Report = Callable[[int, int], None]  # told the frame steps that are done, and their total


class Motion(NamedTuple):
    """The motion: ``start`` and ``warp`` are the steps at T1 and T0 (``timesteps.motion_steps``); ``background`` is how
    a smooth background moves, where it moves by itself."""

    start: int = 0
    warp: int = 0
    movement: Movement = Field()
    background: Movement | None = None


class Smoothing(NamedTuple):
    """Background smoothing: ``find_subject`` takes the finished latents of all frames and gives their subjects as
    ``background.subject_cells`` does; ``kept`` is as for ``background.smooth``."""

    find_subject: Callable[[paddle.Tensor], paddle.Tensor]
    kept: float


class AnchoredRun:
    """Where the anchor and the followers stand, and how they go on.

    Args:
        denoiser: makes the steps.
        noise: all other randomness of the run.
        chunks: the followers that are computed together (``chunks.followers``).
        shape: of a frame's latents.
        checkpoint: where each completed step is saved after which the next one is whole
            (``schedule.Schedule.whole``), and from where a killed run goes on.
        progress: called with the frame steps done and their total.
        motion: without it every frame starts from its own noise.
        smoothing: with it the frames are made twice, the second time from T1 on with smooth backgrounds.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        noise: Noise,
        chunks: list[list[int]],
        shape: list[int],
        checkpoint: Checkpoint | None,
        progress: Report,
        motion: Motion = Motion(),
        smoothing: Smoothing | None = None,
    ):
        self.denoiser, self.noise, self.chunks, self.shape = denoiser, noise, chunks, shape
        self.checkpoint, self.progress = checkpoint, progress
        self.start, self.warp_step, self.movement, background = motion
        self.background = background or self.movement
        computed = [frame for chunk in chunks for frame in chunk]
        self.frame_ids = sorted(computed)
        self._order = [computed.index(frame) for frame in self.frame_ids]
        self.solver = denoiser.solver
        self._stepping: Stepping = InThisProcess(denoiser)
        self.last_step = len(self.solver.timesteps)
        self.anchor_step, self.followers_step = 0, self.start
        self.anchor = self._first_anchor()
        self.followers: Frames | None = None
        self.smoothing, self.smoothed = smoothing, False
        self.at_start: tuple[Frames, Frames] | None = None  # anchor and followers at T1, for smoothing

    def __call__(self) -> paddle.Tensor:
        """The latents of all frames, float32 ``[frames, *shape]``.

        Raises:
            NumericalError: NaN or infinite latents, also in float32.
        """
        try:
            return self._latents()
        finally:
            self.denoiser.unet.restore()

    def share(self, workers: Workers, shared: Any) -> None:
        """Lets workers make the steps (``spread``); ``shared``: a parcel that each call is given."""
        self._stepping = OverWorkers(workers, shared, self.denoiser.unet, self.last_step)

    @property
    def preview(self) -> paddle.Tensor:
        """As ``latent_diffusion.Run`` has it; before the followers branch off there is only the anchor."""
        return paddle.concat([frames.preview for frames in (self.anchor, self.followers) if frames])

    def _latents(self) -> paddle.Tensor:
        self._restore()
        self._walk = self._stepping.anchor(self.anchor, self.anchor_step)
        while self.anchor_step < self.start:
            self._advance_anchor()
            self._save()
        latents = self._joint_steps()
        if self.smoothing and self.frame_ids and not self.smoothed:
            self._smooth(latents)
            latents = self._joint_steps()
        return latents

    def _joint_steps(self) -> paddle.Tensor:
        """From T1 to the end, all frames; up to T0 the anchor goes ahead."""
        at_start, first = self.anchor, self.anchor_step
        left_behind = [self._advance_anchor() for _ in range(first, self.warp_step)]
        del left_behind[: self.followers_step - first]  # a run that goes on has these steps behind it
        if self.followers is None:
            self.followers = self._first_followers()
            self.at_start = at_start, self.followers
        while self.followers_step < self.last_step:
            leg = self._stepping.leg(self.followers_step)
            left_behind += [self._advance_anchor() for _ in range(self.anchor_step, leg.stop)]
            self._advance_followers(leg, left_behind[: len(leg)])
            del left_behind[: len(leg)]
            if left_behind:  # what the anchor leaves behind for the followers is too large to keep on disk
                self._save(at_start, self.start)
            else:
                self._save()
        done = [self.anchor, self.followers] if self.frame_ids else [self.anchor]
        return paddle.concat([frames.latents for frames in done])  # what they look back at differs in length

    def _smooth(self, latents: paddle.Tensor) -> None:
        """Back to T1, with the anchor's background in all frames."""
        subject = self.smoothing.find_subject(latents)
        self.anchor, followers = self.at_start
        seen = self.anchor[:2]  # latents, and what they are taken for
        bare = Frames(*(tensor if tensor is None else without_subject(tensor, subject[:1]) for tensor in seen))
        background = self._moved(bare, self.start, self.background)
        smoothed = smooth(background, followers.latents, subject, self.frame_ids, self.movement, self.smoothing.kept)
        self.followers, self.smoothed = Frames(smoothed), True
        self.anchor_step = self.followers_step = self.start
        self._walk = self._stepping.anchor(self.anchor, self.anchor_step)

    def _first_anchor(self) -> Frames:
        if self.denoiser.given:
            return self.denoiser.given.before(self.solver, 0)
        return Frames(self.solver.start(self.noise.draw("start", [0], self.shape)))

    def _first_followers(self) -> Frames | None:
        if not self.frame_ids:
            return None
        if self.warp_step == self.start:
            return Frames(self.solver.start(self.noise.draw("start", self.frame_ids, self.shape)))
        high, low = (round(self.solver.timesteps[step]) for step in (self.start, self.warp_step))
        moved = self._moved(self.anchor, self.warp_step, self.movement)
        noise = self.noise.draw("forward", self.frame_ids, self.shape)
        return Frames(ddpm_forward(moved, noise, self.solver.scheduler.alphas[low:high]))

    def _moved(self, anchor: Frames, step: int, movement: Movement) -> paddle.Tensor:
        """The followers' latents, made of the anchor's before a step."""
        return movement.moved(anchor.latents, anchor.clean, Level(*self.solver.level(step)), self.frame_ids)

    def _advance_anchor(self) -> Memory:
        """One step of the anchor; gives what it leaves behind for the followers."""
        self.anchor, memory = next(self._walk)
        self.anchor_step += 1
        self._report()
        return memory

    def _advance_followers(self, leg: range, memories: list[Memory]) -> None:
        if self.followers is not None:
            self.followers = self._stepping.followers(self.followers, self.chunks, leg, memories).at(self._order)
        self.followers_step = leg.stop
        self._report()

    def _report(self) -> None:
        frames, joint = len(self.frame_ids), self.last_step - self.start
        again = joint * (1 + frames) if self.smoothing and frames else 0
        done = self.anchor_step + (self.followers_step - self.start) * frames + again * self.smoothed
        self.progress(done, self.last_step + joint * frames + again)

    def _save(self, anchor: Frames | None = None, anchor_step: int | None = None) -> None:
        anchor_step = self.anchor_step if anchor_step is None else anchor_step
        whole = self.denoiser.unet.schedule.whole
        # What the networks keep for the steps between is too large for the disk.
        if self.checkpoint is None or not (whole(anchor_step) and whole(self.followers_step)):
            return
        self.checkpoint.save(
            **_arrays("anchor", anchor or self.anchor),
            **_arrays("followers", self.followers),
            anchor_step=anchor_step,
            followers_step=self.followers_step,
            in_float32=not self.denoiser.unet.half,
            smoothed=self.smoothed,
            **self._start_to_save(),
        )

    def _start_to_save(self) -> dict[str, np.ndarray]:
        if not self.smoothing or self.smoothed or self.at_start is None or self.at_start[1] is None:
            return {}
        anchor, followers = self.at_start
        return {**_arrays("start_anchor", anchor), **_arrays("start_followers", followers)}

    def _restore(self) -> None:
        state = self.checkpoint.load() if self.checkpoint else None
        if state is None:
            return
        self.anchor, self.followers = _frames("anchor", state), _frames("followers", state)
        self.anchor_step, self.followers_step = int(state["anchor_step"]), int(state["followers_step"])
        self.smoothed = bool(state["smoothed"])
        start = _frames("start_anchor", state), _frames("start_followers", state)
        self.at_start = start if start[1] else None
        if state["in_float32"]:  # a network rescued from half precision stays rescued
            self.denoiser.unet.use_float32()


def _arrays(name: str, frames: Frames | None) -> dict[str, np.ndarray]:
    """The frames as a checkpoint keeps them."""
    fields = {} if frames is None else frames._asdict()
    return {f"{name}_{field}": tensor.numpy() for field, tensor in fields.items() if tensor is not None}


def _frames(name: str, state: dict[str, np.ndarray]) -> Frames | None:
    """The frames that a checkpoint holds."""
    fields = {field: state[f"{name}_{field}"] for field in Frames._fields if f"{name}_{field}" in state}
    return Frames(**{field: paddle.to_tensor(array) for field, array in fields.items()}) if fields else None
