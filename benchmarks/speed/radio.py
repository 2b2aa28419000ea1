"""Radio maps: a map extract to a scene against only its libraries, and maps larger than the window."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.claims.files import folder
from benchmarks.speed.rows import Row, costs, measure_pairs
from benchmarks.speed.tiling import tiled_prediction
from datasets.radio.buildings import read_buildings
from physics.raytracing.extrusion import open_rings
from physics.raytracing.scenes import extruded_scene

EXTRACT = "osm/Helsinki.osm.pbf"
READS = 5


def run(quick: bool = False) -> list[Row]:
    """Measure the scene (wall time in one process, the file in the page cache) and tiled prediction.

    Parameters
    ----------
    quick
        Fewer repeats.
    """
    extract = folder("radio") / EXTRACT
    tiles = tiled_prediction(quick)
    if not extract.is_file():
        print(f"scene of a map extract: skipped, there is no {extract}; set SURROGATES_RADIO_DATA")
        return tiles
    return [scene_row(extract, quick), *tiles]


def scene_row(path: Path, quick: bool) -> Row:
    """Measure file to scene: read, project, repair, raise, extrude, hand over to Sionna RT.

    The reference reads the same file five times with only osmium (a handler that is shown every area and
    does nothing) and triangulates the same footprints once.
    """
    buildings = read_buildings(path)
    rings = open_rings(buildings.polygons)
    read, triangulation = _osmium_alone(path), _earcut_alone(rings)

    def ours() -> None:
        found = read_buildings(path)
        west, south, east, north = found.extent
        extruded_scene(found.polygons, found.top, found.bottom, area=(west, south, east, north))

    def reference() -> None:
        for _ in range(READS):
            read()
        triangulation()

    pairs = measure_pairs(ours, reference, repeats=1 if quick else 15, warmup=2, per=1e-3)
    note = (
        f"{path.name}: {len(buildings.keys)} buildings, {len(rings[0])} corners; alone osmium needs "
        f"{_milliseconds(read):.0f} ms a read, mapbox-earcut {_milliseconds(triangulation):.1f} ms"
    )
    name = f"{READS} reads by osmium + mapbox-earcut"
    return costs("map extract to Sionna scene", "ms", pairs, name, at_most=1.0, note=note)


def _osmium_alone(path: Path) -> Callable[[], None]:
    import osmium

    class Nothing(osmium.SimpleHandler):
        def area(self, area: object) -> None:
            pass

    return lambda: Nothing().apply_file(str(path))


def _earcut_alone(rings: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Callable[[], None]:
    import mapbox_earcut

    corners, starts, first_ring = rings
    polygons = [
        (corners[starts[shell] : starts[stop]], starts[shell + 1 : stop + 1] - starts[shell])
        for shell, stop in pairwise(first_ring.tolist())
    ]
    polygons = [(points, ends.astype(np.uint32)) for points, ends in polygons]

    def triangulate() -> None:
        for polygon in polygons:
            mapbox_earcut.triangulate_float64(*polygon)

    return triangulate


def _milliseconds(action: Callable[[], None], repeats: int = 5) -> float:
    """Return the median time, ms."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)
