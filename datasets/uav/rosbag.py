"""Flights in bags of ROS 1 and ROS 2, turned to east, north, up where their frames are others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.factory.limits import MOST_BYTES
from datasets.uav.axes import Frame, TwistAxes, along_axes
from datasets.uav.bags import Bag, Topic, opened
from datasets.uav.messages import OF_TREE, READERS, Entry, Frames
from datasets.uav.order import SET_BACK, in_order
from datasets.uav.tracks import JUMP, JUMP_SPEED, Flight
from datasets.uav.transforms import STATIC, way_in_tree
from surrogates.core.text import listing, nearest

OF_PATH = "nav_msgs/Path"
NO_CLOCK = "with a stamp of zero, from before there was a clock"
NO_POSITION = "without a position"

Clock = Literal["header", "recording", "restarting"]


def read_rosbag(
    path: Path,
    *,
    topic: str | None = None,
    frame: Frame | None = None,
    clock: Clock = "header",
    twist: TwistAxes | None = None,
    parent: str | None = None,
    child: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> list[Flight]:
    """Read the poses of one topic; ignore all others.

    A velocity of Odometry is along the axes of its child frame, and is turned to those of the position. A
    pose of a Path counts once, by its stamp, as it was published last.

    Parameters
    ----------
    path
        A ``.bag``, ``.db3`` or ``.mcap`` file, or the folder of a bag of ROS 2.
    topic
        Which one, if several fit.
    frame, twist
        Axes of all positions and attitudes, and of velocities, whatever the frames are called; None to take
        them from the frames.
    clock
        Whether stamps are those of the headers, or the times of recording; or those of the headers of a
        clock that starts again, each run of it being a flight.
    parent, child
        Frames between which transforms of `/tf` are read.
    most_bytes
        Most bytes that a packed chunk or message may unpack to.

    Raises
    ------
    BuildError
        When the bag cannot be read, no topic or several fit, or its frames or stamps are not what they
        should be.
    """
    with opened(path, most_bytes) as bag:
        chosen = _choose(path, bag.topics, topic, of_tree=(parent or child) is not None)
        if clock == "recording" and bag.topics[chosen].kind == OF_PATH:
            raise BuildError(
                f"{path}: poses of '{chosen}' ({OF_PATH}) have no times of recording of their own; leave "
                "`clock=recording` out, or choose another topic"
            )
        entries = _entries(path, bag, chosen, parent, child)
    if not entries:
        raise BuildError(f"{path}: '{chosen}' holds no pose; choose another topic, or record it again")
    stamps, remarks = _stamps(path, chosen, entries, clock)
    flight = replace(_flight(path, chosen, entries, stamps), remarks=remarks)
    flight = along_axes(flight, _frames(flight, entries), frame, twist)
    return _runs(*_usable(flight, stamps), clock)


def _choose(path: Path, topics: Mapping[str, Topic], topic: str | None, *, of_tree: bool) -> str:
    there = listing(f"{name} ({each.kind})" for name, each in topics.items())
    types = listing(READERS)
    if topic is not None and topic not in topics:
        raise BuildError(f"{path} has no topic '{topic}'.{nearest(topic, topics)} It has {there}")
    if topic is not None and topics[topic].kind not in READERS:
        raise BuildError(
            f"{path}: '{topic}' is {topics[topic].kind}, expected one of {types}; the bag has {there}"
        )
    if topic is not None and of_tree and topics[topic].kind not in OF_TREE:
        raise BuildError(
            f"{path}: '{topic}' is {topics[topic].kind}, expected {listing(OF_TREE)} for `parent` and "
            f"`child`; leave them out"
        )
    if topic is not None:
        return topic
    fitting = _fitting(topics, of_tree=of_tree)
    if not fitting:
        wanted = listing(OF_TREE) if of_tree else types
        raise BuildError(
            f"{path} has no topic of {wanted} (but what ends in {STATIC}); record one of them. It has {there}"
        )
    if len(fitting) > 1:
        found = listing(f"{name} ({topics[name].kind}, {topics[name].messages} messages)" for name in fitting)
        raise BuildError(
            f"{path} has several topics of poses: {found}; choose one by `topic={min(fitting)}`, and make a "
            "store of each if they are several vehicles"
        )
    return fitting[0]


def _fitting(topics: Mapping[str, Topic], *, of_tree: bool) -> list[str]:
    """Return the topics that may be meant: of the vehicle's own types, else of others, else of `/tf`."""
    kinds = list(READERS)
    others, trees = kinds.index("geometry_msgs/PoseWithCovarianceStamped"), kinds.index(OF_TREE[0])
    ranks = [kinds[trees:]] if of_tree else [kinds[:others], kinds[others:trees], kinds[trees:]]
    for rank in ranks:
        names = [name for name, each in topics.items() if each.kind in rank and not name.endswith(STATIC)]
        if names:
            return [name for name in names if topics[name].messages] or names
    return []


def _entries(path: Path, bag: Bag, topic: str, parent: str | None, child: str | None) -> list[Entry]:
    """Return the poses of a topic, read one by one: a growing path repeats all its poses."""
    kind = bag.topics[topic].kind
    if kind in OF_TREE:
        try:
            return way_in_tree(bag, topic, parent, child)
        except ValueError as error:
            raise BuildError(f"{path}: '{topic}' {error}") from None
    of_path = kind == OF_PATH
    kept: dict[int, Entry] = {}
    for number, time, message in bag.messages(topic):
        for sample in READERS[kind](message):
            if of_path and not sample.stamp:
                raise BuildError(
                    f"{path}, message of {topic} {number}: a pose has no stamp, expected one in the header "
                    "of each; record the poses or the odometry that the path is made of"
                )
            kept[sample.stamp if of_path else number] = Entry(number, time, sample)
    return [kept[key] for key in sorted(kept)]


