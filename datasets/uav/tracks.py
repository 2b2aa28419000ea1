"""From a log to tracks: stamps are checked, gaps split, positions put on the common clock of 0.1 s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.uav.variables import STEP, TRACKS

Numbers = NDArray[np.float64]

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
CLOSE = 1e-6
"""Two stamps on the grid that are this near are the same, in steps of the grid."""
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

    def series(self) -> dict[str, Numbers]:
        """Return what the flight holds along its stamps, by the names of a store."""
        return {name: values for name in TRACKS if (values := getattr(self, name, None)) is not None}

    def take(self, chosen: NDArray[np.bool_]) -> Flight:
        """Return the samples where a mask is true."""
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

    A sample that repeats the one before it (same stamp, same position) is dropped with a remark. Where the
    position jumps faster than `JUMP_SPEED` a segment ends, with a remark. Zero quaternions mean an unknown
    attitude and become NaN.

    Raises
    ------
    BuildError
        For NaN among stamps or positions, stamps that go back, one stamp with two positions, quaternions
        that are no rotation, or fewer than two samples. Names file and line.
    """
    _require_finite(flight, "stamp", flight.stamps[:, None])
    _require_finite(flight, "position", flight.position)
    steps = np.diff(flight.stamps)
    if (back := np.flatnonzero(steps < 0)).size:
        first = int(back[0])
        raise BuildError(
            f"{flight.at(first + 1)}: the stamp {_time(flight.stamps[first + 1])} s is earlier than "
            f"{_time(flight.stamps[first])} s before it ({back.size} such steps), expected stamps that grow; "
            "cut the file into its recordings, or sort its samples"
        )
    same = np.concatenate([[False], steps == 0])
    moved = np.concatenate([[False], (np.diff(flight.position, axis=0) != 0).any(axis=1)])
    if (conflict := np.flatnonzero(same & moved)).size:
        raise BuildError(
            f"{flight.at(int(conflict[0]))}: the stamp {_time(flight.stamps[conflict[0]])} s comes twice "
            f"with different positions ({conflict.size} such samples), expected one position at a time; "
            "remove the wrong ones"
        )
    if same.any():
        remark = f"{flight.source}: {int(same.sum())} repeated samples were dropped"
        flight = replace(flight.take(~same), remarks=(*flight.remarks, remark))
    if len(flight.stamps) < 2:
        raise BuildError(
            f"{flight.source} holds {len(flight.stamps)} samples of a position, expected at least 2; is it "
            "the right file, and complete?"
        )
    if flight.attitude is not None:
        flight = replace(flight, attitude=_unit_quaternions(flight, flight.attitude))
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
    unknown: dict[str, Any] = {
        name: None for name, values in flight.series().items() if not np.isfinite(values).all(axis=1).any()
    }
    return replace(flight, **unknown)


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


def at_times(name: str, stamps: Numbers, values: Numbers, times: Numbers, max_gap: float = np.inf) -> Numbers:
    """Return a variable at other times, NaN where its samples are too far apart or do not reach.

    Parameters
    ----------
    name
        `attitude` is interpolated on the great circle; `position_setpoint` holds until the next, `max_gap`
        at most; all else is linear.
    stamps, values
        s, (n,), growing; and (n, components). Samples with NaN are ignored, but those of a setpoint mean that
        none is given.
    times
        s, (m,).
    max_gap
        s.
    """
    if not len(stamps):
        return np.full((len(times), values.shape[1]), np.nan)
    # Small numbers keep the digits that seconds since 1970 lack.
    stamps, times = stamps - stamps[0], times - stamps[0]
    if name == "position_setpoint":
        return _held(stamps, values, times, max_gap)
    known = np.isfinite(values).all(axis=1)
    found = np.full((len(times), values.shape[1]), np.nan)
    if known.sum() < 2:
        return found
    given, values = stamps[known], values[known]
    slack = CLOSE * STEP
    inside = (times >= given[0] - slack) & (times <= given[-1] + slack)
    wanted = np.clip(times, given[0], given[-1])
    before = np.clip(np.searchsorted(given, wanted + slack, side="right") - 1, 0, len(given) - 1)
    after = np.clip(np.searchsorted(given, wanted - slack, side="left"), 0, len(given) - 1)
    inside &= given[after] - given[before] <= max_gap * (1 + CLOSE)
    if name == "attitude":
        found[inside] = _slerp(given, values, wanted[inside])
    else:
        found[inside] = np.stack([np.interp(wanted[inside], given, column) for column in values.T], axis=1)
    return found


