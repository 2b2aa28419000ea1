"""Models of the motion between two samples: constant velocity, constant acceleration, coordinated turn.

All models share one state of ten numbers, so that several of them can run in parallel and exchange estimates:
position, velocity and acceleration (x, y, z each), and the rate of turn about the vertical, rad/s,
counter-clockwise from above. A model forgets an unused acceleration and keeps an unused rate of turn.

References
----------
Y. Bar-Shalom, X. R. Li, T. Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001,
chapters 6 (kinematic models) and 11.7 (coordinated turns).
"""

import torch
from torch import Tensor

from surrogates.evaluation.filters import Motion

STATES = 10
POSITION, VELOCITY, ACCELERATION, TURN = slice(0, 3), slice(3, 6), slice(6, 9), 9
SMALL_ANGLE = 1e-4  # rad; below it sines over angles are series


def constant_velocity(step: float, density: float) -> Motion:
    """Return the motion of constant velocity, disturbed by white accelerations.

    Parameters
    ----------
    step
        Seconds.
    density
        Spectral density of the acceleration, m2 s-3.
    """
    transition = _identity()
    transition[POSITION, VELOCITY] = step * torch.eye(3).double()
    transition[ACCELERATION, ACCELERATION] = 0
    return _linear(transition, _white_acceleration(step, density))


def constant_acceleration(step: float, density: float) -> Motion:
    """Return the motion of constant acceleration, disturbed by white jerks.

    Parameters
    ----------
    step
        Seconds.
    density
        Spectral density of the jerk, m2 s-5.
    """
    axes = torch.eye(3).double()
    transition = _identity()
    transition[POSITION, VELOCITY] = transition[VELOCITY, ACCELERATION] = step * axes
    transition[POSITION, ACCELERATION] = step**2 / 2 * axes
    powers = torch.tensor(
        [
            [step**5 / 20, step**4 / 8, step**3 / 6],
            [step**4 / 8, step**3 / 3, step**2 / 2],
            [step**3 / 6, step**2 / 2, step],
        ],
        dtype=torch.float64,
    )
    noise = torch.zeros(STATES, STATES, dtype=torch.float64)
    noise[:TURN, :TURN] = density * torch.kron(powers, axes)
    return _linear(transition, noise)


def coordinated_turn(step: float, density: float, turn_density: float) -> Motion:
    """Return the horizontal turn at constant speed, with a constant vertical velocity.

    Parameters
    ----------
    step
        Seconds.
    density
        Spectral density of the acceleration, m2 s-3.
    turn_density
        Spectral density of the change of the rate of turn, rad2 s-3.
    """
    noise = _white_acceleration(step, density)
    noise[TURN, TURN] = turn_density * step

    def move(states: Tensor) -> tuple[Tensor, Tensor]:
        return _turn(states, step)

    return Motion(move, noise)


def _turn(states: Tensor, step: float) -> tuple[Tensor, Tensor]:
    rate, (east, north) = states[:, TURN], states[:, 3:5].unbind(1)
    angle = rate * step
    sine, cosine = angle.sin(), angle.cos()
    # along = sin(angle) / rate and across = (1 - cos(angle)) / rate, and their derivatives by the rate.
    straight = angle.abs() < SMALL_ANGLE
    safe = torch.where(straight, 1.0, rate)
    along = torch.where(straight, step * (1 - angle**2 / 6), sine / safe)
    across = torch.where(straight, step * angle / 2, (1 - cosine) / safe)
    along_slope = torch.where(straight, -(step**2) * angle / 3, (step * cosine - along) / safe)
    across_slope = torch.where(straight, step**2 / 2 * (1 - angle**2 / 4), (step * sine - across) / safe)

    jacobian = _identity().to(states.device).repeat(len(states), 1, 1)
    jacobian[:, ACCELERATION, ACCELERATION] = 0
    jacobian[:, 2, 5] = step
    jacobian[:, 0, 3] = jacobian[:, 1, 4] = along
    jacobian[:, 0, 4], jacobian[:, 1, 3] = -across, across
    jacobian[:, 3, 3] = jacobian[:, 4, 4] = cosine
    jacobian[:, 3, 4], jacobian[:, 4, 3] = -sine, sine
    moved = (jacobian @ states[:, :, None])[:, :, 0]
    jacobian[:, 0, TURN] = along_slope * east - across_slope * north
    jacobian[:, 1, TURN] = across_slope * east + along_slope * north
    jacobian[:, 3, TURN] = -step * (sine * east + cosine * north)
    jacobian[:, 4, TURN] = step * (cosine * east - sine * north)
    return moved, jacobian


def _white_acceleration(step: float, density: float) -> Tensor:
    powers = torch.tensor([[step**3 / 3, step**2 / 2], [step**2 / 2, step]], dtype=torch.float64)
    noise = torch.zeros(STATES, STATES, dtype=torch.float64)
    noise[:6, :6] = density * torch.kron(powers, torch.eye(3).double())
    return noise


def _linear(transition: Tensor, noise: Tensor) -> Motion:
    return Motion(
        lambda states: (states @ transition.to(states.device).T, transition.to(states.device)), noise
    )


def _identity() -> Tensor:
    return torch.eye(STATES, dtype=torch.float64)
