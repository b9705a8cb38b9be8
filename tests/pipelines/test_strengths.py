"""Strengths of control maps over the frames of a video."""

from __future__ import annotations

import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.strengths import by_frame


def test_strengths_lie_on_straight_lines_between_keyframes_and_stay_outside_them():
    assert by_frame("1: 1; 3: 0.5; 4: strength 2", 6) == [1, 1, 0.75, 0.5, 2, 2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("strong", "E-KEYFRAMES-FORM"),
        ("4: 1; 2: 0", "E-KEYFRAMES-ORDER"),
        ("0: 1; 6: 0", "E-KEYFRAMES-END"),
        ("0: much", "E-CONTROL-KEYFRAMES"),
        ("0: -0.1", "E-CONTROL-KEYFRAMES"),
        ("0: nan", "E-CONTROL-KEYFRAMES"),
        ("0: inf", "E-CONTROL-KEYFRAMES"),
        ("0: 11", "E-CONTROL-KEYFRAMES"),
    ],
)
def test_what_says_no_strength_of_a_frame_is_refused(text, code):
    with pytest.raises(InputError) as refused:
        by_frame(text, 6)
    assert refused.value.code == code
