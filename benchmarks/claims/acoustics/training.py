"""Data, networks and scores of the claims on learned rooms."""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import xarray as xr

from benchmarks.claims import runs
from datasets.acoustics.rooms import Rooms
from datasets.store.layout import open_store
from surrogates.evaluation.scoring import fitted_baselines

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
    return runs.stored(Rooms.make({**ROOMS[axes], "fields": "none", **given}), name)


def trained(axes: int, data: Path, seed: int, *extra: str) -> Path:
    """Return the run of a network on a store."""
    return runs.trained_run([*_overrides(axes), "task.baselines=[]", f"dataset={data}", *extra], seed)


def scores(axes: int, data: Path, run: Path) -> dict[str, float]:
    """Return ``SPLIT/METHOD/relative_l2`` and ``.../rmse`` (Pa) of the network and the interpolations."""
    baselines = ",".join(f"{{name: {name}, parameters: [source_position]}}" for name in BASELINES)
    values: dict[str, float] = {}
    for name, split in SPLITS.items():
        dataset = f"dataset={{url: {data}, split: {split}}}"
        task = [f"task.baselines=[{baselines}]", "task.augmentations=[]"]
        there = runs.open_experiment([*_overrides(axes), *task, dataset])
        methods = {NETWORK: runs.network(run), **fitted_baselines(there)}
        values |= runs.prefixed(name, runs.scored(methods, there, "{method}/{metric}"))
    return values


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
