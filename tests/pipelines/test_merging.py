"""Token merging: what is merged into what, that it is undone, and that it leaves everything else alone."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.methods.merging import Merging
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

RUN = {"prompt": "the fox in the snow", "num_inference_steps": 3, "t1": 40, "t0": 20, "video_length": 4}


def tokens(rows: int, count: int, channels: int = 6) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, count, channels)).astype("float32")


def expected(row: np.ndarray, merging: Merging) -> tuple[np.ndarray, np.ndarray]:
    """A row after merging and undoing, and which of its tokens were merged away; the paper's algorithm, slowly."""
    sources, destinations = merging.sources, merging.destinations
    unit = row / np.linalg.norm(row, axis=1, keepdims=True)
    likeness = unit[sources] @ unit[destinations].T
    chosen = np.argsort(-likeness.max(1))[: merging.merged]
    result = row.copy()
    for number, destination in enumerate(destinations):
        merged = [sources[i] for i in chosen if likeness[i].argmax() == number]
        result[[destination, *merged]] = row[[destination, *merged]].mean(0)
    return result, sources[chosen]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 6), (5, 7)])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_most_alike_are_averaged_and_all_places_filled_again(height, width, ratio):
    merging, given = Merging(ratio, height, width), tokens(3, height * width)
    merged = merging(paddle.to_tensor(given))
    assert merged.tokens.shape[1] == height * width - merging.merged
    undone = merged.undo(merged.tokens).numpy()
    for row, result in zip(given, undone):
        assert np.allclose(result, expected(row, merging)[0], atol=1e-6)


def test_a_quarter_is_never_merged():
    assert Merging(0.9, 8, 8).merged == 48 and Merging(0.5, 8, 8).merged == 32


def test_every_cell_has_one_destination():
    rows, columns = np.divmod(Merging(0.5, 6, 8).destinations, 8)
    assert sorted(zip(rows // 2, columns // 2)) == [(row, column) for row in range(3) for column in range(4)]


def test_other_grids_keep_their_tokens():
    given = paddle.to_tensor(tokens(2, 16))
    assert Merging(0.5, 8, 8)(given).tokens is given


@pytest.fixture(scope="module")
def pipe(tiny_folder):
    from ppt2v.models.families.stable_diffusion import load_stable_diffusion

    return TextToVideoZeroPipeline(**load_stable_diffusion(tiny_folder).components, requires_safety_checker=False)


def make(pipe, **changes) -> np.ndarray:
    return pipe(noise=Noise(0), **{**RUN, **changes}).numpy()


@pytest.mark.parametrize("use_cf_attn", [True, False])
def test_it_has_an_effect_whatever_frames_attend_to(pipe, use_cf_attn):
    plain, merged = (make(pipe, use_cf_attn=use_cf_attn, merging_ratio=ratio) for ratio in (0.0, 0.5))
    assert not np.allclose(plain, merged)
    assert np.array_equal(make(pipe, use_cf_attn=use_cf_attn), plain)


def test_chunks_change_nothing(pipe):
    assert np.allclose(make(pipe, merging_ratio=0.5, chunk_size=2), make(pipe, merging_ratio=0.5), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("use_cf_attn", [True, False])
def test_openvino_merges_the_same(pipe, monkeypatch, use_cf_attn):
    eager = make(pipe, merging_ratio=0.5, use_cf_attn=use_cf_attn)
    monkeypatch.setattr(pipe, "engine", OpenVINOEngine("float32"), raising=False)
    assert np.abs(make(pipe, merging_ratio=0.5, use_cf_attn=use_cf_attn) - eager).max() < 1e-3 * eager.std()
