"""Rooms whose walls and lengths differ from record to record: a network against interpolation over all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from scipy.spatial import Delaunay

from benchmarks.claims import runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.data.batch import Batch
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.scoring import fitted_baselines

IMPEDANCE, SIZE = (2000.0, 40_000.0), ((1.6, 2.0), (1.6, 2.0))
"""Ranges of what is drawn for each record, Pa s/m and m."""
VARIED: Mapping[str, Mapping[str, object]] = {
    "impedance": {"wall_impedance": IMPEDANCE},
    "size": {"size": SIZE},
    "both": {"wall_impedance": IMPEDANCE, "size": SIZE},
}
ALSO = {
    "impedance": ("wall_impedance",),
    "size": ("room_size",),
    "both": ("wall_impedance", "room_size"),
}
"""Inputs beside the source."""
WHAT = {"impedance": "wall impedance", "size": "room size", "both": "wall impedance and room size"}
ALONG, ROOMS = 6, 6
"""Training sources along each side of their grid, and rooms that each source is in."""
ALL_OF_THEM = 10_000
"""More records than there are."""
WHERE = ("inside", "outside")
CONTINUED = "continued"
METHODS = {**TITLES, CONTINUED: "cubic interpolation over the admittance, continued outside the hull"}
PRESSURE = "sound_pressure"


def run_seed(seed: int, ways: Sequence[str] = tuple(VARIED)) -> dict[str, float]:
    """Train a network of each kind of rooms; score it and the interpolations on rooms that none has seen.

    Returns
    -------
    dict
        ``WAY/SPLIT/METHOD/relative_l2``, the mean over records; for ``test``, sources between those of
        training, also ``WAY/inside/...`` and ``WAY/outside/...`` the convex hull of the training records in
        all that varies, and ``WAY/share``, the share of these records inside it. ``WAY/kept/network`` and
        ``WAY/kept/records`` (bytes).
    """
    values: dict[str, float] = {}
    for way in ways:
        name = f"rooms_2d_varied_{way}"
        data = training.stored(name, 2, source_grid=ALONG, rooms_per_source=ROOMS, **VARIED[way])
        run = training.trained(2, data, seed, *training.beside(ALSO[way]))
        found = {split: _errors(way, data, run, split) for split in SPLITS}
        values |= runs.prefixed(way, training.kept(data, run) | found["test"] | found["extrapolation"])
    return values


def _errors(way: str, data: Path, run: Path, split: str) -> dict[str, float]:
    """Return the scores of a split under the names of `run_seed`."""
    there = training.opened(2, data, SPLITS[split], ALSO[way])
    known, asked = (next(iter(there.loader(subset, batch_size=ALL_OF_THEM))) for subset in ("train", "test"))
    parameters = ("source_position", *ALSO[way])
    methods = {NETWORK: runs.network(run), **fitted_baselines(there), CONTINUED: continued(known, parameters)}
    errors = record_errors(methods, asked)
    everywhere = np.ones(len(asked[PRESSURE]), bool)
    inside = in_hull(numbers(known, parameters), numbers(asked, parameters))
    among = {split: everywhere}
    if split == "test":
        among |= dict(zip(WHERE, (inside, ~inside), strict=True))
    found = {
        f"{where}/{method}/relative_l2": float(each[rows].mean())
        for where, rows in among.items()
        for method, each in errors.items()
        if rows.any()
    }
    return found | ({"share": float(inside.mean())} if split == "test" else {})


def record_errors(methods: Mapping[str, Method], asked: Batch) -> dict[str, np.ndarray]:
    """Return the relative L2 error of each method on each record of a batch."""
    inputs = {name: value for name, value in asked.items() if name != PRESSURE}
    reference, errors = asked[PRESSURE], {}
    for name, method in methods.items():
        with torch.inference_mode():
            difference = method(inputs, torch.Generator())[PRESSURE] - reference
        errors[name] = (difference.norm(dim=-1) / reference.norm(dim=-1)).numpy()
    return errors


def continued(known: Batch, parameters: Sequence[str]) -> Method:
    """Return cubic interpolation that goes on outside the hull, over admittances instead of impedances.

    The pressure is nearly linear in the admittance of the walls, which is what a person who knows that takes.
    """

    def places(batch: Batch) -> np.ndarray:
        given = {name: 1 / value if name == "wall_impedance" else value for name, value in batch.items()}
        return numbers(given, parameters)

    there, rows = np.unique(places(known), axis=0, return_index=True)
    scale = there.std(0)
    field = RBFInterpolator(there / scale, known[PRESSURE].double().numpy()[rows], kernel="cubic", degree=1)

    def method(inputs: Batch, rng: torch.Generator) -> Batch:
        return {PRESSURE: torch.from_numpy(field(places(inputs) / scale)).float()}

    return method


def numbers(batch: Batch, parameters: Sequence[str]) -> np.ndarray:
    """Return some inputs of a batch side by side, (record, number)."""
    return np.concatenate([batch[name].double().reshape(len(batch[name]), -1) for name in parameters], axis=1)


def in_hull(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Tell which places (record, number) lie in the convex hull of others."""
    scale = known.std(0)
    return np.asarray(Delaunay(known / scale).find_simplex(asked / scale) >= 0)


def claims() -> list[Claim]:
    """Return the claims on rooms that differ."""
    experiment = Experiment("acoustics", "varied", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"With {WHAT[way]} among the inputs a DeepONet predicts better than {METHODS[name]}",
            source="ours",
            metric=f"relative L2, {ALONG**2} sources in {ROOMS} rooms each, test sources in other rooms",
            experiment=experiment,
            ours=f"{way}/test/{NETWORK}/relative_l2",
            baseline=f"{way}/test/{name}/relative_l2",
            baseline_name=METHODS[name],
        )
        for way in VARIED
        for name in ("linear_interpolation", "cubic_interpolation", CONTINUED)
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors of each method by what varies, and what each keeps."""
    known = averages(values)
    if not known:
        return []
    rows = [
        [
            WHAT[way],
            METHODS[name],
            *(
                cell(known, f"{way}/{where}/{name}/relative_l2", digits=4)
                for where in ("test", *WHERE, "extrapolation")
            ),
            cell(known, f"{way}/kept/{'network' if name == NETWORK else 'records'}", digits=0),
        ]
        for way in VARIED
        for name in METHODS
    ]
    header = (
        "varied beside the source",
        "method",
        "test sources",
        "inside the hull",
        "outside the hull",
        "sources outside their region",
        "bytes",
    )
    shares = ", ".join(f"{known[f'{way}/share']:.0%} ({WHAT[way]})" for way in VARIED)
    title = (
        f"Square rooms that differ: relative L2, {ALONG**2} training sources in {ROOMS} rooms each. Test "
        f"records inside the convex hull of the training records in all inputs: {shares}"
    )
    return [ResultTable(title, header, rows)]
