"""Makes the bundles that ship with the wheel: `python -m benchmarks.zoo radio/geo2sigmap --size tiny`.

Builds the store if it is absent, trains, stores the weights in half precision, scores the network again as
it is then, and writes it to `surrogates/zoo/NAME`. An existing store or finished run is reused.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isclose, nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.claims.radio import unseen_city
from benchmarks.claims.radio3d.networks import AREAS
from benchmarks.claims.runs import trained_run
from benchmarks.claims.uav.flights import WIDE
from benchmarks.claims.uav.held_out import INTERVALS
from datasets.factory.build import build
from datasets.factory.find import find_recipe
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.domains.radio.demo import RECIPE as DEMO
from surrogates.evaluation.tables import ALL
from surrogates.experiment.experiment import Experiment
from surrogates.inference.packing import halve, pack
from surrogates.inference.zoo import FOLDER, PREFIX
from surrogates.runs.calibrate import EVERY, calibrate
from surrogates.runs.evaluate import evaluate_run
from surrogates.runs.folder import CONFIG, merge, open_run, read_config, write_config

RUNS = Path("runs/zoo")
TOLERANCE = 0.01
"""Largest relative change of a score, and absolute one of a coverage, by half precision."""
BIN = 0.03
"""The same of quantiles, which are read from bins 2 % wide."""
SIZES = ("tiny", "small")


@dataclass(frozen=True)
class Data:
    """Stores of a domain by size: the path and the parameters of the recipe of each, and their split."""

    recipe: str
    stores: Mapping[str, tuple[str, Mapping[str, Any]]]
    split: str | None = None


@dataclass(frozen=True)
class Entry:
    """Data, overrides and records of one bundle.

    Attributes
    ----------
    data
        Training data.
    overrides
        Overrides of the experiment of the same name.
    stages
        Entries whose networks are stages of this one, by name.
    records
        Records of the stored example.
    note
        What a user should know beside the scores.
    calibration
        Returns a store whose records neither train nor test and are as new to the network as those of its
        users, such as another city: all of them calibrate the intervals. None: the validation subset does.
    """

    data: Data
    overrides: tuple[str, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    records: int = 1
    note: str = ""
    calibration: Callable[[], Path] | None = None


MAPS = Data(
    "radio/urban",
    {
        "tiny": ("data/demo.zarr", DEMO),
        "small": ("data/urban_small.zarr", {**DEMO, "samples": 480}),
    },
)
FLIGHTS = Data(
    "uav/px4_like",
    {
        "tiny": ("data/flights_tiny.zarr", WIDE),
        "small": ("data/flights_small.zarr", {**WIDE, "trajectories": 5000}),
    },
    split="split_by_kind",
)
GATHERS = Data(
    "seismic/openfwi_like",
    {
        "tiny": ("data/seismic_tiny.zarr", {"samples": 1000, "time_stride": 4}),
        "small": (
            "data/seismic_small.zarr",
            {"samples": 6000, "family": ["flatvel-a", "flatfault-a"], "time_stride": 4},
        ),
    },
)
_CHANNELS = {
    "antenna_rows": 2,
    "antenna_columns": 2,
    "uplink_subcarriers": 48,
    "gap_subcarriers": 24,
    "downlink_subcarriers": 48,
}
CHANNELS = Data(
    "csi/rrg",
    {
        "tiny": ("data/csi_tiny.zarr", {**_CHANNELS, "delay_spreads": [1e-7], "samples_per_scenario": 110}),
        "small": ("data/csi_small.zarr", {**_CHANNELS, "samples_per_scenario": 220}),
    },
)
VOLUMES = Data("radio/urban3d", dict.fromkeys(("tiny", "small"), ("data/volumes.zarr", AREAS)))
ROOM = Data("acoustics/rooms", {size: ("data/room.zarr", {}) for size in ("tiny", "small")})
HELSINKI = partial(unseen_city.store, "helsinki")
"""The city that calibrates; its map comes as a file, in the folder that SURROGATES_RADIO_DATA names."""
NARROW = "model.base=16"  # the cascade holds two such networks and stays below 10 MB
NARROW_STAGE = "task.transform.iso.network.base=16"
ENTRIES = {
    "radio/geo2sigmap": Entry(MAPS, (NARROW, unseen_city.SCALE), records=4, calibration=HELSINKI),
    "radio/geo2sigmap_directional": Entry(
        MAPS,
        (NARROW, NARROW_STAGE, unseen_city.SCALE),
        {"iso": "radio/geo2sigmap"},
        records=4,
        calibration=HELSINKI,
    ),
    "radio/geo2sigmap_measured": Entry(
        MAPS,
        (NARROW_STAGE, unseen_city.SCALE),
        {"iso": "radio/geo2sigmap"},
        records=4,
        calibration=HELSINKI,
        note="Trained on simulated measurements alone, drawn on ray-traced maps; no measured one was seen.",
    ),
    "radio/radiodiff_3d": Entry(
        VOLUMES,
        ("task=radio/volumes_sampled",),
        records=2,
        note="Learned dominant paths over and around buildings, without reflections, from up to 10 % of the "
        "cells as samples. predict(samples=N) returns members.",
    ),
    "uav/course": Entry(
        FLIGHTS,
        INTERVALS,
        records=32,
        note="Scored on kinds of flights that training never saw: waypoints, racing, goal switching, a noisy "
        "recorder and a racer as vehicle.",
    ),
    "seismic/invertible_x_net": Entry(GATHERS, records=2),
    "seismic/inversion_net": Entry(GATHERS, records=2),
    "seismic/latent_unet_forward": Entry(GATHERS, records=2),
    "csi/csi4cast": Entry(
        CHANNELS,
        records=4,
        note="For pasts under white noise of 0 to 25 dB; other noise and other channel models cost accuracy.",
    ),
    "acoustics/deeponet": Entry(
        ROOM,
        records=2,
        note="For sources between those of training, in the one room that it learned; cubic interpolation "
        "between stored fields is more accurate there.",
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Make the named bundles one after the other, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{listing(ENTRIES)}; all by default")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    for name in given.names or ENTRIES:
        print(make(name, given.size, given.seed))


def make(name: str, size: str, seed: int) -> Path:
    """Build, train, pack; return the folder of the bundle.

    Raises
    ------
    ConfigError
        When there is no such bundle, or half precision changes a score.
    """
    run = trained(name, size, seed)
    entry = ENTRIES[name]
    _, recipe = entry.data.stores[size]
    given = " ".join(f"{key}={value}" for key, value in recipe.items() if not isinstance(value, Mapping))
    given = given.replace("'", "")  # as the command line takes lists
    about = {
        "recipe": f"{entry.data.recipe} {given}".strip(),
        "overrides": " ".join(entry.overrides),
        "command": f"python -m benchmarks.zoo {name} --size {size}{f' --seed {seed}' if seed else ''}",
        "weights": f"half precision; scores within {TOLERANCE:.0%} of those in single precision",
        "note": entry.note,
    }
    with TemporaryDirectory() as folder:
        staged = Path(folder)
        shutil.copytree(run / "bundle", staged / "bundle")
        values = read_config(run)
        metrics = with_coverage(values["task"]["metrics"])
        write_config(staged, merge(values, {"task": {"plots": [], "metrics": metrics}}))
        halve(staged / "bundle")
        experiment = open_run(staged)
        after = evaluate_run(staged, experiment, device="cpu").as_dict()
        require_equal_scores(json.loads((run / "metrics.json").read_text(encoding="utf-8")), after)
        if entry.calibration is not None:
            calibrate(str(staged), {"dataset": str(entry.calibration())}, subset=EVERY, device="cpu")
            evaluate_run(staged, experiment, device="cpu")
        pack(
            staged / "bundle",
            FOLDER / name,
            path=f"{PREFIX}{name}",
            batch=batch_of(experiment, entry.records),
            config=run / CONFIG,
            provenance={key: value for key, value in about.items() if value},
        )
    return FOLDER / name


def with_coverage(metrics: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return metrics with the coverage of intervals, where none of them tells it."""
    told = any("coverage" in node["name"] for node in metrics)
    return [*metrics, *([] if told else [{"name": "coverage"}])]


