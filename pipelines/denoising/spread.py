"""Steps that are made by workers: the anchor's by one of them, a step ahead, and the followers' chunk by chunk by all.

What travels: to a worker the latents of its frames, and back what they have become. The anchor's keys and values go
from the worker that has made them to those that need them, once for each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import paddle

from .denoiser import Denoiser, NoisePredictor
from .solvers import Frames
from .stepping import Memory


class Leg(NamedTuple):
    """Frames, as arrays, and the steps that they are to take; ``in_float32``: with networks in float32."""

    frames: tuple
    frame_ids: list[int]
    steps: range
    in_float32: bool


class Walked(NamedTuple):
    """The frames, as arrays, after each step that was asked for, and whether the networks compute in float32 now."""

    frames: list[tuple]
    in_float32: bool


class Asked(Protocol):
    """A call in the queue of the workers.

    ``answer``: has what the worker has kept for other workers as ``parcel``, once it is there.
    """

    answer: Any


class Workers(Protocol):
    """Those that answer the calls "walk" and "predict" by the functions of that name, on denoisers like the run's."""

    def ask(self, method: str, *arguments: Any, parcels: Sequence[Any] = ()) -> Asked:
        """Puts a call into their queue; ``parcels`` are arguments that are with them already."""

    def wait(self, asked: Any) -> Any:
        """The value of a call."""


class OverWorkers:
    """Takes frames through steps on workers (``stepping.Stepping``).

    Args:
        workers: make the steps.
        shared: a parcel, the last argument of every call before what the anchor leaves behind.
        unet: of the run; takes over what the workers say of the networks' precision.
        steps: of the schedule.
    """

    def __init__(self, workers: Workers, shared: Any, unet: NoisePredictor, steps: int):
        self._workers, self._shared, self._unet, self._steps = workers, shared, unet, steps

    def anchor(self, frames: Frames, step: int) -> Iterator[tuple[Frames, Memory]]:
        """As ``Stepping`` has it; the next leg is asked for before this one is given away."""
        asked = self._ask(frames, [0], self.leg(step))
        while asked is not None:
            walked, leg = self._walked(asked), self.leg(step)
            left_behind, step = asked.answer.parcel, leg.stop
            asked = self._ask(walked[-1], [0], self.leg(step)) if step < self._steps else None
            for each in walked:
                yield each, left_behind

    def leg(self, step: int) -> range:
        """The steps to the next one that is whole: what the networks keep between is with the worker."""
        whole = self._unet.schedule.whole
        return range(step, next(later for later in range(step + 1, self._steps + 1) if whole(later)))

    def followers(self, frames: Frames, chunks: Sequence[list[int]], leg: range, memories: Sequence[Memory]) -> Frames:
        """As ``Stepping`` has it; the anchor has gone the same legs, so that they share what it has left behind."""
        asked = [self._ask(frames.at([frame - 1 for frame in chunk]), chunk, leg, memories[0]) for chunk in chunks]
        return Frames.joined([self._walked(each)[-1] for each in asked])

    def _ask(self, frames: Frames, frame_ids: list[int], leg: range, *left_behind: Memory) -> Asked:
        asked = Leg(_arrays(frames), frame_ids, leg, not self._unet.half)
        return self._workers.ask("walk", asked, parcels=(self._shared, *left_behind))

    def _walked(self, asked: Asked) -> list[Frames]:
        walked = self._workers.wait(asked)
        if walked.in_float32 and self._unet.half:
            self._unet.use_float32()
        return [_frames(arrays) for arrays in walked.frames]


@paddle.no_grad()
def walk(denoiser: Denoiser, leg: Leg, left_behind: list | None) -> tuple[Walked, list | None]:
    """Takes frames through a leg, on a worker.

    Args:
        denoiser: makes the steps.
        leg: says which.
        left_behind: by the anchor at each of its steps, as arrays; None: the frames are the anchor.

    Returns:
        The anchor after each step, and what it has left behind; or the followers after the last one, and None.
    """
    unet = denoiser.unet
    if leg.in_float32 and unet.half:
        unet.use_float32()
    frames, walked, memories = _frames(leg.frames), [], []
    for number, step in enumerate(leg.steps):
        if left_behind is None:
            unet.forget()
        else:
            unet.memory = restored(left_behind[number])
        frames = denoiser(frames, step, leg.frame_ids)
        walked.append(_arrays(frames))
        if left_behind is None:
            memories.append(portable(unet.memory))
    if left_behind is None:
        return Walked(walked, not unet.half), memories
    return Walked(walked[-1:], not unet.half), None


def _arrays(frames: Frames) -> tuple:
    return tuple(None if tensor is None else tensor.numpy() for tensor in frames)


def _frames(arrays: tuple) -> Frames:
    return Frames(*(None if array is None else paddle.to_tensor(array) for array in arrays))


def portable(memory: Any) -> Any:
    """What a network remembers, in arrays."""
    if isinstance(memory, list):
        return [portable(each) for each in memory]
    if isinstance(memory, paddle.Tensor):
        # NumPy has no bfloat16, of which float32 keeps every number.
        return (memory.astype("float32") if memory.dtype == paddle.bfloat16 else memory).numpy()
    return memory


def restored(memory: Any) -> Any:
    """What ``portable`` was given, in tensors."""
    if isinstance(memory, list):
        return [restored(each) for each in memory]
    return paddle.to_tensor(memory) if isinstance(memory, np.ndarray) else memory
