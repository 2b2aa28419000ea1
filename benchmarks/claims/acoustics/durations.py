"""How the error of finite differences grows with time, on the cells that the recipe takes by default."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.acoustics.simulator import SIDE, error
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.acoustics.rooms import Rooms

MILLISECONDS = (12, 20, 50)
CELLS = (12, 15)
"""In a wavelength of the highest frequency; the recipe's default, and finer ones."""
SOURCES = {2: 8, 3: 4}
BOUNDS = {2: 0.02, 3: 0.03}
"""Largest relative L2 error over the shortest time on the recipe's cells, by dimensions of the room."""
SOURCE = "second-order finite differences, ours"


def run_seed(seed: int) -> dict[str, float]:
    """Simulate sources at random positions in the middle half of a rigid room, for longer and longer.

    Returns
    -------
    dict
        ``AXES/CELLS/MILLISECONDS/relative_l2`` over all cells and times from 0 on.
    """
    highest = float(Rooms.model_fields["highest_frequency"].default)
    values: dict[str, float] = {}
    for axes, count in SOURCES.items():
        sources = np.random.default_rng(seed).uniform(0.25 * SIDE, 0.75 * SIDE, (count, axes))
        for cells in CELLS:
            for each in MILLISECONDS:
                _, relative, _ = error(sources, cells, highest, each / 1000)
                values[f"{axes}/{cells}/{each}/relative_l2"] = relative
    return values


def claims() -> list[Claim]:
    """Return the claims on the recipe's cells."""
    experiment = Experiment("acoustics", "durations", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"The cells that the recipe takes leave little error in {axes} dimensions",
            source=SOURCE,
            metric="relative L2 against the exact series, rigid room of 2 m, 400 Hz, 12 cells, 12 ms",
            experiment=experiment,
            ours=f"{axes}/{CELLS[0]}/{MILLISECONDS[0]}/relative_l2",
            baseline=f"{axes}/{CELLS[0]}/{MILLISECONDS[-1]}/relative_l2",
            baseline_name="over 50 ms",
            compare="at_most",
            bound=bound,
        )
        for axes, bound in BOUNDS.items()
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by duration."""
    known = averages(values)
    if not known:
        return []
    rows = [
        [
            str(each),
            *(
                cell(known, f"{axes}/{cells}/{each}/relative_l2", digits=4)
                for axes in SOURCES
                for cells in CELLS
            ),
        ]
        for each in MILLISECONDS
    ]
    header = ("ms", *(f"{room}, {cells} cells" for room in ("square", "cube") for cells in CELLS))
    title = "Error by time: relative L2 against the cosine series, rigid rooms of 2 m up to 400 Hz"
    return [ResultTable(title, header, rows)]
