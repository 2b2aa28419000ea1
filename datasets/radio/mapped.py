"""What a map says about buildings: shapes in degrees, the tags of its mappers, and what it does not yield."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Bounds = tuple[float, float, float, float]

CUT = "cut by the edge of the map"
DELETED = "deleted in the editor"
UNDERGROUND = "below the ground"
GONE = "demolished, abandoned or not yet built"
REPEATED = "with the footprint of another"
OPEN = "whose ring is not closed"
CORNERLESS = "without a corner in the file"
DRAWN = "drawn as a point or a line"
INVALID = "whose shape cannot be read"
FLAT = "without an area"
RIGHTLY = (CUT, DELETED, UNDERGROUND, GONE, REPEATED, FLAT)
"""Causes by which nothing is lost that a map says stands on its ground: see `Extracts.left_out`."""


class MapError(ValueError):
    """A map cannot be used; the message says what was found and what to do next."""


@dataclass(frozen=True)
class Mapped:
    """Buildings and building parts of one map.

    Attributes
    ----------
    keys
        What names each of them for good, such as ``way/123``.
    tags
        Tags of each of them.
    shapes : array (n,) of shapely.Polygon or MultiPolygon
        Longitude and latitude (WGS84), degrees; not yet checked.
    bounds
        West, south, east, north of what the map covers, degrees; None when it does not say. East is above 180
        where the map crosses the antimeridian.
    left_out
        How many buildings the map holds beside these, by cause.
    repaired
        How many rings had to be repaired so far.
    """

    keys: list[str]
    tags: list[dict[str, str]]
    shapes: NDArray[Any]
    bounds: Bounds | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    repaired: int = 0
