"""Each row of the table of fields in the card of `uav/rosbag` has an example that fails if it is not so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import get_types_from_msg

from datasets.factory.errors import BuildError
from datasets.uav.rosbag import read_rosbag
from datasets.uav.tracks import Flight, checked
from tests.datasets.cards import fields
from tests.datasets.uav import test_axes as axes
from tests.datasets.uav import test_rosbag as bags
from tests.datasets.uav import test_transforms as tree
from tests.datasets.uav.logs import OF_ROS2, ROS2, write_bag2

TIMES = 1 + np.arange(20) / 10
EAST = (0.0, 1.0, 2.0)
NOSE_NORTH = (0.5**0.5, 0.0, 0.0, 0.5**0.5)


def bag(folder: Path, make: Callable[[float], Any], times: Sequence[float] = tuple(TIMES)) -> Path:
    """Write one topic whose messages were recorded every 0.1 s."""
    recorded = [("/p", 9 + index / 10, make(time)) for index, time in enumerate(times)]
    return write_bag2(folder / f"bag{len(list(folder.iterdir()))}", recorded)


def read(
    folder: Path, make: Callable[[float], Any], times: Sequence[float] = tuple(TIMES), **keys: Any
) -> Flight:
    (flight,) = read_rosbag(bag(folder, make, times), **keys)
    return flight


def pose(time: float) -> Any:
    return OF_ROS2.pose_stamped(time, (time, 1, 2))


def refused(
    folder: Path, match: str, make: Callable[[float], Any], times: Sequence[float] = tuple(TIMES)
) -> None:
    with pytest.raises(BuildError, match=match):
        read(folder, make, times)


def odometry(folder: Path) -> None:
    flight = read(folder, lambda t: OF_ROS2.odometry(t, EAST, NOSE_NORTH, (1, 0, 0), (0, 0, 1)))
    assert set(flight.series()) == {"position", "attitude", "velocity", "angular_velocity"}
    np.testing.assert_allclose(flight.velocity, np.tile([0, 1, 0], (20, 1)), atol=1e-12)


def pose_stamped(folder: Path) -> None:
    flight = read(folder, pose)
    np.testing.assert_allclose(flight.position[:, 0], TIMES)
    np.testing.assert_array_equal(flight.attitude, np.tile([1, 0, 0, 0], (20, 1)))
    assert flight.velocity is flight.angular_velocity is None


def vehicle_odometry(folder: Path) -> None:
    (flight,) = read_rosbag(axes.vehicle_odometry(folder / "bag"))
    assert set(flight.series()) == {"position", "attitude", "velocity", "angular_velocity"}


def other_types(folder: Path) -> None:
    types = get_types_from_msg(
        "std_msgs/Header header\ngeometry_msgs/Pose[] poses", "geometry_msgs/msg/PoseArray"
    )
    assert set(types) <= set(ROS2.fielddefs)

    def several(time: float) -> Any:
        return ROS2.types["geometry_msgs/msg/PoseArray"](OF_ROS2.header(time), [OF_ROS2.pose(EAST)])

    refused(folder, r"no topic of .*It has /p \(geometry_msgs/PoseArray\)", several)


def all_zero(folder: Path) -> None:
    flight = read(folder, pose, [0.0] * 5)
    np.testing.assert_allclose(flight.stamps, 9 + np.arange(5) / 10)
    assert "the times of recording are used instead" in flight.remarks[0]


def set_back(folder: Path) -> None:
    refused(
        folder, "the clock is set back from 5.1 s to 1 s .*`clock=restarting`", pose, [5.0, 5.1, 1.0, 1.1]
    )


def recording(folder: Path) -> None:
    np.testing.assert_allclose(read(folder, pose, clock="recording").stamps, 9 + np.arange(20) / 10)


def frame_id(folder: Path) -> None:
    for name, expected in (
        ("odom_ned", [1, 0, -2]), ("odom_enu", EAST), ("odom_nwu", [-1, 0, 2]), ("odom_frd", [0, -1, -2]),
        ("odom_flu", EAST), ("odom", EAST), ("", EAST),
    ):  # fmt: skip

        def make(t: float, name: str = name) -> Any:
            return OF_ROS2.pose_stamped(t, EAST, frame=name)

        np.testing.assert_array_equal(read(folder, make).position, np.tile(expected, (20, 1)))


def no_fixed_frame(folder: Path) -> None:
    for name in ("base_link", "camera_optical_frame", "earth"):
        refused(
            folder, f"'{name}'.*`frame=enu`", lambda t, name=name: OF_ROS2.pose_stamped(t, EAST, frame=name)
        )  # type: ignore[misc]


def child_frame_id(folder: Path) -> None:
    for fixed, name, expected in (
        ("odom", "base_link_frd", [-1, 1]), ("odom", "body_flu", [1, 1]), ("odom", "base_link_ned", [-1, 1]),
        ("odom", "drone", [1, 1]), ("odom", "base_link", [1, 1]), ("odom_ned", "drone", [-1, -1]),
    ):  # fmt: skip

        def make(t: float, fixed: str = fixed, name: str = name) -> Any:
            right_way_up = (1, 0, 0, 0) if (name in ("drone", "base_link", "body_flu")) else (0, 1, 0, 0)
            return OF_ROS2.odometry(t, EAST, right_way_up, (0, 0, 0), (0, 1, 1), name, fixed)

        flight = read(folder, make)
        assert flight.angular_velocity is not None
        about_left = -1 if expected[0] < 0 else 1
        np.testing.assert_array_equal(flight.angular_velocity[0], [0, about_left, about_left])
        assert flight.attitude is not None
        assert abs(flight.attitude[0, 1]) + abs(flight.attitude[0, 2]) < 1e-9  # upright


def pose_and_velocity_frames(folder: Path) -> None:
    axes.test_unknown_frame_of_px4_is_refused_and_unknown_velocity_left_unknown(folder)


def px4(folder: Path) -> None:
    axes.test_odometry_of_px4_states_its_frames_by_constants(1, 3, "body", folder)


def not_a_number(folder: Path) -> None:
    flight = read(folder, lambda t: OF_ROS2.pose_stamped(t, (np.nan if t < 1.05 else t, 1, 2)))
    assert flight.left_out == {"without a position": 1}
    np.testing.assert_allclose(flight.stamps, TIMES[1:])


def no_rotation(folder: Path) -> None:
    for unknown in ((0, 0, 0, 0), (np.nan, 0, 0, 0)):

        def make(t: float, unknown: tuple[float, ...] = unknown) -> Any:
            return OF_ROS2.pose_stamped(t, (t, 1, 2), unknown if t < 1.05 else (1, 0, 0, 0))

        attitude = checked(read(folder, make)).attitude
        assert attitude is not None
        np.testing.assert_array_equal(np.isnan(attitude).any(axis=1), TIMES < 1.05)


def covariance(folder: Path) -> None:
    def make(t: float) -> Any:
        message = OF_ROS2.odometry(t, EAST)
        message.pose.covariance[:] = 1e9
        return message

    assert set(read(folder, make).series()) == {"position", "attitude"}


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "`nav_msgs/Odometry`": odometry,
    "`geometry_msgs/PoseStamped`": pose_stamped,
    "`nav_msgs/Path`": bags.test_each_pose_of_a_growing_path_counts_once_as_it_was_published_last,
    "`px4_msgs/VehicleOdometry`": vehicle_odometry,
    "`geometry_msgs/PoseWithCovarianceStamped`, `geometry_msgs/TransformStamped`": lambda folder: (
        bags.test_other_poses_are_read_where_nothing_says_more("transform", folder)
    ),
    "`geometry_msgs/PointStamped`": lambda folder: bags.test_other_poses_are_read_where_nothing_says_more(
        "point", folder
    ),
    "`tf2_msgs/TFMessage`, `tf/tfMessage`": (
        tree.test_transforms_on_the_way_are_multiplied_and_those_unknown_left_out
    ),
    "other types, such as `geometry_msgs/PoseArray`": other_types,
    "several topics that fit": bags.test_topic_is_chosen_where_several_fit,
    "`header.stamp`": pose_stamped,
    "stamps that are all zero": all_zero,
    "a stamp of zero among others": lambda folder: (
        bags.test_poses_from_before_the_clock_are_left_out_and_counted(3, folder)
    ),
    "stamps that are set back": set_back,
    "stamps that never change": bags.test_stamp_that_never_changes_is_named,
    "order of the messages": bags.test_messages_that_changed_places_are_put_in_order_with_a_remark,
    "times of recording": recording,
    "`header.frame_id`": frame_id,
    "`header.frame_id` of the vehicle, a camera or the Earth": no_fixed_frame,
    "`child_frame_id`": child_frame_id,
    "frames that contradict each other": (axes.test_vehicle_on_its_back_is_refused_until_its_axes_are_said),
    "frames that change": axes.test_frame_that_changes_is_refused,
    "several vehicles under one topic": bags.test_vehicles_that_share_a_topic_are_refused,
    "`twist`": lambda folder: axes.test_twist_in_the_frame_of_the_position_is_turned_from_there(
        "ned", "frd", folder
    ),
    "`twist` that the positions contradict": lambda folder: (
        axes.test_velocities_that_positions_contradict_are_refused_until_their_axes_are_said("world", folder)
    ),
    "`pose_frame`, `velocity_frame`": pose_and_velocity_frames,
    "`timestamp`, `timestamp_sample`": px4,
    "`reset_counter`": px4,
    "position that is not a number": not_a_number,
    "quaternion of zeros, or not a number": no_rotation,
    "`covariance`": covariance,
    "`quality`, `seq`": pose_stamped,
    "descriptions of types": axes.test_type_that_neither_bag_nor_ros_describes_is_named,
    "units": pose_stamped,
}


@pytest.mark.parametrize("field", fields("uav/rosbag"))
def test_field_is_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)
