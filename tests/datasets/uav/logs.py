"""Writes logs for tests: bags through `rosbags`, ULog by the few messages that its format needs."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

ODOMETRY, POSE, PATH = "nav_msgs/msg/Odometry", "geometry_msgs/msg/PoseStamped", "nav_msgs/msg/Path"
LEVEL = (1.0, 0.0, 0.0, 0.0)
ROS1, ROS2 = get_typestore(Stores.ROS1_NOETIC), get_typestore(Stores.ROS2_HUMBLE)


class Messages:
    """Makes messages of one generation of ROS."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.types = store.types

    def header(self, stamp: float, frame: str = "map") -> Any:
        nanoseconds = round(stamp * 1e9)
        time = self.types["builtin_interfaces/msg/Time"](
            sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9
        )
        first = {"seq": 0} if self.store is ROS1 else {}
        return self.types["std_msgs/msg/Header"](**first, stamp=time, frame_id=frame)

    def vector(self, values: Sequence[float]) -> Any:
        return self.types["geometry_msgs/msg/Vector3"](*map(float, values))

    def pose(self, position: Sequence[float], attitude: Sequence[float] = LEVEL) -> Any:
        w, x, y, z = map(float, attitude)
        return self.types["geometry_msgs/msg/Pose"](
            position=self.types["geometry_msgs/msg/Point"](*map(float, position)),
            orientation=self.types["geometry_msgs/msg/Quaternion"](x=x, y=y, z=z, w=w),
        )

    def pose_stamped(
        self,
        stamp: float,
        position: Sequence[float],
        attitude: Sequence[float] = LEVEL,
        frame: str = "map",
    ) -> Any:
        return self.types[POSE](header=self.header(stamp, frame), pose=self.pose(position, attitude))

    def pose_with_covariance(self, stamp: float, position: Sequence[float]) -> Any:
        pose = self.types["geometry_msgs/msg/PoseWithCovariance"](self.pose(position), np.zeros(36))
        return self.types["geometry_msgs/msg/PoseWithCovarianceStamped"](self.header(stamp), pose)

    def point(self, stamp: float, position: Sequence[float], frame: str = "map") -> Any:
        point = self.types["geometry_msgs/msg/Point"](*map(float, position))
        return self.types["geometry_msgs/msg/PointStamped"](self.header(stamp, frame), point)

    def transform(
        self,
        stamp: float,
        position: Sequence[float],
        attitude: Sequence[float] = LEVEL,
        frames: tuple[str, str] = ("map", "base_link"),
    ) -> Any:
        pose = self.pose(position, attitude)
        return self.types["geometry_msgs/msg/TransformStamped"](
            self.header(stamp, frames[0]),
            frames[1],
            self.types["geometry_msgs/msg/Transform"](self.vector(position), pose.orientation),
        )

    def tree(self, *transforms: Any) -> Any:
        return self.types["tf2_msgs/msg/TFMessage"](list(transforms))

    def path(self, stamp: float, poses: Sequence[Any], frame: str = "map") -> Any:
        return self.types[PATH](header=self.header(stamp, frame), poses=list(poses))

    def odometry(
        self,
        stamp: float,
        position: Sequence[float],
        attitude: Sequence[float] = LEVEL,
        linear: Sequence[float] = (0, 0, 0),
        angular: Sequence[float] = (0, 0, 0),
        child: str = "base_link",
        frame: str = "map",
    ) -> Any:
        twist = self.types["geometry_msgs/msg/Twist"](
            linear=self.vector(linear), angular=self.vector(angular)
        )
        return self.types[ODOMETRY](
            header=self.header(stamp, frame),
            child_frame_id=child,
            pose=self.types["geometry_msgs/msg/PoseWithCovariance"](
                pose=self.pose(position, attitude), covariance=np.zeros(36)
            ),
            twist=self.types["geometry_msgs/msg/TwistWithCovariance"](twist=twist, covariance=np.zeros(36)),
        )

    def words(self, text: str) -> Any:
        return self.types["std_msgs/msg/String"](data=text)


OF_ROS1, OF_ROS2 = Messages(ROS1), Messages(ROS2)
Recorded = Sequence[tuple[str, float, Any]]
"""Topic, time of recording (s) and message."""


def write_bag1(path: Path, recorded: Recorded) -> Path:
    """Write a bag of ROS 1."""
    with Writer1(path) as writer:
        connections: dict[str, Any] = {}
        for topic, time, message in recorded:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=ROS1)
            writer.write(connections[topic], round(time * 1e9), ROS1.serialize_ros1(message, kind))
    return path


def write_bag2(
    path: Path,
    recorded: Recorded,
    plugin: StoragePlugin = StoragePlugin.SQLITE3,
    typestore: Any = ROS2,
) -> Path:
    """Write the folder of a bag of ROS 2."""
    with Writer2(path, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, time, message in recorded:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=typestore)
            writer.write(connections[topic], round(time * 1e9), typestore.serialize_cdr(message, kind))
    return path


CODES = {
    "uint64_t": "Q",
    "uint8_t": "B",
    "bool": "?",
    "float": "f",
    "float[2]": "2f",
    "float[3]": "3f",
    "float[4]": "4f",
    "double": "d",
}
Topic = tuple[Mapping[str, str], Sequence[Sequence[Any]]]
"""Types of the fields by their names (`timestamp` in µs is added) and rows, the stamp (s) first."""


def write_ulog(path: Path, topics: Mapping[str, Topic], dropouts: Mapping[float, int] | None = None) -> Path:
    """Write a log of PX4 (docs.px4.io, "ULog File Format"): header, flags, formats, subscriptions, data.

    Parameters
    ----------
    topics
        By name; `name:1` is instance 1. Those of several topics are sorted by their stamps.
    dropouts
        Durations, ms, by the stamp that they follow, s.
    """

    def message(kind: str, content: bytes) -> bytes:
        return struct.pack("<HB", len(content), ord(kind)) + content

    parts = [b"ULog\x01\x12\x35\x01" + struct.pack("<Q", 0), message("B", bytes(40))]
    for name, (fields, _) in {key.partition(":")[0]: topic for key, topic in topics.items()}.items():
        described = "".join(f"{kind} {field};" for field, kind in {"timestamp": "uint64_t", **fields}.items())
        parts.append(message("F", f"{name}:{described}".encode()))
    rows = [(stamp, message("O", struct.pack("<H", lost))) for stamp, lost in (dropouts or {}).items()]
    for number, (key, (fields, values)) in enumerate(topics.items()):
        name, _, instance = key.partition(":")
        parts.append(message("A", struct.pack("<BH", int(instance or 0), number) + name.encode()))
        layout = "<HQ" + "".join(CODES[kind] for kind in fields.values())
        for stamp, *cells in values:
            flat = [each for cell in cells for each in (cell if isinstance(cell, (list, tuple)) else [cell])]
            rows.append((stamp, message("D", struct.pack(layout, number, round(stamp * 1e6), *flat))))
    if len(topics) > 1 or dropouts:
        rows.sort(key=lambda row: row[0])
    path.write_bytes(b"".join([*parts, *(content for _, content in rows)]))
    return path
