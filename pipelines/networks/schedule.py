"""When the networks of a run compute, and for which texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import paddle

from ppt2v.engine.program import Program
from ppt2v.pipelines.planning.travel import Travel

from .conditions import Conditions, takes_conditions


class Schedule(NamedTuple):
    """When the networks run, and for which branches.

    ``text``: ``[branches, tokens, channels]``; the last branch is that of the prompt with all its conditions. With a
    ``travel`` that branch has a row for each of its texts. ``perturbed``: whether the first branch is that of perturbed
    attention (``methods.guidance.Guidance``).
    ``timesteps``: in order. ``guided``: the number of steps, from the first on, that need all branches; the others need
    the last one alone. ``cache_interval``: of so many steps one computes all levels of the UNet, those that follow its
    outermost one alone. ``start``: the step from which the run makes all frames. ``conditions``: for networks that take
    them. ``controlled``: the steps that ControlNets guide; None: all.
    """

    text: paddle.Tensor
    timesteps: Sequence[float]
    guided: int
    cache_interval: int = 1
    start: int = 0
    conditions: Conditions | None = None
    controlled: range | None = None
    travel: Travel | None = None
    perturbed: bool = False

    def with_perturbed(self) -> Schedule:
        """The same with a branch of perturbed attention in front, which is told what the last one is told."""

        def repeated(rows: paddle.Tensor) -> paddle.Tensor:
            return paddle.concat([rows[-1:], rows])

        told = self.conditions and self.conditions._replace(whole=repeated(self.conditions.whole))
        return self._replace(text=repeated(self.text), conditions=told, perturbed=True)

    def texts_for(self, program: Program) -> list[paddle.Tensor]:
        """What ``TextLookup`` takes for the network of a program with a size in latent cells."""
        if not takes_conditions(program.network):
            return [self.text]
        return [self.text, self.conditions.embedded(program.network, program.height, program.width)]

    def branches(self, step: int) -> int:
        """How many branches a step needs."""
        if step >= self.guided:
            return 1
        return self.text.shape[0] - (len(self.travel.texts) - 1 if self.travel else 0)

    def whole(self, step: int) -> bool:
        """Whether a step needs nothing of an earlier one: it computes all levels, or is the end of the run.

        The count begins anew where frames, branches or ControlNets are not those of the step before.
        """
        changes = [0, self.start, self.guided, len(self.timesteps)]
        if self.controlled is not None:
            changes += [self.controlled.start, self.controlled.stop]
        begun = max(first for first in changes if first <= step)
        return (step - begun) % self.cache_interval == 0