def batch_of(experiment: Experiment, records: int) -> Batch:
    """Return records evenly spread over the test subset."""
    index = experiment.data.index("test")
    few = index.take(np.unique(np.linspace(0, len(index) - 1, records + 1)[1:].astype(int)))
    return next(iter(experiment.loader("test", index=few, batch_size=len(few))))


def trained(name: str, size: str, seed: int) -> Path:
    """Return the finished run of a bundle; train or resume it if it does not exist.

    Raises
    ------
    ConfigError
        When there is no such bundle.
    """
    if name not in ENTRIES:
        raise ConfigError(
            f"there is no bundle '{name}'.{nearest(name, ENTRIES)} It is one of {listing(ENTRIES)}."
        )
    entry = ENTRIES[name]
    url, split = built(entry.data, size), entry.data.split
    data = f"dataset={url}" if split is None else f"dataset={{url: {url}, split: {split}}}"
    stages = [f"parts.{stage}={trained(other, size, seed)}" for stage, other in entry.stages.items()]
    overrides = [f"experiment={name}", f"size={size}", data, *entry.overrides, *stages]
    return trained_run(overrides, seed, RUNS)


def built(data: Data, size: str) -> str:
    """Return the store of a size; build what it lacks."""
    url, parameters = data.stores[size]
    build(find_recipe(data.recipe).make(dict(parameters)), url, workers=2)
    return url


def require_equal_scores(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse weights whose half precision changes a score of the network.

    Raises
    ------
    ConfigError
        Names the scores that differ.
    """
    old, new = _of_the_network(before), _of_the_network(after)
    differ = [
        f"{target} {metric}, {condition}: {value:.6g} before, {new.get(key, nan):.6g} after"
        for key, value in old.items()
        for target, metric, condition in [key]
        if not _agree(metric, value, new.get(key, nan))
    ]
    if differ:
        raise ConfigError(f"half precision changes scores by more than {TOLERANCE:.0%}: {'; '.join(differ)}")


def _of_the_network(metrics: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    """Return the network's scores on all records, by target, metric and condition."""
    return {
        (row["target"], row["metric"], row.get("condition", "")): row["value"]
        for row in metrics["rows"]
        if row["method"] == metrics["model"] and row["group"] == ALL and row["value"] is not None
    }


def _agree(metric: str, before: float, after: float) -> bool:
    """Return whether two scores are the same; a bias may be zero, so that it has no relative change."""
    share = any(each in metric for each in ("coverage", "rate", "r2"))
    relative = BIN if "quantile" in metric else TOLERANCE
    return metric == "bias" or isclose(before, after, rel_tol=relative, abs_tol=TOLERANCE if share else 0.0)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
