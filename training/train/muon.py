"""Muon (Keller Jordan, 2024): momentum whose matrices are made orthogonal; here for convolutions as well.

Chosen after one short trial on this UNet: its training loss after 70 steps was below AdamW's (rate 1e-3) after 110.
"""

from __future__ import annotations

import torch


def orthogonal(gradient: torch.Tensor) -> torch.Tensor:
    """The nearest orthogonal matrix, roughly: five Newton-Schulz steps with the coefficients of the published code."""
    matrix = gradient.bfloat16()
    tall = matrix.shape[0] > matrix.shape[1]
    matrix = matrix.T if tall else matrix
    matrix = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        product = matrix @ matrix.T
        matrix = 3.4445 * matrix + (-4.7750 * product + 2.0315 * product @ product) @ matrix
    return (matrix.T if tall else matrix).float()


class Muon(torch.optim.Optimizer):
    """For weights of two and more axes; the axes after the first count as one."""

    def __init__(self, params, lr: float = 0.0, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                self._update(weight, **{name: group[name] for name in ("lr", "momentum", "weight_decay")})

    def _update(self, weight: torch.Tensor, lr: float, momentum: float, weight_decay: float) -> None:
        average = self.state[weight].setdefault("average", torch.zeros_like(weight))
        average.lerp_(weight.grad, 1 - momentum)
        update = orthogonal(weight.grad.lerp(average, momentum).flatten(1))
        weight.mul_(1 - lr * weight_decay)
        weight.add_(update.view_as(weight), alpha=-lr * max(1, update.shape[0] / update.shape[1]) ** 0.5)
