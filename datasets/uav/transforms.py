"""The way of one frame in another, out of the tree of transforms that `/tf` and `/tf_static` hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from datasets.uav.bags import Bag, Message
from datasets.uav.frames import Numbers, multiplied, turned
from datasets.uav.messages import Entry, Frames, Sample, transforms
from datasets.uav.tracks import at_times
from surrogates.core.text import listing

STATIC = "_static"
"""What the topic of transforms that never change adds to the name of the other."""
Edge = tuple[str, str]
"""Names of the parent and of the child."""
Edges = dict[Edge, list[Entry]]


def way_in_tree(bag: Bag, topic: str, parent: str | None, child: str | None) -> list[Entry]:
    """Return the poses of a frame in another.

    Transforms between the two are multiplied as tf2 does: those that never change hold always, the others
    are interpolated at the stamps of the one that comes most often. NaN where one of them is not known.

    Parameters
    ----------
    bag, topic
        Where the transforms are; those of `topic` + `STATIC` are read too.
    parent, child
        Names of the frames; None if the topic has a single transform.

    Raises
    ------
    ValueError
        When they are not given, or no transforms lead from one to the other; lists the transforms.
    """
    moving = _edges(bag.messages(topic))
    fixed = _edges(bag.messages(topic + STATIC)) if topic + STATIC in bag.topics else {}
    there = f"it has {_listed(moving)}" + (f"; and at rest {_listed(fixed)}" if fixed else "")
    if not moving:
        raise ValueError("holds no transforms; choose another topic, or record it again")
    if parent is None or child is None:
        if len(moving) != 1 or parent is not None or child is not None:
            most = max(moving, key=lambda edge: len(moving[edge]))
            raise ValueError(
                f"holds transforms of several frames, expected two that are named, such as "
                f"`parent={most[0]} child={most[1]}`; {there}"
            )
        return next(iter(moving.values()))
    edges = _chain({**fixed, **moving}, parent.removeprefix("/"), child.removeprefix("/"))
    if not any(edge in moving for edge in edges):
        found = "only transforms at rest" if edges else "no transforms"
        raise ValueError(f"has {found} from '{parent}' down to '{child}'; {there}")
    return _composed(
        [(moving.get(edge), fixed.get(edge)) for edge in edges], Frames(edges[0][0], edges[-1][1])
    )


def _edges(messages: Iterable[Message]) -> Edges:
    edges: Edges = {}
    for number, time, content in messages:
        for sample in transforms(content):
            edge = sample.frames.world, sample.frames.body
            edges.setdefault(edge, []).append(Entry(number, time, sample))
    return edges


def _listed(edges: Edges) -> str:
    return listing(f"{parent} -> {child} ({len(entries)})" for (parent, child), entries in edges.items())


def _chain(edges: Mapping[Edge, object], parent: str, child: str) -> list[Edge]:
    """Return the edges from a frame down to another; none if it is not above it."""
    above = {below: edge for edge in edges for below in [edge[1]]}
    found: list[Edge] = []
    while child != parent:
        if child not in above or above[child] in found:
            return []
        found.insert(0, above[child])
        child = above[child][0]
    return found


def _composed(links: Sequence[tuple[list[Entry] | None, list[Entry] | None]], frames: Frames) -> list[Entry]:
    lead = max((moving for moving, _ in links if moving), key=len)
    stamps = np.array([each.sample.stamp for each in lead], dtype=np.int64)
    position, attitude = np.zeros((len(lead), 3)), np.tile([1.0, 0.0, 0.0, 0.0], (len(lead), 1))
    for moving, fixed in links:
        step, turn = _poses(moving or fixed or [], stamps, as_they_are=moving is lead, fixed=not moving)
        position = position + turned(attitude, step)
        attitude = multiplied(attitude, turn)
    poses = np.concatenate([position, attitude], axis=1).tolist()
    nothing = (float("nan"),) * 6
    return [
        Entry(each.number, each.time, Sample(each.sample.stamp, frames, (*pose, *nothing)))
        for each, pose in zip(lead, poses, strict=True)
    ]


def _poses(
    entries: list[Entry], stamps: np.ndarray, *, as_they_are: bool, fixed: bool
) -> tuple[Numbers, Numbers]:
    """Return positions and attitudes of one transform at the stamps, ns."""
    values = np.array([each.sample.numbers[:7] for each in entries])
    if fixed:
        values = np.tile(values[-1], (len(stamps), 1))
    if fixed or as_they_are:
        return values[:, :3], values[:, 3:]
    own, first = np.unique([each.sample.stamp for each in entries], return_index=True)
    given, times = (own - own[0]) / 1e9, (stamps - own[0]) / 1e9
    return (
        at_times("position", given, values[first, :3], times),
        at_times("attitude", given, values[first, 3:], times),
    )
