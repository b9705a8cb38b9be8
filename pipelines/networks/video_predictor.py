"""The text-to-video UNet of one run, on any engine: with its text and schedule."""

from __future__ import annotations

import paddle

from ppt2v.engine import Engine

from .schedule import Schedule
from .scheduled import LookedUpText, ScheduledNetwork
from .video_programs import VideoNoisePrediction, VideoTextLookup


class VideoUNet(ScheduledNetwork):
    """Predicts the noise of all frames of a clip together; of a long one within ``windowed.Windowed``.

    Args:
        program: the network, for the size of the run.
        engine: executes it.
        schedule: of the run.
    """

    memory = None  # no frame is remembered for others: all are computed together

    def __init__(self, program: VideoNoisePrediction, engine: Engine, schedule: Schedule):
        text = LookedUpText(VideoTextLookup(program.network), engine, [schedule.text])
        super().__init__(program, text, engine, schedule)

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``.

        The network is not told which frames they are: ``frame_ids`` has no effect.
        """
        return self.predict(paddle.concat([latents] * self.schedule.branches(step)), step)

    def predict(self, batch: paddle.Tensor, step: int) -> paddle.Tensor:
        """The prediction for latents that each branch has of its own: both ``[branches * frames, ...]``."""
        [predicted] = self._runner([batch, self._times[step], *self._text(self.schedule.branches(step))])
        return paddle.to_tensor(predicted).astype("float32")
