"""How the predictions of the guidance branches become one: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import paddle


class Guidance(NamedTuple):
    """How far a prediction goes beyond those that know less.

    ``scales``: how much each branch adds to the one before it: classifier-free guidance (arXiv 2207.12598) with two,
    instruct-pix2pix's (arXiv 2211.09800, eq. 3) with three. ``rescale``: the share, 0..1, of the result that gets the
    standard deviation of the last branch (arXiv 2305.08891, section 3.4). ``perturbed``: how much is added of what the
    last branch has over a branch in front of all others whose attention is perturbed (arXiv 2403.17377, eq. 16); 0:
    there is no such branch.
    """

    scales: tuple[float, ...] = ()
    rescale: float = 0.0
    perturbed: float = 0.0

    def __call__(self, branches: Sequence[paddle.Tensor]) -> paddle.Tensor:
        """The prediction for frames, ``[frames, ...]``, made of that of each branch; one alone stays as it is."""
        if len(branches) == 1:
            return branches[0]
        plain = branches[1:] if self.perturbed else branches
        guided = plain[0]
        for scale, with_less, with_more in zip(self.scales, plain, plain[1:]):
            guided = guided + scale * (with_more - with_less)
        if self.perturbed:
            guided = guided + self.perturbed * (plain[-1] - branches[0])
        return _rescaled(guided, plain[-1], self.rescale) if self.rescale else guided


def _rescaled(guided: paddle.Tensor, like: paddle.Tensor, share: float) -> paddle.Tensor:
    axes = list(range(1, guided.ndim))
    factor = like.std(axes, keepdim=True) / guided.std(axes, keepdim=True)
    return guided * (share * factor + (1 - share))
