"""Flights in logs of PX4 (ULog), turned from north, east, down to east, north, up."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.uav.frames import enu_from_ned, enu_from_ned_attitude, flu_from_frd
from datasets.uav.tracks import Flight, Numbers, at_times, one_line
from surrogates.core.optional import require
from surrogates.core.text import listing

POSITION, ATTITUDE, RATES = "vehicle_local_position", "vehicle_attitude", "vehicle_angular_velocity"
SETPOINTS = ("trajectory_setpoint", "vehicle_local_position_setpoint")
"""What the position controller is told, and, if that is not logged, what it reports."""
JOIN = 0.5
"""Attitudes and rates further apart are not interpolated, s."""

Topic = dict[str, NDArray[Any]]


def read_ulog(path: Path) -> list[Flight]:
    """Read the estimated position, and attitude, rates and setpoint where they were logged.

    Samples whose position the estimator calls invalid are left out, and its resets end segments. All
    else is brought to the stamps of the position.

    Raises
    ------
    BuildError
        When the file is no ULog, or has no position; lists its topics.
    """
    log = _parsed(path, [POSITION, ATTITUDE, RATES, *SETPOINTS])
    topics = {each.name: each.data for each in log.data_list if each.multi_id == 0}
    if POSITION not in topics:
        there = listing({each.name for each in _parsed(path, None).data_list})
        raise BuildError(f"{path} has no topic '{POSITION}', expected it; it has {there}")
    try:
        return [_flight(path, topics, damaged=log.file_corruption)]
    except KeyError as error:
        raise BuildError(
            f"{path}: a topic of the position, attitude, rates or setpoint has no field {error}, which PX4 "
            "logs; is it a log of PX4?"
        ) from None


def _flight(path: Path, topics: dict[str, Topic], *, damaged: bool) -> Flight:
    position = topics[POSITION]
    valid = np.ones(len(position["timestamp"]), dtype=bool)
    for flag in ("xy_valid", "z_valid"):
        if flag in position:
            valid &= position[flag] != 0
    if not valid.any():
        raise BuildError(
            f"{path}: none of {len(valid)} samples of '{POSITION}' has a valid position (xy_valid, z_valid), "
            "expected some; leave the file out"
        )
    numbers = np.flatnonzero(valid) + 1
    position = {name: values[valid] for name, values in position.items()}
    stamps = _seconds(position)
    remarks = []
    if damaged:
        remarks.append(f"{path}: damaged stretches of the log were left out")
    if left := int((~valid).sum()):
        remarks.append(f"{path}: {left} samples whose position is not valid were left out")
    return Flight(
        source=str(path),
        stamps=stamps,
        position=enu_from_ned(_columns(position, "x", "y", "z")),
        attitude=_attitude(topics, stamps),
        velocity=_velocity(position),
        angular_velocity=_rates(topics, stamps),
        position_setpoint=_setpoint(topics, stamps),
        segments=_segments(position),
        numbers=numbers,
        counted=f"sample of {POSITION}",
        remarks=tuple(remarks),
    )


def _parsed(path: Path, topics: list[str] | None) -> Any:
    """Return a log with some topics; sensors at kilohertz would take most of the time and memory."""
    pyulog = require("pyulog", f"Reading {path}")
    try:
        with redirect_stdout(StringIO()):  # it prints its warnings; `file_corruption` tells them
            return pyulog.ULog(str(path), topics)
    except Exception as error:  # a damaged log fails anywhere in the parser
        raise BuildError(
            f"{path} cannot be read as a ULog: {one_line(error)}; is it complete, and a log of PX4?"
        ) from None


def _velocity(position: Topic) -> Numbers | None:
    if "vx" not in position:
        return None
    known = np.ones(len(position["vx"]), dtype=bool)
    for flag in ("v_xy_valid", "v_z_valid"):
        if flag in position:
            known &= position[flag] != 0
    velocity = enu_from_ned(_columns(position, "vx", "vy", "vz"))
    return np.where(known[:, None], velocity, np.nan) if known.any() else None


def _attitude(topics: dict[str, Topic], stamps: Numbers) -> Numbers | None:
    if ATTITUDE not in topics:
        return None
    given = topics[ATTITUDE]
    quaternions = enu_from_ned_attitude(_columns(given, *(f"q[{index}]" for index in range(4))))
    return _joined("attitude", given, quaternions, stamps)


def _rates(topics: dict[str, Topic], stamps: Numbers) -> Numbers | None:
    if RATES not in topics:
        return None
    given = topics[RATES]
    rates = flu_from_frd(_columns(given, *(f"xyz[{index}]" for index in range(3))))
    return _joined("angular_velocity", given, rates, stamps)


def _setpoint(topics: dict[str, Topic], stamps: Numbers) -> Numbers | None:
    for name in SETPOINTS:
        if name in topics:
            given = topics[name]
            # PX4 1.14 made an array of what were x, y, z.
            names = (
                tuple(f"position[{index}]" for index in range(3)) if "position[0]" in given else tuple("xyz")
            )
            setpoint = enu_from_ned(_columns(given, *names))
            if np.isfinite(setpoint).all(axis=1).any():
                return _joined("position_setpoint", given, setpoint, stamps)
    return None


def _joined(name: str, given: Topic, values: Numbers, stamps: Numbers) -> Numbers | None:
    """Return values at the stamps of the position; None where there are none."""
    own, first = np.unique(_seconds(given), return_index=True)
    found = at_times(name, own, values[first], stamps, JOIN)
    return found if np.isfinite(found).any() else None


def _segments(position: Topic) -> NDArray[np.int64] | None:
    """Number the segments between the estimator's resets, where the position jumps."""
    counters = [position[name] for name in ("xy_reset_counter", "z_reset_counter") if name in position]
    if not counters:
        return None
    jumps = np.any([np.diff(each.astype(np.int64)) != 0 for each in counters], axis=0)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(jumps)])[: len(counters[0])]


def _seconds(topic: Topic) -> Numbers:
    return topic["timestamp"].astype(np.int64) / 1e6


def _columns(topic: Topic, *names: str) -> Numbers:
    return np.stack([topic[name].astype(np.float64) for name in names], axis=-1)
