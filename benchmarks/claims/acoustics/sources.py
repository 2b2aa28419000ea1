"""How many sources a network needs, and how many interpolation needs, in the square room."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell

ALONG = (2, 3, 4, 5, 9)
"""Training sources along each side of their grid."""
FEW = 5
"""Side of the grid of which the claim speaks."""


def run_seed(seed: int, along: Sequence[int] = ALONG) -> dict[str, float]:
    """Train a network on each grid of sources; score it and the interpolations.

    Returns
    -------
    dict
        ``SOURCES/SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa), see `network.run_seed`.
    """
    values: dict[str, float] = {}
    for side in along:
        data = training.store(2, source_grid=side)
        run = training.trained(2, data, seed, f"trainer.batch_size={side**2}")
        values |= runs.prefixed(str(side**2), training.scores(2, data, run))
    return values


def claims() -> list[Claim]:
    """Return the claim on few sources."""
    experiment = Experiment("acoustics", "sources", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"With {FEW**2} training sources a DeepONet predicts better than cubic interpolation",
            source="ours",
            metric="relative L2, test sources, square room of 2 m, 400 Hz, 12 ms",
            experiment=experiment,
            ours=f"{FEW**2}/test/{NETWORK}/relative_l2",
            baseline=f"{FEW**2}/test/cubic_interpolation/relative_l2",
            baseline_name=TITLES["cubic_interpolation"],
        )
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by the number of sources, between and outside those of training."""
    known = averages(values)
    if not known:
        return []
    rows = [
        [
            str(side**2),
            TITLES[name],
            *(cell(known, f"{side**2}/{split}/{name}/relative_l2", digits=4) for split in SPLITS),
        ]
        for side in ALONG
        for name in TITLES
    ]
    title = "Error by the number of training sources in a square of 1 m: relative L2"
    return [ResultTable(title, ("sources", "method", "between", "outside"), rows)]
