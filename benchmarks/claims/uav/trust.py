"""Whether trust and the width of intervals tell large errors on flights of kinds that training never saw."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav.course import course
from benchmarks.claims.uav.held_out import KNOWN, POOLED, SOURCE, TITLES, kinds, known
from datasets.uav.px4_like import UNSEEN
from surrogates.evaluation.reliability import BY_DISTANCE, BY_TRUST, BY_WIDTH, reliability
from surrogates.evaluation.scoring import calibrations_of, score
from surrogates.inference.bundle import load_bundle
from surrogates.runs.methods import model_of

FORECAST = "position_forecast"
ORDERS = {BY_TRUST: "trust", BY_WIDTH: "width", BY_DISTANCE: "distance"}
TENTHS = {
    "trust": "the least trusted tenth",
    "width": "the tenth with the widest intervals",
    "distance": "the tenth farthest from the training data",
}
SHOWN = {POOLED: "the three families pooled", **TITLES}


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Train our predictor with one seed on the known flights, and order the errors on what was kept out.

    Trust falls with the predicted deviation, wider with the distance. This was chosen on families that were
    left out of the known ones, not on these.

    Returns
    -------
    dict
        ``<held out>/tail/<order>``, the median error of the least trusted, widest or farthest tenth of the
        windows over the median of all, and ``<held out>/rank/<order>``, Spearman's correlation; the three
        families also pooled as `all`.
    """
    given = known(*extra)
    experiment = runs.open_experiment(given)
    method = model_of(load_bundle(runs.trained_run(given, seed) / "bundle"))
    calibrations = calibrations_of(method, experiment, device=runs.CPU)
    values: dict[str, float] = {}
    for variable, held in UNSEEN.items():
        data = kinds(**(KNOWN | {variable: held}))
        on = runs.open_experiment(course(data, f"task.groups={variable}", "task.metrics=[rmse]"))
        table = score(method, on, split="test", device=runs.CPU, calibrations=calibrations)
        groups = on.data.groups(on.data.index("test"))
        assert groups is not None
        chosen = {name: groups.labels == name for name in held}
        if len(held) > 1:
            chosen[POOLED] = np.isin(groups.labels, held)
        for name, rows in chosen.items():
            found = reliability(FORECAST, "m", table.records[FORECAST].of(rows), (), None)
            values |= {f"{name}/tail/{short}": found.tail[order] for order, short in ORDERS.items()}
            values |= {f"{name}/rank/{short}": found.correlation[order] for order, short in ORDERS.items()}
    return values


def claims() -> list[Claim]:
    """Return the claims on the order of errors."""
    experiment = Experiment("uav", "trust", run_seed, tables=tables)
    claim = partial(
        Claim,
        source=SOURCE,
        metric=f"median error of that tenth of the windows over the median of all, {SHOWN[POOLED]}",
        experiment=experiment,
        ours=f"{POOLED}/tail/trust",
    )
    return [
        claim(
            claim="On flights that training never saw, the errors of the least trusted tenth are at least "
            "twice the median",
            baseline=f"{POOLED}/tail/width",
            baseline_name=TENTHS["width"],
            compare="at_least",
            bound=2.0,
        ),
        claim(
            claim="There trust finds larger errors than the distance to the training data alone",
            baseline=f"{POOLED}/tail/distance",
            baseline_name=TENTHS["distance"],
            compare="higher_by",
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the order of the errors on all that was kept out."""
    found = averages(values)
    body = [
        [title, *(cell(found, f"{held}/tail/{order}", f"{held}/rank/{order}", digits=2) for order in TENTHS)]
        for held, title in SHOWN.items()
    ]
    title = (
        "Simulated flights of kinds that were kept out of training, ours: median error of the least trusted, "
        "widest or farthest tenth over the median of all / rank correlation"
    )
    return [
        ResultTable(
            title, ["kept out", "by trust", "by the width of the interval", "by the distance alone"], body
        )
    ]
