"""Which frames attend to which: against attention written out frame by frame, in chunks of any size, on an engine."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from ppdiffusers.models.attention_processor import Attention, AttnProcessor

from ppt2v import MODES
from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.errors import InputError
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.attention import BankAttnProcessor, PreviousAttnProcessor
from ppt2v.pipelines.planning.anchors import Anchors
from ppt2v.pipelines.planning.chunks import followers
from ppt2v.pipelines.planning.memory import looked_up
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.request.request import Request

BRANCHES, FRAMES, TOKENS, CHANNELS, HEADS = 2, 5, 6, 16, 2
KINDS = ("first+previous", "2")


@pytest.fixture(scope="module")
def layer() -> Attention:
    paddle.seed(0)
    attention = Attention(CHANNELS, heads=HEADS, dim_head=CHANNELS // HEADS, processor=AttnProcessor())
    attention.eval()
    return attention


@pytest.fixture(scope="module")
def frames() -> paddle.Tensor:
    shape = BRANCHES, FRAMES, TOKENS, CHANNELS
    return paddle.to_tensor(np.random.default_rng(0).standard_normal(shape, np.float32))


@pytest.fixture(scope="module")
def pipe(tiny_folder) -> TextToVideoZeroPipeline:
    return TextToVideoZeroPipeline(**load_stable_diffusion(tiny_folder).components, requires_safety_checker=False)


def make(pipe, **changes) -> np.ndarray:
    told = {"video_length": FRAMES, "num_inference_steps": 4, "t0": 20, "t1": 35, "guidance_scale": 1, **changes}
    return pipe("the fox in the snow", noise=Noise(0), **told).numpy()


def attended(layer: Attention, frames: paddle.Tensor, frame: int, others: list[int]) -> np.ndarray:
    """A frame's attention to the tokens of other frames, in each branch."""
    tokens = paddle.concat([frames[:, other] for other in others], axis=1)
    query, key, value = (
        tensor.reshape([0, 0, HEADS, -1]).transpose([0, 2, 1, 3])
        for tensor in (layer.to_q(frames[:, frame]), layer.to_k(tokens), layer.to_v(tokens))
    )
    weights = F.softmax(query @ key.transpose([0, 1, 3, 2]) / query.shape[-1] ** 0.5)
    return layer.to_out[0]((weights @ value).transpose([0, 2, 1, 3]).flatten(2)).numpy()


def called(processor, layer, frames: paddle.Tensor, chunk: list[int]) -> np.ndarray:
    chosen = paddle.stack([frames[:, frame] for frame in chunk], axis=1)
    return processor(layer, chosen.flatten(0, 1)).reshape([BRANCHES, len(chunk), TOKENS, CHANNELS]).numpy()


@pytest.mark.parametrize("chunks", [[[0], [1, 2], [3, 4]], [[0], [1], [2, 3, 4]], [[0, 1, 2, 3, 4]]], ids=str)
def test_each_frame_attends_to_the_first_and_to_the_one_before(layer, frames, chunks):
    processor = PreviousAttnProcessor(BRANCHES)
    made = np.concatenate([called(processor, layer, frames, chunk) for chunk in chunks], axis=1)
    for frame in range(FRAMES):
        expected = attended(layer, frames, frame, [0, max(frame - 1, 0)])
        np.testing.assert_allclose(made[:, frame], expected, atol=1e-6)


def test_each_frame_attends_to_all_of_a_bank_and_leaves_what_it_adds_to_it(layer, frames):
    processor = BankAttnProcessor(BRANCHES)
    called(processor, layer, frames, [0])
    [first] = processor.kept
    processor.recall([first])
    np.testing.assert_allclose(called(processor, layer, frames, [2])[:, 0], attended(layer, frames, 2, [0]), atol=1e-6)
    [second] = processor.kept
    processor.recall([tuple(paddle.concat(parts, axis=1) for parts in zip(first, second))])
    made = called(processor, layer, frames, [1, 4])
    for place, frame in enumerate((1, 4)):
        np.testing.assert_allclose(made[:, place], attended(layer, frames, frame, [0, 2]), atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"merging_ratio": 0.5, "cache_interval": 2}], ids=str)
