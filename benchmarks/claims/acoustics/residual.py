"""The wave equation as a term of the loss, where only nine sources were simulated."""

from collections.abc import Mapping, Sequence
from math import pi

from benchmarks.claims import runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell

ALONG = 3
"""Training sources along each side of their grid."""
HIGHEST = 400.0
"""Hz."""
WEIGHTS = (0.0, 0.1, 1.0)
"""Of the residual, in units that make it as large as the pressure at the highest frequency."""
ON = WEIGHTS[1]
"""Weight of which the claim speaks."""
REACH = 0.036
"""Half a cell, m: residuals are wanted between the points of the data, too."""
SOURCE = "S. Wang, H. Wang, P. Perdikaris, Science Advances 7(40), 2021, arXiv:2103.10974"


def run_seed(seed: int, weights: Sequence[float] = WEIGHTS) -> dict[str, float]:
    """Train networks on nine sources with and without the residual; score them and the interpolations.

    Returns
    -------
    dict
        ``WEIGHT/SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa), see `network.run_seed`.
    """
    data = training.store(2, source_grid=ALONG)
    values: dict[str, float] = {}
    for weight in weights:
        told = f"weight: {weight * (2 * pi * HIGHEST) ** -4:.4e}, reach: {REACH}"
        objective = [f"task.objective={{name: acoustics/wave_residual, {told}}}"] if weight else []
        run = training.trained(2, data, seed, f"trainer.batch_size={ALONG**2}", *objective)
        values |= runs.prefixed(f"{weight:g}", training.scores(2, data, run))
    return values


def claims() -> list[Claim]:
    """Return the claims on the residual."""
    experiment = Experiment("acoustics", "residual", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"With {ALONG**2} sources the residual of the wave equation helps on {where}",
            source=SOURCE,
            metric="relative L2, square room of 2 m, 400 Hz, 12 ms",
            experiment=experiment,
            ours=f"{ON:g}/{split}/{NETWORK}/relative_l2",
            baseline=f"0/{split}/{NETWORK}/relative_l2",
            baseline_name="without the residual",
        )
        for split, where in (
            ("test", "sources between those of training"),
            ("extrapolation", "sources outside of them"),
        )
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by the weight of the residual."""
    known = averages(values)
    if not known:
        return []
    methods = [(f"DeepONet, residual with weight {weight:g}", f"{weight:g}", NETWORK) for weight in WEIGHTS]
    methods += [(TITLES[name], "0", name) for name in training.BASELINES]
    rows = [
        [title, *(cell(known, f"{weight}/{split}/{name}/relative_l2", digits=4) for split in SPLITS)]
        for title, weight, name in methods
    ]
    title = f"{ALONG**2} training sources in a square of 1 m: relative L2 with and without the wave equation"
    return [ResultTable(title, ("method", "between", "outside"), rows)]