def _held(stamps: Numbers, values: Numbers, times: Numbers, longest: float) -> Numbers:
    last = np.searchsorted(stamps, times + CLOSE * STEP, side="right") - 1
    fresh = (last >= 0) & (times - stamps[last] <= longest * (1 + CLOSE))
    return np.where(fresh[:, None], values[last], np.nan)


def _slerp(stamps: Numbers, quaternions: Numbers, times: Numbers) -> Numbers:
    """Interpolate on the great circle (Shoemake, SIGGRAPH 1985); signs are chosen so that none jumps."""
    from scipy.spatial.transform import Rotation, Slerp

    rotations = Rotation.from_quat(quaternions[:, [1, 2, 3, 0]])
    found = Slerp(stamps, rotations)(times).as_quat()[:, [3, 0, 1, 2]]
    turns = np.sum(found[1:] * found[:-1], axis=1) < 0
    first = -1.0 if len(found) and found[0, 0] < 0 else 1.0
    signs = first * np.cumprod(np.concatenate([[1.0], np.where(turns, -1.0, 1.0)]))
    return np.asarray(found * signs[: len(found), None])


def _moving(position: Numbers, speed: float) -> slice:
    """Return the samples between the first and the last motion."""
    if len(position) <= STILL_SAMPLES:
        return slice(0, len(position))
    way = np.linalg.norm(position[STILL_SAMPLES:] - position[:-STILL_SAMPLES], axis=1)
    fast = np.flatnonzero(way >= speed * STILL_SAMPLES * STEP)
    return slice(int(fast[0]), int(fast[-1]) + STILL_SAMPLES + 1) if fast.size else slice(0, 0)


def _require_finite(flight: Flight, what: str, values: Numbers) -> None:
    if (bad := np.flatnonzero(~np.isfinite(values).all(axis=1))).size:
        found = ", ".join(f"{value:g}" for value in values[bad[0]])
        raise BuildError(
            f"{flight.at(int(bad[0]))}: the {what} is {found}, expected numbers ({bad.size} such samples); "
            "remove them: a pause is split or interpolated by its length"
        )


def _require_rate(flight: Flight) -> None:
    spacing = float(np.median(np.diff(flight.stamps)))
    if FASTEST <= spacing <= SLOWEST:
        return
    guess = "log faster, or leave the file out"
    for unit, factor in (("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if 1e-3 <= spacing * factor <= SLOWEST:
            guess = f"if the stamps are in {unit}, say `time_unit: {unit}`"
            break
    if spacing < FASTEST:
        guess = "is `time_unit` right?"
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


def _unit_quaternions(flight: Flight, attitude: Numbers) -> Numbers:
    length = np.linalg.norm(attitude, axis=1, keepdims=True)
    unknown = ~np.isfinite(length) | (length == 0)
    if (bad := np.flatnonzero(~unknown & (np.abs(length - 1) > UNIT_WITHIN))).size:
        raise BuildError(
            f"{flight.at(int(bad[0]))}: the quaternion has length {length[bad[0], 0]:.4g}, expected 1 "
            f"({bad.size} such samples); are its columns the right ones?"
        )
    return np.asarray(np.where(unknown, np.nan, attitude / np.where(unknown, 1.0, length)))


def _time(stamp: float) -> str:
    return f"{stamp:.9f}".rstrip("0").rstrip(".")


def one_line(error: Exception) -> str:
    """Return what a library said, for a message of ours."""
    return " ".join(str(error).split()) or type(error).__name__
