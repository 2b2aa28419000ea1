"""Data, networks and scores of the claims on learned rooms."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import xarray as xr

from benchmarks.claims import runs
from datasets.acoustics.rooms import Rooms
from datasets.store.layout import open_store
from surrogates.evaluation.scoring import fitted_baselines
from surrogates.experiment.experiment import Experiment

ROOMS: Mapping[int, Mapping[str, object]] = {2: {}, 3: {"shape": "cube"}}
"""What is given to the recipe, by dimensions of the room."""
SIZES = {2: "tiny", 3: "tiny_cube"}
BASELINES = ("nearest_record", "linear_interpolation", "cubic_interpolation")
SPLITS = {"test": "split", "extrapolation": "split_extrapolation"}
"""Splits whose test records are scored."""
NETWORK = "deeponet"
TITLES = {
    NETWORK: "DeepONet",
    "nearest_record": "nearest source",
    "linear_interpolation": "linear interpolation",
    "cubic_interpolation": "cubic interpolation",
}


def store(axes: int, **given: object) -> Path:
    """Return the store of a room, with other sources or points as `given`."""
    name = "_".join([f"rooms_{axes}d", *(f"{key}_{value}" for key, value in given.items())])
    return stored(name, axes, **given)


def stored(name: str, axes: int, **given: object) -> Path:
    """Return the store of a room under a name of its own."""
    return runs.stored(Rooms.make({**ROOMS[axes], "fields": "none", **given}), name)


def trained(axes: int, data: Path, seed: int, *extra: str) -> Path:
    """Return the run of a network on a store."""
    return runs.trained_run([*_overrides(axes), "task.baselines=[]", f"dataset={data}", *extra], seed)


def scores(axes: int, data: Path, run: Path) -> dict[str, float]:
    """Return ``SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa) of the network and the interpolations."""
    values: dict[str, float] = {}
    for name, split in SPLITS.items():
        there = opened(axes, data, split)
        methods = {NETWORK: runs.network(run), **fitted_baselines(there)}
        values |= runs.prefixed(name, runs.scored(methods, there, "{method}/{metric}"))
    return values


def opened(axes: int, data: Path, split: str = "split", also: Sequence[str] = ()) -> Experiment:
    """Return the experiment on a split, with interpolation over the source and the inputs beside it."""
    parameters = ",".join(("source_position", *also))
    baselines = ",".join(f"{{name: {name}, parameters: [{parameters}]}}" for name in BASELINES)
    task = [f"task.baselines=[{baselines}]", "task.augmentations=[]", *beside(also)]
    return runs.open_experiment([*_overrides(axes), *task, f"dataset={{url: {data}, split: {split}}}"])


def beside(also: Sequence[str]) -> list[str]:
    """Return the override that gives a network of a room in two dimensions inputs beside the source."""
    names = ",".join(("initial_pressure", "source_position", *also, "point_x", "point_y", "point_time"))
    return [f"task.inputs=[{names}]"] if also else []


def kept(data: Path, run: Path) -> dict[str, float]:
    """Return the bytes of the network's weights, and of the records that interpolation keeps.

    The network answers at any point; interpolation only at the stored ones.
    """
    records = _training_records(open_store(str(data)).dataset())
    weights = (run / "bundle" / "weights.safetensors").stat().st_size
    return {"kept/network": float(weights), "kept/records": float(records)}


def _training_records(data: xr.Dataset) -> int:
    pressure = data["sound_pressure"]
    return int((data["split"] == 0).sum()) * prod(pressure.shape[1:]) * pressure.dtype.itemsize


def _overrides(axes: int) -> list[str]:
    return ["experiment=acoustics/deeponet", f"size={SIZES[axes]}", "task.metrics=[rmse,relative_l2]"]
