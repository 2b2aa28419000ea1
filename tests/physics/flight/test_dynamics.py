"""Rigid-body flight against closed solutions, conservation laws and RotorPy."""

import math
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from physics.flight.dynamics import RATES, VELOCITY, Airframe, rotation
from physics.flight.vehicles import GRAVITY, HUMMINGBIRD, SIH, X500, Vehicle

STILL = np.zeros((3, 1))


def level(**parts: tuple[float, ...]) -> np.ndarray:
    """A level state at rest with some parts replaced."""
    whole = {"position": (0.0, 0.0, 0.0), "velocity": (0.0, 0.0, 0.0), "attitude": (1.0, 0.0, 0.0, 0.0)}
    whole |= {"rates": (0.0, 0.0, 0.0)} | parts
    return np.concatenate([np.array(part) for part in whole.values()])[:, None]


def run(
    vehicle: Vehicle, state: np.ndarray, speeds: np.ndarray, commands: np.ndarray, seconds: float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    airframe = Airframe(np, vehicle, step, state)
    for _ in range(round(seconds / step)):
        state, speeds = airframe.advance(state, speeds, commands, STILL)
    return state, speeds


@pytest.mark.parametrize("vehicle", [X500, SIH, HUMMINGBIRD], ids=["x500", "sih", "hummingbird"])
def test_thrust_of_hovering_rotors_is_the_weight(vehicle: Vehicle) -> None:
    airframe = Airframe(np, vehicle, 0.004, level())
    load = airframe.load(np.full((4, 1), vehicle.hover_speed()))
    assert load.thrust[0] == pytest.approx(vehicle.mass * GRAVITY)
    rate = airframe.derivative(level(), load, STILL)
    np.testing.assert_allclose(rate, 0.0, atol=1e-12)


def test_thrust_of_the_x500_is_1_7_times_its_weight() -> None:
    assert (X500.fastest / X500.hover_speed()) ** 2 == pytest.approx(1.7, abs=0.02)


def test_fall_without_rotors_is_a_parabola() -> None:
    vehicle = replace(X500, rotor_drag=0.0, frame_drag=(0.0, 0.0, 0.0))
    state = level(position=(1.0, 2.0, 50.0), velocity=(3.0, -1.0, 4.0))
    state, _ = run(vehicle, state, np.zeros((4, 1)), np.zeros((4, 1)), 2.0, 0.004)
    np.testing.assert_allclose(state[:3, 0], [7.0, 0.0, 50.0 + 8.0 - 2.0 * GRAVITY], atol=1e-9)


def test_fall_through_air_ends_at_the_speed_where_drag_is_the_weight() -> None:
    state, _ = run(X500, level(), np.zeros((4, 1)), np.zeros((4, 1)), 20.0, 0.02)
    terminal = math.sqrt(X500.mass * GRAVITY / X500.frame_drag[2])
    # v = terminal tanh(g t / terminal)
    assert state[5, 0] == pytest.approx(-terminal * math.tanh(GRAVITY * 20.0 / terminal), rel=1e-6)


def test_free_rotation_keeps_energy_and_angular_momentum() -> None:
    vehicle = replace(X500, damping=0.0, inertia=(0.02, 0.03, 0.04))
    inertia = np.array(vehicle.inertia)[:, None]
    first = level(rates=(2.0, 0.1, 3.0))
    last, _ = run(vehicle, first, np.zeros((4, 1)), np.zeros((4, 1)), 5.0, 0.004)
    momentum = [
        np.einsum("ijn,jn->in", rotation(np, state[6:10]), inertia * state[RATES]) for state in (first, last)
    ]
    np.testing.assert_allclose(momentum[1], momentum[0], rtol=1e-6, atol=1e-9)
    energy = [float(np.sum(inertia * state[RATES] ** 2)) for state in (first, last)]
    assert energy[1] == pytest.approx(energy[0], rel=1e-8)
    assert abs(last[11, 0] - first[11, 0]) > 1e-3  # it did tumble


def test_damping_slows_a_spin_by_its_torque() -> None:
    state = level(rates=(2.0, 0.0, 0.0))
    airframe = Airframe(np, X500, 0.004, state)
    rate = airframe.derivative(state, airframe.load(np.zeros((4, 1))), STILL)
    assert rate[10, 0] == pytest.approx(-X500.damping * 2.0 / X500.inertia[0])


def test_drag_only_takes_energy() -> None:
    state = level(position=(0.0, 0.0, 100.0), velocity=(5.0, 3.0, 2.0), rates=(1.0, 2.0, 3.0))
    airframe = Airframe(np, X500, 0.004, state)
    inertia = np.array(X500.inertia)[:, None]
    energies, speeds = [], np.full((4, 1), 200.0)
    weightless = replace(X500, thrust_coefficient=1e-30)  # turning rotors with drag but without thrust
    airframe = Airframe(np, weightless, 0.004, state)
    for _ in range(500):
        kinetic = X500.mass * np.sum(state[VELOCITY] ** 2) + np.sum(inertia * state[RATES] ** 2)
        energies.append(0.5 * kinetic + X500.mass * GRAVITY * state[2, 0])
        state, speeds = airframe.advance(state, speeds, speeds, STILL)
    assert (np.diff(energies) < 0.0).all()


def test_rotors_speed_up_and_slow_down_with_their_own_time_constants() -> None:
    speeds = np.array([[500.0], [500.0], [800.0], [800.0]])
    commands = np.array([[600.0], [500.0], [700.0], [800.0]])
    _, later = run(X500, level(), speeds, commands, 0.02, 0.004)
    up, down = 600.0 - 100.0 * math.exp(-0.02 / 0.0125), 700.0 + 100.0 * math.exp(-0.02 / 0.025)
    np.testing.assert_allclose(later[:, 0], [up, 500.0, down, 800.0], rtol=1e-12)


def test_error_of_a_step_half_as_long_is_a_sixteenth() -> None:
    state = level(velocity=(4.0, -2.0, 1.0), rates=(3.0, -2.0, 1.0))
    speeds, commands = np.full((4, 1), 700.0), np.array([[760.0], [700.0], [800.0], [690.0]])
    truth, *others = (run(X500, state, speeds, commands, 0.256, step)[0] for step in (0.001, 0.032, 0.016))
    coarse, fine = (float(np.linalg.norm(other - truth)) for other in others)
    assert 12.0 < coarse / fine < 20.0


def test_rotation_is_that_of_scipy() -> None:
    turns = Rotation.random(20, rng=0)
    ours = rotation(np, turns.as_quat(scalar_first=True).T)
    np.testing.assert_allclose(np.moveaxis(ours, -1, 0), turns.as_matrix(), atol=1e-14)


def test_a_state_moves_alike_on_a_strict_array_library() -> None:
    rng = np.random.default_rng(0)
    state = np.concatenate(
        [rng.normal(size=(6, 3)), level()[6:10] + np.zeros((4, 3)), rng.normal(size=(3, 3))]
    )
    speeds, commands = rng.uniform(300.0, 900.0, size=(2, 4, 3))
    wind = rng.normal(size=(3, 3))
    strict = [array_api_strict.asarray(each) for each in (state, speeds, commands, wind)]
    ours = Airframe(np, X500, 0.004, state).advance(state, speeds, commands, wind)
    theirs = Airframe(array_api_strict, X500, 0.004, strict[0]).advance(*strict)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(other), one, rtol=1e-12)


