"""Write the arrays, statistics, splits and attributes of a new store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import xarray as xr
import zarr

from datasets.store.chunking import LARGEST_CHUNK, record_bytes
from datasets.store.errors import ContractError
from datasets.store.migrations import FORMAT_VERSION
from datasets.store.patient_store import zarr_store
from datasets.store.shared import CODECS, fill_value, plain
from datasets.store.specs import Attributes, Split, VariableSpec
from datasets.store.statistics import Moments
from datasets.store.urls import local_path


def check_plan(
    specs: Sequence[VariableSpec],
    records: int,
    record_dimension: str,
    shared: xr.Dataset,
    splits: Sequence[Split],
) -> None:
    """Refuse specifications, shared variables and splits that contradict each other."""
    names = (
        [spec.name for spec in specs] + [split.name for split in splits] + [str(n) for n in shared.variables]
    )
    if odd := sorted(name for name in names if "/" in name or name.split() != [name]):
        raise ContractError(
            f"variable names {odd} are empty or hold a '/', which Zarr takes for a group, or a blank, which "
            "separates names in attributes; write `_` instead"
        )
    reserved = {"statistics", "build"} & set(names)
    if twice := sorted({name for name in names if names.count(name) > 1} | reserved):
        raise ContractError(f"variable names {twice} are used twice or reserved; rename them")
    if records < 1 or not specs:
        raise ContractError(
            f"a store of {records} records of {len(specs)} variables holds nothing; ask for one at least"
        )
    known = {each.name: each.dims for each in specs} | _dims(shared)
    for spec in specs:
        _check_spec(spec, record_dimension, shared, known)
    for split in splits:
        if len(split.labels) != records:
            raise ContractError(f"split {split.name!r} has {len(split.labels)} labels for {records} records")
    if along := [str(n) for n, v in shared.data_vars.items() if record_dimension in v.dims]:
        raise ContractError(
            f"shared variables {along} lie along {record_dimension!r}; describe them as specs"
        )


def _check_spec(
    spec: VariableSpec, record_dimension: str, shared: xr.Dataset, known: Mapping[str, tuple[str, ...]]
) -> None:
    if spec.dims[:1] != (record_dimension,) or len(spec.dims) != len(spec.shape) + 1:
        raise ContractError(
            f"variable {spec.name!r}: dimensions {spec.dims}, expected {record_dimension!r} first and a "
            "shape without it; variables without records go into `shared`"
        )
    if (size := record_bytes(spec)) > LARGEST_CHUNK:
        raise ContractError(
            f"variable {spec.name!r}: a record of {size / 1e9:.3g} GB does not fit a compressed chunk of "
            "2 GiB; divide it into several variables or records"
        )
    for name, length in zip(spec.dims[1:], spec.shape, strict=True):
        if shared.sizes.get(name, length) != length:
            raise ContractError(
                f"variable {spec.name!r}: {length} cells along {name!r}, but the shared variables have "
                f"{shared.sizes[name]}"
            )
    _check_mask(spec, known)


def _dims(shared: xr.Dataset) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, variable.dims)) for name, variable in shared.variables.items()}


def _check_mask(spec: VariableSpec, dims: Mapping[str, tuple[str, ...]]) -> None:
    mask = spec.statistics_mask
    if mask is None:
        return
    if mask not in dims:
        raise ContractError(f"variable {spec.name!r}: its statistics_mask {mask!r} is no variable")
    if not set(dims[mask]) <= set(spec.dims):
        raise ContractError(
            f"variable {spec.name!r}: its statistics_mask {mask!r} has dimensions {dims[mask]}, "
            f"expected some of {spec.dims}"
        )


def new_root(url: str, storage_options: Mapping[str, object] | None) -> zarr.Group:
    """Open an empty root; a folder that an interrupted `create_store` left behind is overwritten."""
    unfinished: Attributes = {"unfinished": "this store was being created; build it again"}
    folder = local_path(url)
    if folder is not None and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        try:
            left = dict(zarr.open_group(url, mode="r", zarr_format=3).attrs) == unfinished
        except (OSError, ValueError):
            left = False
    else:
        left = folder is not None
    try:
        return zarr.open_group(
            zarr_store(url, storage_options),
            mode="w" if left else "w-",
            zarr_format=3,
            attributes=unfinished,
        )
    except FileExistsError:
        raise ContractError(
            f"something lies at {url} already; resume that build, remove it, or choose another URL"
        ) from None


def create_record_array(
    root: zarr.Group, spec: VariableSpec, records: int, chunk: int, shard: int, extra: Attributes
) -> None:
    """Create the sharded array of a record variable, empty."""
    dtype = np.dtype(spec.dtype)
    root.create_array(
        spec.name,
        shape=(records, *spec.shape),
        dtype=dtype,
        chunks=(chunk, *spec.shape),
        shards=(shard, *spec.shape),
        compressors=CODECS,
        fill_value=fill_value(dtype),
        dimension_names=spec.dims,
        attributes=spec.to_attributes() | extra,
    )


def create_statistics(root: zarr.Group, spec: VariableSpec, records: int, per_shard: int) -> None:
    """Create the statistics of a record variable, one entry per record; a count of -1 means not built."""
    names, sizes = spec.kept()
    for field in fields(Moments):
        count = field.name == "count"
        root.create_array(
            f"statistics/{spec.name}/{field.name}",
            shape=(records, *sizes),
            dtype="int64" if count else "float64",
            chunks=(per_shard, *sizes),
            compressors=CODECS,
            fill_value=-1 if count else np.nan,
            dimension_names=(spec.dims[0], *names),
            attributes={"units": "1" if count else spec.units},
        )


def create_split(root: zarr.Group, split: Split, record_dimension: str) -> None:
    """Write a split as CF flags over the records."""
    root.create_array(
        split.name,
        data=split.labels,
        chunks=split.labels.shape,
        compressors=CODECS,
        dimension_names=(record_dimension,),
        attributes=split.to_attributes(),
        config={"write_empty_chunks": True},
    )


def global_attributes(
    given: Mapping[str, object], specs: Sequence[VariableSpec], record_dimension: str, per_shard: int
) -> Attributes:
    """Return the attributes of the root: those given, and what opening the store needs."""
    texts = {
        key: json.dumps(value, sort_keys=True) if isinstance(value, Mapping | list | tuple) else plain(value)
        for key, value in given.items()
    }
    return {
        "Conventions": "CF-1.11",
        "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} created",
        **texts,
        "record_dimension": record_dimension,
        "record_variables": " ".join(spec.name for spec in specs),
        "records_per_shard": per_shard,
        "format_version": FORMAT_VERSION,
    }
