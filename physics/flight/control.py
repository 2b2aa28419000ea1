"""Cascaded control of PX4's multicopters: position, velocity, attitude, body rates, rotors.

Written after the published structure of PX4's position, attitude and rate controllers and of its control
allocation. What differs: the true state is fed back (no estimator), the collective thrust is computed with
the true mass (PX4 estimates it), tilt and heading errors of the attitude are controlled side by side
(PX4 mixes them in one quaternion, tilt first, the same for small errors of heading), the rate loop is
proportional in angular acceleration (no integral, no derivative), and allocation gives priority to roll and
pitch, then thrust, then yaw in one pass.

References
----------
PX4 user guide, "Controller diagrams" (multicopter) and "Parameter reference". D. Brescianini, M. Hehn,
R. D'Andrea, "Nonlinear quadrocopter attitude control", ETH Zurich, 2013 (reduced attitude).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from physics.flight.dynamics import ATTITUDE, POSITION, RATES, VELOCITY, Airframe, rotation, total
from physics.flight.vehicles import GRAVITY, Number, Triple, spread
from physics.geometry import Array

DEGREE = math.pi / 180.0
LEAST_THRUST = 0.12
"""Share of full thrust that is always kept, so that the body can still be turned (MPC_THR_MIN)."""
HORIZONTAL_RESERVE = 0.3
"""Share of full thrust that climbing leaves for the horizontal (MPC_THR_XY_MARG)."""


@dataclass(frozen=True)
class Gains:
    """Gains and limits; the defaults are PX4's. Each is a number or has one value per trajectory.

    Attributes
    ----------
    position : three floats or (3, n) array
        Velocity setpoint over position error, 1/s (MPC_XY_P, MPC_Z_P).
    velocity, integral, derivative : three floats or (3, n) array
        Acceleration setpoint over velocity error (1/s), its integral (1/s2) and acceleration (1)
        (MPC_XY_VEL_P_ACC and so on).
    attitude : three floats or (3, n) array
        Rate setpoint over attitude error, 1/s (MC_ROLL_P, MC_PITCH_P, MC_YAW_P).
    rate : three floats or (3, n) array
        Angular acceleration over rate error, 1/s.
    speed, climb, descent : float or (n,) array
        Limits of the velocity setpoint: horizontal, up, down, m/s.
    tilt : float or (n,) array
        Limit of the angle between thrust and vertical, rad.
    rates : three floats or (3, n) array
        Limits of the rate setpoints, rad/s.
    """

    position: Triple = (0.95, 0.95, 1.0)
    velocity: Triple = (1.8, 1.8, 4.0)
    integral: Triple = (0.4, 0.4, 2.0)
    derivative: Triple = (0.2, 0.2, 0.0)
    attitude: Triple = (6.5, 6.5, 2.8)
    rate: Triple = (22.0, 22.0, 8.0)
    speed: Number = 12.0
    climb: Number = 3.0
    descent: Number = 1.5
    tilt: Number = 45.0 * DEGREE
    rates: Triple = (220.0 * DEGREE, 220.0 * DEGREE, 200.0 * DEGREE)


@dataclass(frozen=True)
class Aim:
    """What the vehicles are told: where to be, how fast to pass there, and where to look.

    Attributes
    ----------
    position, velocity, acceleration : (3, n) array
        Setpoint, m, and its feed-forward, m/s and m/s2 (0 without).
    heading : (n,) array
        Yaw, rad, counter-clockwise from east.
    """

    position: Array
    velocity: Array
    acceleration: Array
    heading: Array


class Cascade:
    """The controllers of all vehicles, with their integrals.

    Parameters
    ----------
    airframe : Airframe
        The vehicles.
    gains : Gains
        One for all, or with one value per trajectory.
    state : (13, n) array
        Where the flights begin.
    period : float
        Seconds between two calls of `guide`.
    """

    def __init__(self, airframe: Airframe, gains: Gains, state: Array, period: float) -> None:
        xp = self.xp = airframe.xp
        self.vehicle, self.period = airframe.vehicle, period
        self.gains = spread(xp, gains, state)
        each = self.vehicle
        zero = xp.zeros_like(each.mass)
        self._integral = xp.zeros_like(state[VELOCITY, :])
        self._last_velocity = state[VELOCITY, :]
        self._gravity = xp.stack([zero, zero, zero + GRAVITY])
        self._slope = xp.tan(self.gains.tilt)
        self._lowest = each.thrust_coefficient * each.slowest**2  # of one rotor, N
        self._highest = each.thrust_coefficient * each.fastest**2
        self._horizontal_reserve = HORIZONTAL_RESERVE * 4.0 * self._highest
        self._windup = 2.0 / self.gains.velocity  # PX4's anti-windup gain
        self._up = xp.stack([zero, zero, zero + 1.0])
        self._level = self._up[:2, :]
        self._by_torque = 0.25 * each.inertia / xp.stack([each.arm, each.arm, each.moment_ratio])
        self._per_coefficient = 1.0 / each.thrust_coefficient

    def guide(self, state: Array, aim: Aim) -> Array:
        """Return the thrust (3, n), N in the world, that leads to the aim: position and velocity loop."""
        gains = self.gains
        wanted = self._velocity_setpoint(state[POSITION, :], aim)
        velocity = state[VELOCITY, :]
        rate = (velocity - self._last_velocity) / self.period
        self._last_velocity = velocity
        error = wanted - velocity
        acceleration = gains.velocity * error + self._integral - gains.derivative * rate + aim.acceleration
        thrust, saturated = self._limited(acceleration)
        self._integrate(error, acceleration, thrust, saturated)
        return thrust

    def _velocity_setpoint(self, position: Array, aim: Aim) -> Array:
        """Position loop. The correction comes first; the feed-forward has what is left of the speed limit."""
        xp, gains = self.xp, self.gains
        correction = gains.position * (aim.position - position)
        plane, ahead = correction[:2, :], aim.velocity[:2, :]
        most = gains.speed * gains.speed
        size = total(plane * plane)
        room = most - size
        cut = plane * (gains.speed / xp.sqrt(xp.maximum(size, most)))
        # Largest share s of the feed-forward with |plane + s ahead| <= speed.
        square, mixed = total(ahead * ahead), total(plane * ahead)
        root = xp.sqrt(mixed * mixed + square * xp.maximum(room, 0.0 * room))
        share = (root - mixed) / xp.maximum(square, 1e-12 * most)
        both = plane + ahead
        limited = xp.where(room > 0.0, plane + share * ahead, cut)
        wanted = xp.where(total(both * both) <= most, both, limited)
        vertical = correction[2, :] + aim.velocity[2, :]
        vertical = xp.minimum(xp.maximum(vertical, -gains.descent), gains.climb)
        return xp.concat([wanted, vertical[None, :]])

    def _limited(self, acceleration: Array) -> tuple[Array, Array]:
        """Return the thrust for an acceleration within its limits, and how the vertical saturates."""
        xp = self.xp
        specific = acceleration + self._gravity
        most = 4.0 * self._highest
        mass = self.vehicle.mass
        lift = xp.minimum(xp.maximum(mass * specific[2, :], LEAST_THRUST * most), most)
        plane = mass * specific[:2, :]
        size = xp.sqrt(total(plane * plane)) + 1e-9 * most
        allowed = xp.minimum(size, self._slope * lift)
        kept = xp.minimum(allowed, self._horizontal_reserve)
        lift = xp.minimum(lift, xp.sqrt(most * most - kept * kept))
        allowed = xp.minimum(allowed, xp.minimum(self._slope * lift, xp.sqrt(most * most - lift * lift)))
        saturated = mass * specific[2, :] - lift
        return xp.concat([plane * (allowed / size), lift[None, :]]), saturated

    def _integrate(self, error: Array, acceleration: Array, thrust: Array, saturated: Array) -> None:
        """Integrate the velocity error, not further into saturation."""
        xp = self.xp
        lost = acceleration[:2, :] - thrust[:2, :] / self.vehicle.mass
        plane = error[:2, :] - self._windup[:2, :] * lost
        vertical = xp.where(saturated * error[2, :] > 0.0, 0.0 * saturated, error[2, :])
        change = xp.concat([plane, vertical[None, :]]) * self.gains.integral * self.period
        total_ = self._integral + change
        bounded = xp.minimum(xp.maximum(total_[2, :], -self._gravity[2, :]), self._gravity[2, :])
        self._integral = xp.concat([total_[:2, :], bounded[None, :]])

    def steer(self, state: Array, thrust: Array, heading: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return rotor speeds (4, n), rad/s, for a thrust in the world: attitude loop, rate loop, mixer.

        Parameters
        ----------
        state : (13, n) array
            See `physics.flight.dynamics`.
        thrust : (3, n) array
            From `guide`, N.
        heading : two (n,) arrays
            Cosine and sine of the yaw setpoint.

        Returns
        -------
        speeds : (4, n) array
            Commands to the rotors, rad/s.
        turn : (3, 3, n) array
            `rotation` of the states.
        """
        xp, gains = self.xp, self.gains
        turn = rotation(xp, state[ATTITUDE, :])
        size = xp.sqrt(total(thrust * thrust))
        direction = total(turn * (thrust / size)[:, None, :])  # in body axes
        # Half-angle quaternion from the body's z to the direction, as PX4's reduced attitude; 2 q_xyz.
        scale = 2.0 / xp.sqrt(2.0 * xp.maximum(1.0 + direction[2, :], 0.0 * size + 1e-6))
        east, north = turn[0, 0, :], turn[1, 0, :]
        cosine, sine = heading
        yaw = xp.atan2(east * sine - north * cosine, east * cosine + north * sine)
        error = xp.stack([-direction[1, :] * scale, direction[0, :] * scale, yaw])
        wanted = xp.minimum(xp.maximum(gains.attitude * error, -gains.rates), gains.rates)
        shares = gains.rate * (wanted - state[RATES, :]) * self._by_torque
        return self._mix(0.25 * size, shares), turn

    def _mix(self, collective: Array, shares: Array) -> Array:
        """Speeds of the rotors from thrust and torques, each as its share of a rotor's thrust, N."""
        xp = self.xp
        roll, pitch, yaw = shares[0, :], shares[1, :], shares[2, :]
        total_, difference = roll + pitch, roll - pitch
        tilting = xp.stack([-total_, total_, difference, -difference])
        reach = xp.maximum(abs(total_), abs(difference))
        collective = xp.minimum(collective, self._highest - reach)
        rotors = xp.minimum(xp.maximum(collective + tilting, self._lowest), self._highest)
        room = xp.minimum(self._highest - collective, collective - self._lowest) - reach
        room = xp.maximum(room, 0.0 * room)
        yaw = xp.minimum(xp.maximum(yaw, -room), room)
        rotors = rotors + xp.stack([-yaw, -yaw, yaw, yaw])
        return xp.sqrt(rotors * self._per_coefficient)