@pytest.mark.parametrize("anchors", KINDS)
def test_chunk_size_changes_nothing(pipe, anchors, changes):
    latents = [make(pipe, anchors=anchors, chunk_size=size, **changes) for size in (2, 8)]
    assert np.ptp(latents, axis=0).max() <= 1e-4


@pytest.mark.parametrize("anchors", KINDS)
def test_a_first_frame_stays_and_later_ones_change(pipe, anchors):
    plain, made = make(pipe), make(pipe, anchors=anchors)
    assert np.abs(made[0] - plain[0]).max() <= 1e-4
    assert np.abs(made[3] - plain[3]).max() > 1e-2


def test_a_bank_of_the_first_frame_alone_is_that_frame(pipe):
    assert np.abs(make(pipe, anchors=str(FRAMES)) - make(pipe)).max() <= 1e-4


@pytest.mark.parametrize("anchors", KINDS)
def test_a_killed_run_goes_on_to_the_same_end(pipe, anchors, tmp_path):
    whole, calls = make(pipe, anchors=anchors), []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if done > total * 0.8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(pipe, anchors=anchors, checkpoint=Checkpoint(tmp_path, {}), progress=stop)
    calls.clear()
    resumed = make(pipe, anchors=anchors, checkpoint=Checkpoint(tmp_path, {}), progress=lambda *now: calls.append(now))
    assert calls[0][0] > 4 and np.array_equal(resumed, whole)


@pytest.mark.slow
@pytest.mark.parametrize("anchors", KINDS)
def test_openvino_makes_the_same(pipe, anchors, monkeypatch):
    eager = make(pipe, anchors=anchors, chunk_size=3)
    monkeypatch.setattr(pipe, "engine", OpenVINOEngine("float32"), raising=False)
    made = [make(pipe, anchors=anchors, chunk_size=size) for size in (2, 3)]
    assert np.abs(made[1] - eager).max() <= 1e-3 * eager.std()
    assert np.ptp(made, axis=0).max() <= 1e-4


def test_what_is_kept_of_a_bank_is_reckoned_as_it_is(pipe):
    kept = []

    def look(done: int, total: int) -> None:
        kept.append(sum(tensor.size for tensor in pipe.running.denoiser.unet.anchor))

    make(pipe, anchors="2", progress=look)  # of frames 0, 2 and 4; latents of 8 x 8
    assert max(kept) == 3 * looked_up(pipe.unet.config) * 64


@pytest.mark.parametrize("anchors, count", [(Anchors(), 0), (Anchors(previous=True), 1), (Anchors(every=3), 2)])
def test_so_many_frames_are_kept_beside_the_first(anchors, count):
    assert anchors.remembered(8) == count


def test_frames_of_a_bank_are_computed_first_each_by_itself():
    assert followers(8, 3, Anchors(every=3)) == [[3], [6], [1, 2], [4, 5], [7]]


@pytest.mark.parametrize(
    "text, anchors", [("first", Anchors()), ("first+previous", Anchors(True)), ("12", Anchors(every=12))]
)
def test_anchors_are_read(text, anchors):
    assert Anchors.parse(text) == anchors


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "first+2", "previous", "²", "eight"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match="give first, first.previous, or a whole number"):
        Request.of(MODES["text2video"], {"prompt": "a fox", "anchors": text})


@pytest.mark.parametrize(
    "mode, given, message",
    [
        ("text2video", {"use_cf_attn": False}, "attend to themselves alone; leave it on"),
        ("canny", {"video_path": "clip.mp4", "motion_module": "modules"}, "with a motion module .* windows"),
    ],
)
def test_anchors_without_effect_are_refused(mode, given, message):
    with pytest.raises(InputError, match=message):
        Request.of(MODES[mode], {"prompt": "a fox", "anchors": "4", **given})
