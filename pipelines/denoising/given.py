"""A first frame that is not made but given."""

from __future__ import annotations

from typing import NamedTuple

import paddle

from .solvers import Frames, Solver


class GivenFrame(NamedTuple):
    """Holds the anchor to a picture: before each step it is that picture, noised to the level of the step.

    So networks see what they were trained on, others attend to the picture at each level and branch off from it, and at
    the end it is the picture itself. This is how inpainting treats what is known (RePaint, arXiv 2201.09865, eq. 8a);
    inverting the picture (DDIM, arXiv 2010.02502) would take a run of its own and end only near it.

    ``clean``, ``noise``: latents without noise, and standard normal noise: float32 ``[1, channels, height, width]``.
    """

    clean: paddle.Tensor
    noise: paddle.Tensor

    def before(self, solver: Solver, step: int) -> Frames:
        """The anchor before a step; behind the last one that at the end."""
        if step == len(solver.timesteps):
            return Frames(self.clean, self.clean)
        return Frames(solver.noised(self.clean, self.noise, step), self.clean)

    def put_into(self, frames: Frames, solver: Solver, step: int, frame_ids: list[int]) -> Frames:
        """Frames before a step with the given one in the place of the anchor, where that is among them."""
        if 0 not in frame_ids:
            return frames
        place, given = frame_ids.index(0), self.before(solver, step)
        latents, clean = (_with(tensor, own, place) for tensor, own in zip(frames[:2], given))
        return frames._replace(latents=latents, clean=clean)


def _with(tensor: paddle.Tensor | None, row: paddle.Tensor, place: int) -> paddle.Tensor | None:
    return tensor if tensor is None else paddle.concat([tensor[:place], row, tensor[place + 1 :]])
