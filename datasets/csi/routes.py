"""Where flights through a city go, and where their base stations stand: clear of buildings and ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from physics.flight.control import Gains
from physics.flight.flight import SAMPLE, Setpoints, fly, start
from physics.flight.references import heading, polyline
from physics.flight.vehicles import X500
from physics.raytracing.scenes import City, Scene

CLEARANCE = 2.0
"""Least distance of flights above ground and roofs, m."""
LEGS = (15.0, 60.0)
"""Lengths of the straight legs of a drawn route, m."""
TRIES = 64
"""Legs that are tried from one waypoint before the route begins anew."""
ROOF_RADIUS, ABOVE_ROOF, LOWEST_MAST = 30.0, (2.0, 8.0), 15.0
"""A base station stands so far above the highest roof so near, and at least so high above the ground, m."""

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Airspace:
    """Where routes are drawn.

    Attributes
    ----------
    scene, area
        The city and its extent.
    reach
        Horizontal distances from the base station, m.
    heights
        Of waypoints above the ground, m.
    """

    scene: Scene
    area: City
    reach: tuple[float, float]
    heights: tuple[float, float]


@dataclass(frozen=True)
class Flight:
    """A flown trajectory.

    Attributes
    ----------
    time
        s, shape (k,).
    position, velocity
        East, north, up, shape (k, 3), m and m/s.
    """

    time: np.ndarray
    position: np.ndarray
    velocity: np.ndarray

    def at(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return position (..., 3), m, and velocity (..., 3), m/s, at times in s."""
        curve = CubicHermiteSpline(self.time, self.position, self.velocity)
        return curve(time), curve(time, 1)


def draw_mast(space: Airspace, rng: np.random.Generator) -> Point:
    """Return the position of a base station above the roofs around it, m."""
    area, margin = space.area, space.reach[1]
    west, east = _middle(area.west, area.east, margin)
    south, north = _middle(area.south, area.north, margin)
    x, y = rng.uniform(west, east), rng.uniform(south, north)
    offset = np.arange(-ROOF_RADIUS, ROOF_RADIUS + 1.0, 3.0)
    around = x + offset[:, None], y + offset[None, :]
    ground = float(space.scene.terrain_altitude(np.array([x]), np.array([y]))[0])
    roof = np.nanmax([ground, *np.ravel(space.scene.surface_altitude(*around))])
    return x, y, max(float(roof) + rng.uniform(*ABOVE_ROOF), ground + LOWEST_MAST)


def draw_route(space: Airspace, mast: Point, length: float, rng: np.random.Generator) -> np.ndarray | None:
    """Return waypoints (k, 3) of a route at least so long, m, or None if a leg found no room."""
    first = np.array(mast) + _turned(rng) * rng.uniform(*space.reach)
    points = [_lifted(space, first, rng)]
    while length > 0.0:
        for _ in range(TRIES):
            stride = rng.uniform(*LEGS)
            ahead = _lifted(space, points[-1] + _turned(rng) * stride, rng)
            leg = points[-1] + np.linspace(0.0, 1.0, math.ceil(stride) + 1)[:, None] * (ahead - points[-1])
            near = np.hypot(*(ahead[:2] - mast[:2])) <= space.reach[1]
            if near and _inside(space.area, ahead) and is_clear(space.scene, leg).all():
                break
        else:
            return None
        length -= float(np.linalg.norm(ahead - points[-1]))
        points.append(ahead)
    return np.array(points)


def fly_route(points: np.ndarray, speed: float, duration: float) -> Flight:
    """Fly an x500 along straight legs (k, 3), m, at a speed, m/s; it starts in motion."""
    time = np.arange(math.ceil(duration / SAMPLE) + 1) * SAMPLE
    path = polyline(time, points, speed)
    look = heading(path.velocity)
    setpoints = Setpoints(
        path.position[..., None], path.velocity[..., None], path.acceleration[..., None], look[:, None]
    )
    begin = start(path.position[0][:, None], path.velocity[0][:, None], look[:1])
    track = fly(X500, Gains(), setpoints, begin)
    return Flight(time, track.position[..., 0], track.velocity[..., 0])


def is_clear(scene: Scene, positions: np.ndarray) -> np.ndarray:
    """Return which positions (k, 3) lie above ground and roofs by the least distance."""
    return _room(scene, positions) >= CLEARANCE


def check_route(scene: Scene, whose: str, points: Sequence[Point]) -> None:
    """Raise a ValueError that names the first point of a given route that is not clear."""
    given = np.array(points, np.float64)
    ground = scene.terrain_altitude(given[:, 0], given[:, 1])
    room = _room(scene, given)
    for number, point in enumerate(given):
        if room[number] >= CLEARANCE:
            continue
        what = "start" if number == 0 else f"waypoint {number}"
        where = f"{whose}: its {what} ({point[0]:g}, {point[1]:g}, {point[2]:g}) m"
        floor, top = ground[number], point[2] - room[number]
        if np.isnan(floor):
            raise ValueError(f"{where} lies outside the scene; choose a place above its ground")
        if point[2] < floor:
            found = f"lies below the ground, which is at {floor:.1f} m"
        elif room[number] < 0.0:
            found = f"lies inside a building, whose roof is at {top:.1f} m"
        else:
            found = f"lies less than {CLEARANCE:g} m above what is below it, which is at {top:.1f} m"
        raise ValueError(f"{where} {found}; give an altitude above {top + CLEARANCE:.1f} m or another place")


def _room(scene: Scene, positions: np.ndarray) -> np.ndarray:
    """Return heights of positions (k, 3) above roof or ground, m; NaN where there is no ground."""
    x, y, z = positions.T
    ground = scene.terrain_altitude(x, y)
    return z - np.fmax(ground, np.where(np.isnan(ground), np.nan, scene.surface_altitude(x, y)))


def _lifted(space: Airspace, point: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ground = float(space.scene.terrain_altitude(point[:1], point[1:2])[0])
    return np.array([point[0], point[1], ground + rng.uniform(*space.heights)])


def _turned(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0.0, math.tau)
    return np.array([math.cos(angle), math.sin(angle), 0.0])


def _inside(area: City, point: np.ndarray) -> bool:
    return bool(area.west <= point[0] <= area.east and area.south <= point[1] <= area.north)


def _middle(low: float, high: float, margin: float) -> tuple[float, float]:
    """Return an interval without a margin at both ends; its middle if nothing is left."""
    middle = 0.5 * (low + high)
    return min(low + margin, middle), max(high - margin, middle)
