"""Cross-frame attention against attention that computes the keys and values of all frames and then gathers."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from ppdiffusers.models.attention_processor import Attention, AttnProcessor
from ppdiffusers.models.lora import LoRACompatibleLinear, LoRALinearLayer

from ppt2v.pipelines.networks import attention
from ppt2v.pipelines.networks.attention import (
    CrossFrameAttnProcessor,
    TextAttnProcessor,
    attend,
    keys_and_values,
    processors,
)

CHANNELS, HEADS, TOKENS = 16, 2, 6


@pytest.fixture
def layer() -> Attention:
    paddle.seed(0)
    attention = Attention(CHANNELS, heads=HEADS, dim_head=CHANNELS // HEADS, processor=AttnProcessor())
    attention.eval()
    return attention


def random(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def gather_all(layer: Attention, hidden_states: paddle.Tensor, branches: int) -> np.ndarray:
    """Text2Video-Zero as published: keys and values of all frames, of which each branch keeps its first."""
    frames = hidden_states.shape[0] // branches
    first = [row // frames * frames for row in range(branches * frames)]
    key, value = (paddle.stack([project(hidden_states)[row] for row in first]) for project in (layer.to_k, layer.to_v))
    by_token = layer.to_q(hidden_states), key, value
    query, key, value = (tensor.reshape([0, 0, HEADS, -1]).transpose([0, 2, 1, 3]) for tensor in by_token)
    weights = F.softmax(query @ key.transpose([0, 1, 3, 2]) / query.shape[-1] ** 0.5)
    return layer.to_out[0]((weights @ value).transpose([0, 2, 1, 3]).flatten(2)).numpy()


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("branches", [1, 2, 3])
def test_it_is_attention_to_the_first_frame_of_each_branch(layer, branches, frames):
    hidden_states = random(branches * frames, TOKENS, CHANNELS)
    attended = CrossFrameAttnProcessor(branches)(layer, hidden_states).numpy()
    np.testing.assert_allclose(attended, gather_all(layer, hidden_states, branches), atol=1e-6)


@pytest.mark.parametrize("branches", [1, 2, 3])
def test_later_frames_attend_to_the_remembered_anchor(layer, branches):
    by_branch = random(branches, 5, TOKENS, CHANNELS)
    expected = gather_all(layer, by_branch.flatten(0, 1), branches).reshape(by_branch.shape)
    processor = CrossFrameAttnProcessor(branches)
    processor(layer, by_branch[:, :1].flatten(0, 1))
    for chunk in (slice(1, 3), slice(3, 5)):
        frames = by_branch[:, chunk]
        attended = processor(layer, frames.flatten(0, 1)).reshape(frames.shape)
        np.testing.assert_allclose(attended.numpy(), expected[:, chunk], atol=1e-6)


def test_after_forgetting_the_next_frame_is_the_anchor(layer):
    first, second = random(2, TOKENS, CHANNELS, seed=1), random(2, TOKENS, CHANNELS, seed=2)
    processor = CrossFrameAttnProcessor()
    processor(layer, first)
    processor.forget()
    np.testing.assert_allclose(processor(layer, second).numpy(), gather_all(layer, second, 2), atol=1e-6)


def test_attention_to_the_text_is_left_as_it_is(layer):
    hidden_states, text = random(4, TOKENS, CHANNELS, seed=1), random(4, 9, CHANNELS, seed=2)
    attended = CrossFrameAttnProcessor()(layer, hidden_states, text)
    np.testing.assert_allclose(attended.numpy(), layer(hidden_states, text).numpy(), atol=1e-6)


def with_lora(attention: Attention) -> Attention:
    """Gives every projection a low-rank addition that is not zero."""
    for parent, name in [(attention, "to_q"), (attention, "to_k"), (attention, "to_v"), (attention.to_out, "0")]:
        plain, addition = getattr(parent, name), LoRALinearLayer(CHANNELS, CHANNELS, rank=2)
        adapted = LoRACompatibleLinear(CHANNELS, CHANNELS, bias_attr=None if plain.bias is not None else False)
        adapted.set_state_dict(plain.state_dict())
        addition.up.weight.set_value(random(2, CHANNELS))
        adapted.set_lora_layer(addition)
        setattr(parent, name, adapted)
    return attention


@pytest.mark.parametrize("to_text", [False, True])
def test_the_scale_of_lora_is_obeyed(layer, to_text):
    hidden_states = random(4, TOKENS, CHANNELS)
    text = random(4, 9, CHANNELS) if to_text else None
    plain = CrossFrameAttnProcessor()(layer, hidden_states, text).numpy()
    adapted = with_lora(layer)
    off, full = (CrossFrameAttnProcessor()(adapted, hidden_states, text, scale=scale).numpy() for scale in (0.0, 1.0))
    np.testing.assert_allclose(off, plain, atol=1e-6)
    assert np.abs(full - plain).max() > 1e-3


def test_layers_without_lora_ignore_its_scale(layer):
    layer.to_q, layer.to_k, layer.to_v = (paddle.nn.Linear(CHANNELS, CHANNELS, bias_attr=False) for _ in range(3))
    hidden_states = random(4, TOKENS, CHANNELS)
    plain, scaled = (CrossFrameAttnProcessor()(layer, hidden_states, **scale) for scale in ({}, {"scale": 0.5}))
    assert np.array_equal(scaled.numpy(), plain.numpy())


def test_a_text_looked_up_before_gives_the_same(layer):
    hidden_states, text = random(2 * 3, TOKENS, CHANNELS, seed=1), random(2, 9, CHANNELS, seed=2)
    expected = layer(hidden_states, text.repeat_interleave(3, axis=0)).numpy()
    attended = TextAttnProcessor(keys_and_values(layer, text))(layer, hidden_states, text)
    np.testing.assert_allclose(attended.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("limit", [1, 4 * HEADS * 2 * 9 * 5, 2**30])
def test_blocks_of_queries_change_nothing(monkeypatch, limit):
    query, key, value = random(2, 13, CHANNELS, seed=1), random(2, 9, CHANNELS, seed=2), random(2, 9, CHANNELS, seed=3)
    expected = attend(query, key, value, HEADS).numpy()
    sizes, whole = [], F.scaled_dot_product_attention

    def noted(query, key, value, **kwargs):
        sizes.append(4 * query.shape[0] * query.shape[2] * query.shape[1] * key.shape[1])
        return whole(query, key, value, **kwargs)

    monkeypatch.setattr(attention, "SCORES_LIMIT", limit)
    monkeypatch.setattr(F, "scaled_dot_product_attention", noted)
    np.testing.assert_allclose(attend(query, key, value, HEADS).numpy(), expected, atol=1e-6)
    assert max(sizes) <= max(limit, 4 * HEADS * 2 * 9)


def test_processors_are_replaced_for_a_while(layer):
    before, other = layer.processor, CrossFrameAttnProcessor()
    with pytest.raises(KeyError), processors([layer], [other]):
        assert layer.processor is other
        raise KeyError
    assert layer.processor is before