class TestRotorPy:
    """Half a second of tumbling flight in wind under changing commands, against RotorPy's vehicle."""

    @staticmethod
    def parameters(vehicle: Vehicle) -> dict:
        arm, drag, inertia = vehicle.arm, vehicle.frame_drag, vehicle.inertia
        places = {"r1": (arm, -arm), "r2": (-arm, arm), "r3": (arm, arm), "r4": (-arm, -arm)}
        return {
            "mass": vehicle.mass,
            **dict(zip(("Ixx", "Iyy", "Izz"), inertia, strict=True)),
            **dict.fromkeys(("Ixy", "Ixz", "Iyz", "k_z", "k_h", "k_flap"), 0.0),
            **dict(zip(("c_Dx", "c_Dy", "c_Dz"), drag, strict=True)),
            "num_rotors": 4,
            "rotor_pos": {name: np.array([*place, 0.0]) for name, place in places.items()},
            "rotor_directions": np.array([-1, -1, 1, 1]),
            "rotor_speed_min": vehicle.slowest,
            "rotor_speed_max": vehicle.fastest,
            "k_eta": vehicle.thrust_coefficient,
            "k_m": vehicle.moment_ratio * vehicle.thrust_coefficient,
            "k_d": vehicle.rotor_drag,
            "tau_m": vehicle.spin_up,
            "motor_noise_std": 0.0,
        }

    @pytest.mark.parametrize("vehicle", [X500, HUMMINGBIRD], ids=["x500", "hummingbird"])
    def test_flight_is_the_same(self, vehicle: Vehicle) -> None:
        multirotor = pytest.importorskip("rotorpy.vehicles.multirotor", reason="RotorPy is the oracle here")
        vehicle = replace(vehicle, spin_down=vehicle.spin_up, damping=0.0)
        rng = np.random.default_rng(3)
        hover, wind = vehicle.hover_speed(), np.array([4.0, -3.0, 1.0])
        turn = Rotation.from_euler("xyz", [0.3, -0.2, 1.0])
        theirs = {
            "x": np.array([1.0, 2.0, 3.0]),
            "v": np.array([5.0, -1.0, 2.0]),
            "q": turn.as_quat(),
            "w": np.array([0.5, -0.4, 0.8]),
            "wind": wind,
            "rotor_speeds": np.full(4, hover),
        }
        state = np.concatenate(
            [theirs["x"], theirs["v"], turn.as_quat(scalar_first=True), theirs["w"]], dtype=float
        )[:, None]
        speeds = np.full((4, 1), hover)
        oracle = multirotor.Multirotor(
            self.parameters(vehicle), integrator_kwargs={"method": "DOP853", "rtol": 1e-9, "atol": 1e-9}
        )
        airframe = Airframe(np, vehicle, 0.002, state)
        for _ in range(10):
            commands = hover * rng.uniform(0.95, 1.05, size=4)
            theirs = oracle.step(theirs, {"cmd_motor_speeds": commands}, 0.05)
            for _ in range(25):
                state, speeds = airframe.advance(state, speeds, commands[:, None], wind[:, None])
        np.testing.assert_allclose(state[:3, 0], theirs["x"], atol=1e-6)
        np.testing.assert_allclose(state[3:6, 0], theirs["v"], atol=1e-5)
        np.testing.assert_allclose(state[10:, 0], theirs["w"], atol=1e-4)
        np.testing.assert_allclose(speeds[:, 0], theirs["rotor_speeds"], rtol=1e-8)
        same = np.dot(state[[7, 8, 9, 6], 0], theirs["q"])
        assert abs(same) == pytest.approx(1.0, abs=1e-9)
