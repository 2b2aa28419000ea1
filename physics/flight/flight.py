"""Flies many quadrotors along their setpoints at once.

A setpoint is held for `SAMPLE` seconds, as when an offboard computer sends it at 10 Hz. Position and velocity
loop run at 50 Hz, attitude and rate loop and the Runge-Kutta step at 250 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

from array_api_compat import array_namespace

from physics.flight.control import Aim, Cascade, Gains
from physics.flight.dynamics import ATTITUDE, POSITION, RATES, VELOCITY, Airframe
from physics.flight.vehicles import Vehicle
from physics.flight.wind import Turbulence, Wind
from physics.geometry import Array

SAMPLE = 0.1
"""Seconds between two setpoints, and between two samples of the flight."""
GUIDANCE = 5
"""Updates of position loop, velocity loop and wind in a sample: 50 Hz."""
STEPS = 5
"""Runge-Kutta steps, each with attitude and rate loop, in a guidance period: 250 Hz."""


@dataclass(frozen=True)
class Setpoints:
    """What to fly, sample by sample.

    Attributes
    ----------
    position : (k, 3, n) array
        m.
    velocity, acceleration : (k, 3, n) array
        Feed-forward, m/s and m/s2; zeros where only positions are sent.
    heading : (k, n) array
        Yaw, rad, counter-clockwise from east.
    """

    position: Array
    velocity: Array
    acceleration: Array
    heading: Array


@dataclass(frozen=True)
class Track:
    """Flown states at the samples; the first is the start.

    Attributes
    ----------
    position, velocity, angular_velocity, wind : (k, 3, n) array
        m, m/s, rad/s in body axes, m/s (the mean wind at the first sample).
    attitude : (k, 4, n) array
        Unit quaternions (w, x, y, z) that turn body axes to east, north, up.
    """

    position: Array
    velocity: Array
    attitude: Array
    angular_velocity: Array
    wind: Array


def start(position: Array, velocity: Array, heading: Array) -> Array:
    """Return level states (13, n) at positions and velocities (3, n), m and m/s, and headings (n,), rad."""
    xp = array_namespace(position)
    zero = xp.zeros_like(heading)
    attitude = xp.stack([xp.cos(0.5 * heading), zero, zero, xp.sin(0.5 * heading)])
    return xp.concat([position, velocity, attitude, xp.stack([zero, zero, zero])])


def fly(
    vehicle: Vehicle, gains: Gains, setpoints: Setpoints, state: Array, wind: Wind | None = None
) -> Track:
    """Simulate flights of equal length.

    Parameters
    ----------
    vehicle, gains : Vehicle and Gains
        One for all trajectories, or with one value per trajectory.
    setpoints : Setpoints
        For k samples and n trajectories; the last is not flown to.
    state : (13, n) array
        Where the flights begin (see `start`); the rotors turn at the speed of hovering.
    wind : Wind, optional
        With at least ``GUIDANCE * (k - 1)`` draws; still air without.

    Returns
    -------
    Track
        States at the k samples.

    Raises
    ------
    ValueError
        If setpoints, start and wind are not of the same flights.
    """
    xp = array_namespace(state)
    samples, flights = setpoints.position.shape[0], state.shape[1]
    _check(setpoints, flights, wind)
    period = SAMPLE / GUIDANCE
    airframe = Airframe(xp, vehicle, period / STEPS, state)
    cascade = Cascade(airframe, gains, state, period)
    turbulence = None if wind is None else Turbulence(xp, wind, period)
    air = xp.zeros_like(state[VELOCITY, :]) if wind is None else wind.mean
    hover = airframe.vehicle.hover_speed()
    speeds = xp.stack([hover, hover, hover, hover])
    cosine, sine = xp.cos(setpoints.heading), xp.sin(setpoints.heading)
    states, airs = [state], [air]
    for sample in range(samples - 1):
        aim = Aim(
            setpoints.position[sample, :, :],
            setpoints.velocity[sample, :, :],
            setpoints.acceleration[sample, :, :],
            setpoints.heading[sample, :],
        )
        heading = cosine[sample, :], sine[sample, :]
        for _ in range(GUIDANCE):
            if turbulence is not None:
                air = turbulence.update(state[2, :], state[VELOCITY, :])
            thrust = cascade.guide(state, aim)
            for _ in range(STEPS):
                commands, turn = cascade.steer(state, thrust, heading)
                state, speeds = airframe.advance(state, speeds, commands, air, turn)
        states.append(state)
        airs.append(air)
    whole = xp.stack(states)
    return Track(
        position=whole[:, POSITION, :],
        velocity=whole[:, VELOCITY, :],
        attitude=whole[:, ATTITUDE, :],
        angular_velocity=whole[:, RATES, :],
        wind=xp.stack(airs),
    )


def _check(setpoints: Setpoints, flights: int, wind: Wind | None) -> None:
    samples = setpoints.position.shape[0]
    wanted = dict.fromkeys(("position", "velocity", "acceleration"), (samples, 3, flights))
    for name, shape in (wanted | {"heading": (samples, flights)}).items():
        if (found := getattr(setpoints, name).shape) != shape:
            raise ValueError(
                f"setpoints.{name} has shape {tuple(found)}; {samples} samples of the {flights} flights of "
                f"`state` need {shape}"
            )
    updates = GUIDANCE * (samples - 1)
    if wind is not None and wind.draws.shape[0] < updates:
        raise ValueError(
            f"wind.draws has {wind.draws.shape[0]} rows; {samples} samples need {updates} "
            f"({GUIDANCE} between two samples): draw more"
        )
