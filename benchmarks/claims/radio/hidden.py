"""Measured sectors whose buildings are hidden: campaigns drawn on a city that took no part in training.

The city is that of the examples of the shipped bundles, four windows of etoile.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np
import torch

import surrogates
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable
from surrogates.data.folds import HoldOut, RandomCells, SpatialBlocks, Split, TooFewBlocksError
from surrogates.domains.radio.baselines.interpolators import Kriging, UniversalKriging
from surrogates.domains.radio.channels.sector import RSRP_SAMPLES
from surrogates.domains.radio.link import AZIMUTH, GEOMETRY, HEIGHTS, RECEIVER_HEIGHT
from surrogates.domains.radio.measured.campaign import RSRP, Campaign
from surrogates.domains.radio.measured.scores import (
    Method,
    Record,
    cell_side,
    of_interpolator,
    of_pipeline,
)
from surrogates.domains.radio.measured.without_buildings import pooled
from surrogates.evaluation.scattered import Answer
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.context import facts_of

PROCESS, MAPS = "zoo:radio/geo2sigmap_measured", "zoo:radio/geo2sigmap"
METHODS = {
    "process": "process that knows the buildings",
    "hidden": "process alone, buildings hidden",
    "universal_kriging": "universal kriging",
    "average": "average by precision",
    "kriging": "kriging",
}
PROTOCOLS = {"random": "200 random cells given", "blocks_128m": "blocks of 128 m held out"}
SEEDS = 10
"""Each draws a campaign on every map."""


def run_seed(seed: int) -> dict[str, float]:
    """Score every method on one campaign of each map.

    Returns
    -------
    dict
        ``<protocol>/<method>``, the RMSE in dB, mean of the maps, and ``gain/<protocol>``, how much lower it
        is with the average than with universal kriging.
    """
    torch.set_num_threads(1)
    surrogate = surrogates.load(PROCESS, device="cpu")
    methods = _methods(surrogate)
    side = cell_side(surrogate.bundle.parts[0][0].context)
    protocols: dict[str, HoldOut] = {
        "random": RandomCells(seed=seed),
        "blocks_128m": SpatialBlocks(128.0, side, seed=seed),
    }
    errors: dict[str, list[dict[str, float]]] = {name: [] for name in protocols}
    for record in campaigns(surrogate, seed):
        for name, protocol in protocols.items():
            try:
                errors[name].append(_errors(record, methods, protocol))
            except TooFewBlocksError:
                continue
    values = {
        f"{name}/{method}": mean(each[method] for each in found)
        for name, found in errors.items()
        for method in METHODS
    }
    gains = {
        f"gain/{name}": values[f"{name}/universal_kriging"] - values[f"{name}/average"] for name in errors
    }
    return values | gains


def campaigns(surrogate: Surrogate, seed: int) -> list[Record]:
    """Return a drawn campaign on each map, with its buildings."""
    geometry, maps = surrogate.example(), surrogates.load(MAPS, device="cpu").example()
    batch = {name: torch.from_numpy(np.asarray(geometry[name].values, np.float32)) for name in GEOMETRY}
    count = len(batch[HEIGHTS])
    azimuths = np.random.default_rng(seed).uniform(0.0, 6.28, count)
    batch[AZIMUTH] = torch.from_numpy(azimuths).float()
    batch["path_gain"] = torch.from_numpy(np.asarray(maps["path_gain"].values, np.float32))
    context = surrogate.bundle.parts[0][0].context
    height = facts_of({"receiver_height": RECEIVER_HEIGHT}, context, {}, "a campaign")["receiver_height"]
    rngs = [np.random.default_rng([seed, number]) for number in range(count)]
    drawn = Campaign(cell_side(context), height)(batch, rngs, train=False)
    rsrp = np.where(drawn[HEIGHTS].numpy() <= 0, drawn[RSRP].double().numpy(), np.nan)
    inputs = [{key: drawn[key][n : n + 1] for key in (*GEOMETRY, AZIMUTH)} for n in range(count)]
    return [Record(str(n), rsrp[n], inputs[n]) for n in range(count)]


def _methods(surrogate: Surrogate) -> dict[str, Method]:
    pipeline = surrogate.bundle.parts[0][0]
    process, side = of_pipeline(pipeline), cell_side(pipeline.context)
    kriging, universal = (
        of_interpolator(each(pipeline.context, side, RSRP_SAMPLES)) for each in (Kriging, UniversalKriging)
    )

    def hidden(record: Record, split: Split) -> Answer:
        open_ground = {**record.inputs, HEIGHTS: torch.zeros_like(record.inputs[HEIGHTS])}
        return process(record._replace(inputs=open_ground), split)

    return {"process": process, "hidden": hidden, "universal_kriging": universal, "kriging": kriging}


def _errors(record: Record, methods: Mapping[str, Method], protocol: HoldOut) -> dict[str, float]:
    """Return the RMSE of each method over one division, its folds pooled."""
    squares: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    for draw in range(protocol.draws_together):
        split = protocol.split(record.measured, draw)
        truth = record.rsrp[split.held_out]
        answers = {name: method(record, split) for name, method in methods.items()}
        pair = [
            torch.from_numpy(np.asarray(each))
            for name in ("hidden", "universal_kriging")
            for each in answers[name]
        ]
        answers["average"] = Answer(*(each.numpy() for each in pooled(*pair)))
        for name, answer in answers.items():
            squares[name].append((answer.mean - truth) ** 2)
    return {name: float(np.sqrt(np.concatenate(found).mean())) for name, found in squares.items()}


def claims() -> list[Claim]:
    """Return the claims on sectors whose buildings nobody knows."""
    experiment = Experiment("radio", "hidden_buildings", run_seed, seeds=tuple(range(SEEDS)), tables=tables)
    return [
        Claim(
            claim="Without buildings the average of process and universal kriging is as good as the latter",
            source="campaigns drawn on ray-traced etoile, which took no part in training",
            metric=f"difference of RMSE in dB of held-out cells, mean of four maps, {title}",
            experiment=experiment,
            ours=f"gain/{protocol}",
            baseline=f"{protocol}/universal_kriging",
            baseline_name="RMSE of universal kriging",
            compare="at_least",
            bound=0.0,
        )
        for protocol, title in PROTOCOLS.items()
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the RMSE of every method under both protocols."""
    body = [
        [title, *(f"{mean(each[f'{protocol}/{method}'] for each in values):.2f}" for protocol in PROTOCOLS)]
        for method, title in METHODS.items()
    ]
    title = f"Sectors whose buildings are hidden: RMSE dB of held-out cells, means over {len(values)} seeds"
    return [ResultTable(title, ["method", *PROTOCOLS.values()], body)]
