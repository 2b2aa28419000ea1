"""Frames of ROS are turned to those of a store by their names, or refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scipy.spatial.transform import Rotation

from datasets.factory.errors import BuildError
from datasets.uav.rosbag import read_rosbag
from datasets.uav.tracks import Flight
from tests.datasets.uav.logs import LEVEL, OF_ROS1, OF_ROS2, write_bag1, write_bag2

TIMES = 100 + np.arange(0, 4, 0.05)
COLUMNS = {
    "enu": np.eye(3),
    "flu": np.eye(3),
    "ned": np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]]).T,
    "frd": np.diag([1, -1, -1]),
    "nwu": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]).T,
    "rdf": np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]).T,
}
"""Matrices of the axes, one axis a column."""


class Truth:
    """A climbing turn, nose along the way and banked, in east, north, up and forward, left, up."""

    turn = 0.4 * (TIMES - TIMES[0])
    position = np.stack([5 * np.sin(turn), 5 - 5 * np.cos(turn), 3 + 0.5 * (TIMES - TIMES[0])], axis=1)
    velocity = np.stack([2 * np.cos(turn), 2 * np.sin(turn), 0.5 + 0 * turn], axis=1)
    attitude = Rotation.from_euler("ZYX", np.stack([turn, -0.1 + 0 * turn, 0.2 + 0 * turn], axis=1))
    rates = np.tile([0.1, -0.05, 0.4], (len(TIMES), 1))


def odometry(
    path: Path, world: str, body: str, frames: tuple[str, str], *, twist: str = "body", **more: Any
) -> Path:
    """Write the flight with the axes and under the names of frames."""
    fixed, moving = COLUMNS[world], COLUMNS[body]
    turns = Rotation.from_matrix(fixed.T @ Truth.attitude.as_matrix() @ moving).as_quat()[:, [3, 0, 1, 2]]
    if twist == "body":
        linear, angular = Truth.attitude.inv().apply(Truth.velocity) @ moving, Truth.rates @ moving
    else:
        linear, angular = Truth.velocity @ fixed, Truth.attitude.apply(Truth.rates) @ fixed
    recorded = [
        ("/odom", t, OF_ROS2.odometry(t, *values, frame=frames[0], child=frames[1]))
        for t, *values in zip(TIMES, Truth.position @ fixed, turns, linear, angular, strict=True)
    ]
    return write_bag2(path, recorded, **more)


def require_truth(flight: Flight) -> None:
    np.testing.assert_allclose(flight.position, Truth.position, atol=1e-9)
    np.testing.assert_allclose(flight.velocity, Truth.velocity, atol=1e-9)
    np.testing.assert_allclose(flight.angular_velocity, Truth.rates, atol=1e-9)
    assert flight.attitude is not None
    found = Rotation.from_quat(flight.attitude[:, [1, 2, 3, 0]])
    assert (found.inv() * Truth.attitude).magnitude().max() < 1e-7


@pytest.mark.parametrize(
    ("world", "body", "frames"),
    [
        ("enu", "flu", ("odom", "base_link")),
        ("ned", "frd", ("odom_ned", "base_link_frd")),
        ("ned", "flu", ("odom_ned", "base_link")),
        ("ned", "flu", ("map_NED", "uav1/base_link")),
        ("enu", "frd", ("map", "base_link_frd")),
        ("ned", "frd", ("/uav1/world_ned", "/uav1/body")),
        ("ned", "frd", ("localNed", "drone")),
        ("ned", "frd", ("world_ned", "base_link_ned")),
        ("nwu", "flu", ("map_nwu", "base_link")),
        ("enu", "rdf", ("map", "camera_optical_frame")),
        ("enu", "flu", ("gravity_aligned", "body_FLU")),
    ],
)
def test_frames_are_turned_by_their_names(
    world: str, body: str, frames: tuple[str, str], tmp_path: Path
) -> None:
    (flight,) = read_rosbag(odometry(tmp_path / "bag", world, body, frames))
    require_truth(flight)


@pytest.mark.parametrize(("world", "body"), [("enu", "flu"), ("ned", "frd")])
def test_twist_in_the_frame_of_the_position_is_turned_from_there(
    world: str, body: str, tmp_path: Path
) -> None:
    path = odometry(tmp_path / "bag", world, body, (f"map_{world}", f"map_{world}"), twist="world")
    (flight,) = read_rosbag(path)
    require_truth(flight)


def test_vehicle_on_its_back_is_refused_until_its_axes_are_said(tmp_path: Path) -> None:
    path = odometry(tmp_path / "bag", "ned", "frd", ("world_ned", "base_link"))
    with pytest.raises(BuildError, match=r"'world_ned' \(ned\) and 'base_link' \(flu\) .* flies on its back"):
        read_rosbag(path)
    require_truth(read_rosbag(path, frame="ned")[0])


@pytest.mark.parametrize(
    "frame",
    ["base_link", "uav1/base_link", "body_FLU", "fcu", "earth", "camera_optical_frame", "map_neu", "ned_enu"],
)
def test_frame_that_is_none_over_the_ground_is_refused_until_its_axes_are_said(
    frame: str, tmp_path: Path
) -> None:
    path = odometry(tmp_path / "bag", "ned", "frd", (frame, "vehicle"))
    with pytest.raises(BuildError, match=rf"message of /odom.*'{frame}'.*`frame=enu` .*`frame=ned`"):
        read_rosbag(path)
    require_truth(read_rosbag(path, frame="ned")[0])


def test_frame_that_changes_is_refused(tmp_path: Path) -> None:
    poses = [OF_ROS2.pose_stamped(t, (t, 0, 1), frame="map" if t < 102 else "map_ned") for t in TIMES]
    path = write_bag2(tmp_path / "bag", [("/pose", t, each) for t, each in zip(TIMES, poses, strict=True)])
    with pytest.raises(
        BuildError, match=r"message of /pose 41: the frames are 'map_ned' and '', and were 'map'"
    ):
        read_rosbag(path)


@pytest.mark.parametrize("true", ["world", "body"])
def test_velocities_that_positions_contradict_are_refused_until_their_axes_are_said(
    true: str, tmp_path: Path
) -> None:
    frames = ("map", "base_link") if true == "world" else ("map", "map")
    path = odometry(tmp_path / "bag", "enu", "flu", frames, twist=true)
    with pytest.raises(BuildError, match=rf"off the change of the position by .*%; say `twist={true}`"):
        read_rosbag(path)
    require_truth(read_rosbag(path, twist=true)[0])  # type: ignore[arg-type]
    named = "body" if true == "world" else "world"
    assert read_rosbag(path, twist=named)[0].velocity is not None  # type: ignore[arg-type]


PX4 = """uint64 timestamp
uint64 timestamp_sample
uint8 POSE_FRAME_NED=1
uint8 pose_frame
float32[3] position
float32[4] q
uint8 velocity_frame
float32[3] velocity
float32[3] angular_velocity
uint8 reset_counter
"""


def vehicle_odometry(path: Path, *, pose: int = 1, velocity: int = 1, twist: str = "world") -> Path:
    """Write the flight as PX4's uXRCE-DDS bridge does; the tenth position is invalid, the 20th resets."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg(PX4, "px4_msgs/msg/VehicleOdometry"))
    fixed, moving = COLUMNS["ned" if pose == 1 else "frd"], COLUMNS["frd"]
    turns = Rotation.from_matrix(fixed.T @ Truth.attitude.as_matrix() @ moving).as_quat()[:, [3, 0, 1, 2]]
    along = (
        Truth.velocity @ fixed if twist == "world" else Truth.attitude.inv().apply(Truth.velocity) @ moving
    )
    places = Truth.position @ fixed
    places[9] = np.nan
    rates = (Truth.rates @ moving).astype(np.float32)
    recorded = []
    for number, (t, place, q, v) in enumerate(zip(TIMES, places, turns, along, strict=True)):
        message = store.types["px4_msgs/msg/VehicleOdometry"](
            round(t * 1e6) + 3000, round(t * 1e6), pose, place.astype(np.float32), q.astype(np.float32),
            velocity, v.astype(np.float32), rates[number], int(number >= 20),
        )  # fmt: skip
        recorded.append(("/fmu/out/vehicle_odometry", t, message))
    return write_bag2(path, recorded, typestore=store)


