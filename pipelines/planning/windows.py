"""Which frames a network that was trained on short clips sees together: windows that overlap; numbers only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppt2v.errors import InputError

if TYPE_CHECKING:
    import numpy as np

# The frames of the clips that the published networks were trained on; each sees all the others, so that a longer clip
# is made of windows of this length.
WINDOW = 16


def window_length(asked: int | None, longest: int) -> int:
    """The frames of a window for motion modules that tell ``longest`` apart; None asks for the usual number.

    Raises:
        InputError: more than that are asked for.
    """
    if asked is not None and asked > longest:
        raise InputError(
            "E-MOTION-WINDOW",
            "motion_window={asked}: the motion module tells {longest} frames apart; give 2 to {longest}, longer videos "
            "are made of several windows",
            asked=asked,
            longest=longest,
        )
    return min(WINDOW, longest) if asked is None else asked


def windows(frames: int, window: int, overlap: int) -> list[range]:
    """The frames of each window: all of the same length, shared out evenly, and overlapping by ``overlap`` or more."""
    if frames <= window:
        return [range(frames)]
    import numpy as np

    count = -(-(frames - overlap) // (window - overlap))
    starts = np.linspace(0, frames - window, count).round().astype(int).tolist()
    return [range(start, start + window) for start in starts]


def shares(parts: list[range], frames: int) -> list[np.ndarray]:
    """How much each window has a say in each of its frames, float32; those of all windows at a frame sum up to 1.

    A window's say grows by equal steps from its first frame to its middle and falls again to its last; at the ends of
    the clip there is no other window.
    """
    import numpy as np

    length = len(parts[0])
    hill = np.minimum(np.arange(length) + 1, np.arange(length, 0, -1)).astype(np.float32)
    total = np.zeros(frames, np.float32)
    for part in parts:
        total[part.start : part.stop] += hill
    return [hill / total[part.start : part.stop] for part in parts]
