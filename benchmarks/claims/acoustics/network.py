"""A network of a room against interpolation between the sources that it was trained on."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell

SOURCE = "Borrel-Jensen et al., PNAS 121 (2024) e2312159120, arXiv:2308.05141, at a far smaller size"
BOUNDS = {2: 0.03, 3: 0.06}
"""Largest relative L2 error on test sources, by dimensions of the room."""


def run_seed(seed: int, rooms: Sequence[int] = (2, 3)) -> dict[str, float]:
    """Train a network of each room; score it and the interpolations.

    Returns
    -------
    dict
        ``AXES/SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa) at all points; splits are ``test``, sources
        between those of training, and ``extrapolation``, sources outside. ``AXES/parameters``,
        ``AXES/kept/network`` and ``AXES/kept/records`` (bytes).
    """
    values: dict[str, float] = {}
    for axes in rooms:
        data = training.store(axes)
        run = training.trained(axes, data, seed)
        found = training.scores(axes, data, run) | training.kept(data, run)
        values |= runs.prefixed(str(axes), found | {"parameters": runs.parameters(run)})
    return values


def claims() -> list[Claim]:
    """Return the claims on the network."""
    experiment = Experiment("acoustics", "network", run_seed, tables=tables)
    found = []
    for axes, bound in BOUNDS.items():
        metric = f"relative L2, room of 2 m in {axes} dimensions, 400 Hz, 12 ms"
        found.append(
            Claim(
                claim=f"A DeepONet learns sources between those of training, {axes} dimensions",
                source=SOURCE,
                metric=metric,
                experiment=experiment,
                ours=f"{axes}/test/{NETWORK}/relative_l2",
                baseline=f"{axes}/test/nearest_record/relative_l2",
                baseline_name=TITLES["nearest_record"],
                compare="at_most",
                bound=bound,
            )
        )
        found += [
            Claim(
                claim=f"A DeepONet predicts sources {where} better than {TITLES[name]}, {axes} dimensions",
                source="ours",
                metric=metric,
                experiment=experiment,
                ours=f"{axes}/{split}/{NETWORK}/relative_l2",
                baseline=f"{axes}/{split}/{name}/relative_l2",
                baseline_name=TITLES[name],
            )
            for split, where, names in (
                ("test", "between those of training", ("linear_interpolation", "cubic_interpolation")),
                ("extrapolation", "outside the region of training", ("nearest_record",)),
            )
            for name in names
        ]
    return found


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors of each method."""
    known = averages(values)
    rows = [
        [
            f"{axes}-D",
            TITLES[name],
            *(
                cell(known, f"{axes}/{split}/{name}/{metric}", digits=4)
                for split in SPLITS
                for metric in ("relative_l2", "rmse")
            ),
            cell(known, f"{axes}/kept/{'network' if name == NETWORK else 'records'}", digits=0),
        ]
        for axes in BOUNDS
        for name in TITLES
        if f"{axes}/test/{name}/relative_l2" in known
    ]
    header = ("room", "method", "test: relative L2", "RMSE, Pa", "outside: relative L2", "RMSE, Pa", "bytes")
    title = "Sources that were not trained on: errors at 10 000 points, and what each method keeps"
    return [ResultTable(title, header, rows)] if rows else []
