"""Turn a flight from the frames of its messages to the axes of a store, and refuse what cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from datasets.factory.errors import BuildError
from datasets.uav.frames import (
    CHOICES,
    OPTICAL,
    Axes,
    axes_of,
    conjugate,
    standard_attitudes,
    standard_vectors,
    turned,
)
from datasets.uav.messages import Frames
from datasets.uav.tracks import UNIT_WITHIN, Flight, Numbers

Frame = Literal["enu", "ned", "enu/frd", "ned/flu"]
TwistAxes = Literal["body", "world"]

SAYING = (
    "`frame=enu` (east, north, up; body forward, left, up), `frame=ned` (north, east, down; body forward, "
    "right, down), `frame=enu/frd` or `frame=ned/flu`"
)
SPAN = 0.2
"""A velocity is compared with the change of the position over this time, s."""
FLOWN = 0.5
"""Slower flights do not tell along which axes their velocities are, m s-1."""
OFF, FITS = 0.5, 0.25
"""Errors of a velocity, as shares of the speed, that its axes do not and do explain."""


def along_axes(flight: Flight, frames: Frames, frame: Frame | None, twist: TwistAxes | None) -> Flight:
    """Turn positions, attitudes and velocities to the axes of a store.

    Parameters
    ----------
    flight
        In the axes of its frames; velocities that are zero throughout are taken for unknown.
    frames
        Their names.
    frame, twist
        What the user says of positions and attitudes, and of velocities; None to go by the names.

    Raises
    ------
    BuildError
        When the names do not tell the axes, or positions or attitudes contradict them.
    """
    axes = CHOICES[frame] if frame is not None else _axes(flight, frames)
    assert flight.attitude is not None
    attitude = standard_attitudes(flight.attitude, axes)
    if frame is None:
        _require_upright(flight, attitude, axes, frames)
    velocity, angular = flight.velocity, flight.angular_velocity
    assert velocity is not None
    assert angular is not None
    flight = replace(flight, position=standard_vectors(flight.position, axes.world), attitude=attitude)
    known = np.abs(np.linalg.norm(attitude, axis=1, keepdims=True) - 1) < UNIT_WITHIN
    linear = {
        "body": np.where(known, turned(attitude, standard_vectors(velocity, axes.body)), np.nan),
        "world": standard_vectors(velocity, axes.world),
    }
    along = twist or _along(frames.linear, frames)
    if (moves := bool(np.nan_to_num(velocity).any())) and twist is None:
        _require_fitting(flight, linear, along, frames)
    if (twist or _along(frames.angular, frames)) == "body":
        rates = standard_vectors(angular, axes.body)
    else:
        rates = np.where(known, turned(conjugate(attitude), standard_vectors(angular, axes.world)), np.nan)
    turns = bool(np.nan_to_num(angular).any())
    return replace(
        flight, velocity=linear[along] if moves else None, angular_velocity=rates if turns else None
    )


def _along(name: str, frames: Frames) -> TwistAxes:
    return "body" if name == frames.body and name != frames.world else "world"


def _axes(flight: Flight, frames: Frames) -> Axes:
    try:
        return axes_of(frames.world, frames.body)
    except ValueError as error:
        raise BuildError(
            f"{flight.source}: the positions ({flight.counted}) are in {error}, expected a fixed frame over "
            f"a level ground; choose another topic, or say what they are by {SAYING}"
        ) from None


def _require_upright(flight: Flight, attitude: Numbers, axes: Axes, frames: Frames) -> None:
    """Refuse a vehicle that flies on its back because one of two frames does not say its axes."""
    if axes.standard or axes.body == OPTICAL:
        return
    _, x, y, _ = attitude.T
    up = 1 - 2 * (x**2 + y**2)
    if np.isfinite(up).any() and np.nanmean(up) < 0:
        raise BuildError(
            f"{flight.source}: with the frames '{frames.world}' ({axes.world}) and '{frames.body}' "
            f"({axes.body}) the vehicle ({flight.counted}) flies on its back, expected axes that fit each "
            f"other; say what they are by {SAYING}"
        )


def _require_fitting(flight: Flight, linear: dict[str, Numbers], along: TwistAxes, frames: Frames) -> None:
    """Refuse velocities that the change of the position contradicts, if other axes explain them.

    Simulators and estimators are known to publish velocities along the axes of the fixed frame under the
    name of the vehicle's.
    """
    spacing = np.diff(flight.stamps)
    if not (spacing > 0).any():
        return
    lag = max(1, round(SPAN / float(np.median(spacing[spacing > 0]))))
    times = flight.stamps[lag:] - flight.stamps[:-lag]
    used = (times > 0) & (times < 2 * SPAN)
    if not used.any():
        return
    moved = (flight.position[lag:] - flight.position[:-lag])[used] / times[used, None]
    speed = _rms(moved)
    off = {
        name: _rms((values[lag:] + values[:-lag])[used] / 2 - moved) / max(speed, FLOWN)
        for name, values in linear.items()
    }
    other = "world" if along == "body" else "body"
    if speed > FLOWN and off[along] > OFF and off[other] < FITS:
        raise BuildError(
            f"{flight.source}: the velocities ({flight.counted}) are along the axes of '{frames.linear}' by "
            f"name, but that is off the change of the position by {off[along]:.0%}, and axes of the {other} "
            f"by {off[other]:.0%}; say `twist={other}`, or keep the name's by `twist={along}`"
        )


def _rms(vectors: Numbers) -> float:
    squares = np.sum(vectors**2, axis=1)
    return float(np.sqrt(np.nanmean(squares))) if np.isfinite(squares).any() else np.inf
