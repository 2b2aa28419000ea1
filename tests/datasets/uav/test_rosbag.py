"""Bags of both generations of ROS are read by their topic; rosbags writes them here."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from scipy.spatial.transform import Rotation

from datasets.factory.errors import BuildError
from datasets.uav.rosbag import READERS, read_rosbag
from datasets.uav.tracks import resampled
from surrogates.core import optional
from surrogates.core.errors import MissingExtraError
from tests.datasets.uav.logs import (
    ODOMETRY,
    OF_ROS1,
    OF_ROS2,
    ROS2,
    Messages,
    Recorded,
    write_bag1,
    write_bag2,
)

STAMPS = 1_700_000_000 + np.arange(0, 5, 0.03)
EAST = 2 * (STAMPS - STAMPS[0])
LATE = 0.004  # between a message's stamp and its recording, s


def flown(ros: Messages) -> Recorded:
    """Odometry at 33 Hz with a heading to the north, talk and another pose in between."""
    recorded: list[tuple[str, float, Any]] = []
    north = (0.5**0.5, 0, 0, 0.5**0.5)
    for stamp, east in zip(STAMPS, EAST, strict=True):
        recorded.append(
            ("/odom", stamp + LATE, ros.odometry(stamp, (east, 1, 2), north, (3, 0, 0), (0, 0, 0.5)))
        )
        recorded.append(("/talk", stamp + 2 * LATE, ros.words("hover")))
    return recorded


def write(kind: str, path: Path) -> Path:
    match kind:
        case "ros1":
            return write_bag1(path.with_suffix(".bag"), flown(OF_ROS1))
        case "sqlite":
            return write_bag2(path, flown(OF_ROS2))
        case "mcap":
            return write_bag2(path, flown(OF_ROS2), StoragePlugin.MCAP)
    folder = write("sqlite" if kind == ".db3" else "mcap", path)
    return next(folder.glob(f"*{kind}"))


@pytest.mark.parametrize("kind", ["ros1", "sqlite", "mcap", ".db3", ".mcap"])
def test_odometry_is_found_among_other_topics(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path / "flight")
    (flight,) = read_rosbag(path)
    np.testing.assert_allclose(flight.stamps, STAMPS, rtol=0, atol=3e-7)
    np.testing.assert_allclose(flight.position, np.stack([EAST, 0 * EAST + 1, 0 * EAST + 2], axis=1))
    assert flight.attitude is not None
    heading = Rotation.from_quat(flight.attitude[0, [1, 2, 3, 0]]).apply([1, 0, 0])
    np.testing.assert_allclose(heading, [0, 1, 0], atol=1e-12)
    # Twists are in the axes of the child frame: 3 m/s forward is 3 m/s to the north.
    np.testing.assert_allclose(flight.velocity, np.tile([0, 3, 0], (len(STAMPS), 1)), atol=1e-12)
    np.testing.assert_allclose(flight.angular_velocity, np.tile([0, 0, 0.5], (len(STAMPS), 1)))
    (track,) = resampled(flight)
    np.testing.assert_allclose(track.position[:, 0], 0.2 * np.arange(len(track.position)), atol=2e-6)


@pytest.mark.parametrize("kind", ["ros1", ".db3", ".mcap"])
def test_bag_is_known_whatever_its_name(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path / "flight")
    (expected,) = read_rosbag(path)
    for name in ("renamed.csv", "renamed"):
        (flight,) = read_rosbag(path.rename(tmp_path / name))
        np.testing.assert_array_equal(flight.position, expected.position)
        path = tmp_path / name


def test_twist_in_the_frame_of_the_position_is_not_turned_and_zeros_are_no_velocity(tmp_path: Path) -> None:
    sideways = (0.5**0.5, 0, 0, 0.5**0.5)
    world = [("/a", t, OF_ROS2.odometry(t, (t, 0, 0), sideways, (1, 0, 0), child="map")) for t in (1.0, 1.1)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "world", world))
    np.testing.assert_array_equal(flight.velocity, [[1, 0, 0], [1, 0, 0]])
    assert flight.angular_velocity is None
    silent = [("/a", t, OF_ROS2.odometry(t, (t, 0, 0))) for t in (1.0, 1.1)]
    assert read_rosbag(write_bag2(tmp_path / "silent", silent))[0].velocity is None


def test_topic_is_chosen_where_several_fit(tmp_path: Path) -> None:
    recorded = [
        *flown(OF_ROS1),
        *(
            ("/pose", STAMPS[-1] + t, OF_ROS1.pose_stamped(STAMPS[-1] + t, (t, 5, 6)))
            for t in (1.0, 1.1, 1.2)
        ),
    ]
    path = write_bag1(tmp_path / "two.bag", recorded)
    with pytest.raises(
        BuildError,
        match=r"several topics of poses: /odom \(nav_msgs/Odometry, 167 messages\), /pose .*`topic=/odom`",
    ):
        read_rosbag(path)
    (flight,) = read_rosbag(path, topic="/pose")
    np.testing.assert_allclose(flight.position, [[1.0, 5, 6], [1.1, 5, 6], [1.2, 5, 6]])
    assert flight.velocity is None
    assert flight.at(2) == f"{path}, message of /pose 3"
    with pytest.raises(BuildError, match=r"no topic '/pos'\. Did you mean '/pose'\? It has /odom"):
        read_rosbag(path, topic="/pos")
    with pytest.raises(
        BuildError, match=r"'/talk' is std_msgs/String, expected one of .*geometry_msgs/PoseStamped"
    ):
        read_rosbag(path, topic="/talk")


def test_each_pose_of_a_growing_path_counts_once_as_it_was_published_last(tmp_path: Path) -> None:
    def path(first: int, stop: int, time: float) -> tuple[str, float, Any]:
        poses = [OF_ROS2.pose_stamped(i / 10, (i + time, 0, 0)) for i in range(first, stop)]
        return "/path", time, OF_ROS2.path(time, poses)

    # The second message corrects two poses and adds one before them; the third is empty.
    recorded = [path(2, 6, 0.25), path(1, 4, 0.5), path(0, 0, 0.75)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "path", recorded))
    np.testing.assert_allclose(flight.stamps, [0.1, 0.2, 0.3, 0.4, 0.5])
    np.testing.assert_allclose(flight.position[:, 0], [1.5, 2.5, 3.5, 4.25, 5.25])


def test_messages_are_let_go_once_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poses = [OF_ROS2.pose_stamped(i / 10, (i, 0, 0)) for i in range(1, 41)]
    recorded = [("/path", i / 10, OF_ROS2.path(i / 10, poses[:i])) for i in range(1, 41)]
    there: list[int] = []
    seen: list[weakref.ref[Any]] = []
    read = READERS["nav_msgs/Path"]

    def watched(message: Any) -> Iterator[Any]:
        seen.append(weakref.ref(message))
        there.append(sum(each() is not None for each in seen))
        return read(message)

    monkeypatch.setitem(READERS, "nav_msgs/Path", watched)
    (flight,) = read_rosbag(write_bag2(tmp_path / "path", recorded))
    assert len(flight.stamps) == len(there) == 40
    assert max(there) <= 2


def test_times_of_recording_stand_in_for_missing_stamps_and_are_remarked(tmp_path: Path) -> None:
    recorded = [("/pose", 7.0 + t, OF_ROS2.pose_stamped(0, (t, 0, 0))) for t in (0.0, 0.1)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "bag", recorded))
    np.testing.assert_allclose(flight.stamps, [7.0, 7.1])
    assert "no message of '/pose' has a stamp, the times of recording are used instead" in flight.remarks[0]
    path = [("/path", 1.0, OF_ROS2.path(1, [OF_ROS2.pose_stamped(0, (0, 0, 0))]))]
    with pytest.raises(BuildError, match=r"message of /path 1: a pose has no stamp"):
        read_rosbag(write_bag2(tmp_path / "path", path))


@pytest.mark.parametrize("zeros", [3, 1])
def test_poses_from_before_the_clock_are_left_out_and_counted(zeros: int, tmp_path: Path) -> None:
    stamps = [0.0] * zeros + [130 + t / 10 for t in range(4)]
    recorded = [("/p", 7 + i / 10, OF_ROS2.pose_stamped(t, (i, 0, 0))) for i, t in enumerate(stamps)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "bag", recorded))
    np.testing.assert_allclose(flight.stamps, [130, 130.1, 130.2, 130.3])
    assert flight.left_out == {"with a stamp of zero, from before there was a clock": zeros}
    assert flight.at(0).endswith(f"message of /p {zeros + 1}")


def test_clock_that_starts_at_zero_loses_nothing(tmp_path: Path) -> None:
    recorded = [("/p", 7 + t, OF_ROS2.pose_stamped(t, (t, 0, 0))) for t in (0.0, 0.1, 0.2)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "bag", recorded))
    np.testing.assert_allclose(flight.stamps, [0, 0.1, 0.2])
    assert not flight.left_out


def test_clock_that_starts_again_is_named_and_makes_two_flights_or_that_of_recording(tmp_path: Path) -> None:
    stamps = [0.0, 0.0, 130.0, 130.1, 130.2, 1.0, 1.1]
    recorded = [("/p", 7 + i / 10, OF_ROS2.pose_stamped(t, (i, 0, 0))) for i, t in enumerate(stamps)]
    path = write_bag2(tmp_path / "bag", recorded)
    with pytest.raises(
        BuildError,
        match=r"message of /p 6: the clock is set back from 130.2 s to 1 s .*`clock=restarting`.*`clock=rec",
    ):
        read_rosbag(path)
    first, second = read_rosbag(path, clock="restarting")
    np.testing.assert_allclose(first.stamps, [130, 130.1, 130.2])
    np.testing.assert_allclose(second.position[:, 0], [5, 6])
    assert (first.source, second.source) == (f"{path}, run 1", f"{path}, run 2")
    assert sum(first.left_out.values()) + sum(second.left_out.values()) == 2
    (whole,) = read_rosbag(path, clock="recording")
    np.testing.assert_allclose(whole.stamps, 7 + np.arange(7) / 10)
    assert not whole.left_out


def test_messages_that_changed_places_are_put_in_order_with_a_remark(tmp_path: Path) -> None:
    stamps = [5.0, 5.1, 5.3, 5.2, 5.4]
    recorded = [("/p", 7 + i / 10, OF_ROS2.pose_stamped(t, (t, 0, 0))) for i, t in enumerate(stamps)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "bag", recorded))
    np.testing.assert_allclose(flight.stamps, sorted(stamps))
    np.testing.assert_allclose(flight.position[:, 0], sorted(stamps))
    assert flight.remarks == (f"{tmp_path}/bag: 1 samples came after later ones and were put in order",)


def test_stamp_that_never_changes_is_named(tmp_path: Path) -> None:
    recorded = [("/p", 7 + i / 10, OF_ROS2.pose_stamped(3, (i, 0, 0))) for i in range(5)]
    path = write_bag2(tmp_path / "bag", recorded)
    with pytest.raises(BuildError, match=r"4 of 5 samples .* have the stamp of the one before .*`clock=rec"):
        read_rosbag(path)
    np.testing.assert_allclose(read_rosbag(path, clock="recording")[0].stamps, 7 + np.arange(5) / 10)


def test_times_of_recording_are_none_of_a_path(tmp_path: Path) -> None:
    path = [("/path", 1.0, OF_ROS2.path(1, [OF_ROS2.pose_stamped(1, (0, 0, 0))]))]
    with pytest.raises(BuildError, match=r"'/path' .nav_msgs/Path. have no times of recording of their own"):
        read_rosbag(write_bag2(tmp_path / "path", path), clock="recording")


@pytest.mark.parametrize("kind", ["point", "pose_with_covariance", "transform"])
def test_other_poses_are_read_where_nothing_says_more(kind: str, tmp_path: Path) -> None:
    clicked = [("/other", t, getattr(OF_ROS2, kind)(t, (t, 1, 2))) for t in (1.0, 1.1)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "alone", clicked))
    np.testing.assert_allclose(flight.position, [[1, 1, 2], [1.1, 1, 2]])
    assert flight.attitude is not None
    assert np.isnan(flight.attitude).all() == (kind == "point")
    odometry = [("/odom", t, OF_ROS2.odometry(t, (5, 6, 7))) for t in (1.0, 1.1)]
    (flight,) = read_rosbag(write_bag2(tmp_path / "both", [*clicked, *odometry]))
    np.testing.assert_allclose(flight.position, [[5, 6, 7]] * 2)
    (flight,) = read_rosbag(tmp_path / "both", topic="/other")
    np.testing.assert_allclose(flight.position[:, 1:], [[1, 2]] * 2)


def test_topic_without_messages_is_no_choice(tmp_path: Path) -> None:
    path = write_bag2(tmp_path / "bag", flown(OF_ROS2))
    metadata = path / "metadata.yaml"
    topics = metadata.read_text().replace("name: /talk", "name: /silent")
    metadata.write_text(topics.replace("type: std_msgs/msg/String", "type: nav_msgs/msg/Odometry"))
    with closing(sqlite3.connect(next(path.glob("*.db3")))) as database:
        database.execute("update topics set name='/silent', type='nav_msgs/msg/Odometry' where name='/talk'")
        database.execute("delete from messages where topic_id=(select id from topics where name='/silent')")
        database.commit()
    assert len(read_rosbag(next(path.glob("*.db3")))[0].stamps) == len(STAMPS)


def test_description_of_another_topic_that_cannot_be_parsed_does_no_harm(tmp_path: Path) -> None:
    path = write("sqlite", tmp_path / "flight")
    with closing(sqlite3.connect(next(path.glob("*.db3")))) as database:
        database.execute(
            "update message_definitions set encoded_message_definition='int32 a = = b' "
            "where topic_type='std_msgs/msg/String'"
        )
        database.commit()
    assert len(read_rosbag(path)[0].stamps) == len(STAMPS)


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bag_is_read(mode: CompressionMode, tmp_path: Path) -> None:
    path = tmp_path / "flight"
    writer = Writer(path, version=9)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection("/odom", ODOMETRY, typestore=ROS2)
        for t in (1.0, 1.1):
            message = ROS2.serialize_cdr(OF_ROS2.odometry(t, (t, 0, 0)), ODOMETRY)
            writer.write(topic, round(t * 1e9), message)
    np.testing.assert_allclose(read_rosbag(path)[0].stamps, [1.0, 1.1])


def test_old_bag_that_describes_no_types_is_read(tmp_path: Path) -> None:
    path = write(".db3", tmp_path / "flight")
    with closing(sqlite3.connect(path)) as database:
        database.execute("delete from message_definitions")
        database.commit()
    assert len(read_rosbag(path)[0].stamps) == len(STAMPS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def test_vehicles_that_share_a_topic_are_refused(tmp_path: Path) -> None:
    recorded = [("/p", t / 10, OF_ROS2.pose_stamped(1 + t / 10, (t % 2 * 30, t / 10, 5))) for t in range(20)]
    with pytest.raises(
        BuildError, match=r"message of /p 2: the position jumps by 30 m, and so 19 of 19 times, as if several"
    ):
        read_rosbag(write_bag2(tmp_path / "bag", recorded))


def test_transforms_that_never_change_are_no_flight(tmp_path: Path) -> None:
    fixed = [("/tf_static", 1.0, OF_ROS2.tree(OF_ROS2.transform(0, (0, 0, 1))))]
    with pytest.raises(BuildError, match=r"no topic of .* \(but what ends in _static\); .*It has /tf_static"):
        read_rosbag(write_bag2(tmp_path / "static", fixed))
    with pytest.raises(BuildError, match=r"no topic of tf/tfMessage, tf2_msgs/TFMessage .*It has /odom"):
        read_rosbag(write("sqlite", tmp_path / "odom"), parent="map", child="base_link")
    with pytest.raises(BuildError, match="'/tf' holds no transforms; choose another topic"):
        read_rosbag(write_bag2(tmp_path / "empty", [("/tf", 1.0, OF_ROS2.tree())]))


@pytest.mark.parametrize(
    ("kind", "spoil", "advice"),
    [
        ("ros1", cut, "`rosbag reindex`"),
        (".db3", cut, "`sqlite3 FILE .recover`"),
        (".mcap", cut, "`mcap recover`"),
        ("mcap", lambda path: (path / "metadata.yaml").write_text("a: b"), "alone, such as .*/flight.mcap"),
        ("sqlite", lambda path: next(path.glob("*.db3")).unlink(), "Copy all its files again"),
    ],
)
def test_bag_that_was_not_closed_gets_a_next_step(
    kind: str, spoil: Callable[[Path], Any], advice: str, tmp_path: Path
) -> None:
    path = write(kind, tmp_path / "flight")
    spoil(path)
    with pytest.raises(BuildError, match=rf"is it complete, and closed by its recorder\? .*{advice}"):
        read_rosbag(path)


def test_mcap_of_others_than_ros2_is_named(tmp_path: Path) -> None:
    path = write(".mcap", tmp_path / "flight")
    path.write_bytes(path.read_bytes().replace(b"\x04\x00\x00\x00ros2", b"\x04\x00\x00\x00ros1", 1))
    with pytest.raises(BuildError, match="Profile is not ros2; only MCAP files that ROS 2 recorded are read"):
        read_rosbag(path)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("ros1", cut),
        ("ros1", lambda path: path.write_bytes(b"")),
        (".db3", lambda path: path.write_bytes(b"no database" * 100)),
        (".mcap", cut),
        ("sqlite", lambda path: (path / "metadata.yaml").write_text("a: [")),
        ("sqlite", lambda path: next(path.glob("*.db3")).unlink()),
    ],
)
def test_bag_that_cannot_be_read_is_answered_in_one_line(
    kind: str, spoil: Callable[[Path], Any], tmp_path: Path
) -> None:
    path = write(kind, tmp_path / "flight")
    spoil(path)
    with pytest.raises(BuildError, match=r"cannot be read as a bag: .*is it complete, and closed") as error:
        read_rosbag(path)
    assert "\n" not in str(error.value)


def test_bag_without_positions_says_what_it_has(tmp_path: Path) -> None:
    path = write_bag1(tmp_path / "talk.bag", [("/talk", 1.0, OF_ROS1.words("hover"))])
    with pytest.raises(
        BuildError, match=r"no topic of .*nav_msgs/Path, .*; record one of them. It has /talk \(std_msgs"
    ):
        read_rosbag(path)
    empty = write_bag2(tmp_path / "path", [("/path", 1.0, OF_ROS2.path(1, []))])
    with pytest.raises(BuildError, match="'/path' holds no pose"):
        read_rosbag(empty)


def test_missing_rosbags_is_answered_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(optional, "import_module", missing)
    with pytest.raises(
        MissingExtraError, match=r'needs the module .rosbags.*pip install "sciml-surrogates\[uav\]"'
    ):
        read_rosbag(tmp_path / "a.bag")
