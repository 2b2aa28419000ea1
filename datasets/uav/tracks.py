"""From a log to tracks: stamps are checked, gaps split, positions put on the common clock of 0.1 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.uav.interpolation import CLOSE, Numbers, at_times
from datasets.uav.variables import STEP, TRACKS

SLOWEST = 1.1 * STEP
"""Median spacing of samples that still counts as 10 Hz, s: clocks jitter."""
FASTEST = 1e-5
"""A median spacing below it is a wrong unit of time, s."""
STILL_SAMPLES = 5
"""Samples over which a speed is taken, so that noise of centimetres is no motion."""
UNIT_WITHIN = 0.02
"""Quaternions whose length is this near to 1 are unit quaternions of few digits."""
FARTHEST = 5e4
"""Stores hold float32, which has steps of 4 mm this far from the origin, m."""
CLOCKS = {86_400.0: "day", 604_800.0: "week (GPS)"}
"""Clocks that start again after some time, s."""
JUMP_SPEED, JUMP = 100.0, 5.0
"""m/s and m: what goes faster, and further than the noise of two near stamps, is a jump of an estimate."""


@dataclass(frozen=True)
class Flight:
    """One recording, in the order of its file.

    Attributes
    ----------
    source
        File (and topic) that it was read from, for messages.
    stamps
        s, (n,).
    position
        East, north, up of the origin, m, (n, 3).
    attitude
        Unit quaternions (w, x, y, z) that turn body axes to east, north, up, (n, 4); NaN where unknown.
    velocity, angular_velocity, position_setpoint
        m s-1, rad s-1 (body axes) and m, (n, 3); None where the file has none, NaN where unknown.
    segments
        Numbers, (n,), that change where a sample does not continue the one before it, such as at a reset of
        an estimator; no track crosses such a change. None for one segment.
    numbers
        Line or message of each sample, (n,), for messages; from 1 by default.
    counted
        What `numbers` count.
    remarks
        What the reader should tell its user.
    left_out
        Number of samples of the recording that are not here, by cause: kept and left out are all it has.
    """

    source: str
    stamps: Numbers
    position: Numbers
    attitude: Numbers | None = None
    velocity: Numbers | None = None
    angular_velocity: Numbers | None = None
    position_setpoint: Numbers | None = None
    segments: NDArray[np.int64] | None = None
    numbers: NDArray[np.int64] | None = None
    counted: str = "sample"
    remarks: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def series(self) -> dict[str, Numbers]:
        """Return what the flight holds along its stamps, by the names of a store."""
        return {name: values for name in TRACKS if (values := getattr(self, name, None)) is not None}

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Flight:
        """Return the samples where a mask is true, or those at some indices."""
        kept: dict[str, Any] = {name: values[chosen] for name, values in self.series().items()}
        for name in ("segments", "numbers"):
            values = getattr(self, name)
            kept[name] = None if values is None else values[chosen]
        return replace(self, stamps=self.stamps[chosen], **kept)

    def at(self, index: int) -> str:
        """Return where the file holds a sample, for a message."""
        number = index + 1 if self.numbers is None else int(self.numbers[index])
        return f"{self.source}, {self.counted} {number}"


@dataclass(frozen=True)
class Track:
    """A stretch of a flight without gaps, 10 samples a second.

    Attributes
    ----------
    start_time
        Time of the first sample on the clock of the recording, s.
    values
        Arrays of shape (n, components) by their names in a store; `position` is always there.
    """

    start_time: float
    values: dict[str, Numbers]

    @property
    def position(self) -> Numbers:
        """East, north, up of the origin, m, (n, 3)."""
        return self.values["position"]


def checked(flight: Flight) -> Flight:
    """Return a flight whose stamps grow and whose positions are numbers.

    Left out and counted are samples without a stamp or a position, those that give a stamp of the sample
    before another position, and those whose quaternion has not the length 1. A sample that repeats the one
    before it (same stamp, same position) is one with it. Where the position jumps faster than `JUMP_SPEED` a
    segment ends, with a remark. Zero quaternions mean an unknown attitude and become NaN.

    Raises
    ------
    BuildError
        For stamps that go back, quaternions most of which are no rotation, or fewer than two samples. Names
        file and line.
    """
    flight = _without(flight, ~np.isfinite(flight.stamps), "without a stamp")
    unknown = np.asarray(~np.isfinite(flight.position).all(axis=1))
    flight = _without(flight, unknown, "without a position")
    _require_order(flight)
    same = np.concatenate([[False], np.diff(flight.stamps) == 0])[: len(flight.stamps)]
    if same.any():
        moved = (np.diff(flight.position, axis=0) != 0).any(axis=1)
        again = same & ~np.concatenate([[False], moved])
        if again.any():
            remark = f"{flight.source}: {int(again.sum())} repeated samples were dropped"
            flight = replace(flight.take(~again), remarks=(*flight.remarks, remark))
        same = np.concatenate([[False], np.diff(flight.stamps) == 0])
        if 2 * same.sum() > len(same):
            raise BuildError(
                f"{flight.at(1)}: {same.sum()} of {len(same)} samples have the stamp of the one before and "
                "another position, expected one position at a time; write the stamps with more digits, in "
                "one column"
            )
        flight = _without(flight, same, "with the stamp of the one before and another position")
    if flight.attitude is not None:
        flight = _with_unit_quaternions(flight, flight.attitude)
    if len(flight.stamps) < 2:
        raise BuildError(
            f"{flight.source} holds {len(flight.stamps)} samples of a position, expected at least 2"
            f"{_causes(flight)}; is it the right file, and complete?"
        )
    if (jumps := _jumps(flight)).any():
        first = int(np.flatnonzero(jumps)[0])
        remark = (
            f"{flight.at(first + 1)}: the position jumps by "
            f"{np.linalg.norm(flight.position[first + 1] - flight.position[first]):.3g} m, faster than "
            f"{JUMP_SPEED:g} m/s ({int(jumps.sum())} such jumps); a track ends there"
        )
        segments = np.concatenate([[0], np.cumsum(jumps)])
        if flight.segments is not None:
            segments = segments + (jumps.sum() + 1) * flight.segments
        flight = replace(flight, segments=segments, remarks=(*flight.remarks, remark))
    empty: dict[str, Any] = {
        name: None for name, values in flight.series().items() if not np.isfinite(values).all(axis=1).any()
    }
    return replace(flight, **empty)


def _without(flight: Flight, chosen: NDArray[np.bool_], cause: str) -> Flight:
    """Return a flight without some samples, which are counted by their cause."""
    if not chosen.any():
        return flight
    count = flight.left_out.get(cause, 0) + int(chosen.sum())
    return replace(flight.take(~chosen), left_out={**flight.left_out, cause: count})


def _causes(flight: Flight) -> str:
    causes = ", ".join(f"{count} {cause}" for cause, count in flight.left_out.items() if count)
    return f" (left out: {causes})" if causes else ""


def _jumps(flight: Flight) -> NDArray[np.bool_]:
    """Return the steps inside a segment that no vehicle flies."""
    ways = np.linalg.norm(np.diff(flight.position, axis=0), axis=1)
    jumps: NDArray[np.bool_] = (ways > JUMP_SPEED * np.diff(flight.stamps)) & (ways > JUMP)
    return jumps if flight.segments is None else jumps & (np.diff(flight.segments) == 0)


def resampled(
    flight: Flight, *, max_gap: float = 0.5, still_speed: float = 0.1, min_duration: float = 3.0
) -> list[Track]:
    """Cut a flight into tracks on a clock of 0.1 s that starts with the first sample of each.

    Positions and velocities are interpolated linearly, attitudes on the great circle; a setpoint holds
    until the next. What is unknown for longer than `max_gap` is NaN.

    Parameters
    ----------
    flight
        A recording; `checked` here.
    max_gap
        A longer pause between two samples ends a track, s.
    still_speed
        Start and end of a track are dropped while the vehicle is slower, m s-1 over half a second.
    min_duration
        Shorter tracks are dropped, s.

    Raises
    ------
    BuildError
        As `checked`, when the flight was sampled slower than 10 Hz, and when it is too far from the origin
        for the precision of a store.
    """
    flight = checked(flight)
    _require_rate(flight)
    _require_near(flight)
    ends = np.diff(flight.stamps) > max_gap * (1 + CLOSE)
    if flight.segments is not None:
        ends |= np.diff(flight.segments) != 0
    edges = np.flatnonzero(ends) + 1
    tracks = []
    for first, stop in zip([0, *edges], [*edges, len(flight.stamps)], strict=True):
        stamps = flight.stamps[first:stop]
        times = stamps[0] + STEP * np.arange(int((stamps[-1] - stamps[0]) / STEP + CLOSE) + 1)
        position = at_times("position", stamps, flight.position[first:stop], times)
        moving = _moving(position, still_speed)
        if moving.stop - moving.start < min_duration / STEP + 1 - CLOSE:
            continue
        others = {
            name: at_times(name, stamps, values[first:stop], times, max_gap)[moving]
            for name, values in flight.series().items()
            if name != "position"
        }
        tracks.append(Track(float(times[moving.start]), {"position": position[moving], **others}))
    return tracks


def _moving(position: Numbers, speed: float) -> slice:
    """Return the samples between the first and the last motion."""
    if len(position) <= STILL_SAMPLES:
        return slice(0, len(position))
    way = np.linalg.norm(position[STILL_SAMPLES:] - position[:-STILL_SAMPLES], axis=1)
    fast = np.flatnonzero(way >= speed * STILL_SAMPLES * STEP)
    return slice(int(fast[0]), int(fast[-1]) + STILL_SAMPLES + 1) if fast.size else slice(0, 0)


def _require_order(flight: Flight) -> None:
    """Refuse stamps that go back, and tell why they do."""
    stamps = flight.stamps
    steps = np.diff(stamps)
    if not (back := np.flatnonzero(steps < 0)).size:
        return
    first = int(back[0])
    usual = float(np.median(np.abs(steps[steps != 0])))
    before = stamps[first - 1] if first else -np.inf
    after = stamps[first + 2] if first + 2 < len(stamps) else -np.inf
    if (steps <= 0).all():
        cause = "all stamps fall: the newest sample comes first; sort them by their stamps"
    elif period := next((each for each in CLOCKS if np.all(np.abs(steps[back] + each) < 2.0)), None):
        cause = (
            f"the clock of a {CLOCKS[period]} starts again there; add {period:g} s to the stamps behind it"
        )
    elif stamps[first] - before > 10 * usual and before < stamps[first + 1]:
        cause = f"{_time(stamps[first])} s is out of line ({back.size} steps back); remove that sample"
    elif steps[first] < -10 * usual and after > stamps[first]:
        cause = f"it is out of line ({back.size} steps back); remove this sample"
    elif np.all(steps[back] < -10 * usual):
        cause = (
            f"another recording seems to begin there ({back.size + 1} in this file); cut the file where its "
            "stamps go back, one recording a file"
        )
    else:
        cause = f"samples are out of order ({back.size} steps back); sort them by their stamps"
    raise BuildError(
        f"{flight.at(first + 1)}: the stamp {_time(stamps[first + 1])} s is earlier than "
        f"{_time(stamps[first])} s before it, expected stamps that grow; {cause}"
    )


def _require_rate(flight: Flight) -> None:
    spacing = float(np.median(np.diff(flight.stamps)))
    if FASTEST <= spacing <= SLOWEST:
        return
    guess = "is the unit of its stamps right?" if spacing < FASTEST else "log faster, or leave the file out"
    raise BuildError(
        f"{flight.source}: a sample every {spacing:.4g} s (median), expected 10 or more a second: what "
        f"lies between slower ones is unknown; {guess}"
    )


def _require_near(flight: Flight) -> None:
    if (far := np.flatnonzero((np.abs(flight.position) > FARTHEST).any(axis=1))).size:
        found = ", ".join(f"{value:.8g}" for value in flight.position[far[0]])
        raise BuildError(
            f"{flight.at(int(far[0]))}: the position is {found} m, expected at most {FARTHEST:g} m from the "
            f"origin ({far.size} such samples), as a store would round it to millimetres or worse; subtract "
            "a point near the flight, such as its first"
        )


def _with_unit_quaternions(flight: Flight, attitude: Numbers) -> Flight:
    """Return a flight with quaternions of length 1, NaN where unknown; samples with others are left out."""
    length = np.linalg.norm(attitude, axis=1)
    known = np.isfinite(length) & (length != 0)
    bad = known & (np.abs(length - 1) > UNIT_WITHIN)
    if 2 * bad.sum() > known.sum():
        first = int(np.flatnonzero(bad)[0])
        raise BuildError(
            f"{flight.at(first)}: the quaternion has length {length[first]:.4g}, expected 1 ({bad.sum()} of "
            f"{known.sum()} samples); are its columns the right ones? `attitude=false` leaves attitudes out"
        )
    scaled = np.where(known[:, None], attitude / np.where(known, length, 1.0)[:, None], np.nan)
    return _without(replace(flight, attitude=scaled), bad, "whose quaternion has not the length 1")


def _time(stamp: float) -> str:
    return f"{stamp:.9f}".rstrip("0").rstrip(".")


def one_line(error: Exception) -> str:
    """Return what a library said, for a message of ours."""
    return " ".join(str(error).split()) or type(error).__name__
