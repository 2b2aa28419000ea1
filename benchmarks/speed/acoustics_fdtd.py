"""Sound in rooms: finite differences in time against a loop that slices boxes, and the build of data sets."""

from __future__ import annotations

import time
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.rows import Paired, Row, costs, faster, measure_pairs
from datasets.acoustics.rooms import Rooms
from datasets.factory.build import build
from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.air import AIR
from physics.waves.rooms.fdtd import Clock, largest_step, simulate
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room

SIDE, HIGHEST, IMPEDANCE = 2.0, 1000.0, 7400.0
DURATION = 0.05
LAYER = Admittance.of_poles(
    [(-0.050895081885, 1409.174615247421), (-0.077041464455, 2996.397333914219)],
    [
        (20.818242042787, 8.742655724467, 5143.978228028025, -13398.796374805785),
        (90.154065142216, 11.882538133263, 11865.834708151424, -62639.178065321037),
    ],
)
"""3 cm of porous material on a rigid wall."""


def run(quick: bool = False) -> list[Row]:
    """Measure a cube of 2 m up to 1 kHz with 10 cells per wavelength, and builds of both small settings.

    Parameters
    ----------
    quick
        6 cells per wavelength, a tenth of the time, one repeat, few sources.
    """
    return [*solver_rows(quick), *(build_row(shape, quick) for shape in ("rectangle", "cube"))]


def solver_rows(quick: bool) -> list[Row]:
    """Measure one source by the package and by a plain loop in NumPy, with hard walls and with layers."""
    cells = ceil(SIDE * HIGHEST / AIR.speed * (6 if quick else 10))
    air, spacing = np.ones((cells,) * 3, bool), (SIDE / cells,) * 3
    step = 0.999 * largest_step(spacing)
    steps = round((0.1 if quick else 1.0) * DURATION / step)
    hard, layered = (Room(air, spacing, (wall,)) for wall in (Admittance.of_impedance(IMPEDANCE), LAYER))
    initial = pulses(hard, [(0.7, 0.8, 0.9)], pulse_width(HIGHEST)).astype(np.float32)
    clock = Clock(step, steps, 2)

    def ours() -> np.ndarray:
        return simulate(hard, initial, clock)[0, 1]

    def plain() -> np.ndarray:
        return plain_loop(initial[0], step, spacing[0], steps)

    apart = float(np.abs(ours() - plain()).max())
    if apart > 1e-4:
        raise RuntimeError(f"both solvers differ by {apart:.2g} Pa, so their times say nothing")
    repeats = 1 if quick else 5
    pairs = measure_pairs(ours, plain, repeats=repeats, clock=time.process_time)
    note = f"{cells}^3 cells, {steps} steps, float32, CPU time; both fields agree to {apart:.1g} Pa"
    name, reference = "pulse in a cube of 2 m, hard walls", "plain slicing loop"
    first = costs(name, "s a source", pairs, reference, at_most=1.2, note=note)
    with_layers = measure_pairs(
        lambda: simulate(layered, initial, clock), plain, repeats=repeats, clock=time.process_time
    )
    name = "pulse in a cube of 2 m, walls of six poles"
    return [first, costs(name, "s a source", with_layers, f"{reference}, hard walls", note=note)]


def plain_loop(initial: np.ndarray, step: float, side: float, steps: int) -> np.ndarray:
    """Return the last field in a cube of hard walls, by slices of padded boxes as one would write first."""
    number = np.float32(AIR.speed * step / side)
    neighbours = np.full(initial.shape, 6, np.float32)
    for axis in range(3):
        for end in (0, -1):
            neighbours.swapaxes(0, axis)[end] -= 1
    loss = number * np.float32(AIR.impedance / IMPEDANCE) * (6 - neighbours) / 2
    inner = slice(1, -1)
    now, before = np.pad(initial, 1), np.pad(initial, 1)
    for index in range(steps):
        around = now[2:, inner, inner] + now[:-2, inner, inner]
        around += now[inner, 2:, inner]
        around += now[inner, :-2, inner]
        around += now[inner, inner, 2:]
        around += now[inner, inner, :-2]
        here, past = now[inner, inner, inner], before[inner, inner, inner]
        if index == 0:
            past[:] = here + number**2 / 2 * (around - neighbours * here)
        else:
            change = number**2 * (around - neighbours * here)
            past[:] = (2 * here + change - (1 - loss) * past) / (1 + loss)
        now, before = before, now
    return now[inner, inner, inner]


def build_row(shape: str, quick: bool) -> Row:
    """Measure the build of a data set of the defaults against a minute."""
    given = {"shape": shape} | ({"source_grid": 2} if quick else {})
    recipe = Rooms.make(given)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        build(recipe, str(Path(folder) / "rooms.zarr"), workers=0, progress=False)
        wall = time.perf_counter() - start
    note = f"{recipe.records()} records of {' x '.join(map(str, recipe.scene.room.air.shape))} cells"
    pairs = Paired((wall,), (60.0,))
    return faster(f"build of acoustics/rooms, {shape}", "s", pairs, "a minute", at_least=1.0, note=note)
