"""VideoFusion's decomposed diffusion (arXiv 2303.08320) on tensors of any library: for sampling and for the training.

A frame i of a clip stands at z_i = a x_i + s e_i, with the levels a of the signal and s of the noise. All frames share
a base noise b, and each has a residual noise r_i of its own:

    e_i = sqrt(share_i) b + sqrt(1 - share_i) r_i

The base frame in the middle has the share 1 (the paper's lambda), so that it is a picture like any other: the base
generator, a network for pictures, sees that frame alone and predicts b. Without its base noise each other frame,

    z'_i = z_i - sqrt(share_i) s b = a x_i + s sqrt(1 - share_i) r_i,

goes to the residual generator, a network for videos, which predicts r_i.

Both generators are parametrised by the velocity v = a e - s x (arXiv 2202.00512), since a predicted noise says nothing
where no signal is left. The base has b = a v + s z. Divided by its scale n = sqrt(a^2 + s^2 (1 - share)), z'_i is an
ordinary noisy frame at the levels a' = a / n and s' = s sqrt(1 - share) / n, with a velocity of its own: v' = a' r -
s' x. Squared errors of the noise, in which the paper states its loss, are those of the velocity times a weight: a^2 for
the base, (1 - share) a'^2 for the residual. The losses here leave this weight out; it would be 0 at full noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Level(NamedTuple):
    """How much signal and noise there is: numbers, or tensors that broadcast; their squares sum up to 1."""

    signal: Any
    noise: Any

    def noised(self, clean, noise):
        """What is clean, with standard normal noise."""
        return self.signal * clean + self.noise * noise

    def velocity(self, clean, noise):
        """The velocity of what is clean under this noise."""
        return self.signal * noise - self.noise * clean

    def clean_of(self, latents, velocity):
        """What is clean in noisy latents of this velocity."""
        return self.signal * latents - self.noise * velocity

    def noise_of(self, latents, velocity):
        """The noise in noisy latents of this velocity."""
        return self.signal * velocity + self.noise * latents


class Decomposition:
    """The noise of a clip: what its frames share, and what each has of its own.

    Latents of clips are ``[..., frames, channels, height, width]``, those of the base ``[..., 1, channels, height,
    width]``; levels are numbers or ``[..., 1, 1, 1, 1]``.

    Args:
        tensor: makes a float32 tensor of nested lists, such as ``paddle.to_tensor``.
        frames: of the clip, 1 to ``trained_frames``.
        share: the part of a frame's noise variance that is the base's, 0 or more and less than 1 (the paper: 0.5).
        trained_frames: of the clips that the model was trained on.
    """

    def __init__(self, tensor: Callable[[list], Any], frames: int, share: float, trained_frames: int):
        self.frames, self.base_frame = frames, frames // 2
        is_base = [frame == self.base_frame for frame in range(frames)]
        first = trained_frames // 2 - self.base_frame  # a short clip is the middle part of one as in the training
        last = max(1, trained_frames - 1)

        def column(values: list) -> Any:
            return tensor([[[[float(value)]]] for value in values])

        self._shared = column([1 if base else share**0.5 for base in is_base])
        self._own = column([0 if base else (1 - share) ** 0.5 for base in is_base])
        self._is_base, self._is_other = column(is_base), column([not base for base in is_base])
        self._position = column([2 * (first + frame) / last - 1 for frame in range(frames)])

    def base_of(self, clip):
        """The base frame alone."""
        return clip[..., self.base_frame : self.base_frame + 1, :, :, :]

    def noise(self, base, residual):
        """The noise of all frames, of what they share and what each has of its own."""
        return self._shared * base + self._own * residual

    def without_base(self, latents, base, noise):
        """Latents at this level of noise without what of it is the base's."""
        return latents - self._shared * noise * base

    def residual_level(self, level: Level) -> tuple[Level, Any]:
        """The level at which the frames without base noise stand, once divided by their scale; and that scale.

        Nothing but signal is left of the base frame; its scale is given as 1.
        """
        scale = (level.signal**2 + (self._own * level.noise) ** 2) ** 0.5 * self._is_other + self._is_base
        signal = level.signal * self._is_other / scale + self._is_base
        return Level(signal, self._own * level.noise / scale), scale

    def residual_latents(self, latents, base_velocity, level: Level):
        """The frames without base noise, divided by their scale; the base frame as the base generator cleans it."""
        at_base = self.base_of(latents)
        others = self.without_base(latents, level.noise_of(at_base, base_velocity), level.noise)
        scale = self.residual_level(level)[1]
        return others / scale * self._is_other + level.clean_of(at_base, base_velocity) * self._is_base

    def residual_planes(self, residual_latents) -> list:
        """What the residual generator sees, to be concatenated along the channels.

        The latents without base noise; the base frame, cleaned, beside every frame (the paper has an embedding of that
        frame in its place); a plane of the frame's place in the clip, -1 to 1, which its network cannot tell otherwise.
        """
        nothing = residual_latents * 0
        return [residual_latents, nothing + self.base_of(residual_latents), nothing[..., :1, :, :] + self._position]

    def velocity(self, latents, base_velocity, residual_latents, residual_velocity, level: Level):
        """The velocity of all frames that the two generators predict together; that of the base frame is the base's."""
        own_level, _ = self.residual_level(level)
        base = level.noise_of(self.base_of(latents), base_velocity)
        noise = self.noise(base, own_level.noise_of(residual_latents, residual_velocity))
        return level.velocity(own_level.clean_of(residual_latents, residual_velocity), noise)

    def noise_losses(self, noise, base, residual) -> tuple:
        """The paper's losses of base and residual: mean squared errors of the predicted noise.

        The residual's has no gradient with respect to the base.
        """
        error = (noise - self.noise(base.detach(), residual)) * self._is_other
        return ((self.base_of(noise) - base) ** 2).mean(), self._mean_of_others(error**2)

    def velocity_losses(self, clean, noise, base_velocity, residual_velocity, level: Level) -> tuple:
        """The losses of base and residual as mean squared errors of their velocities.

        What the base gets wrong is the residual's to predict, as in the paper's loss. The residual's loss has no
        gradient with respect to the base, if ``residual_velocity`` was predicted of latents that have none.
        """
        base_error = level.velocity(self.base_of(clean), self.base_of(noise)) - base_velocity
        base = level.noise_of(self.base_of(level.noised(clean, noise)), base_velocity.detach())
        own_level, _ = self.residual_level(level)
        own_noise = (noise - self._shared * base) / (self._own + self._is_base)
        error = (own_level.velocity(clean, own_noise) - residual_velocity) * self._is_other
        return (base_error**2).mean(), self._mean_of_others(error**2)

    def _mean_of_others(self, errors):
        """The mean over all frames but the base frame, whose errors are 0."""
        return errors.mean() * self.frames / max(1, self.frames - 1)
