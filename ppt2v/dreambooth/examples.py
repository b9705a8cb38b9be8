"""Pictures of one prompt as a network is trained on them; all randomness depends on the seed and running numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle

_ORDER, _SAMPLE = range(2)


class Batch(NamedTuple):
    """``latents`` and ``noise``: float32 ``[n, channels, height, width]``; ``timesteps``: int64 ``[n]``."""

    latents: paddle.Tensor
    noise: paddle.Tensor
    timesteps: paddle.Tensor


class Examples:
    """Pictures that share a prompt, as the distributions of their latents.

    Args:
        means, deviations: float32 ``[n, channels, height, width]``, scaled.
        levels: the number of timesteps.
        seed: any integer >= 0.
        stream: tells the examples of one training apart.
    """

    def __init__(self, means: np.ndarray, deviations: np.ndarray, levels: int, seed: int, stream: int):
        self._means, self._deviations, self._levels, self._key = means, deviations, levels, (seed, stream)

    def draw(self, numbers: range) -> Batch:
        """The examples of these running numbers: in each round all pictures come once, in an order of its own."""
        latents, noise, timesteps = zip(*map(self._draw, numbers))
        return Batch(
            paddle.to_tensor(np.stack(latents)), paddle.to_tensor(np.stack(noise)), paddle.to_tensor(timesteps, "int64")
        )

    def _draw(self, number: int) -> tuple[np.ndarray, np.ndarray, int]:
        rounds, place = divmod(number, len(self._means))
        picture = np.random.default_rng([*self._key, _ORDER, rounds]).permutation(len(self._means))[place]
        rng = np.random.default_rng([*self._key, _SAMPLE, number])
        spread, noise = rng.standard_normal((2, *self._means.shape[1:]), np.float32)
        latents = self._means[picture] + self._deviations[picture] * spread
        return latents, noise, int(rng.integers(self._levels))


@paddle.no_grad()
def encode(vae, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of the latents of pictures, uint8 RGB ``[n, H, W, 3]``, one after the other."""
    means, deviations = [], []
    for picture in pictures:
        pixels = paddle.to_tensor(picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)
        latents = vae.encode(pixels).latent_dist
        means.append((latents.mean * vae.config.scaling_factor).numpy())
        deviations.append((latents.std * vae.config.scaling_factor).numpy())
    return np.concatenate(means), np.concatenate(deviations)
