"""A radio build against a bare loop over Sionna's solver, and its memory against the number of samples."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.rows import Paired, Row, costs
from datasets.factory.build import build
from datasets.radio.transmitters import in_scene
from datasets.radio.urban import Urban
from datasets.store.layout import open_store
from physics.raytracing.backend import sionna, use_one_thread
from physics.raytracing.scenes import Window, load_city

CITY = "etoile"
SETTINGS = {
    "cities": [CITY],
    "test_cities": [],
    "test_samples": 0,
    "validation_share": 0.0,
    "repeat_share": 0.0,
    "depth": 6,
}


def run(quick: bool = False) -> list[Row]:
    """Measure wall time per map, and how peak memory grows from few samples to many.

    Both sides trace the same transmitters with the same rays in one solve per window that carries both
    antennas, on one thread; the bare loop keeps its maps in memory and writes nothing.

    Parameters
    ----------
    quick
        Fewer samples and repeats.
    """
    samples, repeats, rays = (16, 3, 1_000_000) if quick else (32, 5, 1_000_000)
    recipe = Urban.make(SETTINGS | {"samples": samples, "rays": rays})
    return [_wall_time(recipe, repeats), _peak_memory(rays // 10, samples)]


def _wall_time(recipe: Urban, repeats: int) -> Row:
    with TemporaryDirectory() as place:
        first = Path(place) / "first"
        build(recipe, str(first), workers=0, progress=False)
        loop = _bare_loop(recipe, str(first))
        times: list[tuple[float, float]] = []
        for repeat in range(repeats):
            url = str(Path(place) / str(repeat))
            ours = _seconds(partial(build, recipe, url, workers=0, progress=False))
            times.append((ours / recipe.samples, _seconds(loop) / recipe.samples))
    pairs = Paired(*(tuple(side) for side in zip(*times, strict=True)))
    name = f"radio/urban, {recipe.rays:.0e} rays, {recipe.transmitters_per_window} transmitters a solve"
    return costs(name, "s a map", pairs, "bare Sionna RT loop", at_most=1.10)


def _bare_loop(recipe: Urban, url: str) -> Callable[[], list[np.ndarray]]:
    """What a user would write with Sionna RT alone, over the windows and transmitters of a store."""
    use_one_thread()
    rt = sionna()
    import mitsuba as mi
    from sionna.rt import AntennaPattern
    from sionna.rt.antenna_pattern import PolarizedAntennaPattern, v_iso_pattern, v_tr38901_pattern

    store = open_store(url)
    names = ["terrain_height", "transmitter_position", "transmitter_azimuth"]
    values = store.reader(names).read(np.arange(store.records))
    scene = load_city(CITY).radio
    solver = rt.RadioMapSolver()

    class Both(AntennaPattern):
        def __init__(self) -> None:
            functions = (v_iso_pattern, v_tr38901_pattern)
            self.patterns = [
                PolarizedAntennaPattern(v_pattern=f, polarization="V").patterns[0] for f in functions
            ]

    def solve(window: Window, records: slice) -> np.ndarray:
        for name in list(scene.transmitters):
            scene.remove(name)
        scene.frequency = recipe.frequency
        scene.tx_array = rt.AntennaArray(Both(), mi.Point3f(0, 0, 0))
        places = in_scene(
            values["transmitter_position"][records], values["terrain_height"][records][0], window
        )
        for number, (place, azimuth) in enumerate(
            zip(places.tolist(), values["transmitter_azimuth"][records].tolist(), strict=True)
        ):
            yaw = mi.Point3f(np.pi / 2 - azimuth, 0, 0)
            scene.add(rt.Transmitter(f"tx-{number}", position=mi.Point3f(*place), orientation=yaw))
        half = window.size / 2
        radio_map = solver(
            scene,
            center=mi.Point3f(window.west + half, window.south + half, recipe.receiver_height),
            orientation=mi.Point3f(0, 0, 0),
            size=mi.Point2f(window.size, window.size),
            cell_size=mi.Point2f(window.cell, window.cell),
            samples_per_tx=recipe.rays,
            max_depth=recipe.depth,
            diffraction=recipe.diffraction,
            refraction=False,
        )
        return np.array(radio_map.path_gain.numpy())

    def loop() -> list[np.ndarray]:
        count = recipe.transmitters_per_window
        windows = enumerate(recipe.windows())
        return [solve(placed.window, slice(unit * count, (unit + 1) * count)) for unit, placed in windows]

    return loop


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _peak_memory(rays: int, samples: int) -> Row:
    """Peak memory of a build of eight times the samples against one of the samples, in fresh processes."""
    few, many = (_peak_of(rays, count) for count in (samples, 8 * samples))
    pairs = Paired((many,), (few,))
    note = f"{8 * samples} samples against {samples}"
    return costs("radio/urban, peak memory", "MiB", pairs, f"{samples} samples", at_most=1.05, note=note)


def _peak_of(rays: int, samples: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return statistics.mean(pool.map(_build_and_weigh, [(rays, samples)]))


def _build_and_weigh(job: tuple[int, int]) -> float:
    """Build in this process and return its peak resident memory, MiB."""
    rays, samples = job
    recipe = Urban.make(SETTINGS | {"rays": rays, "samples": samples, "depth": 3})
    with TemporaryDirectory() as place:
        build(recipe, str(Path(place) / "store"), workers=0, progress=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
