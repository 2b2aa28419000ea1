"""Flights in logs of PX4 (ULog), turned from north, east, down to east, north, up."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import SEEK_CUR, SEEK_SET, BufferedReader, FileIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.uav.frames import enu_from_ned, enu_from_ned_attitude, standard_vectors
from datasets.uav.order import SET_BACK, in_order
from datasets.uav.tracks import Flight, Numbers, at_times, one_line
from datasets.uav.ulog_checks import require_finite
from surrogates.core.optional import require
from surrogates.core.text import listing

POSITION, ATTITUDE, RATES = "vehicle_local_position", "vehicle_attitude", "vehicle_angular_velocity"
SETPOINTS = ("trajectory_setpoint", "vehicle_local_position_setpoint")
"""What the position controller is told, and, if that is not logged, what it reports."""
NOT_VALID = "whose position the estimator calls invalid"
OUT_OF_ORDER = f"whose stamp is out of order by {SET_BACK:g} s or more"
ALIKE = 0.9
"""Share of the longest time with a valid position from which another instance is as good."""
MOST_STRAY = 1 << 19
"""Bytes that are no messages, one after another or not, after which the rest of a log is left out."""
RESETS = ("xy", "z", "vxy", "vz", "heading")
"""What the estimator may reset, so that it jumps; each has a counter."""
JOIN = 0.5
"""Attitudes and rates further apart are not interpolated, s."""

Topic = dict[str, NDArray[Any]]


def read_ulog(path: Path, *, instance: int | None = None) -> list[Flight]:
    """Read the estimated position, and attitude, rates and setpoint where they were logged.

    Samples whose position the estimator calls invalid are left out, and its resets end segments. All
    else is brought to the stamps of the position.

    Parameters
    ----------
    path
        The log.
    instance
        Which estimate of the position, if several were logged; by default the first of those that are valid
        for longest.

    Raises
    ------
    BuildError
        When the file is no ULog, or has no position; lists its topics.
    """
    log, cut = _parsed(path, [POSITION, ATTITUDE, RATES, *SETPOINTS])
    positions = {each.multi_id: each.data for each in log.data_list if each.name == POSITION}
    if not positions:
        there = listing({each.name for each in _parsed(path, None)[0].data_list})
        raise BuildError(f"{path} has no topic '{POSITION}', expected it; it has {there}")
    try:
        chosen = _choose(path, positions, instance)
        topics = {POSITION: positions[chosen]}
        for name in (ATTITUDE, RATES, *SETPOINTS):
            found = {each.multi_id: each.data for each in log.data_list if each.name == name}
            if found:
                topics[name] = found.get(chosen) or max(
                    found.values(), key=lambda data: len(data["timestamp"])
                )
        return [_flight(path, topics, _remarks(path, log, positions, chosen, cut=cut))]
    except KeyError as error:
        raise BuildError(
            f"{path}: a topic of the position, attitude, rates or setpoint has no field {error}, which PX4 "
            "logs; is it a log of PX4?"
        ) from None


def _choose(path: Path, positions: dict[int, Topic], instance: int | None) -> int:
    """Return the instance that is wanted, or the first that is valid about as long as any."""
    if instance is not None:
        if instance not in positions:
            raise BuildError(
                f"{path} has no instance {instance} of '{POSITION}', expected one of "
                f"{listing(map(str, positions))}; choose it by `instance={min(positions)}`"
            )
        return instance
    spans = {number: _span(each) for number, each in positions.items()}
    return min(number for number, span in spans.items() if span >= ALIKE * max(spans.values()))


def _span(position: Topic) -> float:
    """Return for how long the position is valid, s."""
    stamps = _seconds(position)[_valid(position)]
    return float(np.ptp(stamps)) if len(stamps) else 0.0


def _remarks(path: Path, log: Any, positions: dict[int, Topic], chosen: int, *, cut: str) -> list[str]:
    """Say which estimate is read, and what the log says is missing in it."""
    remarks = []
    if len(positions) > 1:
        found = ", ".join(
            f"instance {number} ({int(_valid(each).sum())} of {len(each['timestamp'])} samples valid)"
            for number, each in positions.items()
        )
        other = min(positions.keys() - {chosen})
        remarks.append(
            f"{path}: '{POSITION}' was logged as {found}; instance {chosen} is read, another by "
            f"`instance={other}`"
        )
    if log.file_corruption:
        remarks.append(f"{path}: damaged stretches of the log were left out")
    if cut:
        remarks.append(f"{path}: the log ends {cut}, so its end was cut off")
    if log.dropouts:
        lost = sum(each.duration for each in log.dropouts) / 1000
        remarks.append(
            f"{path}: the logger dropped out {len(log.dropouts)} times for {lost:.3g} s in all, and what it "
            "missed counts as a pause"
        )
    return remarks


def _valid(position: Topic) -> NDArray[np.bool_]:
    """Return where the estimator calls the position valid."""
    valid = np.asarray(np.isfinite(_columns(position, "x", "y", "z")).all(axis=1))
    for flag in ("xy_valid", "z_valid"):
        if flag in position:
            valid &= position[flag] != 0
    return valid


def _flight(path: Path, topics: dict[str, Topic], remarks: list[str]) -> Flight:
    position = topics[POSITION]
    stamps, valid = _seconds(position), _valid(position)
    if not valid.any():
        raise BuildError(
            f"{path}: none of {len(valid)} samples of '{POSITION}' has a valid position (xy_valid, z_valid), "
            "expected some; leave the file out"
        )
    damaged = _damaged(stamps)
    left_out = {NOT_VALID: int((~valid & ~damaged).sum()), OUT_OF_ORDER: int(damaged.sum())}
    kept = valid & ~damaged
    position, stamps = {name: values[kept] for name, values in position.items()}, stamps[kept]
    flight = Flight(
        source=str(path),
        stamps=stamps,
        position=enu_from_ned(_columns(position, "x", "y", "z")),
        attitude=_attitude(topics, stamps),
        velocity=_velocity(position),
        angular_velocity=_rates(topics, stamps),
        position_setpoint=_setpoint(topics, stamps),
        segments=_segments(position, topics.get(ATTITUDE), stamps),
        numbers=np.flatnonzero(kept) + 1,
        counted=f"sample of {POSITION}",
        remarks=tuple(remarks),
        left_out={cause: count for cause, count in left_out.items() if count},
    )
    return in_order(flight)


def _damaged(stamps: Numbers) -> NDArray[np.bool_]:
    """Return the few samples whose stamps contradict the others: an autopilot's clock never goes back."""
    ahead = stamps >= np.minimum.accumulate(stamps[::-1])[::-1] + SET_BACK
    behind = stamps <= np.maximum.accumulate(stamps) - SET_BACK
    fewer: NDArray[np.bool_] = ahead if ahead.sum() <= behind.sum() else behind
    return fewer


