"""Prompts that change over a video: which has what share in a frame; numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.parameters import shown

from . import keyframes

NAME = "prompt_at"  # of the parameter


class Travel(NamedTuple):
    """The prompts ``texts`` at ``frames``, in order; between two frames the one goes over into the other evenly."""

    frames: tuple[int, ...]
    texts: tuple[str, ...]

    def closed(self, count: int) -> Travel:
        """The same, but led back to the first prompt, for a video of ``count`` frames that begins again."""
        return Travel((*self.frames, count), (*self.texts, self.texts[0]))

    def shares(self, frame_ids: Sequence[int]) -> list[list[float]]:
        """The share of each text in each of these frames; those of a frame sum up to 1."""
        rows = []
        for frame in frame_ids:
            place, part = keyframes.position(self.frames, frame)
            row = [0.0] * len(self.texts)
            row[place] = 1 - part
            if part:
                row[place + 1] = part
            rows.append(row)
        return rows


def parse(prompt: str | None, prompt_at: str) -> Travel:
    """The prompts of a video in the form ``0: a fox in the snow; 8: a fox at sunset``.

    Args:
        prompt: of frame 0, where ``prompt_at`` says nothing of it; None: the first of ``prompt_at``.

    Raises:
        InputError: another form, keyframes out of order, or two different prompts for frame 0.
    """
    keys = keyframes.parse(NAME, prompt_at)
    first = keys[0]
    if prompt is not None and first.frame > 0:
        keys.insert(0, keyframes.Keyframe(0, prompt))
    elif prompt is not None and prompt != first.text:
        raise InputError(
            "E-PROMPT-AT-TWICE",
            "prompt says {prompt}, and prompt_at {other} at frame 0: leave out one of them",
            prompt=shown(prompt),
            other=shown(first.text),
        )
    return Travel(tuple(key.frame for key in keys), tuple(key.text for key in keys))
