"""Which frames of a clip the others attend to: integers only."""

from __future__ import annotations

from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.parameters import shown

FIRST, PREVIOUS = "first", "first+previous"


class Anchors(NamedTuple):
    """What frames attend to: the first frame, and what is asked for beside it.

    A frame attends to nothing that depends on the chunks that frames are computed in.

    Args:
        previous: the frame before, too, as in sparse-causal attention (Tune-A-Video, arXiv 2212.11565, section 4.1).
        every: a bank of frames, too: of so many frames one, which itself attends to those of the bank before it.
    """

    previous: bool = False
    every: int | None = None

    @property
    def only_first(self) -> bool:
        """Whether frames attend to the first one alone, as in Text2Video-Zero."""
        return not self.previous and self.every is None

    def in_bank(self, frame: int) -> bool:
        """Whether a frame belongs to the bank."""
        return frame == 0 or (self.every is not None and frame % self.every == 0)

    def bank(self, video_length: int) -> list[int]:
        """The frames of the bank."""
        return [frame for frame in range(video_length) if self.in_bank(frame)]

    def remembered(self, video_length: int) -> int:
        """Of how many frames beside the first keys and values are kept at a step."""
        return len(self.bank(video_length)) - 1 + self.previous

    @classmethod
    def parse(cls, text: str) -> Anchors:
        """Reads "first", "first+previous" or a whole number from 1 on.

        Raises:
            InputError: another text.
        """
        if text in (FIRST, PREVIOUS):
            return cls(previous=text == PREVIOUS)
        if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1:
            return cls(every=int(text))
        raise InputError(
            "E-ANCHORS",
            "anchors={text}: give first, first+previous, or a whole number N from 1 on, for every Nth frame",
            text=shown(text),
        )
