"""The text-to-video UNet of one run, on any engine: as functions of tensors alone, and with its text and schedule."""

from __future__ import annotations

import numpy as np
import paddle

from ppt2v.engine import Engine

from .predictors import LookedUpText, Schedule, ScheduledNetwork
from .programs import VideoNoisePrediction, VideoTextLookup

# The frames of the clips that the published networks were trained on; each sees all the others, so that a longer clip
# is made of windows of this length.
WINDOW = 16


class VideoUNet(ScheduledNetwork):
    """Predicts the noise of a whole clip; a long one window by window.

    Args:
        program: the network, for the size of the run.
        engine: executes it.
        schedule: of the run.
        window: frames that are computed together.
        overlap: frames that a window shares with the next one.
    """

    memory = None  # no frame is remembered for others: all of a window are computed together

    def __init__(
        self,
        program: VideoNoisePrediction,
        engine: Engine,
        schedule: Schedule,
        window: int = WINDOW,
        overlap: int = WINDOW // 2,
    ):
        text = LookedUpText(VideoTextLookup(program.network), engine, [schedule.text])
        super().__init__(program, text, engine, schedule)
        self._window, self._overlap = window, overlap

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``.

        Where windows overlap, the prediction goes over from one to the next in equal steps. The network is not told
        which frames they are: ``frame_ids`` has no effect.
        """
        frames = latents.shape[0]
        parts = windows(frames, self._window, self._overlap)
        if len(parts) == 1:
            return self._one_window(latents, step).flatten(0, 1)
        total = paddle.zeros([self.schedule.branches(step), *latents.shape])
        for part, weights in zip(parts, shares(parts, frames)):
            predicted = self._one_window(latents[part.start : part.stop], step)
            total[:, part.start : part.stop] += predicted * paddle.to_tensor(weights).reshape([-1, 1, 1, 1])
        return total.flatten(0, 1)

    def _one_window(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        branches = self.schedule.branches(step)
        return self.predict(paddle.concat([latents] * branches), step).reshape([branches, *latents.shape])

    def predict(self, batch: paddle.Tensor, step: int) -> paddle.Tensor:
        """The prediction for latents that each branch has of its own: both ``[branches * frames, ...]``."""
        [predicted] = self._runner([batch, self._times[step], *self._text(self.schedule.branches(step))])
        return paddle.to_tensor(predicted).astype("float32")


def windows(frames: int, window: int, overlap: int) -> list[range]:
    """The frames of each window: all of the same length, shared out evenly, and overlapping by ``overlap`` or more."""
    if frames <= window:
        return [range(frames)]
    count = -(-(frames - overlap) // (window - overlap))
    starts = np.linspace(0, frames - window, count).round().astype(int).tolist()
    return [range(start, start + window) for start in starts]


def shares(parts: list[range], frames: int) -> list[np.ndarray]:
    """How much each window has a say in each of its frames, float32; those of all windows at a frame sum up to 1.

    A window's say grows by equal steps from its first frame to its middle and falls again to its last; at the ends of
    the clip there is no other window.
    """
    length = len(parts[0])
    hill = np.minimum(np.arange(length) + 1, np.arange(length, 0, -1)).astype(np.float32)
    total = np.zeros(frames, np.float32)
    for part in parts:
        total[part.start : part.stop] += hill
    return [hill / total[part.start : part.stop] for part in parts]
