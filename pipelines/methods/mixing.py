"""Texts that go over into each other from frame to frame: pure functions."""

from __future__ import annotations

import paddle


def mixed(looked_up: paddle.Tensor, shares: paddle.Tensor) -> paddle.Tensor:
    """What each frame of each branch sees of texts of which the last branch has several.

    Keys and values are linear in the encoded text, so those of a mixture are the mixture of those of its parts.

    Args:
        looked_up: ``[other branches + texts, ...]``.
        shares: of each text in each frame, ``[frames, texts]``.

    Returns:
        ``[branches * frames, ...]``, ordered branch by branch.
    """
    frames, texts = shares.shape
    others, last = looked_up[:-texts], looked_up[-texts:].flatten(1)
    mixture = paddle.matmul(shares.astype(last.dtype), last).reshape([frames, *looked_up.shape[1:]])
    return paddle.concat([others.repeat_interleave(frames, axis=0), mixture]) if len(others) else mixture