def _flight(path: Path, topic: str, entries: list[Entry], stamps: NDArray[np.int64]) -> Flight:
    """Return all poses, along the axes of their frames."""
    values = np.array([each.sample.numbers for each in entries], dtype=np.float64)
    return Flight(
        source=str(path),
        stamps=stamps / 1e9,
        position=values[:, :3],
        attitude=values[:, 3:7],
        velocity=values[:, 7:10],
        angular_velocity=values[:, 10:],
        segments=np.array([each.sample.resets for each in entries], dtype=np.int64),
        numbers=np.array([each.number for each in entries]),
        counted=f"message of {topic}",
    )


def _usable(flight: Flight, stamps: NDArray[np.int64]) -> tuple[Flight, NDArray[np.int64]]:
    """Leave out poses without a stamp or without a position."""
    no_clock, no_position = _without_clock(stamps), ~np.isfinite(flight.position).all(axis=1)
    kept = ~(no_clock | no_position)
    if not kept.any():
        raise BuildError(
            f"{flight.source}: none of {len(kept)} poses, {flight.counted}, has a position; choose another "
            "topic"
        )
    left_out = {NO_CLOCK: int(no_clock.sum()), NO_POSITION: int((no_position & ~no_clock).sum())}
    found = replace(flight.take(kept), left_out={cause: count for cause, count in left_out.items() if count})
    return found, stamps[kept]


def _frames(flight: Flight, entries: list[Entry]) -> Frames:
    """Return the frames of all poses, which must be the same."""
    first = entries[0].sample.frames
    for index, each in enumerate(entries):
        if (other := each.sample.frames) != first:
            raise BuildError(
                f"{flight.at(index)}: the frames are '{other.world}' and '{other.body}', and were "
                f"'{first.world}' and '{first.body}' before, expected the same throughout; record what comes "
                "from several sources under a topic for each"
            )
    return first


def _stamps(
    path: Path, topic: str, entries: list[Entry], clock: Clock
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the stamps of the headers, or the times of recording where they are wanted or no other is."""
    stamps = np.array([each.sample.stamp for each in entries], dtype=np.int64)
    times = np.array([each.time for each in entries], dtype=np.int64)
    if clock == "recording":
        return times, ()
    if stamps.any():
        return stamps, ()
    said = f"{path}: no message of '{topic}' has a stamp, the times of recording are used instead"
    return times, (said,)


def _without_clock(stamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where stamps are zero, unless a clock simply starts there."""
    zero: NDArray[np.bool_] = stamps == 0
    starts = zero.sum() == 1 and zero[0] and len(stamps) > 1 and 0 < stamps[1] < SET_BACK * 1e9
    return np.zeros_like(zero) if starts else zero


def _runs(flight: Flight, stamps: NDArray[np.int64], clock: Clock) -> list[Flight]:
    """Put samples in the order of their stamps, and split where the clock starts again."""
    steps = np.diff(stamps)
    back = np.flatnonzero(steps <= -SET_BACK * 1e9) + 1
    if back.size and clock != "restarting":
        first = int(back[0])
        raise BuildError(
            f"{flight.at(first)}: the clock is set back from {stamps[first - 1] / 1e9:.9g} s to "
            f"{stamps[first] / 1e9:.9g} s ({back.size} such steps), as by a simulator that starts again; "
            "take each run for a flight of its own by `clock=restarting`, or the times of recording by "
            "`clock=recording`"
        )
    moved = (np.diff(flight.position, axis=0) != 0).any(axis=1)
    if (same := int(((steps == 0) & moved).sum())) > len(steps) / 2:
        raise BuildError(
            f"{flight.source}: {same} of {len(stamps)} samples ({flight.counted}) have the stamp of the one "
            "before and another position, expected a stamp for each; take the times of recording by "
            "`clock=recording`"
        )
    _require_one_vehicle(flight)
    edges = [0, *back.tolist(), len(stamps)]
    runs = [in_order(flight.take(np.arange(*ends))) for ends in pairwise(edges)]
    if len(runs) == 1:
        return runs
    named = [
        replace(run, source=f"{flight.source}, run {number}", left_out={})
        for number, run in enumerate(runs, 1)
    ]
    return [replace(named[0], left_out=flight.left_out), *named[1:]]


def _require_one_vehicle(flight: Flight) -> None:
    """Refuse positions that jump to and fro, as those of several vehicles, or runs, under one topic."""
    ways = np.linalg.norm(np.diff(flight.position, axis=0), axis=1)
    jumps = (ways > JUMP) & (ways > JUMP_SPEED * np.abs(np.diff(flight.stamps)))
    if (count := int(jumps.sum())) > max(2, len(jumps) / 4):
        first = int(np.flatnonzero(jumps)[0])
        raise BuildError(
            f"{flight.at(first + 1)}: the position jumps by {ways[first]:.3g} m, and so {count} of "
            f"{len(jumps)} times, as if several vehicles, or several runs, were under one topic; record a "
            "topic for each"
        )
