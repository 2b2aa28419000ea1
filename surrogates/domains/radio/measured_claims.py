"""The claims on measured sectors: a process that never saw the site against what else knows its samples.

The Duke CBRS cells A and C with both phones (public, Apache-2.0) and the map of Helsinki come as files; where
they lie is told by ``SURROGATES_RADIO_DATA``. The process is trained once, on campaigns drawn on the
demonstration's maps and on maps of Helsinki.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from statistics import mean
from typing import Any, cast

from surrogates.core.errors import ConfigError
from surrogates.runs.claims import Claim, Experiment, ResultTable

FILES = Path(os.environ.get("SURROGATES_RADIO_DATA", "../shared/data/radio"))
EXTRACT, SITE, CITIES, MAP = "osm/Helsinki.osm.pbf", "data/duke.zarr", "data/demo.zarr", "data/helsinki.zarr"
RUNS = Path("runs/claims/measured")
METRIC = "RMSE in dB of held-out cells, mean of cells A and C with both phones, {protocol}"
SOURCE = "drive test of Geo2SigMap, arXiv:2312.14303"
OURS = "sector process"
DRAWN = ("A Samsung", "C Samsung")
BASELINES = {
    "sample_mean": "mean of the samples",
    "sample_log_distance": "log-distance fit of the samples",
    "inverse_distance": "inverse distance",
    "nearest_samples": "3 nearest samples",
    "kriging": "kriging",
    "geometry_ridge": "ridge on geometry and kriging",
    "geometry_gp": "Gaussian process on geometry",
}
SCORED = {
    "random": ("200 random cells given", 20),
    "blocks_64m": ("blocks of 64 m held out", 20),
    "blocks_128m": ("blocks of 128 m held out", 20),
}
"""What each is called, and its number of seeds; a seed of blocks is two divisions, one for each origin."""


def run_seed(protocol: str, seed: int) -> Mapping[str, float]:
    """Score every method under one protocol with one seed.

    Returns
    -------
    mapping
        ``<metric>/<method>`` is the mean over the four maps, ``<metric>/<method>/<map>`` one map, and
        ``gain/<baseline>`` how much lower our RMSE is; metrics are ``rmse`` and ``mae`` (dB) and
        ``coverage`` of the 90 % interval.
    """
    from joblib import Parallel, delayed

    run, _ = trained(), site()
    parts = Parallel(n_jobs=2)(delayed(_score)(protocol, seed, str(run), place) for place in range(4))
    found = {name: value for part in parts for name, value in part.items()}
    values = dict(found)
    for metric in ("rmse", "mae", "coverage"):
        for method in (OURS, *BASELINES):
            each = [value for name, value in found.items() if name.startswith(f"{metric}/{method}/")]
            values[f"{metric}/{method}"] = sum(each) / len(each)
    for method in BASELINES:
        values[f"gain/{method}"] = values[f"rmse/{method}"] - values[f"rmse/{OURS}"]
    return values


def _score(protocol: str, seed: int, run: str, place: int) -> dict[str, float]:
    """Score every method on one map, its divisions pooled by their mean."""
    import tempfile

    import torch

    from surrogates.domains.radio.folds import HoldOut, RandomCells, SpatialBlocks
    from surrogates.domains.radio.interpolators import Interpolator
    from surrogates.domains.radio.measured import (
        cell_side,
        of_interpolator,
        of_pipeline,
        pooled,
        read_context,
        read_records,
        score_draws,
    )
    from surrogates.inference.bundle import load_bundle
    from surrogates.learning.contract import Baseline

    torch.set_num_threads(1)
    context = read_context(SITE)
    holdout: HoldOut
    if protocol == "random":
        holdout, draws = RandomCells(seed=seed), 1
    else:
        side = float(protocol.removeprefix("blocks_").removesuffix("m"))
        holdout = SpatialBlocks(side, cell_side(context), seed=seed)
        draws = holdout.folds * holdout.origins
    methods = {}
    for name in BASELINES:
        baseline = Baseline.build({"name": f"radio/{name}", "samples": "rsrp_samples"}, context)
        methods[name] = of_interpolator(cast(Interpolator, baseline))
    methods[OURS] = of_pipeline(load_bundle(Path(run) / "bundle").pipeline)
    record = read_records(SITE)[place]
    with tempfile.TemporaryDirectory() as folder:
        rows = score_draws(
            [record], methods, {protocol: (holdout, draws)}, Path(folder) / "rows", progress=False
        )
    return {
        f"{metric}/{method}/{name}": float(values.mean())
        for metric in ("rmse", "mae", "coverage")
        for (_, method, name), values in pooled(rows, metric).items()
    }


def site() -> Path:
    """Return the store of the measured cells, imported from its files if it is not there."""
    from datasets.factory.build import build
    from datasets.factory.importing import read_mapping
    from datasets.radio.drive_test import DriveTest

    if not Path(SITE).exists():
        given = {
            "measurements": require("duke/duke_cbrs_rsrp_cells_A_C.csv"),
            "buildings": require("duke/duke_site1_building_height_128.npy"),
        }
        recipe = DriveTest.make(
            read_mapping(Path(str(files("surrogates.conf") / "site" / "duke.yaml"))) | given
        )
        build(recipe, SITE, workers=0)
    return Path(SITE)


def require(name: str) -> str:
    """Return the path of a file of measurements, or say what is missing.

    Raises
    ------
    ConfigError
        When it is not there.
    """
    if not (FILES / name).is_file():
        raise ConfigError(
            f"the claims on measured cells need {FILES / name}, which is not there; "
            "set SURROGATES_RADIO_DATA to the folder that holds duke/ and osm/"
        )
    return str(FILES / name)


@cache
def trained() -> Path:
    """Return the run of the process; what is missing of its data and its two stages is made first."""
    from datasets.factory.build import build, resume
    from datasets.radio.extracts import Extracts
    from surrogates.domains.radio import demo

    demo.build_data(Path(CITIES), workers=2)
    if Path(MAP).exists():
        resume(MAP, workers=2)
    else:
        whole = {"validation_share": 0.0, "test_share": 0.0, "samples": 48}
        build(Extracts.make({"osm_file": require(EXTRACT), **whole}), MAP, workers=2)
    data = f"[{CITIES},{MAP}]"
    iso, measured = RUNS / "iso", RUNS / "process"
    if not (iso / "run.txt").exists():
        demo.train(iso, "radio/geo2sigmap", data, ["task.groups=store"])
    first = (iso / "run.txt").read_text().strip()
    if not (measured / "run.txt").exists():
        demo.train(measured, "radio/geo2sigmap_measured", data, [f"parts.iso={first}"])
    return Path((measured / "run.txt").read_text().strip())


def claims() -> list[Claim]:
    """Return the claims on measured cells: the gains aimed at, and each baseline under each protocol."""
    command = "python -m surrogates.domains.radio.measured_claims {protocol} {{seed}}"
    experiments = {
        protocol: Experiment(
            name=f"geo2sigmap_measured_{protocol}",
            command=command.format(protocol=protocol),
            run=partial(run_seed, protocol),
            seeds=tuple(range(seeds)),
        )
        for protocol, (_, seeds) in SCORED.items()
    }

    def gain(protocol: str, method: str, bound: float = 0.0) -> Claim:
        meaning = METRIC.format(protocol=SCORED[protocol][0])
        return Claim(
            claim=f"Paired gain over {BASELINES[method]} without having seen the site",
            source=SOURCE,
            metric=f"difference of {meaning}",
            experiment=experiments[protocol],
            ours=f"gain/{method}",
            baseline=f"rmse/{method}",
            baseline_name=f"RMSE of {BASELINES[method]}",
            compare="at_least",
            bound=bound,
            surely_above=0.0,
        )

    blocks = "blocks_128m"
    covers = Claim(
        claim="The process's own 90 % intervals hold 90 % of the held-out cells",
        source=SOURCE,
        metric=f"share of held-out cells, mean of the four maps, {SCORED[blocks][0]}",
        experiment=experiments[blocks],
        ours=f"coverage/{OURS}",
        baseline="coverage/kriging",
        baseline_name="kriging",
        compare="at_least",
        bound=0.9,
    )
    aimed = {"kriging": 1.0, "geometry_gp": 0.6}
    return [
        *(gain(blocks, method, aimed.get(method, 0.0)) for method in reversed(BASELINES)),
        covers,
        *(gain(protocol, method) for protocol in ("blocks_64m", "random") for method in reversed(BASELINES)),
    ]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return RMSE, MAE and coverage of every method on every map, one table for each protocol."""
    made = []
    for protocol, (meaning, seeds) in SCORED.items():
        name = f"geo2sigmap_measured_{protocol}"
        values = [row["values"] for row in rows if row["experiment"] == name and row["seed"] < seeds]
        if not values:
            continue
        maps = sorted({key.split("/")[2] for key in values[0] if key.count("/") == 2})

        def cell(method: str, place: str, values: list[Mapping[str, float]] = values) -> str:
            def average(metric: str) -> float:
                return mean(each[f"{metric}/{method}{place}"] for each in values)

            return f"{average('rmse'):.2f} / {average('mae'):.2f} / {100 * average('coverage'):.0f} %"

        body = [
            [title, *(cell(method, place) for place in ("", *(f"/{name}" for name in maps)))]
            for method, title in {**BASELINES, OURS: OURS}.items()
        ]
        title = (
            f"Measured cells, {meaning}: RMSE dB / MAE dB / share of held-out cells within the method's own "
            f"90 % interval, means over {len(values)} seeds"
        )
        made.append(ResultTable(title, ["method", "mean of the maps", *maps], body))
    return made


