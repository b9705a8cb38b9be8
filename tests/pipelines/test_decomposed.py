"""VideoFusion's equations: what the frames share, how the two generators' predictions combine, and the losses."""

from __future__ import annotations

import itertools

import numpy as np
import paddle
import pytest

from ppt2v.pipelines.methods.decomposed import Decomposition, Level

FRAMES, SHAPE = 16, [4, 6, 5]
SHARES = [0.1, 0.25, 0.5, 0.75, 0.9]
LEVELS = [Level(0.0, 1.0), Level(0.28, 0.96), Level(0.8, 0.6), Level(0.96, 0.28)]


def decomposition(share: float = 0.5, frames: int = FRAMES) -> Decomposition:
    return Decomposition(paddle.to_tensor, frames, share, FRAMES)


def normal(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def example(seed: int = 0) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """A clean clip, the noise that all its frames share, and that which each has of its own."""
    return normal(FRAMES, *SHAPE, seed=seed), normal(1, *SHAPE, seed=seed + 1), normal(FRAMES, *SHAPE, seed=seed + 2)


def distance(one: paddle.Tensor, other: paddle.Tensor) -> float:
    return float((one - other).abs().max())


@pytest.mark.parametrize("share", SHARES)
def test_each_frame_has_unit_variance_and_frames_correlate_by_their_shares(share):
    parts = decomposition(share)
    noise = parts.noise(normal(1, 1, 200, 300), normal(FRAMES, 1, 200, 300, seed=1)).numpy().reshape(FRAMES, -1)
    shares = np.where(np.arange(FRAMES) == parts.base_frame, 1, share)
    expected = np.sqrt(np.outer(shares, shares))
    np.fill_diagonal(expected, 1)
    assert np.abs(noise @ noise.T / noise.shape[1] - expected).max() < 0.02  # 60,000 samples: 5 standard deviations


def test_the_base_frame_has_the_base_noise_alone():
    parts, (_, base, residual) = decomposition(), example()
    assert parts.base_frame == 8
    assert np.array_equal(parts.base_of(parts.noise(base, residual)).numpy(), base.numpy())


@pytest.mark.parametrize("level", LEVELS)
def test_noise_and_clean_frames_follow_from_the_velocity(level):
    clean, noise = normal(2, *SHAPE), normal(2, *SHAPE, seed=1)
    latents, velocity = level.noised(clean, noise), level.velocity(clean, noise)
    assert distance(level.clean_of(latents, velocity), clean) < 1e-5
    assert distance(level.noise_of(latents, velocity), noise) < 1e-5


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("level", LEVELS)
def test_without_base_noise_a_frame_is_an_ordinary_noisy_one_at_less_noise(share, level):
    parts, (clean, base, residual) = decomposition(share), example()
    latents = level.noised(clean, parts.noise(base, residual))
    own_level, scale = parts.residual_level(level)
    base_velocity = level.velocity(parts.base_of(clean), base)
    seen = parts.residual_latents(latents, base_velocity, level)
    assert distance(own_level.signal**2 + own_level.noise**2, paddle.ones_like(scale)) < 1e-6
    assert distance(seen, own_level.noised(clean, residual)) < 1e-5
    # the paper's form, but for the scale
    others = [frame for frame in range(FRAMES) if frame != parts.base_frame]
    own_noise = level.noise * (1 - share) ** 0.5
    assert distance((seen * scale)[others], (level.signal * clean + own_noise * residual)[others]) < 1e-5
    assert distance((seen * scale)[others], parts.without_base(latents, base, level.noise)[others]) < 1e-5


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("level", LEVELS)
def test_right_velocities_of_both_generators_are_the_right_one_of_the_clip(share, level):
    parts, (clean, base, residual) = decomposition(share), example()
    noise = parts.noise(base, residual)
    latents, base_velocity = level.noised(clean, noise), level.velocity(parts.base_of(clean), base)
    own_level, _ = parts.residual_level(level)
    seen = parts.residual_latents(latents, base_velocity, level)
    predicted = parts.velocity(latents, base_velocity, seen, own_level.velocity(clean, residual), level)
    assert distance(predicted, level.velocity(clean, noise)) < 1e-5


@pytest.mark.parametrize("level", LEVELS)
def test_predicted_noise_is_recombined_as_in_the_paper(level):
    """Whatever the generators say, right or wrong."""
    parts = decomposition()
    latents, base_velocity, residual_velocity = example(5)
    seen = parts.residual_latents(latents, base_velocity, level)
    velocity = parts.velocity(latents, base_velocity, seen, residual_velocity, level)
    base = level.noise_of(parts.base_of(latents), base_velocity)
    residual = parts.residual_level(level)[0].noise_of(seen, residual_velocity)
    assert distance(level.noise_of(latents, velocity), parts.noise(base, residual)) < 1e-5
    assert distance(parts.base_of(velocity), base_velocity) < 1e-5


def test_sampling_with_right_predictions_finds_the_clip():
    """DDIM in decomposed form (the paper's, with predicted noise) is exact at every number of steps."""
    parts, (clean, base, residual) = decomposition(), example()
    angles = np.linspace(np.pi / 2, 0, 8)
    levels = [Level(float(np.cos(angle)), float(np.sin(angle))) for angle in angles]
    latents = levels[0].noised(clean, parts.noise(base, residual))
    for level, following in itertools.pairwise(levels):
        base_velocity = level.velocity(parts.base_of(clean), base)
        seen = parts.residual_latents(latents, base_velocity, level)
        own_velocity = parts.residual_level(level)[0].velocity(clean, residual)
        velocity = parts.velocity(latents, base_velocity, seen, own_velocity, level)
        latents = following.noised(level.clean_of(latents, velocity), level.noise_of(latents, velocity))
    assert distance(latents, clean) < 1e-5


def test_other_residual_noise_leaves_the_base_frame_as_it_is():
    parts, level, (clean, base, residual) = decomposition(), LEVELS[1], example()
    one, other = (level.noised(clean, parts.noise(base, own)) for own in (residual, -residual))
    same = (one == other).all(axis=[1, 2, 3]).tolist()
    assert same == [frame == parts.base_frame for frame in range(FRAMES)]


def test_the_residual_generator_sees_the_cleaned_base_frame_and_the_place_of_each_frame():
    parts, level, (clean, base, residual) = decomposition(), LEVELS[0], example()
    latents = level.noised(clean, parts.noise(base, residual))
    seen = parts.residual_latents(latents, level.velocity(parts.base_of(clean), base), level)
    planes = paddle.concat(parts.residual_planes(seen), axis=-3)
    assert planes.shape == [FRAMES, 2 * SHAPE[0] + 1, *SHAPE[1:]]
    assert distance(planes[:, :4], seen) == 0
    assert distance(planes[:, 4:8], clean[8:9].expand([FRAMES, *SHAPE])) < 1e-6
    assert distance(planes[:, 8, 0, 0], paddle.linspace(-1, 1, FRAMES)) < 1e-6


def test_a_short_clip_is_the_middle_of_a_long_one():
    def places(frames: int) -> list[float]:
        return decomposition(frames=frames).residual_planes(normal(frames, *SHAPE))[2][:, 0, 0, 0].tolist()

    assert places(6) == places(16)[5:11] and places(1) == [places(16)[8]]


def predicted_wrongly(level: Level, parts: Decomposition) -> tuple:
    """A clip, its noise, and wrong velocities with gradients; the residual's of latents that have none."""
    clean, base, residual = example()
    noise = parts.noise(base, residual)
    base_velocity, residual_velocity = normal(1, *SHAPE, seed=7), normal(FRAMES, *SHAPE, seed=8)
    for velocity in (base_velocity, residual_velocity):
        velocity.stop_gradient = False
    return clean, noise, base_velocity, residual_velocity


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("level", LEVELS[1:])
def test_the_papers_loss_is_that_of_the_velocities_with_the_stated_weights(share, level):
    parts = decomposition(share)
    clean, noise, base_velocity, residual_velocity = predicted_wrongly(level, parts)
    losses = parts.velocity_losses(clean, noise, base_velocity, residual_velocity, level)
    latents, own_level = level.noised(clean, noise), parts.residual_level(level)[0]
    seen = parts.residual_latents(latents, base_velocity, level)
    base = level.noise_of(parts.base_of(latents), base_velocity)
    papers = parts.noise_losses(noise, base, own_level.noise_of(seen, residual_velocity))
    weights = level.signal**2, (1 - share) * float(own_level.signal[0].item()) ** 2
    for loss, weight, paper in zip(losses, weights, papers):
        assert float(loss) * weight == pytest.approx(float(paper), rel=1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_right_predictions_have_no_loss(level):
    parts, (clean, base, residual) = decomposition(), example()
    own_velocity = parts.residual_level(level)[0].velocity(clean, residual)
    base_velocity = level.velocity(parts.base_of(clean), base)
    losses = parts.velocity_losses(clean, parts.noise(base, residual), base_velocity, own_velocity, level)
    assert max(map(float, losses)) < 1e-10


@pytest.mark.parametrize("form", ["noise", "velocity"])
def test_the_residuals_loss_does_not_touch_the_base(form):
    parts, level = decomposition(), LEVELS[1]
    clean, noise, of_base, of_residual = predicted_wrongly(level, parts)
    if form == "noise":
        base_loss, residual_loss = parts.noise_losses(noise, of_base, of_residual)
    else:
        base_loss, residual_loss = parts.velocity_losses(clean, noise, of_base, of_residual, level)
    residual_loss.backward()
    assert of_base.grad is None
    touched = np.abs(of_residual.grad.numpy()).max(axis=(1, 2, 3)) > 0
    assert touched.tolist() == [frame != parts.base_frame for frame in range(FRAMES)]
    base_loss.backward()
    assert float(of_base.grad.abs().max()) > 0
