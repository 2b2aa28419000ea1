"""Moved, mirrored and noisy flights stay flights."""

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation

PAST, AHEAD = "position", "position_forecast"


def piece(name: str, **arguments: object):
    return Preparation.build({"name": name, **arguments}, Context.of((), ()))


def generators(count: int, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng(first + number) for number in range(count)]


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Circles of several radii and speeds, climbing, 3 s each; single precision."""
    time = torch.arange(30).double() * 0.1
    radius, rate = torch.rand(2, 64, 1, generator=torch.Generator().manual_seed(0)).double() * 4 + 0.5
    angle = rate * time
    tracks = torch.stack([radius * angle.cos(), radius * angle.sin(), (10 + 0.3 * time).expand_as(angle)], 2)
    tracks = tracks.float()
    return {PAST: tracks[:, :20], AHEAD: tracks[:, 20:], "family": torch.arange(64)}


def velocity(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([batch[PAST], batch[AHEAD]], dim=1).double().diff(dim=1) / 0.1


def test_shift_adds_to_past_and_truth_and_keeps_the_velocity(batch: dict[str, torch.Tensor]) -> None:
    moved = piece("uav/moved", shift=[100.0, 100.0, 20.0])(batch, generators(64), train=False)
    offset = torch.tensor([100.0, 100.0, 20.0])
    for name in (PAST, AHEAD):
        torch.testing.assert_close(moved[name], batch[name] + offset, rtol=0, atol=1e-5)
        assert moved[name].dtype == torch.float32
    torch.testing.assert_close(velocity(moved), velocity(batch), rtol=0, atol=5e-4)
    assert moved["family"] is batch["family"]


def test_shift_on_a_binary_grid_is_exact(batch: dict[str, torch.Tensor]) -> None:
    grid = {name: (batch[name] * 1024).round() / 1024 for name in (PAST, AHEAD)}
    moved = piece("uav/moved", shift=[100.0, -100.0, 20.0])(grid, generators(64), train=True)
    assert torch.equal(velocity(moved), velocity(grid))


@pytest.mark.parametrize("degrees", [90.0, -37.0])
def test_rotation_turns_velocities_about_the_last_known_point(
    batch: dict[str, torch.Tensor], degrees: float
) -> None:
    moved = piece("uav/moved", rotation_deg=degrees)(batch, generators(64), train=True)
    assert torch.equal(moved[PAST][:, -1], batch[PAST][:, -1])
    before, after = (
        torch.view_as_complex(v[..., :2].contiguous()) for v in (velocity(batch), velocity(moved))
    )
    turned = (after / before).angle().rad2deg()
    torch.testing.assert_close(turned, torch.full_like(turned, degrees), rtol=0, atol=1e-2)
    torch.testing.assert_close(after.abs(), before.abs(), rtol=0, atol=1e-4)
    torch.testing.assert_close(velocity(moved)[..., 2], velocity(batch)[..., 2], rtol=0, atol=1e-4)


def test_speed_is_a_factor_on_every_velocity(batch: dict[str, torch.Tensor]) -> None:
    moved = piece("uav/moved", speed=1.5)(batch, generators(64), train=True)
    torch.testing.assert_close(velocity(moved), 1.5 * velocity(batch), rtol=0, atol=2e-4)
    assert torch.equal(moved[PAST][:, -1], batch[PAST][:, -1])


def test_mirror_turns_left_bends_right_in_half_of_the_examples(batch: dict[str, torch.Tensor]) -> None:
    mirrored = piece("uav/mirror")(batch, generators(64), train=True)

    def turning(flown: torch.Tensor) -> torch.Tensor:
        """Rate of turn, positive to the left."""
        (east, north), (later_east, later_north) = flown[:, 0, :2].T, flown[:, 1, :2].T
        return east * later_north - north * later_east

    ratio = turning(velocity(mirrored)) / turning(velocity(batch))
    assert set(ratio.round().tolist()) == {-1.0, 1.0}
    assert 16 < int((ratio < 0).sum()) < 48
    torch.testing.assert_close(
        velocity(mirrored).norm(dim=-1), velocity(batch).norm(dim=-1), rtol=0, atol=1e-4
    )


def test_noise_is_on_the_past_alone_and_never_larger_than_told(batch: dict[str, torch.Tensor]) -> None:
    many = {name: value.repeat(10, *[1] * (value.ndim - 1)) for name, value in batch.items()}
    noisy = piece("uav/noise", largest=0.1)(many, generators(640), train=True)
    assert noisy[AHEAD] is many[AHEAD]
    spread = (noisy[PAST] - many[PAST]).flatten(1).std(dim=1)
    without = spread == 0
    assert float(without.double().mean()) == pytest.approx(0.5, abs=0.08)
    # Standard deviations uniform in 0 .. 0.1 have the mean 0.05; 60 draws measure each to 9 %.
    assert float(spread[~without].mean()) == pytest.approx(0.05, rel=0.1)
    assert float(spread.max()) < 0.13


@pytest.mark.parametrize("name", ["uav/mirror", "uav/noise"])
def test_draws_depend_on_the_generator_of_the_example_alone(
    batch: dict[str, torch.Tensor], name: str
) -> None:
    augment = piece(name)
    whole = augment(batch, generators(64), train=True)
    part = augment({key: value[40:] for key, value in batch.items()}, generators(24, first=40), train=True)
    assert torch.equal(whole[PAST][40:], part[PAST])


def test_vectors_that_would_not_move_along_are_refused(batch: dict[str, torch.Tensor]) -> None:
    vectors = {"velocity": 0, "velocity_forecast": 0}
    with pytest.raises(ConfigError, match="also holds velocity, velocity_forecast, which would stay"):
        piece("uav/moved", speed=2.0)(batch | vectors, generators(64), train=True)
    with pytest.raises(ConfigError, match="speed"):
        piece("uav/moved", speed=-1.0)