class _Log(BufferedReader):
    """A log that knows whether it ends within a message: pyulog asks for the 3 bytes of a header last.

    Among bytes that are no messages pyulog looks for the next one at every byte, 5 s for a megabyte; after
    `MOST_STRAY` of them the log ends.
    """

    cut = False
    stray = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size) if self.stray < MOST_STRAY else b""
        self.cut = len(found) != size and (len(found), size) != (0, 3)
        return found

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        self.stray += whence == SEEK_CUR and offset < 0
        return super().seek(offset, whence)


def _parsed(path: Path, topics: list[str] | None) -> tuple[Any, str]:
    """Return a log with some topics, and where its end is cut off, if it is.

    Sensors at kilohertz would take most of the time and memory.
    """
    pyulog = require("pyulog", f"Reading {path}")
    try:
        # It prints its warnings; `file_corruption` tells them.
        with redirect_stdout(StringIO()), _Log(FileIO(path)) as file:
            require_finite(path, pyulog.ULog(str(path), topics, parse_header_only=True).message_formats)
            log = pyulog.ULog(file, topics)
            if file.stray >= MOST_STRAY:
                return log, f"in {MOST_STRAY:,} bytes that are no messages"
            return log, "within a message" if file.cut else ""
    except BuildError:
        raise
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
    rates = standard_vectors(_columns(given, *(f"xyz[{index}]" for index in range(3))), "frd")
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


def _segments(position: Topic, attitude: Topic | None, stamps: Numbers) -> NDArray[np.int64] | None:
    """Return numbers that change where the estimator was reset or its origin moved."""
    names = [f"{each}_reset_counter" for each in RESETS]
    states = [position[name].astype(np.int64) for name in names if name in position]
    if "ref_timestamp" in position:
        origin = position["ref_timestamp"].astype(np.int64)
        states.append(np.where(origin == 0, origin[origin != 0][:1] if origin.any() else 0, origin))
    if attitude is not None and names[-1] not in position and "quat_reset_counter" in attitude:
        last = np.searchsorted(_seconds(attitude), stamps, side="right") - 1
        states.append(attitude["quat_reset_counter"].astype(np.int64)[np.maximum(last, 0)])
    if not states:
        return None
    found: NDArray[np.int64] = np.unique(np.stack(states, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    return found


def _seconds(topic: Topic) -> Numbers:
    """Return when the samples held: when their raw data were taken where that is known, else published."""
    published, taken = topic["timestamp"], topic.get("timestamp_sample")
    known = taken is not None and taken.all() and (taken <= published).all()
    if taken is not None and known and len(np.unique(taken)) == len(taken):
        published = taken
    return published.astype(np.int64) / 1e6


def _columns(topic: Topic, *names: str) -> Numbers:
    return np.stack([topic[name].astype(np.float64) for name in names], axis=-1)
