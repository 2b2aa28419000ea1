"""Whole flights: hovering, lag, limits, wind, and independence of the batch."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

import array_api_strict
import numpy as np
import pytest

from physics.flight.control import Gains
from physics.flight.dynamics import rotation
from physics.flight.flight import GUIDANCE, SAMPLE, Setpoints, Track, fly, start
from physics.flight.vehicles import GRAVITY, X500
from physics.flight.wind import Wind


def held(position: np.ndarray, **parts: np.ndarray) -> Setpoints:
    """Setpoints (k, 3, n) without feed-forward, looking east."""
    still = np.zeros_like(position)
    whole = {"velocity": still, "acceleration": still, "heading": still[:, 0]} | parts
    return Setpoints(position, **whole)


def hovering(position: np.ndarray) -> np.ndarray:
    return start(position, np.zeros_like(position), np.zeros(position.shape[1]))


def oscillation(flown: Flown, rate: float, flight: int) -> complex:
    """Complex amplitude of a steady circle, over whole turns in the second half."""
    turns = 2.0 * math.pi / rate
    count = round(turns * (13.0 // turns) / SAMPLE)
    east, north = flown.track.position[-count:, :2, flight].T
    return complex(np.mean((east + 1j * north) * np.exp(-1j * rate * flown.time[-count:])))


def linear_response(rate: float) -> complex:
    """Position over setpoint of the cascade without limits, drag and wind, from its gains alone."""
    s, gains = 1j * rate, Gains()
    rotors = 1.0 / (1.0 + 0.018 * s)  # between 0.0125 s up and 0.025 s down
    rates = gains.rate[0] * rotors / (s + gains.rate[0] * rotors)
    attitude = gains.attitude[0] * rates / (s + gains.attitude[0] * rates)
    thrust = attitude * cmath.exp(-0.01 * s)  # held for 0.02 s
    control = thrust * (gains.velocity[0] + gains.integral[0] / s)
    velocity = control / (s + control + thrust * gains.derivative[0] * s)
    opened = velocity * gains.position[0] / s
    return opened / (1.0 + opened) * cmath.exp(-0.5 * SAMPLE * s)  # setpoints are held too


@dataclass(frozen=True)
class Flown:
    """Flights of 25 s side by side: the batch costs as much as one flight.

    0 to 2 circles of radius 2 m at `RATES` without drag, 3 and 4 a circle of 4 m with and without
    feed-forward, 5 a goal, 6 hovering in a steady wind, 7 hovering.
    """

    time: np.ndarray
    setpoints: Setpoints
    track: Track


RATES = (0.5, 1.0, 2.0)
WIND = np.array([6.0, 0.0, 0.0])
GOAL, BEGIN = np.array([20.0, -10.0, 12.0]), np.array([0.0, 0.0, 8.0])


@pytest.fixture(scope="module")
def flown() -> Flown:
    radius = np.array([2.0, 2.0, 2.0, 4.0, 4.0, 0.0, 0.0, 0.0])
    rate = np.array([*RATES, 0.5, 0.5, 1.0, 1.0, 1.0])
    time = np.arange(251) * SAMPLE
    angle = time[:, None] * rate
    east, north = radius * np.cos(angle), radius * np.sin(angle)
    position = np.stack([east, north, np.full_like(angle, 10.0)], axis=1)
    position[:, :, 5] = GOAL
    velocity, acceleration = np.zeros_like(position), np.zeros_like(position)
    velocity[:, 0, 3], velocity[:, 1, 3] = -0.5 * north[:, 3], 0.5 * east[:, 3]
    acceleration[:, :2, 3] = -0.25 * position[:, :2, 3]
    setpoints = held(position, velocity=velocity, acceleration=acceleration)
    begin = position[0].copy()
    begin[:, 5] = BEGIN
    drag = np.where(np.arange(8) < 3, 0.0, 1.0)
    vehicle = replace(
        X500, rotor_drag=X500.rotor_drag * drag, frame_drag=np.array(X500.frame_drag)[:, None] * drag
    )
    mean = np.zeros((3, 8))
    mean[:, 6] = WIND
    wind = Wind(mean, np.zeros((GUIDANCE * 250, 3, 8)))
    return Flown(time, setpoints, fly(vehicle, Gains(), setpoints, hovering(begin), wind))


def test_hover_stays(flown: Flown) -> None:
    place = np.tile([0.0, 0.0, 10.0], (251, 1))
    np.testing.assert_allclose(flown.track.position[..., 7], place, atol=1e-9)
    np.testing.assert_allclose(flown.track.velocity[..., 7], 0.0, atol=1e-9)


@pytest.mark.parametrize("flight", [0, 1, 2])
def test_lag_and_attenuation_of_circles_are_those_of_the_linear_cascade(flown: Flown, flight: int) -> None:
    measured = oscillation(flown, RATES[flight], flight) / 2.0
    expected = linear_response(RATES[flight])
    assert abs(measured) == pytest.approx(abs(expected), rel=0.01)
    assert cmath.phase(measured / expected) == pytest.approx(0.0, abs=0.05)


def test_position_setpoints_alone_are_followed_late_and_fast_circles_shrink(flown: Flown) -> None:
    slow, _, fast = (oscillation(flown, rate, flight) for flight, rate in enumerate(RATES))
    assert cmath.phase(slow) / 0.5 == pytest.approx(-1.0, abs=0.1)  # a second behind
    assert abs(fast) < 1.1


def test_feed_forward_takes_most_of_the_lag_away(flown: Flown) -> None:
    late = np.linalg.norm(flown.track.position - flown.setpoints.position, axis=1)[200:].mean(axis=0)
    assert late[3] < 0.25 * late[4]


def test_goal_is_reached_and_kept(flown: Flown) -> None:
    np.testing.assert_allclose(flown.track.position[-1, :, 5], GOAL, atol=0.1)
    assert flown.track.position[:, 0, 5].max() < 20.0 + 4.0  # no overshoot of a wound-up integral


def test_in_a_steady_wind_the_vehicle_leans_into_it_and_stays(flown: Flown) -> None:
    np.testing.assert_allclose(flown.track.position[-1, :, 6], [0.0, 0.0, 10.0], atol=0.1)
    turn = rotation(np, flown.track.attitude[-1])[..., 6]
    push = 4.0 * X500.rotor_drag * X500.hover_speed() * 6.0 + X500.frame_drag[0] * 36.0
    assert turn[0, 2] == pytest.approx(-push / (X500.mass * GRAVITY), rel=0.03)  # thrust points west
    np.testing.assert_allclose(flown.track.wind[-1, :, 6], WIND)


def test_climb_descent_and_speed_keep_px4s_limits_and_the_body_its_tilt() -> None:
    goal = np.array([[80.0, 0.0, 0.0], [0.0, 0.0, -60.0], [30.0, 60.0, 5.0]])
    first = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [30.0, 30.0, 30.0]])
    track = fly(X500, Gains(), held(np.tile(goal, (121, 1, 1))), hovering(first))
    speed = np.linalg.norm(track.velocity[:, :2], axis=1)
    assert 11.0 < speed[:, 0].max() < 12.6
    assert track.velocity[:, 2, 1].max() == pytest.approx(3.0, abs=0.2)
    assert track.velocity[:, 2, 2].min() == pytest.approx(-1.5, abs=0.3)
    up = [rotation(np, attitude)[2, 2] for attitude in track.attitude]
    tilt = np.degrees(np.arccos(np.clip(up, -1.0, 1.0)))
    assert 40.0 < tilt.max() < 52.0
    np.testing.assert_allclose(np.linalg.norm(track.attitude, axis=1), 1.0, rtol=1e-12)


def some(count: int, seconds: float) -> tuple[np.ndarray, np.ndarray, Wind]:
    """Random goals, starts and winds."""
    rng = np.random.default_rng(4)
    samples = round(seconds / SAMPLE) + 1
    position = rng.normal(scale=4.0, size=(1, 3, count)) + np.array([0.0, 0.0, 10.0])[:, None]
    position = np.tile(position, (samples, 1, 1))
    draws = rng.standard_normal((GUIDANCE * (samples - 1), 3, count))
    return position, rng.normal(size=(3, count)), Wind(rng.normal(scale=3.0, size=(3, count)), draws)


def test_a_flight_does_not_depend_on_those_beside_it() -> None:
    position, velocity, wind = some(5, 3.0)
    together = fly(X500, Gains(), held(position), start(position[0], velocity, np.zeros(5)), wind)
    one = slice(3, 4)
    alone = fly(
        X500,
        Gains(),
        held(position[..., one]),
        start(position[0][:, one], velocity[:, one], np.zeros(1)),
        Wind(wind.mean[:, one], wind.draws[..., one]),
    )
    np.testing.assert_allclose(alone.position[..., 0], together.position[..., 3], rtol=0, atol=1e-9)
    np.testing.assert_allclose(alone.wind[..., 0], together.wind[..., 3], rtol=0, atol=1e-9)


def test_a_flight_is_the_same_on_a_strict_array_library() -> None:
    position, velocity, wind = some(3, 0.3)
    parts = (position, velocity, np.zeros(3), np.zeros_like(position), np.zeros((4, 3)))
    xp = array_api_strict
    where, speed, look, still, yaw = (xp.asarray(part) for part in parts)
    theirs = fly(
        X500,
        Gains(),
        Setpoints(where, still, still, yaw),
        start(where[0, :, :], speed, look),
        Wind(xp.asarray(wind.mean), xp.asarray(wind.draws)),
    )
    ours = fly(X500, Gains(), held(position), start(position[0], velocity, np.zeros(3)), wind)
    for name in ("position", "velocity", "attitude", "angular_velocity", "wind"):
        np.testing.assert_allclose(np.asarray(getattr(theirs, name)), getattr(ours, name), atol=1e-10)


def test_setpoints_and_wind_of_another_shape_are_refused() -> None:
    position, velocity, wind = some(3, 1.0)
    state = start(position[0], velocity, np.zeros(3))
    with pytest.raises(ValueError, match=r"setpoints.position has shape \(11, 3, 2\).*need \(11, 3, 3\)"):
        fly(X500, Gains(), held(position[..., :2]), state)
    short = Wind(wind.mean, wind.draws[:10])
    with pytest.raises(ValueError, match="10 rows; 11 samples need 50"):
        fly(X500, Gains(), held(position), state, short)
