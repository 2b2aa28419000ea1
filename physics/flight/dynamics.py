"""Rigid-body flight of many quadrotors at once: forces, torques, and a Runge-Kutta step.

A state is an array (13, n): position and velocity east, north, up (m, m/s), the unit quaternion (w, x, y, z)
that turns body axes to east, north, up, and the angular velocity in body axes (rad/s). Components come first
so that every operation runs along the trajectories.

RotorPy has a batched vehicle as well. It serves as the oracle of the tests and not here, because

- a motor of it has one time constant, where those of the x500 differ twofold between up and down;
- it needs torch, torchdiffeq and RoMa; physics here runs on any array namespace, and on NumPy without torch;
- its controller is another (SE3), where these flights follow PX4's cascade with its limits and its lag.

Per-vehicle mass, inertia, rotors and drag it has too.

References
----------
S. Folk, J. Paulos, V. Kumar, "RotorPy: A Python-based multirotor simulator with aerodynamics for education
and research", arXiv:2306.04485, 2023 (forces and torques).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from physics.flight.vehicles import GRAVITY, Vehicle, spread
from physics.geometry import Array

POSITION, VELOCITY, ATTITUDE, RATES = slice(0, 3), slice(3, 6), slice(6, 10), slice(10, 13)


@dataclass(frozen=True)
class Load:
    """What the rotors do, at one time or several: arrays (..., n).

    Attributes
    ----------
    thrust : array
        Along the body's z, N.
    torque : (..., 3, n) array
        About the body axes, N m.
    drag : array
        Sum over the rotors of drag coefficient times speed, N/(m/s).
    lever : (..., 2, n) array
        The same sum weighted with the rotors' y and with minus their x, N s.
    """

    thrust: Array
    torque: Array
    drag: Array
    lever: Array

    def at(self, index: int) -> Load:
        """The load at one of several times."""
        return Load(
            self.thrust[index, :], self.torque[index, :, :], self.drag[index, :], self.lever[index, :, :]
        )


class Airframe:
    """Quadrotors with their own parameters, moved in steps of equal length.

    Parameters
    ----------
    xp : namespace
        Array namespace.
    vehicle : Vehicle
        One for all trajectories, or with one value per trajectory.
    step : float
        Length of a step, s.
    like : (..., n) array
        Gives number of trajectories, type and device.
    """

    def __init__(self, xp: Any, vehicle: Vehicle, step: float, like: Array) -> None:
        self.xp, self.step = xp, step
        self.vehicle = each = spread(xp, vehicle, like)
        inertia = each.inertia
        self._per_mass = 1.0 / each.mass
        self._per_inertia = 1.0 / inertia
        self._gyroscopic = _turned(xp, inertia, 2) - _turned(xp, inertia, 1)
        self._lever = xp.stack([each.arm, each.arm, each.moment_ratio])
        self._yaw_lever = 2.0 * each.arm**2
        self._decay_up, self._decay_down = (
            xp.exp(-0.5 * step / constant) for constant in (each.spin_up, each.spin_down)
        )
        zero = xp.zeros_like(each.mass)
        self._gravity = xp.stack([zero, zero, zero - GRAVITY])

    def load(self, speeds: Array) -> Load:
        """Return what rotors do at speeds of shape (..., 4, n), rad/s."""
        xp, each = self.xp, self.vehicle
        both = xp.stack([each.thrust_coefficient * speeds * speeds, each.rotor_drag * speeds])
        front_right, rear_left, front_left, rear_right = (both[..., rotor, :] for rotor in range(4))
        counter, clockwise = front_right + rear_left, front_left + rear_right
        first, second = rear_left - front_right, front_left - rear_right
        total, by_y, by_minus_x, yaw = (
            counter + clockwise, first + second, first - second, clockwise - counter
        )  # fmt: skip
        force, drag = (0, Ellipsis), (1, Ellipsis)
        return Load(
            thrust=total[force],
            torque=xp.stack([by_y[force], by_minus_x[force], yaw[force]], axis=-2) * self._lever,
            drag=total[drag],
            lever=xp.stack([by_y[drag], by_minus_x[drag]], axis=-2) * each.arm,
        )

    def derivative(self, state: Array, load: Load, wind: Array, turn: Array | None = None) -> Array:
        """Return the time derivative of the states, (13, n).

        Parameters
        ----------
        state : (13, n) array
            See the module.
        load : Load
            Of shape (n,).
        wind : (3, n) array
            Velocity of the air, m/s.
        turn : (3, 3, n) array, optional
            `rotation` of the states, where it is known.
        """
        xp, each = self.xp, self.vehicle
        velocity, rates = state[VELOCITY, :], state[RATES, :]
        if turn is None:
            turn = rotation(xp, state[ATTITUDE, :])
        air = total(turn * (velocity - wind)[:, None, :])  # airspeed in body axes
        plane, yaw_rate = air[:2, :], rates[2, :]
        frame = -(each.frame_drag * xp.sqrt(total(air * air))) * air
        # Each hub moves with the body and about it; summed over the rotors, which all lie in the plane z = 0.
        hubs = yaw_rate * load.lever - load.drag * plane
        force = frame + xp.concat([hubs, load.thrust[None, :]])
        acceleration = total_last(turn * force[None, :, :]) * self._per_mass + self._gravity
        moment = plane * load.lever
        yaw_drag = moment[0, :] + moment[1, :] - self._yaw_lever * load.drag * yaw_rate
        torque = load.torque - each.damping * rates
        torque = xp.concat([torque[:2, :], (torque[2, :] + yaw_drag)[None, :]])
        crossed = self._gyroscopic * _turned(xp, rates, 1) * _turned(xp, rates, 2)
        spin = (torque - crossed) * self._per_inertia
        return xp.concat([velocity, acceleration, _quaternion_rate(xp, state[ATTITUDE, :], rates), spin])

    def advance(
        self, state: Array, speeds: Array, commands: Array, wind: Array, turn: Array | None = None
    ) -> tuple[Array, Array]:
        """Move all vehicles by one step of the classical Runge-Kutta method.

        The commands are constant during a step, so the rotors' first-order lag has a closed solution, and
        with it thrust and torque at the middle and the end of the step.

        Parameters
        ----------
        state : (13, n) array
            See the module.
        speeds, commands : (4, n) array
            Speeds of the rotors and those that they are told to take, rad/s.
        wind : (3, n) array
            Velocity of the air during the step, m/s.
        turn : (3, 3, n) array, optional
            `rotation` of the states, where it is known.

        Returns
        -------
        state, speeds : (13, n) and (4, n) array
            At the end of the step.
        """
        xp, half = self.xp, 0.5 * self.step
        excess = speeds - commands
        decay = xp.where(excess < 0.0, self._decay_up, self._decay_down)
        middle = excess * decay
        end = commands + middle * decay
        loads = self.load(xp.stack([speeds, commands + middle, end]))
        before, between, after = loads.at(0), loads.at(1), loads.at(2)
        first = self.derivative(state, before, wind, turn)
        second = self.derivative(state + half * first, between, wind)
        third = self.derivative(state + half * second, between, wind)
        fourth = self.derivative(state + self.step * third, after, wind)
        moved = state + (self.step / 6.0) * (first + 2.0 * (second + third) + fourth)
        attitude = moved[ATTITUDE, :]
        unit = attitude / xp.sqrt(total(attitude * attitude))
        return xp.concat([moved[:6, :], unit, moved[RATES, :]]), end


def rotation(xp: Any, attitude: Array) -> Array:
    """Return the matrices (3, 3, n) of unit quaternions (4, n): columns are the body axes in the world."""
    squares = attitude[:, None, :] * (attitude + attitude)[None, :, :]
    wx, wy, wz = (squares[0, row, :] for row in (1, 2, 3))
    xx, xy, xz = (squares[1, row, :] for row in (1, 2, 3))
    yy, yz, zz = squares[2, 2, :], squares[2, 3, :], squares[3, 3, :]
    rows = (
        1.0 - (yy + zz), xy - wz, xz + wy,
        xy + wz, 1.0 - (xx + zz), yz - wx,
        xz - wy, yz + wx, 1.0 - (xx + yy),
    )  # fmt: skip
    return xp.reshape(xp.concat(rows), (3, 3, attitude.shape[1]))  # twice as fast as `stack`


def total(values: Array) -> Array:
    """Sum over the first axis; for three or four rows faster than `sum`."""
    result = values[0, ...] + values[1, ...]
    for row in range(2, values.shape[0]):
        result = result + values[row, ...]
    return result


def total_last(values: Array) -> Array:
    """Sum of a (3, 3, n) array over its second axis."""
    return values[:, 0, :] + values[:, 1, :] + values[:, 2, :]


def _turned(xp: Any, values: Array, by: int) -> Array:
    """The rows of a (3, n) array, turned so that row `by` comes first."""
    return xp.concat([values[by:, :], values[:by, :]])


def _quaternion_rate(xp: Any, attitude: Array, rates: Array) -> Array:
    """Half the quaternion product of attitude and (0, rates)."""
    products = attitude[:, None, :] * (0.5 * rates)[None, :, :]
    w, x, y, z = (products[row, :, :] for row in range(4))
    rows = (
        -(x[0, :] + y[1, :] + z[2, :]),
        w[0, :] + y[2, :] - z[1, :],
        w[1, :] + z[0, :] - x[2, :],
        w[2, :] + x[1, :] - y[0, :],
    )
    return xp.reshape(xp.concat(rows), (4, rates.shape[1]))
