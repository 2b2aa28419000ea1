"""Image sources: what a pulse in a box sounds like by mirrors instead of walls."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.special import j0

from physics.waves.rooms.air import AIR, Air
from physics.waves.rooms.exact import free_pulse

RESOLUTION = 12
"""Values of the tabulated pulse in its width."""
HIGHEST = 10.0
"""Wave numbers times the width up to which the pulse has energy: exp(-25)."""
SIGMAS = 5.0
"""Widths beyond which a pulse has passed, exp(-25)."""
NEAREST = 1e-6
"""m; a point at an image itself."""

Pulse = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Images(NamedTuple):
    """Mirror images of a source.

    Attributes
    ----------
    positions : (images, axes) array
        m.
    reflections : (images, axes) int array
        At the walls across each axis.
    """

    positions: np.ndarray
    reflections: np.ndarray


def image_sources(source: np.ndarray, low: np.ndarray, size: np.ndarray, reach: float) -> Images:
    """Return the images of a source in a box that are heard anywhere in it within a distance.

    Parameters
    ----------
    source : (axes,)
        m.
    low, size : (axes,)
        Lower corner and lengths of the box, m.
    reach
        Largest distance that matters, m.

    References
    ----------
    J. B. Allen, D. A. Berkley, "Image method for efficiently simulating small-room acoustics", J. Acoust.
    Soc. Am. 65 (1979), equations 5 and 6.
    """
    along = []
    for position, start, length in zip(source, low, size, strict=True):
        inside = position - start
        most = int(reach / (2 * length)) + 2
        found = [
            (start + sign * inside + 2 * n * length, abs(2 * n - (sign < 0)))
            for n in range(-most, most + 1)
            for sign in (1, -1)
        ]
        # The nearest point of the box is as far as the image lies outside of it.
        along.append([each for each in found if start - reach <= each[0] <= start + length + reach])
    made = list(product(*along))
    positions = np.array([[place for place, _ in each] for each in made])
    ends = np.clip(positions, low, low + size)
    heard = np.linalg.norm(positions - ends, axis=1) <= reach
    return Images(positions[heard], np.array([[count for _, count in each] for each in made])[heard])


def plane_pulse(width: float, longest: float, air: Air = AIR) -> Pulse:
    """Return the pressure of a pulse on a plane without walls as a function of distance (m) and time (s), Pa.

    ``p(r, t) = w^2 / 2 int exp(-k^2 w^2 / 4) cos(c k t) J0(k r) k dk``, tabulated once.

    Parameters
    ----------
    width
        w of the pulse ``exp(-r^2 / w^2)``, m.
    longest
        Largest distance and largest path of sound that are asked for, m.
    air
        Speed of sound.

    References
    ----------
    P. M. Morse, K. U. Ingard, "Theoretical acoustics", Princeton 1986, section 7.3 (Hankel transform).
    """
    step = width / RESOLUTION
    places = step * np.arange(int(longest / step) + 6)
    highest = HIGHEST / width
    count = int(highest * 2 * places[-1] / np.pi * 2) + 200
    interval = highest / count
    nodes = (np.arange(count) + 0.5) * interval
    weights = width**2 / 2 * np.exp(-((nodes * width) ** 2) / 4) * nodes * interval
    table = (j0(np.outer(places, nodes)) * weights) @ np.cos(np.outer(nodes, places))
    table -= width**2 / 2 * interval**2 / 24  # the midpoint rule's error at the lower end
    spline = RectBivariateSpline(places, places, table)

    def pulse(distance: np.ndarray, time: np.ndarray) -> np.ndarray:
        return np.asarray(spline.ev(distance, air.speed * time))

    return pulse


def space_pulse(width: float, air: Air = AIR) -> Pulse:
    """Return the pressure of a pulse in open space as a function of distance (m) and time (s), Pa."""
    return lambda distance, time: free_pulse(np.maximum(distance, NEAREST), time, width, air)


def pressure_by_images(
    images: Images, points: np.ndarray, times: np.ndarray, pulse: Pulse, impedance: float, air: Air = AIR
) -> np.ndarray:
    """Return the pressure of a source and its images at points, Pa.

    At each reflection the pulse of an image is multiplied by the coefficient of a plane wave from its
    direction: ``(Z cos(a) - rho c) / (Z cos(a) + rho c)`` at the angle a to the wall's normal.

    Parameters
    ----------
    images
        As `image_sources` returns them.
    points : (points, axes)
        m.
    times : (points,)
        s.
    pulse
        Of the source in the open.
    impedance
        Of all walls, Pa s/m; infinite ones are rigid.
    air
        The medium.

    References
    ----------
    H. Kuttruff, "Room acoustics", 6th ed., CRC Press 2016, sections 2.3 and 4.1.
    """
    ratio = impedance / air.impedance
    total = np.zeros(len(points))
    for position, reflections in zip(*images, strict=True):
        away = points - position
        distance = np.linalg.norm(away, axis=1)
        weight = np.ones(len(points))
        if np.isfinite(ratio):
            cosines = ratio * np.abs(away) / np.maximum(distance, NEAREST)[:, None]
            weight = ((cosines - 1) / (cosines + 1)) ** reflections
            weight = weight.prod(axis=1)
        total += weight * pulse(distance, times)
    return total


def reach_of(duration: float, width: float, air: Air = AIR) -> float:
    """Return the distance within which images are heard in a time, m."""
    return air.speed * duration + SIGMAS * width