def draw(path: Path) -> None:
    """Draw one phone's map of each cell with the first fold of 128 m blocks held out."""
    import numpy as np
    import xarray as xr
    from matplotlib.figure import Figure

    from surrogates import load
    from surrogates.domains.radio.folds import SpatialBlocks
    from surrogates.domains.radio.measured import cell_side, read_context
    from surrogates.domains.radio.site_plots import draw_site

    maps = xr.open_zarr(site()).load()
    chosen = [list(maps["measurement"].values).index(name) for name in DRAWN]
    maps = maps.isel(sample=chosen)
    outdoor = maps["rsrp"].where(maps["building_height"] <= 0)
    blocks = SpatialBlocks(128.0, cell_side(read_context(SITE)))
    splits = [blocks.split(np.isfinite(each.values), 0) for each in outdoor]
    given, held_out = (np.stack([split[part] for split in splits]) for part in (0, 1))
    maps["rsrp"] = outdoor.assign_attrs(maps["rsrp"].attrs)
    maps["rsrp_samples"] = maps["rsrp"].where(given)
    maps["scored"] = (maps["rsrp"].dims, held_out)
    predicted = load(trained()).predict(maps)
    figure = Figure(figsize=(18.0, 4.3 * len(DRAWN)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(DRAWN), 4, squeeze=False)):
        draw_site(figure, axes, maps.isel(sample=row), predicted.isel(sample=row), OURS)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80, bbox_inches="tight")


def main(words: list[str]) -> None:
    """Print the numbers of a protocol and a seed, or draw the picture: ``picture PATH``."""
    if words[0] == "picture":
        draw(Path(words[1]))
    else:
        print(json.dumps(run_seed(words[0], int(words[1])), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
