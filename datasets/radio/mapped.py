"""What a map says about buildings: shapes in degrees, and the tags of its mappers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


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
        West, south, east, north of what the map covers, degrees; None when it does not say.
    incomplete
        Buildings that the edge of the extract cuts, which are left out.
    """

    keys: list[str]
    tags: list[dict[str, str]]
    shapes: NDArray[Any]
    bounds: tuple[float, float, float, float] | None = None
    incomplete: int = 0
