"""Irregular samples become tracks of 0.1 s; what cannot be trusted is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datasets.factory.errors import BuildError
from datasets.uav.interpolation import at_times
from datasets.uav.tracks import FARTHEST, Flight, checked, resampled
from datasets.uav.variables import padded

TIMES = np.round(0.1 * np.arange(50), 1)
RNG = np.random.default_rng(7)
START = 1_700_000_000.0  # seconds since 1970


def irregular(duration: float, *, spacing: float = 0.02, start: float = 0.0) -> np.ndarray:
    """Stamps with 40 % jitter, both ends kept."""
    regular = np.arange(0, duration + 1e-9, spacing)
    inner = regular[1:-1] + RNG.uniform(-0.4, 0.4, len(regular) - 2) * spacing
    return start + np.concatenate([[0.0], inner, [regular[-1]]])


def line(stamps: np.ndarray, **more: Any) -> Flight:
    """2 m/s to the east, 1 m/s down."""
    t = stamps - stamps[0]
    return Flight("a.csv", stamps, np.stack([2 * t, 0 * t + 3, 10 - t], axis=1), **more)


def test_straight_line_stays_exact_on_the_grid() -> None:
    (track,) = resampled(line(irregular(20, start=START)))
    times = np.arange(201) * 0.1
    expected = np.stack([2 * times, 0 * times + 3, 10 - times], axis=1)
    # Doubles since 1970 resolve 0.24 us, 0.5 um of this line.
    np.testing.assert_allclose(track.position, expected, atol=2e-6)
    assert track.start_time == START
    assert track.position is track.values["position"]


def test_sine_is_as_close_as_linear_interpolation_can_be() -> None:
    stamps = irregular(10)
    flight = Flight("a.csv", stamps, np.stack([np.sin(2 * stamps)] * 3, axis=1))
    (track,) = resampled(flight)
    # Error bound of linear interpolation: h^2 max|f''| / 8, h the widest spacing.
    bound = np.diff(stamps).max() ** 2 * 4 / 8
    assert np.abs(track.position[:, 0] - np.sin(2 * 0.1 * np.arange(101))).max() < bound


def test_samples_on_the_grid_come_back_unchanged() -> None:
    stamps = np.round(np.arange(100) * 0.1, 2)
    position = RNG.normal(size=(100, 3)).cumsum(axis=0)
    (track,) = resampled(Flight("a.csv", stamps, position), still_speed=0)
    np.testing.assert_allclose(track.position, position, atol=1e-9)


def test_attitude_turns_at_a_constant_rate_between_samples() -> None:
    stamps = irregular(9, spacing=0.09)
    axis, rate = np.array([1.0, -2.0, 2.0]) / 3, 2.5

    def at(times: np.ndarray) -> np.ndarray:
        return Rotation.from_rotvec(rate * times[:, None] * axis).as_quat()[:, [3, 0, 1, 2]]

    signs = RNG.choice([-1.0, 1.0], size=(len(stamps), 1))  # q and -q are one rotation
    (track,) = resampled(line(stamps, attitude=signs * at(stamps)))
    attitude, expected = track.values["attitude"], at(0.1 * np.arange(91))
    np.testing.assert_allclose(np.abs(np.sum(attitude * expected, axis=1)), 1, atol=1e-12)
    assert (np.sum(attitude[1:] * attitude[:-1], axis=1) > 0).all()


def test_gap_ends_a_track_and_a_shorter_pause_is_interpolated() -> None:
    stamps = np.concatenate(
        [np.arange(0, 5.01, 0.1), 5.4 + np.arange(0, 5.01, 0.1), np.arange(11, 16.01, 0.1)]
    )
    first, second = resampled(line(stamps))
    assert (len(first.position), len(second.position)) == (105, 51)
    assert first.position[52, 0] == pytest.approx(2 * 5.2)
    assert (first.start_time, second.start_time) == (0.0, 11.0)
    assert len(resampled(line(stamps), max_gap=0.3)) == 3
    assert len(resampled(line(stamps), max_gap=1.0)) == 1


def test_track_ends_where_the_estimator_was_reset() -> None:
    stamps = np.arange(0, 10, 0.05)
    tracks = resampled(line(stamps, segments=(stamps >= 4).astype(np.int64)))
    assert [round(track.start_time, 3) for track in tracks] == [0.0, 4.0]
    assert len(tracks[0].position) == 40


def test_hours_on_the_ground_are_dropped_and_hovering_in_flight_is_kept() -> None:
    stamps = np.arange(0, 60, 0.1)
    way = np.interp(stamps, [0, 10, 20, 30, 40, 60], [0, 0, 20, 20, 40, 40])
    noise = 0.01 * RNG.normal(size=(len(stamps), 3))
    flight = Flight("a.csv", stamps, np.stack([way] * 3, axis=1) + noise)
    (track,) = resampled(flight)
    assert track.start_time == pytest.approx(10, abs=0.6)
    assert len(track.position) == pytest.approx(300, abs=12)
    assert len(resampled(flight, still_speed=0)[0].position) == 600
    assert resampled(Flight("a.csv", stamps, noise)) == []


def test_short_tracks_are_dropped() -> None:
    assert len(resampled(line(np.arange(0, 3.01, 0.1)))) == 1
    assert resampled(line(np.arange(0, 2.91, 0.1))) == []
    assert len(resampled(line(np.arange(0, 2.91, 0.1)), min_duration=2.9)) == 1


def test_setpoint_holds_until_the_next() -> None:
    stamps = np.arange(0, 5, 0.05)
    setpoint = np.where(stamps[:, None] < 2.0, 1.0, 9.0) * np.ones(3)
    (track,) = resampled(line(stamps, position_setpoint=setpoint))
    np.testing.assert_array_equal(track.values["position_setpoint"][:, 0], np.where(np.arange(50) < 20, 1, 9))


def test_what_is_unknown_for_long_stays_unknown() -> None:
    stamps = np.arange(0, 5, 0.05)
    velocity = np.full((len(stamps), 3), 2.0)
    velocity[10:14] = np.nan  # 0.25 s
    velocity[40:60] = np.nan  # 1.05 s
    (track,) = resampled(line(stamps, velocity=velocity))
    missing = np.isnan(track.values["velocity"][:, 0])
    assert 8 <= missing.sum() <= 11
    assert missing[20:29].all()
    assert not np.isnan(track.position).any()


def test_nothing_is_extrapolated() -> None:
    found = at_times("velocity", np.array([1.0, 2.0]), np.eye(2), np.array([0.5, 1.5, 2.5]))
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [0.5, 0.5], [np.nan, np.nan]])


def test_repeated_sample_is_dropped_with_a_remark() -> None:
    flight = line(np.arange(0, 5, 0.1))
    again = flight.take(np.ones(50, dtype=bool))
    twice = Flight("a.csv", np.repeat(again.stamps, 2), np.repeat(again.position, 2, axis=0))
    clean = checked(twice)
    assert len(clean.stamps) == 50
    assert clean.remarks == ("a.csv: 50 repeated samples were dropped",)
    np.testing.assert_allclose(resampled(twice)[0].position, resampled(flight)[0].position)


def test_zero_quaternion_is_an_unknown_attitude() -> None:
    flight = line(np.arange(0, 5, 0.1), attitude=np.zeros((50, 4)))
    assert checked(flight).attitude is None
    known = np.tile([2.0**0.5 / 2, 0, 0, 0.7071], (50, 1))
    known[:5] = 0
    attitude = checked(line(flight.stamps, attitude=known)).attitude
    assert attitude is not None
    assert np.isnan(attitude[:5]).all()
    np.testing.assert_allclose(np.linalg.norm(attitude[5:], axis=1), 1)


def spoilt(index: int, stamp: float | None = None, x: float | None = None) -> Flight:
    flight = line(np.arange(0, 5, 0.1), numbers=np.arange(2, 52), counted="line")
    if stamp is not None:
        flight.stamps[index] = stamp
    if x is not None:
        flight.position[index, 0] = x
    return flight


def test_steps_of_a_flight_at_the_farthest_place_survive_in_a_store() -> None:
    flight = line(np.arange(0, 5, 0.1))
    flight.position[:, 0] += FARTHEST - 10
    (track,) = resampled(flight)
    np.testing.assert_allclose(np.diff(padded(track.position, 50)[:, 0]), 0.2, atol=4e-3)


@pytest.mark.parametrize(
    ("flight", "left_out"),
    [
        (spoilt(3, stamp=np.nan), {"without a stamp": 1}),
        (spoilt(4, x=np.nan), {"without a position": 1}),
        (spoilt(4, x=np.inf), {"without a position": 1}),
        (spoilt(9, stamp=0.8), {"with the stamp of the one before and another position": 1}),
    ],
)
def test_sample_that_cannot_be_used_is_left_out_by_its_cause(
    flight: Flight, left_out: dict[str, int]
) -> None:
    found = checked(flight)
    assert found.left_out == left_out
    assert len(found.stamps) == 49
    assert checked(found).left_out == left_out
    assert [len(track.position) for track in resampled(flight)] == [50]


def test_samples_that_a_reader_left_out_are_counted_too() -> None:
    flight = replace(spoilt(4, x=np.nan), left_out={"outside": 2})
    assert checked(flight).left_out == {"outside": 2, "without a position": 1}


def test_few_quaternions_of_another_length_leave_their_samples_out() -> None:
    attitude = np.tile([1.0, 0, 0, 0], (50, 1))
    attitude[7] *= 3
    found = checked(line(np.arange(0, 5, 0.1), attitude=attitude))
    assert found.left_out == {"whose quaternion has not the length 1": 1}
    assert found.attitude is not None
    np.testing.assert_array_equal(found.attitude, np.tile([1.0, 0, 0, 0], (49, 1)))


def in_order(stamps: np.ndarray) -> Flight:
    return Flight("a.csv", stamps, np.arange(3.0 * len(stamps)).reshape(-1, 3), counted="line")


@pytest.mark.parametrize(
    ("stamps", "said"),
    [
        (
            TIMES[::-1],
            "line 2: the stamp 4.8 s is earlier than 4.9 s before it, .* the newest sample comes first",
        ),
        (
            np.concatenate([TIMES, TIMES]),
            r"line 51: .* another recording seems to begin there \(2 in this file",
        ),
        (np.concatenate([TIMES + 86_395.1, TIMES]), "line 51: .* clock of a day starts again there"),
        (np.concatenate([TIMES + 604_795.1, TIMES]), r"clock of a week \(GPS\) starts again .* add 604800 s"),
        (np.insert(TIMES, 9, 99.0), "line 11: .* 99 s is out of line .*; remove that sample"),
        (np.insert(TIMES, 30, 0.0), "line 31: .* it is out of line .*; remove this sample"),
        (TIMES[[*range(9), 10, 9, *range(11, 50)]], "line 11: .* out of order .*; sort them by their stamps"),
    ],
)
def test_stamps_that_go_back_are_refused_by_what_made_them_so(stamps: np.ndarray, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        checked(in_order(stamps))


@pytest.mark.parametrize(
    ("flight", "said"),
    [
        (
            spoilt(6, x=-5.4e6),
            r"a\.csv, line 8: the position is -5400000, 3, 9\.4 m, expected at most 50000 m from the origin "
            r"\(1 such samples\).*; subtract a point",
        ),
        (line(np.array([1.0])), r"a\.csv holds 1 samples of a position, expected at least 2"),
        (
            line(np.array([1.0, np.nan])),
            r"expected at least 2 \(left out: 1 without a stamp\); is it the right file",
        ),
        (
            Flight("a.csv", np.repeat(TIMES, 3), np.arange(450.0).reshape(-1, 3)),
            r"100 of 150 samples have the stamp of the one before and another position, .* more digits",
        ),
        (line(np.full(3, np.nan)), r"holds 0 samples of a position, .* 3 without a stamp"),
        (
            line(np.arange(0, 5, 0.1), attitude=np.ones((50, 4))),
            r"a\.csv, sample 1: the quaternion has length 2, expected 1 \(50 of 50 samples\)",
        ),
        (line(np.arange(0, 50, 0.2)), r"a sample every 0\.2 s \(median\), expected 10 or more a second"),
        (line(np.arange(0, 5e-9, 1e-10)), r"is the unit of its stamps right\?"),
    ],
)
def test_untrustworthy_samples_are_refused_with_their_line(flight: Flight, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        resampled(flight)


def test_a_jump_of_the_estimate_ends_a_track_with_a_remark() -> None:
    stamps = 0.1 * np.arange(100)
    position = np.outer(stamps, [2.0, 0.0, 0.0])
    position[50:] += 1000.0
    flight = checked(Flight(source="jump.csv", stamps=stamps, position=position))
    assert "the position jumps by 1.73e+03 m" in flight.remarks[0]
    tracks = resampled(flight, still_speed=0.0)
    assert [len(track.position) for track in tracks] == [50, 50]
    assert checked(flight).remarks == flight.remarks


def test_noise_between_two_near_stamps_is_no_jump() -> None:
    stamps = np.sort(np.concatenate([0.1 * np.arange(100), 0.1 * np.arange(100) + 1e-3]))
    position = np.outer(stamps, [2.0, 0.0, 0.0])
    position[1::2, 1] += 0.5
    assert len(resampled(Flight(source="near.csv", stamps=stamps, position=position), still_speed=0.0)) == 1
