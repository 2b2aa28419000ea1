"""Random paths: every family stays where it may, and flies what a vehicle can where feed-forward is sent."""

import numpy as np
import pytest

from datasets.uav.paths import BOX, DRAWN, FEASIBLE_ACCELERATION, FEASIBLE_SPEED, draw_path

TIME = np.arange(201) * 0.1


def drawn(family: str, count: int = 30, feedforward: bool = False) -> np.ndarray:
    """Positions, velocities and accelerations, shape (count, 3, k, 3)."""
    paths = [draw_path(family, TIME, feedforward, np.random.default_rng(seed)) for seed in range(count)]
    return np.array([(path.position, path.velocity, path.acceleration) for path in paths])


@pytest.mark.parametrize("family", DRAWN)
def test_setpoints_stay_above_ground_and_near_the_field(family: str) -> None:
    position = drawn(family)[:, 0]
    assert position[..., 2].min() > 0.0
    assert np.abs(position[..., :2]).max() < 60.0


@pytest.mark.parametrize("family", ["circle", "lemniscate", "lissajous"])
def test_paths_with_feed_forward_can_be_flown(family: str) -> None:
    _, velocity, acceleration = np.moveaxis(drawn(family, feedforward=True), 1, 0)
    assert np.linalg.norm(velocity, axis=-1).max() <= FEASIBLE_SPEED + 1e-9
    assert np.linalg.norm(acceleration, axis=-1).max() <= FEASIBLE_ACCELERATION + 1e-9


@pytest.mark.parametrize("family", ["circle", "lemniscate"])
def test_rings_cover_the_ranges_of_the_generators_defaults_and_launch_files(family: str) -> None:
    _, velocity, _ = np.moveaxis(drawn(family, count=300), 1, 0)
    speed = np.linalg.norm(velocity, axis=-1).max(axis=1)
    stretch = {"circle": 1.0, "lemniscate": 5.0**0.5}[family]
    slow = speed <= 5.0 * stretch + 1e-6  # 5 m at 1 rad/s
    assert 0.03 < 1.0 - slow.mean() < 0.2
    assert speed.min() < 1.0 * stretch
    assert 15.0 * stretch < speed.max() <= 45.0 * stretch


def test_half_of_the_circles_are_level() -> None:
    height = np.ptp(drawn("circle", count=300)[:, 0, :, 2], axis=1)
    assert np.mean(height < 1e-9) == pytest.approx(0.5, abs=0.1)


def test_minimum_snap_passes_smoothly_and_keeps_its_limits() -> None:
    position, velocity, acceleration = np.moveaxis(drawn("minimum_snap"), 1, 0)
    assert np.linalg.norm(velocity, axis=-1).max() <= 12.0 * 1.01
    assert np.linalg.norm(acceleration, axis=-1).max() <= 8.0 * 1.01
    step = np.diff(position, axis=1) / 0.1 - 0.5 * (velocity[:, 1:] + velocity[:, :-1])
    assert np.abs(step).max() < 0.1  # also where one path ends and the next begins


def test_waypoints_of_lines_lie_in_the_box_and_speed_is_constant() -> None:
    position, velocity, _ = np.moveaxis(drawn("line"), 1, 0)
    assert (position >= BOX[:, 0] - 1e-9).all()
    assert (position <= BOX[:, 1] + 1e-9).all()
    speed = np.linalg.norm(velocity, axis=-1)
    np.testing.assert_allclose(speed, np.broadcast_to(speed[:, :1], speed.shape))


@pytest.mark.parametrize(
    ("family", "shortest", "longest"), [("go_to", 4.0, 10.0), ("goal_switching", 1.0, 4.0)]
)
def test_goals_change_at_their_intervals(family: str, shortest: float, longest: float) -> None:
    for position in drawn(family)[:, 0]:
        changes = TIME[1:][(np.diff(position, axis=0) != 0.0).any(axis=1)]
        gaps = np.diff(np.concatenate([[0.0], changes]))
        assert gaps.min() >= shortest - 0.1 - 1e-9
        assert gaps.max() <= longest + 0.1 + 1e-9


@pytest.mark.parametrize("family", DRAWN)
def test_a_path_follows_from_its_generator(family: str) -> None:
    np.testing.assert_array_equal(drawn(family, count=2), drawn(family, count=2))
