"""Poses in messages of ROS: where they lie, of which frames they are, and when they held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

NAN = float("nan")
UNKNOWN = (NAN, NAN, NAN)
BODY_OF_PX4 = "body_frd"


class Frames(NamedTuple):
    """Names of the frames of positions and of the vehicle, and of those that velocities are along."""

    world: str
    body: str = ""
    linear: str = ""
    angular: str = ""


class Sample(NamedTuple):
    """One pose.

    Attributes
    ----------
    stamp
        ns; 0 for none.
    frames
        Frames of the numbers.
    numbers
        Position, quaternion (w, x, y, z), linear and angular velocity; NaN where there is none.
    resets
        Counter of the estimator, which changes where the pose jumps.
    """

    stamp: int
    frames: Frames
    numbers: tuple[float, ...]
    resets: int = 0


class Entry(NamedTuple):
    """A pose with the number of its message in its topic and the time of its recording, ns."""

    number: int
    time: int
    sample: Sample


def _odometry(message: Any) -> Iterator[Sample]:
    twist, world, body = message.twist.twist, _frame(message), _bare(message.child_frame_id)
    numbers = (*_pose(message.pose.pose), *_xyz(twist.linear), *_xyz(twist.angular))
    of_twist = body or world
    yield Sample(_stamp(message), Frames(world, body, of_twist, of_twist), numbers)


def _pose_stamped(message: Any) -> Iterator[Sample]:
    yield _sample(message, _pose(message.pose))


def _pose_with_covariance(message: Any) -> Iterator[Sample]:
    yield _sample(message, _pose(message.pose.pose))


def _point(message: Any) -> Iterator[Sample]:
    yield _sample(message, (*_xyz(message.point), NAN, *UNKNOWN))


def _transform(message: Any) -> Iterator[Sample]:
    moved, turned = message.transform.translation, message.transform.rotation
    yield _sample(message, (*_xyz(moved), turned.w, *_xyz(turned)), _bare(message.child_frame_id))


def transforms(message: Any) -> Iterator[Sample]:
    """Return the transforms of a message of `/tf`: poses of frames in their parents."""
    for each in message.transforms:
        yield from _transform(each)


def _path(message: Any) -> Iterator[Sample]:
    for each in message.poses:
        world = _frame(each) or _frame(message)
        yield Sample(_stamp(each), Frames(world), (*_pose(each.pose), *UNKNOWN, *UNKNOWN))


def _vehicle_odometry(message: Any) -> Iterator[Sample]:
    """Read PX4's own message, whose constants name the frames (docs.px4.io, VehicleOdometry)."""
    world = {1: "ned", 2: "frd"}.get(int(message.pose_frame), "unknown")
    linear = {1: "ned", 2: "frd", 3: BODY_OF_PX4}.get(int(message.velocity_frame))
    velocity = UNKNOWN if linear is None else message.velocity
    numbers = (*message.position, *message.q, *velocity, *message.angular_velocity)
    frames = Frames(world, BODY_OF_PX4, linear or world, BODY_OF_PX4)
    stamp = int(message.timestamp_sample or message.timestamp) * 1000
    yield Sample(stamp, frames, tuple(map(float, numbers)), int(message.reset_counter))


READERS: dict[str, Callable[[Any], Iterator[Sample]]] = {
    "nav_msgs/Odometry": _odometry,
    "geometry_msgs/PoseStamped": _pose_stamped,
    "nav_msgs/Path": _path,
    "px4_msgs/VehicleOdometry": _vehicle_odometry,
    "geometry_msgs/PoseWithCovarianceStamped": _pose_with_covariance,
    "geometry_msgs/TransformStamped": _transform,
    "geometry_msgs/PointStamped": _point,
    "tf2_msgs/TFMessage": transforms,
    "tf/tfMessage": transforms,
}
"""By types, as ROS 1 writes them; ROS 2 puts ``msg`` between package and name."""
OF_TREE = ("tf2_msgs/TFMessage", "tf/tfMessage")
"""Types whose messages hold poses of many frames."""


def _sample(message: Any, pose: tuple[float, ...], body: str = "") -> Sample:
    return Sample(_stamp(message), Frames(_frame(message), body), (*pose, *UNKNOWN, *UNKNOWN))


def _stamp(message: Any) -> int:
    """Return the stamp of a header, ns."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _frame(message: Any) -> str:
    return _bare(message.header.frame_id)


def _bare(frame: str) -> str:
    """Return a frame's name without the slash that ROS 1 may put before it."""
    return frame.removeprefix("/")


def _pose(pose: Any) -> tuple[float, ...]:
    return (*_xyz(pose.position), pose.orientation.w, *_xyz(pose.orientation))


def _xyz(vector: Any) -> tuple[float, float, float]:
    return vector.x, vector.y, vector.z
