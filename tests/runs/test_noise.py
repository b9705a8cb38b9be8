"""The noise of a run, of the values of its parameters."""

from __future__ import annotations

import numpy as np
import pytest

from ppt2v import InputError, Model
from ppt2v.runs.calls import noise_of

SHAPE = [2, 3]


def starts(count: int, **values) -> np.ndarray:
    return noise_of({"seed": 5, **values}).draw("start", list(range(count)), SHAPE).numpy()


def test_free_noise_repeats_what_the_first_window_starts_from_in_another_order():
    plain, free = starts(32), starts(32, free_noise=True)
    assert np.array_equal(free[:16], plain[:16]) and not np.array_equal(free[16:], plain[16:])
    for first in (16, 24):
        unit, source = free[first : first + 8], free[first - 16 : first - 8]
        assert not np.array_equal(unit, source)
        assert np.array_equal(np.sort(unit.reshape(8, -1), axis=0), np.sort(source.reshape(8, -1), axis=0))


def test_without_it_each_frame_has_noise_of_its_own():
    assert len(np.unique(starts(32, free_noise=False).reshape(32, -1), axis=0)) == 32


def test_a_model_that_makes_one_window_alone_refuses_it():
    model = Model(device="cpu", show_progress=False)
    with pytest.raises(InputError, match="one window alone"):
        model.run("synthesize", prompt="a fox", model_name="embedded/videofusion", free_noise=True)
