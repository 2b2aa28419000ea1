"""Walls that absorb by frequency: are rooms with such walls as easy to learn as others?"""

from collections.abc import Mapping, Sequence

from benchmarks.claims import files, runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell

POLES = "freq_dep_lr.dat"
"""Published poles of 3 cm of porous material on a rigid wall."""
WALLS = {"impedance": "7400 Pa s/m", "layer": "porous material, six poles"}
FACTOR = 1.25
"""By how much the error may be larger to count as the same."""


def run_seed(seed: int) -> dict[str, float]:
    """Train a network of the square room with walls of either kind; score it and the interpolations.

    Returns
    -------
    dict
        ``WALLS/SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa), see `network.run_seed`.
    """
    poles = str(files.require("acoustics", POLES))
    stores = {
        "impedance": training.store(2),
        "layer": training.stored("rooms_2d_layer", 2, walls={"all": poles}),
    }
    values: dict[str, float] = {}
    for name, data in stores.items():
        run = training.trained(2, data, seed)
        values |= runs.prefixed(name, training.scores(2, data, run))
    return values


def claims() -> list[Claim]:
    """Return the claim on walls."""
    experiment = Experiment("acoustics", "materials", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim="A DeepONet learns rooms whose walls absorb by frequency as well as others",
            source="ours",
            metric="relative L2, test sources, square room of 2 m, 400 Hz, 12 ms",
            experiment=experiment,
            ours=f"layer/test/{NETWORK}/relative_l2",
            baseline=f"impedance/test/{NETWORK}/relative_l2",
            baseline_name=f"walls of {WALLS['impedance']}",
            compare="times_lower",
            bound=1 / FACTOR,
        )
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by walls."""
    known = averages(values)
    if not known:
        return []
    rows = [
        [
            title,
            TITLES[method],
            *(cell(known, f"{name}/{split}/{method}/relative_l2", digits=4) for split in SPLITS),
        ]
        for name, title in WALLS.items()
        for method in TITLES
    ]
    title = "Walls of one impedance and walls that absorb by frequency, square room: relative L2"
    return [ResultTable(title, ("walls", "method", "between", "outside"), rows)]
