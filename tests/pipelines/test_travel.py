"""Prompts that change over a video: each is encoded once, and a frame's mixture depends on nothing but the frame."""

from __future__ import annotations

from collections import Counter

import numpy as np
import paddle
import pytest

from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.methods.mixing import mixed
from ppt2v.pipelines.planning.travel import parse
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

SHORT = {"prompt": "the fox in the snow", "num_inference_steps": 4, "t1": 35, "t0": 20, "video_length": 5}
TRAVEL = "2: cat on the beach; 4: dog"


@pytest.fixture
def pipe(tiny_pipe) -> TextToVideoZeroPipeline:
    return TextToVideoZeroPipeline(**tiny_pipe.components, requires_safety_checker=False)


def make(pipe, **changes) -> np.ndarray:
    return pipe(noise=Noise(0), **{**SHORT, **changes}).numpy()


def test_between_two_prompts_the_one_goes_over_into_the_other():
    travel = parse("a", "2: b; 6: c")
    assert travel.texts == ("a", "b", "c")
    assert travel.shares([0, 1, 2, 5, 6, 9]) == [
        [1, 0, 0],
        [0.5, 0.5, 0],
        [0, 1, 0],
        [0, 0.25, 0.75],
        [0, 0, 1],
        [0, 0, 1],
    ]


def test_closed_prompts_come_back_to_the_first():
    assert parse("a", "2: b").closed(6).shares([2, 3, 5]) == [[0, 1, 0], [0, 0.75, 0.25], [0, 0.25, 0.75]]


def test_every_frame_of_every_branch_sees_its_own_mixture():
    looked_up = paddle.to_tensor([[[1.0]], [[2.0]], [[4.0]]])  # another branch, and two prompts
    shares = paddle.to_tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert mixed(looked_up, shares).flatten().tolist() == [1, 1, 1, 2, 3, 4]
    assert mixed(looked_up[1:], shares).flatten().tolist() == [2, 3, 4]


@pytest.mark.parametrize("changes", [{}, {"guidance_scale": 1.0}, {"guidance_stop_step": 0.5}, {"use_cf_attn": False}])
def test_prompts_that_are_the_same_change_nothing(pipe, changes):
    same = make(pipe, prompt_at=f"3: {SHORT['prompt']}", **changes)
    assert np.abs(same - make(pipe, **changes)).max() <= 1e-4


def test_a_prompt_takes_over_in_the_frames_from_it_on(pipe):
    travelled, plain = make(pipe, prompt_at=TRAVEL), make(pipe)
    assert np.allclose(travelled[0], plain[0], atol=1e-5)
    assert (np.abs(travelled[1:] - plain[1:]).max((1, 2, 3)) > 1e-3).all()


def test_chunk_size_changes_nothing(pipe):
    latents = [make(pipe, prompt_at=TRAVEL, chunk_size=chunk_size) for chunk_size in (2, 3, 8)]
    assert np.ptp(latents, axis=0).max() <= 1e-4


def test_each_prompt_is_encoded_and_looked_up_once(pipe):
    rows = Counter()
    pipe.text_encoder.register_forward_post_hook(lambda *_: rows.update(encoded=1))
    for name, layer in pipe.unet.named_sublayers():
        if name.endswith("attn2.to_k"):
            layer.register_forward_post_hook(lambda layer, _, output: rows.update({id(layer): output.shape[0]}))
    make(pipe, prompt_at=TRAVEL, chunk_size=2)
    assert rows.pop("encoded") == 4 and set(rows.values()) == {4}  # the negative prompt and three others
