"""What all predictors that ask another one have in common."""

from __future__ import annotations

from typing import Any


class Around:
    """Asks another predictor for parts of what it predicts itself.

    Args:
        network: predicts a part.
    """

    def __init__(self, network: Any):
        self.schedule = network.schedule
        self.network = network

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""
        return self.network.half

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""
        self.network.use_float32()

    def restore(self) -> None:
        """Back to the engine's own precision."""
        self.network.restore()

    def release(self) -> None:
        """Frees the memory of the network; the next run reads it again."""
        self.network.release()
