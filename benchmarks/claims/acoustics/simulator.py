"""How exact finite differences are in rigid boxes, where a series of cosines gives the solution."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from physics.waves.rooms.admittance import RIGID
from physics.waves.rooms.exact import rigid_box
from physics.waves.rooms.fdtd import Clock, largest_step, simulate
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room

SIDE, HIGHEST, DURATION, SPEED = 2.0, 1000.0, 0.02, 343.0
"""Side of the room, m; highest frequency, Hz; s; m/s."""
SAMPLES = 21
CELLS = {2: (6, 10, 15, 20), 3: (6, 10, 15)}
"""Cells in a wavelength of the highest frequency, by dimensions of the room."""
SOURCES = {2: 4, 3: 1}
SOURCE = "second-order finite differences, ours"


def run_seed(seed: int) -> dict[str, float]:
    """Simulate sources at random positions in the middle half of a room, on finer and finer cells.

    Returns
    -------
    dict
        ``AXES/CELLS/relative_l2`` and ``AXES/CELLS/rmse`` (Pa), over all cells and times; ``AXES/order``, the
        slope of the error over the side of a cell between the two finest; ``AXES/off``, its distance from 2.
    """
    values: dict[str, float] = {}
    for axes, counts in CELLS.items():
        sources = np.random.default_rng(seed).uniform(0.25 * SIDE, 0.75 * SIDE, (SOURCES[axes], axes))
        cells, errors = [], []
        for per_wavelength in counts:
            count, relative, rmse = error(sources, per_wavelength)
            values |= {
                f"{axes}/{per_wavelength}/relative_l2": relative,
                f"{axes}/{per_wavelength}/rmse": rmse,
            }
            cells.append(count)
            errors.append(relative)
        order = math.log(errors[-2] / errors[-1]) / math.log(cells[-1] / cells[-2])
        values |= {f"{axes}/order": order, f"{axes}/off": abs(order - 2)}
    return values


def error(
    sources: np.ndarray, per_wavelength: int, highest: float = HIGHEST, duration: float = DURATION
) -> tuple[int, float, float]:
    """Return the cells along a side, the relative L2 error, and the root mean square one, Pa.

    Parameters
    ----------
    sources : (sources, axes) array
        Positions in a rigid room of `SIDE`, m.
    per_wavelength
        Cells in a wavelength of the highest frequency.
    highest, duration
        Hz and s.
    """
    axes = sources.shape[1]
    count = math.ceil(SIDE * highest / SPEED * per_wavelength)
    room = Room(np.ones((count,) * axes, bool), (SIDE / count,) * axes, (RIGID,))
    step = 0.999 * largest_step(room.spacing)
    clock = Clock(step, round(duration / step / (SAMPLES - 1)), SAMPLES)
    initial = pulses(room, sources, pulse_width(highest))
    exact = rigid_box(initial, room.size, clock.times)
    difference = np.asarray(simulate(room, initial, clock)) - exact
    relative = float(np.linalg.norm(difference) / np.linalg.norm(exact))
    return count, relative, float(np.sqrt(np.mean(difference**2)))


def claims() -> list[Claim]:
    """Return the claims on the simulator."""
    experiment = Experiment("acoustics", "simulator", run_seed, seeds=(0,), tables=tables)
    found = [
        Claim(
            claim=f"Finite differences converge with second order in {axes} dimensions",
            source=SOURCE,
            metric="distance of the order from 2, rigid room of 2 m, 1 kHz, 20 ms",
            experiment=experiment,
            ours=f"{axes}/off",
            baseline=f"{axes}/off",
            baseline_name="order of the scheme",
            compare="at_most",
            bound=0.15,
        )
        for axes in CELLS
    ]
    for axes, cells, bound in ((2, 10, 0.05), (2, 20, 0.0125), (3, 15, 0.03)):
        found.append(
            Claim(
                claim=f"{cells} cells in the shortest wavelength leave little error in {axes} dimensions",
                source=SOURCE,
                metric="relative L2 against the exact series, rigid room of 2 m, 1 kHz, 20 ms",
                experiment=experiment,
                ours=f"{axes}/{cells}/relative_l2",
                baseline=f"{axes}/6/relative_l2",
                baseline_name="6 cells",
                compare="at_most",
                bound=bound,
            )
        )
    return found


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by cells in a wavelength."""
    known = averages(values)
    if not known:
        return []
    header = ("cells in a wavelength", "square: relative L2", "RMSE, Pa", "cube: relative L2", "RMSE, Pa")
    names = [f"{axes}/{{}}/{metric}" for axes in CELLS for metric in ("relative_l2", "rmse")]
    rows = [
        [str(cells), *(cell(known, name.format(cells), digits=4) for name in names)] for cells in CELLS[2]
    ]
    rows.append(
        ["order", *(text for axes in CELLS for text in (cell(known, f"{axes}/order", digits=2), "-"))]
    )
    title = "Finite differences against the cosine series: rigid rooms of 2 m up to 1 kHz over 20 ms"
    return [ResultTable(title, header, rows)]
