"""When the frames of a clip are shown, and which of them a part of it and a rate ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ppt2v.errors import InputError

SLACK = 1e-3  # seconds; the time stamps of some containers are rounded to milliseconds
MOST_FRAMES = 1_000_000  # that one clip may be asked for
_MOST_FPS = 240.0  # of a rate that varies


@dataclass(frozen=True)
class Timeline:
    """When each frame of a clip is shown.

    Args:
        starts: seconds at which each frame is first shown, float ``[F]``, increasing, from 0.
        end: seconds; when the last frame is no longer shown.
        stated_fps: frames per second as the file itself says it; None: it does not.
    """

    starts: np.ndarray
    end: float
    stated_fps: float | None = None

    @cached_property
    def steady_fps(self) -> float | None:
        """The rate at which no frame is shown more than a frame too early or too late; None where the rate varies."""
        measured = len(self.starts) / self.end
        rates = [self._usual_fps, measured]
        if self.stated_fps and min(abs(self.stated_fps / rate - 1) for rate in rates) < 0.02:
            rates.insert(0, self.stated_fps)
        return next((rate for rate in rates if self._fits(rate)), None)

    @property
    def fps(self) -> float:
        """The rate at which frames are taken: the steady one, else that of most frames."""
        return self.steady_fps or min(_MOST_FPS, self._usual_fps)

    @cached_property
    def _usual_fps(self) -> float:
        intervals = np.diff(self.starts)
        intervals = intervals[intervals > 0]
        if not len(intervals):
            return 1 / self.end
        return float(1 / intervals[np.abs(intervals / np.median(intervals) - 1) < 0.25].mean())

    def _fits(self, fps: float) -> bool:
        late = np.abs(self.starts * fps - np.arange(len(self.starts))).max()
        return bool(late < 1 + fps * SLACK) and (self.end - self.starts[-1]) * fps < 2

    def indices(self, start_t: float, end_t: float, out_fps: float) -> np.ndarray:
        """Which frames are taken, int ``[N]``, N >= 1, never decreasing.

        Args:
            start_t, end_t: seconds, 0 <= start_t < end_t, start_t before the end.
            out_fps: the frames shown at start_t, start_t + 1/out_fps, ...; < 0: every frame, but at a rate that varies
                those that are shown at ``fps`` frames per second, so that motion keeps its speed.

        Raises:
            InputError: they are more than ``MOST_FRAMES``.
        """
        end_t = min(end_t, self.end)
        slack = min(SLACK, 0.5 / self.fps)
        if out_fps > 0:
            number = self._number((end_t - start_t - slack) * out_fps)
            return np.searchsorted(self.starts, start_t + np.arange(number) / out_fps + slack, side="right") - 1
        if self.steady_fps is None:
            places = np.rint(self.starts * self.fps)
            first = int((start_t + slack) * self.fps)
            number = self._number((end_t - slack) * self.fps - first)
            return np.searchsorted(places, first + np.arange(number), side="right") - 1
        first = int(np.searchsorted(self.starts, start_t + slack, side="right")) - 1
        last = int(np.searchsorted(self.starts, end_t - slack, side="left"))
        return np.arange(first, max(last, first + 1))

    @staticmethod
    def _number(frames: float) -> int:
        if frames > MOST_FRAMES:
            raise InputError(
                "E-CLIP-FRAMES",
                "these are {frames:.0f} frames, the most is {most}: take a part with start_t and end_t, or fewer "
                "with out_fps",
                frames=frames,
                most=MOST_FRAMES,
            )
        return max(1, int(np.ceil(frames)))
