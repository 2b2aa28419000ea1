"""Flights in bags of ROS 1 and ROS 2, whose positions are east, north, up (REP 103)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.formats import BAGS, UNKNOWN, format_of
from datasets.uav.frames import turned
from datasets.uav.tracks import UNIT_WITHIN, Flight, Numbers, one_line
from surrogates.core.optional import require
from surrogates.core.text import listing, nearest

METADATA = "metadata.yaml"
"""What makes a folder a bag of ROS 2."""


class Sample(NamedTuple):
    """One pose: its stamp (ns; 0 for none), position, quaternion (w, x, y, z), and perhaps the twist."""

    stamp: int
    numbers: tuple[float, ...]


def read_rosbag(path: Path, *, topic: str | None = None) -> list[Flight]:
    """Read one topic of Odometry, PoseStamped or Path; ignore all others.

    The velocity of Odometry is in the axes of its child frame, and is turned to those of the position. A
    pose of a Path counts once, by its stamp, as it was published last.

    Parameters
    ----------
    path
        A ``.bag``, ``.db3`` or ``.mcap`` file, or the folder of a bag of ROS 2.
    topic
        Which one, if several fit.

    Raises
    ------
    BuildError
        When the bag cannot be read, or no topic or several fit; lists topics and types.
    """
    module = require("rosbags.highlevel", f"Reading {path}")
    typesys = require("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)  # old bags of ROS 2 describe no types
    try:
        with _with_suffix(path) as named, module.AnyReader([named], default_typestore=store) as reader:
            types = {each.topic: _short(each.msgtype) for each in reader.connections}
            chosen = _choose(path, types, topic)
            connections = [each for each in reader.connections if each.topic == chosen]
            messages = (
                (time, reader.deserialize(raw, each.msgtype))
                for each, time, raw in reader.messages(connections=connections)
            )
            return [_flight(str(path), chosen, types[chosen], messages)]
    except BuildError:
        raise
    except Exception as error:  # a damaged bag fails anywhere: header, SQLite, lengths, types of messages
        raise BuildError(
            f"{path} cannot be read as a bag: {one_line(error)}; is it complete, and closed by its recorder?"
        ) from None


@contextmanager
def _with_suffix(path: Path) -> Iterator[Path]:
    """Give a bag the suffix by which rosbags knows its format: its own path, or that of a temporary link."""
    found = format_of(path) if path.is_file() else UNKNOWN
    if found not in BAGS or path.suffix == f".{found}":
        yield path
        return
    with TemporaryDirectory() as folder:
        link = Path(folder) / f"{path.name}.{found}"
        link.symlink_to(path.absolute())
        yield link


def _odometry(message: Any) -> Iterator[Sample]:
    twist = message.twist.twist
    pose = _pose(message.pose.pose)
    yield Sample(_stamp(message), (*pose, *_xyz(twist.linear), *_xyz(twist.angular)))


def _pose_stamped(message: Any) -> Iterator[Sample]:
    yield Sample(_stamp(message), _pose(message.pose))


def _path(message: Any) -> Iterator[Sample]:
    for each in message.poses:
        yield from _pose_stamped(each)


READERS: dict[str, Callable[[Any], Iterator[Sample]]] = {
    "nav_msgs/Odometry": _odometry,
    "geometry_msgs/PoseStamped": _pose_stamped,
    "nav_msgs/Path": _path,
}
"""By types, as ROS 1 writes them; ROS 2 puts ``msg`` between package and name."""


def _choose(path: Path, types: dict[str, str], topic: str | None) -> str:
    there = listing(f"{name} ({kind})" for name, kind in types.items())
    fitting = [name for name, kind in types.items() if kind in READERS]
    if topic is not None:
        if topic not in types:
            raise BuildError(f"{path} has no topic '{topic}'.{nearest(topic, types)} It has {there}")
        if topic not in fitting:
            raise BuildError(
                f"{path}: '{topic}' is {types[topic]}, expected one of {listing(READERS)}; the bag "
                f"has {there}"
            )
        return topic
    if len(fitting) != 1:
        found = "several topics" if fitting else "no topic"
        advice = f"choose by `topic={min(fitting)}`" if fitting else "record one of them"
        raise BuildError(f"{path} has {found} of {listing(READERS)}; {advice}. It has {there}")
    return fitting[0]


def _flight(source: str, topic: str, kind: str, messages: Iterable[tuple[int, Any]]) -> Flight:
    """Return the flight in the messages, read one by one: a growing path repeats all its poses."""
    path, of_body = kind == "nav_msgs/Path", False
    kept: dict[int, tuple[int, int, Sample]] = {}
    for number, (time, message) in enumerate(messages, 1):
        if number == 1 and kind == "nav_msgs/Odometry":
            of_body = message.child_frame_id not in ("", message.header.frame_id)
        for each in READERS[kind](message):
            if path and not each.stamp:
                raise BuildError(
                    f"{source}, message of {topic} {number}: a pose has no stamp, expected one in the header "
                    "of each; record the poses or the odometry that the path is made of"
                )
            kept[each.stamp if path else number] = number, time, each
    if not kept:
        raise BuildError(f"{source}: '{topic}' holds no pose; choose another topic, or record it again")
    numbers, times, samples = zip(*(kept[key] for key in sorted(kept)), strict=True)
    stamps = np.array([each.stamp for each in samples], dtype=np.int64)
    remarks: tuple[str, ...] = ()
    if not stamps.any():
        stamps = np.array(times, dtype=np.int64)
        remarks = (f"{source}: no message of '{topic}' has a stamp, the times of recording are used instead",)
    values = np.array([each.numbers for each in samples], dtype=np.float64)
    flight = Flight(
        source=source,
        stamps=stamps / 1e9,
        position=values[:, :3],
        attitude=values[:, 3:7],
        numbers=np.array(numbers),
        counted=f"message of {topic}",
        remarks=remarks,
    )
    return _with_twist(flight, values[:, 7:], of_body) if kind == "nav_msgs/Odometry" else flight


def _with_twist(flight: Flight, twist: Numbers, of_body: bool) -> Flight:
    """Add velocities, unless the publisher left them all at zero."""
    linear, angular = twist[:, :3], twist[:, 3:]
    if of_body:
        assert flight.attitude is not None
        known = np.abs(np.linalg.norm(flight.attitude, axis=1, keepdims=True) - 1) < UNIT_WITHIN
        linear = np.where(known, turned(flight.attitude, linear), np.nan)
    return replace(
        flight,
        velocity=linear if twist[:, :3].any() else None,
        angular_velocity=angular if angular.any() else None,
    )


def _short(kind: str) -> str:
    return kind.replace("/msg/", "/")


def _stamp(message: Any) -> int:
    """Return the stamp of a header, ns."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _pose(pose: Any) -> tuple[float, ...]:
    return (*_xyz(pose.position), pose.orientation.w, *_xyz(pose.orientation))


def _xyz(vector: Any) -> tuple[float, float, float]:
    return vector.x, vector.y, vector.z
