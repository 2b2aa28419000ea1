"""The way of one frame in another comes out of the tree of transforms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datasets.factory.errors import BuildError
from datasets.uav.rosbag import read_rosbag
from tests.datasets.uav.logs import OF_ROS2, write_bag2

TIMES = 100 + np.arange(0, 3, 0.05)
QUARTER = (0.5**0.5, 0.0, 0.0, 0.5**0.5)
"""A quarter turn to the left."""


def tree(path: Path, *, corrections: float = 0.5) -> Path:
    """Odometry at 20 Hz below a slow correction, a sensor at rest on the vehicle, and another vehicle."""
    fixed = OF_ROS2.transform(0, (0, 0, 0.5), QUARTER, frames=("base_link", "camera"))
    recorded = [("/tf_static", 99.0, OF_ROS2.tree(fixed))]
    for t in TIMES:
        east = 2 * (t - 100)
        moved = OF_ROS2.transform(t, (east, 0, 3), frames=("odom", "base_link"))
        other = OF_ROS2.transform(t, (0, east, 9), frames=("map", "uav2"))
        recorded.append(("/tf", t, OF_ROS2.tree(moved, other)))
    for t in np.arange(100, 102.6, corrections):
        drift = OF_ROS2.transform(t, (10 * (t - 100), 7, 0), QUARTER, frames=("map", "odom"))
        recorded.append(("/tf", t, OF_ROS2.tree(drift)))
    return write_bag2(path, recorded)


def test_frames_are_listed_and_chosen(tmp_path: Path) -> None:
    path = tree(tmp_path / "bag")
    with pytest.raises(
        BuildError,
        match=r"'/tf' holds transforms of several frames, .*`parent=odom child=base_link`; it has "
        r"map -> odom \(6\), map -> uav2 \(60\), odom -> base_link \(60\); "
        r"and at rest base_link -> camera \(1\)",
    ):
        read_rosbag(path)
    (flight,) = read_rosbag(path, parent="odom", child="base_link")
    np.testing.assert_allclose(flight.stamps, TIMES)
    np.testing.assert_allclose(flight.position[:, 0], 2 * (TIMES - 100), atol=1e-9)
    (other,) = read_rosbag(path, parent="/map", child="/uav2")
    np.testing.assert_allclose(other.position[:, 2], 9)


def test_transforms_on_the_way_are_multiplied_and_those_unknown_left_out(tmp_path: Path) -> None:
    (flight,) = read_rosbag(tree(tmp_path / "bag"), parent="map", child="camera")
    known = TIMES <= 102.5 + 1e-6
    assert flight.left_out == {"without a position": int((~known).sum())}
    t = TIMES[known] - 100
    # East of odom is north of the map, whose offset moves east at 10 m/s.
    np.testing.assert_allclose(flight.position, np.stack([10 * t, 7 + 2 * t, 3.5 + 0 * t], 1), atol=1e-6)
    assert flight.attitude is not None
    forward = Rotation.from_quat(flight.attitude[:, [1, 2, 3, 0]]).apply([1, 0, 0])
    np.testing.assert_allclose(forward, np.tile([-1, 0, 0], (len(t), 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("parent", "child", "found"),
    [
        ("base_link", "map", "no transforms from 'base_link' down to 'map'; it has map -> odom"),
        ("map", "moon", "no transforms from 'map' down to 'moon'"),
        ("base_link", "camera", "only transforms at rest from 'base_link' down to 'camera'"),
        ("map", None, "expected two that are named, such as `parent="),
    ],
)
def test_frames_that_are_not_joined_are_listed(
    parent: str, child: str | None, found: str, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match=found):
        read_rosbag(tree(tmp_path / "bag"), parent=parent, child=child)


def test_single_transform_needs_no_choice_and_odometry_comes_first(tmp_path: Path) -> None:
    recorded = [
        ("/tf", t, OF_ROS2.tree(OF_ROS2.transform(t, (t, 2, 3), frames=("world_ned", "base_link_frd"))))
        for t in (1.0, 1.1)
    ]
    (flight,) = read_rosbag(write_bag2(tmp_path / "a", recorded))
    np.testing.assert_allclose(flight.position, [[2, 1, -3], [2, 1.1, -3]])
    both = [*recorded, *(("/odom", t, OF_ROS2.odometry(t, (7, 8, 9))) for t in (1.0, 1.1))]
    (flight,) = read_rosbag(write_bag2(tmp_path / "b", both))
    np.testing.assert_allclose(flight.position, [[7, 8, 9]] * 2)
    with pytest.raises(BuildError, match=r"'/odom' is nav_msgs/Odometry, expected tf/tfMessage, tf2_msgs"):
        read_rosbag(tmp_path / "b", topic="/odom", parent="world_ned", child="base_link_frd")
