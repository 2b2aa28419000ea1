"""Wind on a flight: a constant mean and turbulence with the low-altitude scales of MIL-F-8785C.

Each component of the turbulence is a first-order (Ornstein-Uhlenbeck) process. That is the Dryden spectrum
along the wind; across it and vertically the true Dryden filters are of second order, and this is the
simplified form. RotorPy's Dryden model draws from NumPy's global generator, so that its gusts cannot belong
to one record of a data set, and fixes the airspeed in advance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from physics.geometry import Array

FOOT = 0.3048
LOWEST, HIGHEST = 10.0 * FOOT, 1000.0 * FOOT  # m; where the scales hold
SLOWEST = 1.0  # m/s; least airspeed at which turbulence is carried past the vehicle


@dataclass(frozen=True)
class Wind:
    """Mean wind of each trajectory and the random numbers of its gusts.

    Attributes
    ----------
    mean : (3, n) array
        Velocity of the air, m/s; its horizontal speed is the wind at 20 feet of MIL-F-8785C.
    draws : (steps, 3, n) array
        Standard normal numbers, a row for each update of the wind.
    """

    mean: Array
    draws: Array


def turbulence_scales(altitude: Array, wind_speed: Array, xp: Any) -> tuple[Array, Array]:
    """Return lengths (3, n), m, and standard deviations (3, n), m/s, of turbulence along, across and up.

    Parameters
    ----------
    altitude : (n,) array
        Above the ground, m; counts as 10 to 1000 feet.
    wind_speed : (n,) array
        At 20 feet, m/s.
    xp : namespace
        Array namespace.

    References
    ----------
    MIL-F-8785C, 1980, section 3.7.3.4 (low-altitude model).
    """
    feet = xp.clip(altitude, LOWEST, HIGHEST) / FOOT
    shape = 0.177 + 0.000823 * feet
    vertical = 0.1 * wind_speed
    along = vertical / shape**0.4
    length = feet / shape**1.2
    return xp.stack([length, length, feet]) * FOOT, xp.stack([along, along, vertical])


class Turbulence:
    """Gusts of all trajectories, stepped together.

    Parameters
    ----------
    xp : namespace
        Array namespace.
    wind : Wind
        Mean and random numbers.
    period : float
        Seconds between two updates.
    """

    def __init__(self, xp: Any, wind: Wind, period: float) -> None:
        self.xp, self.wind, self.period = xp, wind, period
        plane = wind.mean[:2, :]
        self.speed = xp.sqrt(plane[0, :] ** 2 + plane[1, :] ** 2)
        still = self.speed <= 0.0
        safe = xp.where(still, xp.ones_like(self.speed), self.speed)
        self._cosine = xp.where(still, xp.ones_like(safe), plane[0, :] / safe)
        self._sine = plane[1, :] / safe
        self._gust = xp.zeros_like(wind.mean)
        self._count = 0

    def update(self, altitude: Array, velocity: Array) -> Array:
        """Return the velocity of the air (3, n), m/s, for the next period.

        Parameters
        ----------
        altitude : (n,) array
            Of the vehicles, m.
        velocity : (3, n) array
            Of the vehicles, m/s.
        """
        xp = self.xp
        length, deviation = turbulence_scales(altitude, self.speed, xp)
        draw = self.wind.draws[self._count, :, :]
        if self._count:
            air = velocity - self.wind.mean
            speed = xp.sqrt(air[0, :] ** 2 + air[1, :] ** 2 + air[2, :] ** 2)
            kept = xp.exp(xp.clip(speed, SLOWEST, math.inf) * (-self.period) / length)
            self._gust = kept * self._gust + deviation * xp.sqrt(1.0 - kept * kept) * draw
        else:
            self._gust = deviation * draw  # stationary from the start
        self._count += 1
        along, across, up = self._gust[0, :], self._gust[1, :], self._gust[2, :]
        east = self._cosine * along - self._sine * across
        north = self._sine * along + self._cosine * across
        return self.wind.mean + xp.stack([east, north, up])
