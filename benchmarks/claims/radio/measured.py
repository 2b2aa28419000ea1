"""Measured sectors: a process that never saw the site against methods that know its samples.

The Duke CBRS cells A and C with both phones (public, Apache-2.0) and the map of Helsinki come as files, in
the folder that SURROGATES_RADIO_DATA names. The process is trained once, on campaigns drawn on the
demonstration's maps and on maps of Helsinki.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.files import require
from benchmarks.claims.tables import ResultTable
from datasets.factory.importing import read_mapping
from datasets.radio.drive_test import DriveTest
from datasets.radio.extracts import Extracts
from surrogates.data.folds import HoldOut, RandomCells, SpatialBlocks
from surrogates.domains.radio import demo
from surrogates.domains.radio.measured.scores import (
    cell_side,
    of_interpolator,
    of_pipeline,
    pooled,
    read_context,
    read_records,
    score_draws,
)
from surrogates.evaluation.scattered import Scattered
from surrogates.inference.bundle import load_bundle
from surrogates.learning.contract import Baseline

EXTRACT = "osm/Helsinki.osm.pbf"
MEASURED = {
    "measurements": "duke/duke_cbrs_rsrp_cells_A_C.csv",
    "buildings": "duke/duke_site1_building_height_128.npy",
}
MAP = {"validation_share": 0.0, "test_share": 0.0, "samples": 48}
METRIC = "RMSE in dB of held-out cells, mean of cells A and C with both phones, {protocol}"
SOURCE = "drive test of Geo2SigMap, arXiv:2312.14303"
OURS = "sector process"
BASELINES = {
    "sample_mean": "mean of the samples",
    "sample_log_distance": "log-distance fit of the samples",
    "inverse_distance": "inverse distance",
    "nearest_samples": "3 nearest samples",
    "kriging": "kriging",
    "universal_kriging": "universal kriging",
    "geometry_ridge": "ridge on geometry and kriging",
    "geometry_gp": "Gaussian process on geometry",
}
SPINE = ("sample_mean", "inverse_distance", "nearest_samples")
"""Methods that belong to no domain."""
SIDES = {"random": None, "blocks_64m": 64.0, "blocks_128m": 128.0}
PROTOCOLS = {
    "random": "200 random cells given",
    "blocks_64m": "blocks of 64 m held out",
    "blocks_128m": "blocks of 128 m held out",
}
SEEDS = 20
"""Seeds of each protocol; a seed of blocks is two divisions, one for each origin."""
METRICS = ("rmse", "mae", "coverage")
AIMED = {"kriging": 1.0, "geometry_gp": 0.6}
"""Target gains with blocks of 128 m, dB; any gain with the others."""


def run_seed(protocol: str, seed: int) -> dict[str, float]:
    """Score the process and baselines under one protocol with one seed.

    Returns
    -------
    dict
        ``<metric>/<method>`` is the mean over the four maps, ``<metric>/<method>/<map>`` one map, and
        ``gain/<baseline>`` how much lower our RMSE is; metrics are ``rmse`` and ``mae`` (dB) and
        ``coverage`` of the 90 % interval.
    """
    from joblib import Parallel, delayed

    run, url = str(trained()), str(site())
    maps = range(len(read_records(url)))
    scores = Parallel(n_jobs=2)(delayed(_score)(protocol, seed, run, url, number) for number in maps)
    found = {name: value for each in scores for name, value in each.items()}
    values = dict(found)
    for metric in METRICS:
        for method in (OURS, *BASELINES):
            name = f"{metric}/{method}"
            values[name] = mean(value for each, value in found.items() if each.startswith(f"{name}/"))
    gains = {f"gain/{name}": values[f"rmse/{name}"] - values[f"rmse/{OURS}"] for name in BASELINES}
    return values | gains


def _score(protocol: str, seed: int, run: str, url: str, number: int) -> dict[str, float]:
    """Score the methods on one map, its divisions pooled by their mean."""
    torch.set_num_threads(1)
    context, side = read_context(url), SIDES[protocol]
    holdout: HoldOut = RandomCells(seed=seed)
    draws = 1
    if side is not None:
        blocks = SpatialBlocks(side, cell_side(context), seed=seed)
        holdout, draws = blocks, blocks.folds * blocks.origins
    methods = {}
    for name in BASELINES:
        registered = name if name in SPINE else f"radio/{name}"
        baseline = Baseline.build({"name": registered, "samples": "rsrp_samples"}, context)
        methods[name] = of_interpolator(cast(Scattered[Any], baseline))
    methods[OURS] = of_pipeline(load_bundle(Path(run) / "bundle").pipeline)
    record, protocols = read_records(url)[number], {protocol: (holdout, draws)}
    with TemporaryDirectory() as folder:
        rows = score_draws([record], methods, protocols, Path(folder) / "rows", progress=False)
    return {
        f"{metric}/{method}/{name}": float(values.mean())
        for metric in METRICS
        for (_, method, name), values in pooled(rows, metric).items()
    }


def site() -> Path:
    """Return the store of the measured cells, imported from its files."""
    mapping = read_mapping(Path(str(files("surrogates.conf") / "site" / "duke.yaml")))
    given = {key: str(require("radio", name)) for key, name in MEASURED.items()}
    return runs.stored(DriveTest.make(mapping | given), "duke", workers=0)


@cache
def trained() -> Path:
    """Return the trained sector process; build its data and train its two stages first if missing."""
    extracts = Extracts.make({"osm_file": str(require("radio", EXTRACT)), **MAP})
    cities, helsinki = runs.DATA / "demo.zarr", runs.stored(extracts, "helsinki")
    demo.build_data(cities, workers=2)
    data = ["size=tiny", f"dataset=[{cities},{helsinki}]"]
    first = runs.trained_run(["experiment=radio/geo2sigmap", *data, "task.groups=store"], 0)
    return runs.trained_run(["experiment=radio/geo2sigmap_measured", *data, f"parts.iso={first}"], 0)


def claims() -> list[Claim]:
    """Return the claims on measured cells: the target gains, and each baseline under each protocol."""
    experiments = {
        protocol: Experiment(
            "radio",
            f"geo2sigmap_measured_{protocol}",
            partial(run_seed, protocol),
            seeds=tuple(range(SEEDS)),
            tables=partial(tables, protocol),
        )
        for protocol in PROTOCOLS
    }
    blocks = "blocks_128m"
    covers = Claim(
        claim="The process's own 90 % intervals hold 90 % of the held-out cells",
        source=SOURCE,
        metric=f"share of held-out cells, mean of the four maps, {PROTOCOLS[blocks]}",
        experiment=experiments[blocks],
        ours=f"coverage/{OURS}",
        baseline="coverage/kriging",
        baseline_name="kriging",
        compare="at_least",
        bound=0.9,
    )
    names = list(reversed(BASELINES))
    return [
        *(_gain(experiments[blocks], blocks, name, AIMED.get(name, 0.0)) for name in names),
        covers,
        *(_gain(experiments[each], each, name) for each in ("blocks_64m", "random") for name in names),
    ]


def _gain(experiment: Experiment, protocol: str, method: str, bound: float = 0.0) -> Claim:
    """Return the claim that the process errs less than a baseline, by a bound in dB."""
    title = BASELINES[method]
    return Claim(
        claim=f"Paired gain over {title} without having seen the site",
        source=SOURCE,
        metric=f"difference of {METRIC.format(protocol=PROTOCOLS[protocol])}",
        experiment=experiment,
        ours=f"gain/{method}",
        baseline=f"rmse/{method}",
        baseline_name=f"RMSE of {title}",
        compare="at_least",
        bound=bound,
        surely_above=0.0,
    )


def tables(protocol: str, values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return RMSE, MAE and coverage of every method on every map."""
    maps = sorted({key.split("/")[2] for key in values[0] if key.count("/") == 2})

    def cell(method: str, suffix: str) -> str:
        rmse, mae, coverage = (mean(each[f"{name}/{method}{suffix}"] for each in values) for name in METRICS)
        return f"{rmse:.2f} / {mae:.2f} / {100 * coverage:.0f} %"

    body = [
        [title, *(cell(method, suffix) for suffix in ("", *(f"/{name}" for name in maps)))]
        for method, title in {**BASELINES, OURS: OURS}.items()
    ]
    title = (
        f"Measured cells, {PROTOCOLS[protocol]}: RMSE dB / MAE dB / share of held-out cells within the "
        f"method's own 90 % interval, means over {len(values)} seeds"
    )
    return [ResultTable(title, ["method", "mean of the maps", *maps], body)]
