"""Walls that remember: their states in a simulation, by the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace

from physics.geometry import Array
from physics.waves.rooms.admittance import Admittance


class Rule:
    """The trapezoidal rule for the states of a wall: ``q' = transition q + gain p``, velocity ``c q``.

    ``q`` is what the states will be without the pressure of the next step.

    Parameters
    ----------
    wall
        Its blocks, of which there is at least one.
    time_step
        s.
    """

    def __init__(self, wall: Admittance, time_step: float) -> None:
        blocks = np.array(wall.blocks)
        a, b = blocks[:, :4].reshape(-1, 2, 2), blocks[:, 4:6]
        self.output = blocks[:, 6:]
        implicit = np.linalg.inv(np.eye(2) - time_step / 2 * a)
        self.transition = implicit @ (np.eye(2) + time_step / 2 * a)
        self.entry = time_step / 2 * np.einsum("bij,bj->bi", implicit, b)
        self.gain = np.einsum("bij,bj->bi", self.transition, self.entry) + self.entry
        self.at_once = float((self.output * self.entry).sum())
        """Velocity that a pressure causes in the same step, m/(Pa s)."""
        self.rise = float((self.output * b).sum())
        """Rate of the velocity that a pressure causes from rest, m/(Pa s^2)."""


class WallMemory:
    """States of one wall at all its cells.

    Parameters
    ----------
    rule
        How they change.
    index
        Cells that the wall touches, in the order of their line.
    mask : bool array
        The same cells in the line.
    weight
        Share of the velocity in the pressure of each of these cells, Pa s/m.
    moved
        Brings an array to the library, type and device of the simulation.
    """

    def __init__(
        self,
        rule: Rule,
        index: Array,
        mask: Array,
        weight: Array,
        moved: Callable[[np.ndarray], Array],
    ) -> None:
        self._index, self._mask, self._weight = index, mask, weight
        self._transition = [[moved(rule.transition[:, i, j, None]) for j in (0, 1)] for i in (0, 1)]
        self._entry = [moved(rule.entry[:, i, None]) for i in (0, 1)]
        self._gain = [moved(rule.gain[:, i, None]) for i in (0, 1)]
        self._output = [moved(rule.output[:, i, None]) for i in (0, 1)]
        self._at_once = rule.at_once

    def start(self, now: Array) -> None:
        """Begin at rest, with the pressure of the first instant."""
        xp = array_namespace(now)
        pressure = xp.take(now, self._index)
        self._states = [entry * pressure[None, :] for entry in self._entry]
        self._velocity = xp.zeros_like(pressure)
        self._earlier = self._velocity
        self._coming = self._outflow()

    def act(self, after: Array) -> None:
        """Take from the pressure of the next step what the wall's past does to it."""
        xp = array_namespace(after)
        pressure = xp.take(after, self._index)
        after[self._mask] = pressure - self._weight * (self._coming - self._earlier)

    def remember(self, now: Array) -> None:
        """Bring the states to the step whose pressure is now known."""
        pressure = array_namespace(now).take(now, self._index)
        self._earlier, self._velocity = self._velocity, self._coming + self._at_once * pressure
        first, second = self._states
        (a, b), (c, d) = self._transition
        self._states = [
            a * first + b * second + self._gain[0] * pressure[None, :],
            c * first + d * second + self._gain[1] * pressure[None, :],
        ]
        self._coming = self._outflow()

    def _outflow(self) -> Array:
        """Return the velocity at the next step without that of its pressure."""
        first, second = self._states
        total = self._output[0] * first + self._output[1] * second
        return array_namespace(total).sum(total, axis=0)
