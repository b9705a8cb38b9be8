"""Windows of a long clip that workers predict, for networks that see few frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import paddle

from ppt2v.pipelines.networks.windowed import Window, Windowed

from .denoiser import Denoiser
from .spread import Asked, Workers, portable, restored


class Part(NamedTuple):
    """The latents of a window's frames, as an array; ``in_float32``: with networks in float32."""

    latents: np.ndarray
    step: int
    frame_ids: list[int]
    in_float32: bool


class WindowsOverWorkers:
    """Predicts the windows of a step by workers (``Windowed.predict``).

    Where frames attend to the clip's first one, the first window comes before the others.

    Args:
        workers: make the predictions.
        shared: a parcel, the last argument of every call before what the first window leaves behind.
        windowed: of the run.
    """

    def __init__(self, workers: Workers, shared: Any, windowed: Windowed):
        self._workers, self._shared, self._windowed = workers, shared, windowed

    def __call__(self, each: list[Window]) -> Iterator[paddle.Tensor]:
        """The predictions, window by window."""
        left_behind: list[Any] = []
        if self._windowed.network.anchored:
            first = self._ask(each[0])
            yield paddle.to_tensor(self._workers.wait(first))
            left_behind, each = [first.answer.parcel], each[1:]
        for asked in [self._ask(window, *left_behind) for window in each]:
            yield paddle.to_tensor(self._workers.wait(asked))

    def _ask(self, window: Window, *left_behind: Any) -> Asked:
        latents, step, frame_ids = window
        part = Part(latents.numpy(), step, frame_ids, not self._windowed.half)
        return self._workers.ask("predict", part, parcels=(self._shared, *left_behind))


@paddle.no_grad()
def predict(denoiser: Denoiser, part: Part, left_behind: Any) -> tuple[np.ndarray, Any]:
    """Predicts a window, on a worker.

    Args:
        denoiser: has the network.
        part: the window.
        left_behind: by the clip's first frame, as arrays; None: the window begins with it.

    Returns:
        The prediction of each branch, float32 ``[branches * frames, ...]``, and what the first frame
        has left behind, where others attend to it.
    """
    assert isinstance(denoiser.unet, Windowed)
    network = denoiser.unet.network
    if part.in_float32 and network.half:
        network.use_float32()
    network.forget()
    if left_behind is not None:
        network.memory = restored(left_behind)
    predicted = network(paddle.to_tensor(part.latents), part.step, part.frame_ids)
    return predicted.numpy(), portable(network.memory) if network.anchored and left_behind is None else None
