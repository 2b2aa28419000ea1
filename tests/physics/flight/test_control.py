"""PX4-like control: what each loop asks for, and what it never asks for."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from physics.flight.control import Aim, Cascade, Gains
from physics.flight.dynamics import ATTITUDE, Airframe, rotation
from physics.flight.vehicles import GRAVITY, X500

PERIOD = 0.02
WEIGHT = X500.mass * GRAVITY
MOST = 4.0 * X500.thrust_coefficient * X500.fastest**2
AHEAD = (np.ones(1), np.zeros(1))
"""Cosine and sine of a heading to the east."""


def cascade(state: np.ndarray, gains: Gains | None = None) -> Cascade:
    return Cascade(Airframe(np, X500, 0.004, state), gains or Gains(), state, PERIOD)


def at_rest(count: int = 1) -> np.ndarray:
    state = np.zeros((13, count))
    state[6] = 1.0
    return state


def aim(position: np.ndarray, velocity: np.ndarray | None = None) -> Aim:
    still = np.zeros_like(position)
    return Aim(position, still if velocity is None else velocity, still, np.zeros(position.shape[1]))


def test_at_the_goal_the_rotors_hover() -> None:
    state = at_rest()
    control = cascade(state)
    thrust = control.guide(state, aim(np.zeros((3, 1))))
    np.testing.assert_allclose(thrust[:, 0], [0.0, 0.0, WEIGHT], atol=1e-12)
    speeds, _ = control.steer(state, thrust, AHEAD)
    np.testing.assert_allclose(speeds, X500.hover_speed(), rtol=1e-12)


def test_small_errors_give_the_product_of_the_gains() -> None:
    state = at_rest()
    thrust = cascade(state).guide(state, aim(np.array([[0.1], [-0.2], [0.05]])))
    expected = X500.mass * np.array([1.8 * 0.95 * 0.1, 1.8 * 0.95 * -0.2, 4.0 * 1.0 * 0.05 + GRAVITY])
    np.testing.assert_allclose(thrust[:, 0], expected, rtol=1e-9)


def test_thrust_never_leans_beyond_the_tilt_limit_and_never_exceeds_the_rotors() -> None:
    rng = np.random.default_rng(0)
    state = at_rest(2000)
    state[3:6] = rng.normal(scale=5.0, size=(3, 2000))
    control = cascade(state)
    for _ in range(50):
        thrust = control.guide(state, aim(rng.normal(scale=30.0, size=(3, 2000))))
        size = np.linalg.norm(thrust, axis=0)
        lean = np.degrees(np.arccos(thrust[2] / size))
        assert lean.max() <= 45.0 + 1e-6
        assert size.max() <= MOST * (1 + 1e-9)
        assert thrust[2].min() >= 0.12 * MOST * (1 - 1e-9)
    assert lean.max() > 44.9
    assert size.max() > 0.99 * MOST


def test_full_climb_leaves_thrust_for_the_horizontal() -> None:
    state = at_rest()
    thrust = cascade(state)._limited(np.array([[30.0], [40.0], [80.0]]))[0][:, 0]
    assert np.hypot(*thrust[:2]) == pytest.approx(0.3 * MOST)
    assert np.linalg.norm(thrust) == pytest.approx(MOST)
    assert thrust[1] / thrust[0] == pytest.approx(40.0 / 30.0)


def test_velocity_setpoint_keeps_its_limits_and_the_correction_comes_first() -> None:
    rng = np.random.default_rng(1)
    state = at_rest(500)
    goal, ahead = rng.normal(scale=10.0, size=(2, 3, 500))
    wanted = cascade(state)._velocity_setpoint(state[:3], aim(goal, ahead))
    speed = np.hypot(*wanted[:2])
    assert speed.max() <= 12.0 + 1e-9
    assert wanted[2].min() == -1.5
    assert wanted[2].max() == 3.0
    free = np.hypot(*(0.95 * goal + ahead)[:2]) <= 12.0
    np.testing.assert_allclose(wanted[:2, free], (0.95 * goal + ahead)[:2, free], rtol=1e-9)
    # Where the limit binds, what is left beside the correction points along the feed-forward.
    bound = ~free & (np.hypot(*(0.95 * goal)[:2]) < 12.0)
    rest = wanted[:2, bound] - 0.95 * goal[:2, bound]
    crossed = rest[0] * ahead[1, bound] - rest[1] * ahead[0, bound]
    np.testing.assert_allclose(crossed, 0.0, atol=1e-6)
    np.testing.assert_allclose(speed[bound], 12.0, rtol=1e-6)


def test_integral_does_not_wind_up_while_the_tilt_is_at_its_limit() -> None:
    state = at_rest()
    control = cascade(state)
    for _ in range(500):  # 10 s
        control.guide(state, aim(np.array([[100.0], [0.0], [0.0]])))
    unprotected = 0.4 * 12.0 * 10.0  # gain times error times time, m/s2
    assert abs(control._integral[0, 0]) < 0.3 * unprotected
    # Back-calculation balances where the excess of acceleration is error / (2 / P).
    assert control.guide(state, aim(np.zeros((3, 1))))[0, 0] < 0.0


def test_vertical_integral_stops_at_full_thrust() -> None:
    state = at_rest()
    state[5] = -30.0  # falling fast: all thrust there is, and not enough
    control = cascade(state)
    for _ in range(100):
        control.guide(state, aim(np.zeros((3, 1))))
    assert control._integral[2, 0] == 0.0


@pytest.mark.parametrize("yaw", [0.0, 2.0])
def test_attitude_error_turns_the_body_towards_the_thrust(yaw: float) -> None:
    lean = Rotation.from_euler("ZYX", [yaw, 0.1, -0.2])
    state = at_rest()
    state[ATTITUDE, 0] = lean.as_quat(scalar_first=True)
    control = cascade(state)
    heading = np.array([math.cos(yaw)]), np.array([math.sin(yaw)])
    speeds, turn = control.steer(state, np.array([[0.0], [0.0], [WEIGHT]]), heading)
    np.testing.assert_allclose(turn, rotation(np, state[ATTITUDE]))
    torque = Airframe(np, X500, 0.004, state).load(speeds).torque[:, 0]
    # The shortest turn of the body's z to the vertical, in body axes, is against the lean.
    body_up = lean.inv().apply([0.0, 0.0, 1.0])
    axis = np.cross([0.0, 0.0, 1.0], body_up)
    angle = math.acos(body_up[2])
    error = 2.0 * math.sin(angle / 2.0) * axis / np.linalg.norm(axis)
    expected = 22.0 * 6.5 * error[:2] * np.array(X500.inertia[:2])
    np.testing.assert_allclose(torque[:2], expected, rtol=1e-6)


def test_yaw_turns_the_short_way() -> None:
    state = at_rest()
    state[ATTITUDE, 0] = Rotation.from_euler("z", 177.0, degrees=True).as_quat(scalar_first=True)
    control = cascade(state)
    heading = np.cos(np.radians([-179.0])), np.sin(np.radians([-179.0]))
    speeds, _ = control.steer(state, np.array([[0.0], [0.0], [WEIGHT]]), heading)
    torque = Airframe(np, X500, 0.004, state).load(speeds).torque[2, 0]
    assert torque == pytest.approx(8.0 * 2.8 * math.radians(4.0) * X500.inertia[2], rel=1e-6)


def test_rate_setpoints_keep_their_limits() -> None:
    state = at_rest()
    state[ATTITUDE, 0] = Rotation.from_euler("x", 170.0, degrees=True).as_quat(scalar_first=True)
    state[10] = -math.radians(220.0)  # turning back at the limit: no torque
    speeds, _ = cascade(state).steer(state, np.array([[0.0], [0.0], [WEIGHT]]), AHEAD)
    torque = Airframe(np, X500, 0.004, state).load(speeds).torque[0, 0]
    assert torque == pytest.approx(0.0, abs=1e-9)


def test_mixer_gives_what_is_asked_where_the_rotors_can() -> None:
    state = at_rest()
    control, airframe = cascade(state), Airframe(np, X500, 0.004, state)
    collective, shares = np.array([5.0]), np.array([[0.8], [-0.5], [0.3]])
    load = airframe.load(control._mix(collective, shares))
    assert load.thrust[0] == pytest.approx(20.0)
    lever = np.array([X500.arm, X500.arm, X500.moment_ratio])
    np.testing.assert_allclose(load.torque[:, 0], 4.0 * lever * shares[:, 0], rtol=1e-9)


def test_mixer_gives_up_yaw_first_then_thrust_and_keeps_roll() -> None:
    state = at_rest()
    control, airframe = cascade(state), Airframe(np, X500, 0.004, state)
    most = X500.thrust_coefficient * X500.fastest**2
    shares = np.array([[1.0], [0.0], [2.0]])
    load = airframe.load(control._mix(np.array([most - 1.0]), shares))
    assert load.thrust[0] == pytest.approx(4.0 * (most - 1.0))  # no room beside roll: no yaw
    assert load.torque[0, 0] == pytest.approx(4.0 * X500.arm)
    assert load.torque[2, 0] == pytest.approx(0.0, abs=1e-9)
    load = airframe.load(control._mix(np.array([most]), shares))
    assert load.thrust[0] == pytest.approx(4.0 * (most - 1.0))
    assert load.torque[0, 0] == pytest.approx(4.0 * X500.arm)


def test_gains_may_differ_from_flight_to_flight() -> None:
    state = at_rest(2)
    gains = replace(Gains(), position=np.array([[0.95, 1.9], [0.95, 1.9], [1.0, 2.0]]))
    thrust = cascade(state, gains).guide(state, aim(np.full((3, 2), 0.1)))
    np.testing.assert_allclose(thrust[:2, 1], 2.0 * thrust[:2, 0], rtol=1e-9)
