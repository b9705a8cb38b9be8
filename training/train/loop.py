"""How long a training has run: processor time, so that other work on the machine does not eat the schedule."""

from __future__ import annotations

import time

import torch


class Budget:
    """Counts the minutes that all threads were busy, on top of those of earlier runs."""

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
