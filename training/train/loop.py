"""The loop of the trainings: rate, optimizers, an average of the weights, and going on after a kill (PyTorch)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


class Budget:
    """Counts the minutes that all threads were busy, on top of those of earlier runs.

    It is processor time, so that other work on the machine does not eat the schedule.
    """

    def __init__(self, minutes: float, spent: float):
        self.minutes, self._before = minutes, spent - self._busy()

    @staticmethod
    def _busy() -> float:
        return time.process_time() / torch.get_num_threads() / 60

    @property
    def spent(self) -> float:
        """Minutes used so far."""
        return self._before + self._busy()

    @property
    def done(self) -> float:
        """The part of the budget that is used, 0..1 and beyond."""
        return self.spent / self.minutes


@dataclass(frozen=True)
class Plan:
    """How long to train, and how fast.

    Args:
        file: the state of the training, from which it goes on.
        minutes: of processor time in all.
        rate: the peak of the learning rate: it rises over the first steps and falls by half a cosine over the minutes.
        rise: number of these first steps.
        every: steps from one report to the next; the state is saved with each.
    """

    file: Path
    minutes: float
    rate: float
    rise: int
    every: int


class Training:
    """A training that was begun, or that of the plan's file.

    Args:
        model: what is trained.
        optimizers: of its parameters. Each of their groups has ``share``, its part of the rate.
        plan: how long, and how fast.
        average: a copy of the model whose weights become an average over the steps; None: there is none.
        decay: what the average keeps of itself at a step, 0..1; at first it keeps less.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        plan: Plan,
        average: torch.nn.Module | None = None,
        decay: float = 0.999,
    ):
        self.model, self.average = model, average
        self._optimizers, self._plan, self._decay = optimizers, plan, decay
        self.step, self._spent = 0, 0.0
        self._budget = Budget(plan.minutes, 0.0)
        self._losses: list[list[float]] = []
        if plan.file.exists():
            self._load()

    def steps(self) -> Iterator[int]:
        """The numbers of the steps until the minutes are used, each of which has to ``advance``.

        The clock starts here. The state is saved with every report, and at the end.
        """
        self._budget = Budget(self._plan.minutes, self._spent)
        while self.done < 1:
            yield self.step
            if self.reporting:
                self._save()
        self._save()

    @property
    def done(self) -> float:
        """The part of the minutes that is used, 0..1 and beyond."""
        return self._budget.done

    @property
    def reporting(self) -> bool:
        """Whether the last step was one with a report."""
        return self.step % self._plan.every == 0

    def advance(self, **losses: torch.Tensor) -> None:
        """One step down the sum of the losses, which are reported by their names as means since the last report."""
        rate = self._rate()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["share"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.average is not None:
            self._follow()
        self._losses.append([loss.item() for loss in losses.values()])
        if self.reporting:
            self._report(list(losses), rate)

    def _rate(self) -> float:
        rise = min(1, (self.step + 1) / self._plan.rise)
        return self._plan.rate * rise * (0.5 + 0.5 * math.cos(math.pi * min(1, self.done)))

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self._decay, self.step / (self.step + 0.1 / (1 - self._decay)))
        for slow, fast in zip(self.average.parameters(), self.model.parameters()):
            slow.lerp_(fast, 1 - decay)

    def _report(self, names: list[str], rate: float) -> None:
        means = " ".join(f"{name} {mean:.4f}" for name, mean in zip(names, np.mean(self._losses, axis=0)))
        print(f"step {self.step} {self._budget.spent:.1f} min {means} rate {rate:.5f}", flush=True)
        self._losses.clear()

    def _load(self) -> None:
        state = torch.load(self._plan.file)
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self._spent, self.step = state["spent"], state["step"]

    def _save(self) -> None:
        """Writes another file first, so that a kill while writing leaves the last state."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "spent": self._budget.spent,
            "step": self.step,
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        file = self._plan.file
        torch.save(state, file.with_suffix(".tmp"))
        file.with_suffix(".tmp").rename(file)