@pytest.mark.parametrize(
    ("pose", "velocity", "twist"), [(1, 1, "world"), (1, 3, "body"), (2, 2, "world"), (2, 3, "body")]
)
def test_odometry_of_px4_states_its_frames_by_constants(
    pose: int, velocity: int, twist: str, tmp_path: Path
) -> None:
    path = vehicle_odometry(tmp_path / "bag", pose=pose, velocity=velocity, twist=twist)
    (flight,) = read_rosbag(path)
    valid = np.arange(len(TIMES)) != 9
    np.testing.assert_allclose(flight.stamps, TIMES[valid], rtol=0, atol=1e-6)
    np.testing.assert_allclose(flight.position, Truth.position[valid], atol=1e-5)
    np.testing.assert_allclose(flight.velocity, Truth.velocity[valid], atol=1e-5)
    np.testing.assert_allclose(flight.angular_velocity, Truth.rates[valid], atol=1e-6)
    assert flight.left_out == {"without a position": 1}
    assert flight.segments is not None
    np.testing.assert_array_equal(np.flatnonzero(np.diff(flight.segments)), [18])


def test_unknown_frame_of_px4_is_refused_and_unknown_velocity_left_unknown(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"are in the frame 'unknown' .*`frame=ned`"):
        read_rosbag(vehicle_odometry(tmp_path / "pose", pose=0))
    assert read_rosbag(vehicle_odometry(tmp_path / "velocity", velocity=0))[0].velocity is None


def test_type_that_neither_bag_nor_ros_describes_is_named(tmp_path: Path) -> None:
    path = vehicle_odometry(tmp_path / "bag")
    with closing(sqlite3.connect(next(path.glob("*.db3")))) as database:
        database.execute("delete from message_definitions")
        database.commit()
    with pytest.raises(
        BuildError, match=r"does not describe the type px4_msgs/msg/VehicleOdometry .*`ros2 bag convert`"
    ):
        read_rosbag(path)


def test_body_without_a_name_fits_the_fixed_frame_or_is_said(tmp_path: Path) -> None:
    on_its_back = (0.0, 1.0, 0.0, 0.0)
    for name, attitude in (("frd", LEVEL), ("flu", on_its_back)):
        recorded = [("/p", t, OF_ROS1.pose_stamped(t, (t, 2, -3), attitude, "/map_ned")) for t in (1.0, 1.1)]
        path = write_bag1(tmp_path / f"{name}.bag", recorded)
        if name == "flu":
            with pytest.raises(BuildError, match=r"flies on its back, .*`frame=ned/flu`"):
                read_rosbag(path)
        (flight,) = read_rosbag(path, frame="ned/flu" if name == "flu" else None)
        np.testing.assert_allclose(flight.position, [[2, 1, 3], [2, 1.1, 3]])
        assert flight.attitude is not None
        up = Rotation.from_quat(flight.attitude[0, [1, 2, 3, 0]]).apply([0, 0, 1])
        np.testing.assert_allclose(up, [0, 0, 1], atol=1e-12)
