"""Long clips for networks that see few frames at once: windows that overlap."""

from __future__ import annotations

import paddle

from ppt2v.pipelines.planning.windows import WINDOW, shares, windows

from .predictors import UNet
from .video_predictor import VideoUNet


class Windowed:
    """Predicts the noise of a whole clip; of a long one window by window.

    Args:
        network: predicts that of a window.
        window: frames that are computed together.
        overlap: frames that a window shares with the next one.
    """

    memory = None  # what the first frame leaves behind serves the windows of one call

    def __init__(self, network: UNet | VideoUNet, window: int = WINDOW, overlap: int = WINDOW // 2):
        self.schedule = network.schedule
        self._network, self._window, self._overlap = network, window, overlap

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``.

        Where windows overlap, the prediction goes over from one to the next in equal steps.
        """
        self._network.forget()
        frames = latents.shape[0]
        parts = windows(frames, self._window, self._overlap)
        if len(parts) == 1:
            return self._network(latents, step, frame_ids)
        total = paddle.zeros([self.schedule.branches(step), *latents.shape])
        for part, weights in zip(parts, shares(parts, frames)):
            predicted = self._network(latents[part.start : part.stop], step, frame_ids[part.start : part.stop])
            by_branch = predicted.reshape([total.shape[0], len(part), *latents.shape[1:]])
            total[:, part.start : part.stop] += by_branch * paddle.to_tensor(weights).reshape([-1, 1, 1, 1])
        return total.flatten(0, 1)

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""
        return self._network.half

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        self._network.use_float32()

    def restore(self) -> None:
        """Back to the engine's own precision."""
        self._network.restore()

    def release(self) -> None:
        """Frees the memory of the network; the next run reads it again."""
        self._network.release()
