"""Long clips for networks that see few frames at once: windows that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import paddle

from ppt2v.pipelines.planning.windows import WINDOW, shares, windows

from .around import Around
from .predictors import UNet
from .tiled import Tiled
from .video_predictor import VideoUNet

Window = tuple[paddle.Tensor, int, list[int]]  # latents, step and numbers of the frames


class Windowed(Around):
    """Predicts the noise of a whole clip; of a long one window by window.

    Args:
        network: predicts that of a window.
        window: frames that are computed together.
        overlap: frames that a window shares with the next one.

    Attributes:
        predict: makes the predictions for all windows of a step; this process, unless another is set.
    """

    memory = None  # what the first frame leaves behind serves the windows of one call

    def __init__(self, network: UNet | VideoUNet | Tiled, window: int = WINDOW, overlap: int = WINDOW // 2):
        super().__init__(network)
        self._window, self._overlap = window, overlap
        self.predict: Callable[[list[Window]], Iterable[paddle.Tensor]] = self._one_by_one

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``.

        Where windows overlap, the prediction goes over from one to the next in equal steps.
        """
        frames = latents.shape[0]
        parts = windows(frames, self._window, self._overlap)
        if len(parts) == 1:
            [predicted] = self.predict([(latents, step, frame_ids)])
            return predicted
        total = paddle.zeros([self.schedule.branches(step), *latents.shape])
        each = [(latents[part.start : part.stop], step, frame_ids[part.start : part.stop]) for part in parts]
        for part, weights, predicted in zip(parts, shares(parts, frames), self.predict(each)):
            by_branch = predicted.reshape([total.shape[0], len(part), *latents.shape[1:]])
            total[:, part.start : part.stop] += by_branch * paddle.to_tensor(weights).reshape([-1, 1, 1, 1])
        return total.flatten(0, 1)

    def _one_by_one(self, each: list[Window]) -> Iterator[paddle.Tensor]:
        self.network.forget()
        for window in each:
            yield self.network(*window)
