"""The UNet of one run, on any engine: nothing that stays the same over steps and frames is computed twice."""
from __future__ import annotations

from collections.abc import Sequence

import paddle

from ..engine import Engine
from .programs import NoisePrediction, TextLookup


class UNet:
    """Predicts noise for any frames of a video.

    Keys and values of the text are computed once; those of the anchor frame at the first call after ``forget``, for
    the calls that follow.

    Args:
        program: the network, for the size of the run.
        engine: executes it.
        text: ``[branches, tokens, channels]``: the prompt alone, or the negative prompt and then the prompt.
        timesteps: the schedule.
    """

    def __init__(self, program: NoisePrediction, engine: Engine, text: paddle.Tensor, timesteps: Sequence[int]):
        self.branches, self._text = text.shape[0], text
        self._look_up, self._predict = engine.prepare(TextLookup(program.network)), engine.prepare(program)
        self._looked_up: list | None = None
        # Outside the network: one call serves the whole schedule, and Paddle's oneDNN gets the sines wrong.
        self._times = program.network.time_proj(paddle.to_tensor(list(timesteps))).split(len(timesteps))
        self._no_anchor = program.no_anchor(self.branches)
        self.anchor = self._no_anchor

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""
        return self._predict.half

    def __call__(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""
        if self._looked_up is None:
            self._looked_up = self._look_up([self._text])
        batch = paddle.concat([latents] * self.branches)
        predicted, *anchor = self._predict([batch, self._times[step], *self._looked_up, *self.anchor])
        if self.anchor is self._no_anchor:
            self.anchor = anchor
        return paddle.to_tensor(predicted).astype("float32")

    def forget(self) -> None:
        """Makes the first frame of the next call the anchor."""
        self.anchor = self._no_anchor

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        for runner in (self._look_up, self._predict):
            runner.use_float32()
        self._looked_up = None

    def restore(self) -> None:
        """Back to the engine's own precision."""
        for runner in (self._look_up, self._predict):
            runner.restore()
