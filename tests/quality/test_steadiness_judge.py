"""The clips that ``--steady`` is judged on, and the lines of its table."""

from __future__ import annotations

import numpy as np
import pytest

from ppt2v import video
from ppt2v.quality import metrics
from ppt2v.quality.report import Report
from training.judge import steadiness
from training.pictures import moving_cases


@pytest.fixture(scope="module")
def cases() -> list[moving_cases.MovingCase]:
    return moving_cases.load()


def report(**figures) -> Report:
    blank = dict.fromkeys(Report.__dataclass_fields__)
    return Report(**{**blank, "sharpness": 50.0, "motion": 1.0, "edge_f1": 0.5, **figures})


def test_there_are_four_clips_for_each_mode_and_all_move(cases):
    assert [case.mode for case in cases] == ["pix2pix"] * 4 + ["canny"] * 4 + ["pose"] * 4
    assert len({case.name for case in cases}) == 12
    for case in cases:
        assert case.clip.shape == (moving_cases.FRAMES, 128, 128, 3) and len(case.frames) == moving_cases.FRAMES
        assert metrics.changes(case.clip[:3]).motion.min() > 0.1


def test_what_is_given_is_the_clip_for_edits_and_its_edges_for_canny(cases):
    edit, drawn = cases[0], cases[4]
    assert all(np.array_equal(frame.given, picture) for frame, picture in zip(edit.frames, edit.clip))
    found = [frame.given[..., 0] > 0 for frame in drawn.frames]
    assert all(np.array_equal(lines, metrics.edges(picture)) for lines, picture in zip(found, drawn.clip))


def test_a_filmed_clip_is_edited_and_drawn_anew_by_its_middle(tmp_path):
    frames = np.zeros((4, 40, 80, 3), np.uint8)
    frames[:, :, 20:60] = 200
    video.write(frames, tmp_path / "a.mp4", moving_cases.FPS, {})
    edit, drawn = moving_cases.filmed(tmp_path)
    assert (edit.mode, drawn.mode, edit.name, drawn.name) == ("pix2pix", "canny", "pix2pix-a", "canny-a")
    assert edit.clip.shape == (4, 128, 128, 3) and edit.clip[:, 10:-10, 10:-10].min() > 180
    assert not drawn.frames[0].given[10:-10, 10:-10].any()


def test_lines_tell_what_is_gained_and_what_is_kept():
    plain, steady = report(warp_error=0.02, motion=0.8), report(warp_error=0.005, sharpness=45.0)
    lines = list(steadiness.rows("canny", [steadiness.Measured(report(), plain, steady)]))
    assert lines[0].startswith("| canny | warp error | 0.0200 | 0.0050 | 0.25 of it")
    assert lines[1].startswith("| canny | motion, of the clip's | 0.80 | 1.00 |")
    assert "0.90 of it" in lines[2] and "0.500 | 0.500" in lines[3]


def test_a_clip_that_was_made_is_not_made_again(cases, tmp_path):
    file, frames = tmp_path / "made.npz", np.zeros((2, 8, 8, 3), np.uint8)
    np.savez_compressed(file, frames=frames)
    assert np.array_equal(steadiness.kept(None, cases[0], file), frames)
