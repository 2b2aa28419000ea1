"""Quadrotors in X layout: mass, rotors, drag; one vehicle or one per trajectory.

Body axes are x forward, y left, z up. Rotors 0 to 3 stand at the front right, rear left, front left and rear
right, each `arm` forward or back and `arm` to the side; 0 and 1 turn counter-clockwise seen from above.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from physics.geometry import Array

GRAVITY = 9.81  # m/s2, also that of RotorPy
Number = float | Array
Triple = tuple[float, float, float] | Array


@dataclass(frozen=True)
class Vehicle:
    """Parameters of a quadrotor; each a number, or an array with one value per trajectory.

    Attributes
    ----------
    mass : float or (n,) array
        kg, rotors included.
    inertia : three floats or (3, n) array
        About the body axes, kg m2.
    arm : float or (n,) array
        Distance of a rotor from the pitch axis, and from the roll axis, m.
    thrust_coefficient : float or (n,) array
        Thrust of a rotor over its squared speed, N/(rad/s)2.
    moment_ratio : float or (n,) array
        Reaction torque of a rotor over its thrust, m.
    slowest, fastest : float or (n,) array
        Rotor speeds that can be commanded, rad/s.
    spin_up, spin_down : float or (n,) array
        Time constants of a rotor that gains and that loses speed, s.
    rotor_drag : float or (n,) array
        Force in the rotor's plane over rotor speed and airspeed, N/(rad/s)/(m/s).
    frame_drag : three floats or (3, n) array
        Force over squared airspeed along the body axes, N/(m/s)2.
    damping : float or (n,) array
        Torque against the rotation over angular velocity, N m s.
    """

    mass: Number
    inertia: Triple
    arm: Number
    thrust_coefficient: Number
    moment_ratio: Number
    slowest: Number
    fastest: Number
    spin_up: Number
    spin_down: Number
    rotor_drag: Number
    frame_drag: Triple
    damping: Number = 0.0

    def hover_speed(self) -> Number:
        """Speed of each rotor when the vehicle hovers in still air, rad/s."""
        return (self.mass * GRAVITY / (4.0 * self.thrust_coefficient)) ** 0.5


X500 = Vehicle(
    mass=2.0 + 4 * 0.016,
    inertia=(0.02167, 0.02167, 0.0400),
    arm=0.174,
    thrust_coefficient=8.54858e-6,
    moment_ratio=0.016,
    slowest=150.0,
    fastest=1000.0,
    spin_up=0.0125,
    spin_down=0.025,
    rotor_drag=8.06428e-5,
    frame_drag=(0.01, 0.01, 0.02),
    damping=0.002,
)
"""PX4-gazebo-models, x500_base and x500. Frame drag, damping and slowest speed are assumed."""

SIH = Vehicle(
    mass=1.0,
    inertia=(0.025, 0.025, 0.030),
    arm=0.17 * 0.5**0.5,
    thrust_coefficient=5e-6,
    moment_ratio=1e-7 / 5e-6,
    slowest=0.0,
    fastest=1000.0,
    spin_up=0.05,
    spin_down=0.05,
    rotor_drag=0.0,
    frame_drag=(0.01, 0.01, 0.01),
)
"""The quadrotor of PX4's simulation-in-hardware, as in RotorPy."""

HUMMINGBIRD = Vehicle(
    mass=0.5,
    inertia=(3.65e-3, 3.68e-3, 7.03e-3),
    arm=0.17 * 0.5**0.5,
    thrust_coefficient=5.57e-6,
    moment_ratio=1.36e-7 / 5.57e-6,
    slowest=0.0,
    fastest=1500.0,
    spin_up=0.005,
    spin_down=0.005,
    rotor_drag=1.19e-4,
    frame_drag=(0.005, 0.005, 0.01),
)
"""AscTec Hummingbird, as in RotorPy, without inflow drag and translational lift."""

RACER = Vehicle(
    mass=0.75,
    inertia=(2.5e-3, 2.1e-3, 4.3e-3),
    arm=0.09,
    thrust_coefficient=1.5e-6,
    moment_ratio=0.022,
    slowest=150.0,
    fastest=2500.0,
    spin_up=0.025,
    spin_down=0.035,
    rotor_drag=2.5e-5,
    frame_drag=(0.01, 0.01, 0.02),
    damping=0.0005,
)
"""A racing quadrotor with rotors of five inches and a thrust of five times its weight. All is assumed."""


def spread(xp: Any, record: Any, like: Array) -> Any:
    """Return a dataclass of numbers, triples and arrays with one value per trajectory in every field.

    Parameters
    ----------
    xp : namespace
        Array namespace of `like`.
    record : Vehicle or Gains
        Its fields become (n,) or (3, n).
    like : (..., n) array
        Gives number of trajectories, type and device.
    """
    one = xp.zeros_like(like[(0,) * (like.ndim - 1) + (slice(None),)])
    values = {field.name: _spread(xp, getattr(record, field.name), one) for field in fields(record)}
    return type(record)(**values)


def _spread(xp: Any, value: Any, one: Array) -> Array:
    if isinstance(value, tuple):
        return xp.stack([one + each for each in value])
    return one + value
