"""A radio build against a bare loop over Sionna's solver, and its memory against the number of samples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np

from benchmarks.speed.memory import peak_of
from benchmarks.speed.rows import Paired, Row, costs
from datasets.factory.build import build
from datasets.factory.find import recipe_of
from datasets.radio.transmitters import in_scene
from datasets.radio.urban import Urban
from datasets.store.layout import open_store
from physics.backend import sionna, use_one_thread
from physics.raytracing.scenes import Window, load_city

CITY = "etoile"
SHARD = 256  # samples of one shard
SETTINGS = {
    "cities": [CITY],
    "test_cities": [],
    "test_samples": 0,
    "validation_share": 0.0,
    "repeat_share": 0.0,
    "depth": 6,
}


def run(quick: bool = False) -> list[Row]:
    """Measure wall time per map, also of whole runs, and how peak memory grows from few samples to many.

    Both sides trace the same transmitters with the same rays in one solve per window that carries both
    antennas. The bare loop keeps one map per transmitter, the sum over both antennas, in memory: it makes no
    height rasters, checks nothing and writes nothing.

    Parameters
    ----------
    quick
        Fewer samples.
    """
    size = {"samples": 4, "rays": 10_000} if quick else {"samples": 32, "rays": 1_000_000}
    recipe, repeats = Urban.make(SETTINGS | size), 1 if quick else 3
    with TemporaryDirectory() as folder:
        first = str(Path(folder) / "first")
        build(recipe, first, workers=0, progress=False)
        rows = [_wall_time(recipe, first, repeats), _whole_runs(recipe, first, repeats)]
    return [*rows, _peak_memory(3, 4, 1) if quick else _peak_memory(4, SHARD, 3)]


def _wall_time(recipe: Urban, first: str, repeats: int) -> Row:
    """Measure a build against the bare loop, both in this process and on one thread."""
    use_one_thread()
    loop = _bare_loop(recipe, first)
    loop()
    times = []
    for repeat in range(repeats):
        ours = _seconds(partial(build, recipe, f"{first}-{repeat}", workers=0, progress=False))
        times.append((ours / recipe.samples, _seconds(loop) / recipe.samples))
    name = f"radio/urban, {recipe.rays:.0e} rays, {recipe.transmitters_per_window} transmitters a solve"
    note = (
        f"{recipe.samples} maps of {CITY}; one process and one thread each; same transmitters, rays, "
        f"depth {recipe.depth}, diffraction, one solve a window; ours keeps and writes both antennas' maps"
    )
    return costs(name, "s a map", _paired(times), "bare Sionna RT loop", at_most=1.10, note=note)


def _whole_runs(recipe: Urban, first: str, repeats: int) -> Row:
    """Measure the command, start-up included, against a script of the bare loop, on all cores."""
    cores = os.cpu_count() or 1
    parameters = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
    parameters += [f"samples={recipe.samples}", f"rays={recipe.rays}", f"workers={cores}"]
    command = "from surrogates.cli.main import main; main()"
    times = []
    for repeat in range(repeats):
        arguments = ["data", "build", recipe.name, *parameters, f"out={first}-whole-{repeat}"]
        ours = _seconds(partial(_run, "-c", command, *arguments))
        times.append((ours / recipe.samples, _seconds(partial(_run, "-m", __name__, first)) / recipe.samples))
    note = (
        f"{recipe.samples} maps, start-up included: ours with {cores} workers of one thread, "
        f"the bare loop in one process with {cores} threads (whose diffraction does not repeat)"
    )
    return costs("radio/urban, whole run", "s a map", _paired(times), "script of the bare loop", note=note)


def _run(*arguments: str) -> None:
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, *arguments], cwd=root, check=True, capture_output=True)


def _paired(times: list[tuple[float, float]]) -> Paired:
    return Paired(*(tuple(side) for side in zip(*times, strict=True)))


def _bare_loop(recipe: Urban, url: str) -> Callable[[], list[np.ndarray]]:
    """Return the loop of a user who has only Sionna RT, over the windows and transmitters of a store."""
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
        positions = in_scene(
            values["transmitter_position"][records], values["terrain_height"][records][0], window
        )
        for number, (position, azimuth) in enumerate(
            zip(positions.tolist(), values["transmitter_azimuth"][records].tolist(), strict=True)
        ):
            yaw = mi.Point3f(np.pi / 2 - azimuth, 0, 0)
            scene.add(rt.Transmitter(f"tx-{number}", position=mi.Point3f(*position), orientation=yaw))
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


def _peak_memory(shards: int, shard: int, repeats: int) -> Row:
    """Measure peak memory of a build of several shards against that of two, in fresh processes.

    Below two shards it does grow: one is put together and written while the next is simulated. How the two
    meet is chance, so several builds are compared.
    """
    peaks = [(peak_of(_build, shards * shard), peak_of(_build, 2 * shard)) for _ in range(repeats)]
    note = f"{shards * shard} samples against {2 * shard}, which fill two shards; median of {repeats}"
    pairs = _paired(peaks)
    return costs("radio/urban, peak memory", "MiB", pairs, f"{2 * shard} samples", at_most=1.05, note=note)


def _build(samples: int) -> None:
    """Build in this process."""
    recipe = Urban.make(SETTINGS | {"rays": 10_000, "samples": samples, "depth": 1})
    with TemporaryDirectory() as folder:
        build(recipe, str(Path(folder) / "store"), workers=0, progress=False)


if __name__ == "__main__":
    _bare_loop(cast(Urban, recipe_of(open_store(sys.argv[1]))), sys.argv[1])()
