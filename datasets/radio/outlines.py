"""Footprints in metres: repaired, each once, raised, and parts of a building instead of its outline."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from datasets.radio.heights import Height, height_of, tagged_height
from datasets.radio.standing import is_part

SMALLEST = 0.1  # m2; what is left of a footprint below that is a slip of the mapper's hand
NARROWEST = 1.0  # m; what parts leave of an outline, if it is narrower than that
CLOSE = 0.01  # m; corners nearer than that are one: files round to a centimetre


def clean(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Make valid polygons of shapes: rings that cross themselves are repaired, what has no area goes.

    Parameters
    ----------
    shapes : array (n,)
        Polygons and multipolygons, m.

    Returns
    -------
    polygons : array (k,) of shapely.Polygon
        Valid, without repeated corners.
    owner : array (k,)
        Index of the shape of each.
    """
    shapes = shapely.remove_repeated_points(shapes, CLOSE)
    broken = ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    polygons, owner = shapely.get_parts(shapes, return_index=True)
    kept = (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON) & (
        shapely.area(polygons) >= SMALLEST
    )
    return polygons[kept], owner[kept]


def once(
    polygons: NDArray[Any], owner: NDArray[np.int64], tags: list[dict[str, str]]
) -> tuple[NDArray[Any], NDArray[np.int64], int]:
    """Keep one of buildings with the same footprint: the first that tells its height, else the first."""
    order = sorted(range(len(owner)), key=lambda index: tagged_height(tags[owner[index]]) is None)
    shapes = shapely.to_wkb(shapely.normalize(shapely.set_precision(polygons, CLOSE, mode="pointwise")))
    first: dict[tuple[Any, bool], int] = {}
    for index in order:
        first.setdefault((shapes[index], is_part(tags[owner[index]])), index)
    kept = np.zeros(len(owner), bool)
    kept[list(first.values())] = True
    return polygons[kept], owner[kept], len(np.unique(owner)) - len(np.unique(owner[kept]))


def raised(
    keys: list[str], tags: list[dict[str, str]], polygons: NDArray[Any], owner: NDArray[np.int64], seed: int
) -> tuple[NDArray[Any], NDArray[np.int64], dict[int, Height]]:
    """Give every footprint its height, and replace an outline by the parts of its building."""
    part = np.array([is_part(each) for each in tags])
    outline_of = _outlines(polygons, part[owner])
    heights: dict[int, Height] = {}
    for number in np.unique(owner[~part[owner]]).tolist():
        heights[number] = height_of(keys[number], tags[number], seed)
    for index, outline in outline_of.items():
        number = int(owner[index])
        whole = heights[int(owner[outline])] if outline is not None else None
        inherited = (whole.top, whole.source) if whole else None
        heights.setdefault(number, height_of(keys[number], tags[number], seed, inherited))
    rest, whose = _without_parts(polygons, outline_of)
    kept = np.ones(len(polygons), bool)
    kept[[outline for outline in outline_of.values() if outline is not None]] = False
    return np.concatenate([polygons[kept], rest]), np.concatenate([owner[kept], owner[whose]]), heights


def _outlines(polygons: NDArray[Any], part: NDArray[np.bool_]) -> dict[int, int | None]:
    """Find the outline around each part: the smallest that covers a point inside it; None without any."""
    parts, outlines = np.flatnonzero(part), np.flatnonzero(~part)
    found: dict[int, int | None] = dict.fromkeys(parts.tolist())
    if len(parts) and len(outlines):
        tree = shapely.STRtree(polygons[outlines])
        inner, outline = tree.query(shapely.point_on_surface(polygons[parts]), predicate="within")
        for number in np.argsort(-shapely.area(polygons[outlines[outline]]), kind="stable").tolist():
            found[int(parts[inner[number]])] = int(outlines[outline[number]])
    return found


def _without_parts(
    polygons: NDArray[Any], outline_of: dict[int, int | None]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what parts leave of their outlines, and whose it is; slivers along the parts are dropped."""
    parts_of: dict[int, list[int]] = {}
    for part, outline in outline_of.items():
        if outline is not None:
            parts_of.setdefault(outline, []).append(part)
    outlines = np.array(list(parts_of), np.int64)
    unions = np.array([shapely.union_all(polygons[parts]) for parts in parts_of.values()], object)
    rest = shapely.difference(polygons[outlines], unions)
    pieces, number = clean(rest)
    wide = 2.0 * shapely.area(pieces) >= NARROWEST * shapely.length(pieces)
    return pieces[wide], outlines[number[wide]]
