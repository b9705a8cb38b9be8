"""A network of one run, on any engine: nothing that stays the same over steps and frames is computed twice."""

from __future__ import annotations

import paddle

from ppt2v.engine import Engine
from ppt2v.engine.program import Program

from .schedule import Schedule


class LookedUpText:
    """What a network looks up of the texts, computed once for each number of them.

    Args:
        program: finds it.
        engine: executes the program.
        inputs: of the program, with a row for each text.
    """

    def __init__(self, program: Program, engine: Engine, inputs: list[paddle.Tensor]):
        self.program, self.runner = program, engine.prepare(program)
        self._inputs = inputs
        self._found: dict[int, list] = {}

    def __call__(self, texts: int) -> list:
        """Those for the last ``texts`` texts."""
        if texts not in self._found:
            self._found[texts] = self.runner([tensor[-texts:] for tensor in self._inputs])
        return self._found[texts]

    def use_float32(self) -> None:
        self.runner.use_float32()
        self._found = {}


class ScheduledNetwork:
    """A network of one run.

    ``anchored``: whether frames attend to one that has been computed before.

    Args:
        program: the network, for the size of the run.
        text: its keys and values of the text.
        engine: executes it.
        schedule: of the run.
    """

    anchored = False

    def __init__(self, program: Program, text: LookedUpText, engine: Engine, schedule: Schedule):
        self.schedule = schedule
        self._engine, self._programs = engine, [text.program, program]
        self._text, self._runner = text, engine.prepare(program)
        timesteps = paddle.to_tensor(list(schedule.timesteps), "float32")
        # Outside the network: one call serves the whole schedule, and Paddle's oneDNN gets the sines wrong.
        self._times = program.network.time_proj(timesteps).split(len(schedule.timesteps))

    def forget(self) -> None:
        """Makes the first frame of the next call the anchor, where frames attend to one."""

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""
        return self._runner.half

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        self._text.use_float32()
        self._runner.use_float32()

    def restore(self) -> None:
        """Back to the engine's own precision."""
        self._text.runner.restore()
        self._runner.restore()

    def release(self) -> None:
        """Frees the memory of the networks; the next run reads them again."""
        for program in self._programs:
            self._engine.release(program)
