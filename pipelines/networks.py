"""The networks of one run, on any engine: nothing that stays the same over steps and frames is computed twice."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import paddle

from ..engine import Engine
from ..engine.program import Program
from .programs import ControlEmbedding, ControlResiduals, NoisePrediction, SelfAttention, TextLookup


class Schedule(NamedTuple):
    """When the networks run, and for which branches.

    ``text``: ``[branches, tokens, channels]``; the last branch is that of the prompt with all its conditions.
    ``timesteps``: in order. ``guided``: the number of steps, from the first on, that need all branches; the others need
    the last one alone.
    """

    text: paddle.Tensor
    timesteps: Sequence[float]
    guided: int

    def branches(self, step: int) -> int:
        """How many branches a step needs."""
        return self.text.shape[0] if step < self.guided else 1


class ScheduledNetwork:
    """A network of one run with its text, of which keys and values are computed once, and with its schedule.

    Args:
        program: the network, for the size of the run.
        look_up: makes the keys and values of the text.
        engine: executes both.
        schedule: of the run.
    """

    def __init__(self, program: Program, look_up: Program, engine: Engine, schedule: Schedule):
        self.schedule = schedule
        self._engine, self._programs = engine, [look_up, program]
        self._look_up, self._runner = (engine.prepare(each) for each in self._programs)
        self._texts: dict[int, list] = {}
        timesteps = paddle.to_tensor(list(schedule.timesteps), "float32")
        # Outside the network: one call serves the whole schedule, and Paddle's oneDNN gets the sines wrong.
        self._times = program.network.time_proj(timesteps).split(len(schedule.timesteps))

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""
        return self._runner.half

    def _text(self, branches: int) -> list:
        """Keys and values of the text for the last ``branches`` branches."""
        if branches not in self._texts:
            self._texts[branches] = self._look_up([self.schedule.text[-branches:]])
        return self._texts[branches]

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        for runner in (self._look_up, self._runner):
            runner.use_float32()
        self._texts = {}

    def restore(self) -> None:
        """Back to the engine's own precision."""
        for runner in (self._look_up, self._runner):
            runner.restore()

    def release(self) -> None:
        """Frees the memory of the networks; the next run reads them again."""
        for program in self._programs:
            self._engine.release(program)


class _CrossFrameNetwork(ScheduledNetwork):
    """What the UNet and a ControlNet have in common.

    Keys and values of the anchor frame are computed at the first call after ``forget``, for the calls that follow.
    """

    def __init__(self, program, look_up: TextLookup, engine: Engine, schedule: Schedule):
        super().__init__(program, look_up, engine, schedule)
        self._no_anchor = program.no_anchor
        self._outputs = len(program.to_anchor) * 2
        self.anchor: list | None = None

    def _run(self, batch: paddle.Tensor, step: int, own: list) -> list:
        branches = self.schedule.branches(step)
        anchor = self._no_anchor(branches) if self.anchor is None else self.anchor
        outputs = self._runner([batch, self._times[step], *self._text(branches), *anchor, *own])
        made, remembered = outputs[: len(outputs) - self._outputs], outputs[len(outputs) - self._outputs :]
        if self.anchor is None:
            self.anchor = remembered
        return made

    def forget(self) -> None:
        """Makes the first frame of the next call the anchor."""
        self.anchor = None


class ControlNet(_CrossFrameNetwork):
    """A ControlNet with the control maps of a clip.

    Args:
        network: a ControlNetModel.
        maps: uint8 RGB ``[frames, height, width, 3]``.
        strength: the residuals are multiplied by it.
        attention: what frames attend to.
        number: its place among the ControlNets of the run.
    """

    def __init__(self, network, maps: np.ndarray, strength: float, attention: SelfAttention, number: int,
                 engine: Engine, schedule: Schedule):
        scale = 2 ** (len(network.config.conditioning_embedding_out_channels) - 1)
        size = maps.shape[1] // scale, maps.shape[2] // scale
        program = ControlResiduals(network, *size, attention, number)
        super().__init__(program, TextLookup(network, f"ControlNet {number}"), engine, schedule)
        self._programs.append(ControlEmbedding(network, *size, number))
        self._embed = engine.prepare(self._programs[-1])
        self._maps, self._strength = maps, paddle.to_tensor([strength], "float32")

    def residuals(self, batch: paddle.Tensor, step: int, frame_ids: list[int]) -> list:
        """What is added to the UNet's layers for these frames of all branches."""
        pictures = paddle.to_tensor(self._maps[frame_ids]).transpose([0, 3, 1, 2]).astype("float32") / 255
        embedded = paddle.to_tensor(self._embed([pictures])[0])
        repeated = paddle.concat([embedded] * self.schedule.branches(step))
        return self._run(batch, step, [repeated, self._strength])


class UNet(_CrossFrameNetwork):
    """Predicts noise for any frames of a video.

    Args:
        program: the network, for the size of the run.
        engine: executes it.
        schedule: of the run.
        controls: the ControlNets that guide it.
        appended: the latents that are appended to those of the frames given, for so many branches; None: none are.
    """

    def __init__(self, program: NoisePrediction, engine: Engine, schedule: Schedule,
                 controls: Sequence[ControlNet] = (),
                 appended: Callable[[list[int], int], paddle.Tensor] | None = None):
        super().__init__(program, TextLookup(program.network, "UNet"), engine, schedule)
        self._controls, self._appended = controls, appended

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""
        branches = self.schedule.branches(step)
        batch = paddle.concat([latents] * branches)
        residuals = [control.residuals(batch, step, frame_ids) for control in self._controls]
        if self._appended:
            batch = paddle.concat([batch, self._appended(frame_ids, branches)], axis=1)
        [predicted] = self._run(batch, step, _summed(residuals))
        return paddle.to_tensor(predicted).astype("float32")

    @property
    def memory(self) -> list:
        """What the anchor has left behind in the UNet and its ControlNets; can be set again."""
        return [self.anchor, *(control.anchor for control in self._controls)]

    @memory.setter
    def memory(self, memory: list) -> None:
        self.anchor = memory[0]
        for control, anchor in zip(self._controls, memory[1:]):
            control.anchor = anchor

    def forget(self) -> None:
        super().forget()
        for control in self._controls:
            control.forget()

    def use_float32(self) -> None:
        super().use_float32()
        for control in self._controls:
            control.use_float32()

    def restore(self) -> None:
        super().restore()
        for control in self._controls:
            control.restore()

    def release(self) -> None:
        super().release()
        for control in self._controls:
            control.release()


def _summed(residuals: list[list]) -> list:
    """The residuals of all ControlNets, layer by layer."""
    if len(residuals) < 2:
        return residuals[0] if residuals else []
    return [sum(paddle.to_tensor(residual) for residual in layer) for layer in zip(*residuals)]
