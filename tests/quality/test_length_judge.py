"""How long a subject is kept: what is tried, and what counts."""

from __future__ import annotations

import numpy as np
import pytest

from ppt2v import MODES
from ppt2v.request.drift import MOTION, kept_in_view
from training.judge import length, pictures


def test_the_default_is_what_a_run_of_so_many_frames_takes():
    taken = kept_in_view(
        {"video_length": length.FRAMES, **{name: MODES["text2video"].default(name) for name in MOTION}}, {}
    )
    told = length.arguments(length.SETTINGS["the default"])
    assert told == {**{name: pytest.approx(taken[name]) for name in MOTION}, "anchors": "first"}


def test_a_clip_keeps_its_subject_where_every_frame_shows_the_right_one(monkeypatch):
    seen = {0: ["fox", "fox"], 1: ["fox", "bear"], 2: ["bear", "bear"]}
    monkeypatch.setattr(pictures, "verdict", lambda critic, frames: (seen[int(frames[0])], [], None))
    clips = [np.full(2, number) for number in seen]
    assert length.kept(None, clips, ["fox", "fox", "fox"]) == (pytest.approx(1 / 3), 0.5)
