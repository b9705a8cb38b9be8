"""Noise levels as sigmas, the noise's deviation over the signal's (arXiv 2206.00364): numbers only.

What is made of them follows the schedulers of diffusers, of which there are two kinds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST_SIGNAL = 2.0**-24  # of alpha-bar, the bound that diffusers sets to schedules that end without signal
RHO = 7.0  # how much more densely Karras's sigmas lie where there is little noise


class Trained(NamedTuple):
    """The levels that a model was trained on: their sigmas, ascending; how timesteps are spaced, and their offset."""

    sigmas: np.ndarray
    spacing: str
    offset: int

    def at(self, timesteps: np.ndarray) -> np.ndarray:
        """The sigmas at timesteps, which may lie between two levels."""
        return np.interp(timesteps, np.arange(len(self.sigmas)), self.sigmas)

    def timesteps(self, sigmas: np.ndarray) -> np.ndarray:
        """The timesteps at sigmas: between two levels by the sigmas' logarithms."""
        return np.interp(np.log(sigmas), np.log(self.sigmas), np.arange(len(self.sigmas)))


def trained(alphas_cumprod: np.ndarray, spacing: str, offset: int) -> Trained:
    """The levels with these alpha-bars."""
    kept = np.maximum(alphas_cumprod.astype(np.float64), LEAST_SIGNAL)
    return Trained(np.sqrt((1 - kept) / kept), spacing, offset)


def with_least(levels: Trained, steps: int, karras: bool) -> tuple[np.ndarray, np.ndarray]:
    """Timesteps and sigmas, descending, as Euler, Heun and their kin take them: down to the least level."""
    timesteps = _spaced(levels, steps, steps).astype(np.float32)
    sigmas = levels.at(timesteps)
    if karras:
        sigmas = _karras(sigmas[0], sigmas[-1], steps)
        timesteps = levels.timesteps(sigmas)
    return timesteps, sigmas


def without_least(levels: Trained, steps: int, karras: bool) -> tuple[np.ndarray, np.ndarray]:
    """The same as DPM-Solver++ and UniPC take them: whole timesteps, and one step more would end at the least level."""
    if karras:
        sigmas = _karras(levels.sigmas[-1], levels.sigmas[0], steps)
        return np.round(levels.timesteps(sigmas)), sigmas
    timesteps = np.round(_spaced(levels, steps, steps + 1))
    return timesteps, levels.at(timesteps)


def _spaced(levels: Trained, steps: int, all_steps: int) -> np.ndarray:
    """The first ``steps`` of so many timesteps; the trailing spacing knows no others (arXiv 2305.08891, table 2)."""
    count = len(levels.sigmas)
    if levels.spacing == "trailing":
        return np.round(count - np.arange(steps) * (count / steps)) - 1
    if levels.spacing == "leading":
        return np.arange(all_steps)[::-1][:steps] * (count // all_steps) + levels.offset
    return np.linspace(0, count - 1, all_steps)[::-1][:steps]


def _karras(most: float, least: float, steps: int) -> np.ndarray:
    """Sigmas from one to the other (eq. 5)."""
    return np.linspace(most ** (1 / RHO), least ** (1 / RHO), steps) ** RHO
