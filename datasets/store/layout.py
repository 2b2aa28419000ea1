"""The layout of a store: Zarr v3 arrays that `xr.open_zarr` shows with their meaning.

store.zarr/
    <variable>          one array per variable; record variables are sharded by row of records
    <split>             int8 flags over the records
    statistics/<variable>/{count, mean, m2, minimum, maximum}     one entry per record
    build/row-000003    the receipt of a shard row (attributes of an empty group), written last
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

from datasets.store.checks import cast, check_values
from datasets.store.chunking import chunk_records, record_bytes, shard_records
from datasets.store.errors import ContractError
from datasets.store.migrations import FORMAT_VERSION, refuse_version
from datasets.store.reader import RecordReader
from datasets.store.shared import CODECS, auxiliary_coordinates, fill_value, plain, write_shared
from datasets.store.specs import Attributes, Split, VariableSpec
from datasets.store.statistics import Moments, reduce
from datasets.store.urls import local_path

STATISTICS_BLOCK = 1 << 23


def create_store(
    url: str,
    specs: Sequence[VariableSpec],
    *,
    records: int,
    record_dimension: str,
    shared: xr.Dataset,
    attributes: Mapping[str, object],
    splits: Sequence[Split],
    records_per_chunk: int | None = None,
    records_per_shard: int | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> "Store":
    """Make an empty store with all its metadata, shared variables and splits.

    Parameters
    ----------
    url
        A folder, or any fsspec URL (`memory://...`, `s3://...`).
    specs
        The record variables.
    records
        Length of the record dimension.
    shared
        What all records share: coordinates, tables, fields, a grid mapping. Only coordinates may lie along
        the record dimension.
    attributes
        Global attributes; mappings and lists become JSON.
    splits
        Named divisions of the records.
    records_per_chunk, records_per_shard
        Override the layout that follows from the sizes; a shard holds whole chunks.

    Raises
    ------
    ContractError
        When something lies at the URL already, or a specification contradicts the others.
    """
    _check_plan(specs, records, record_dimension, shared, splits)
    per_shard = records_per_shard or shard_records(specs, records, records_per_chunk or 1)
    root = _new_root(url, storage_options)
    write_shared(root, shared)
    for spec in specs:
        names = auxiliary_coordinates(shared, spec.dims)
        extra: Attributes = {"coordinates": names} if names else {}
        chunk = records_per_chunk or chunk_records(spec, per_shard)
        if per_shard % chunk:
            raise ContractError(
                f"records_per_shard {per_shard} is no multiple of records_per_chunk {chunk}; change one of them"
            )
        _create_record_array(root, spec, records, chunk, per_shard, extra)
        _create_statistics(root, spec, records, per_shard)
    for split in splits:
        root.create_array(
            split.name,
            data=split.labels,
            chunks=split.labels.shape,
            compressors=CODECS,
            dimension_names=(record_dimension,),
            attributes=split.to_attributes(),
            config={"write_empty_chunks": True},
        )
    root.create_group("build")
    root.attrs.put(_global_attributes(attributes, specs, record_dimension, per_shard))
    return Store(url, root, storage_options)


def _check_plan(
    specs: Sequence[VariableSpec],
    records: int,
    record_dimension: str,
    shared: xr.Dataset,
    splits: Sequence[Split],
) -> None:
    names = (
        [spec.name for spec in specs] + [split.name for split in splits] + [str(n) for n in shared.variables]
    )
    reserved = {"statistics", "build"} & set(names)
    if twice := sorted({name for name in names if names.count(name) > 1} | reserved):
        raise ContractError(f"variable names {twice} are used twice or reserved; rename them")
    if records < 1:
        raise ContractError(f"a store of {records} records holds nothing; ask for at least one")
    for spec in specs:
        if spec.dims[:1] != (record_dimension,) or len(spec.dims) != len(spec.shape) + 1:
            raise ContractError(
                f"variable {spec.name!r}: dimensions {spec.dims}, expected {record_dimension!r} first and a shape "
                "without it; variables without records go into `shared`"
            )
        for name, length in zip(spec.dims[1:], spec.shape, strict=True):
            if shared.sizes.get(name, length) != length:
                raise ContractError(
                    f"variable {spec.name!r}: {length} cells along {name!r}, but the shared variables have "
                    f"{shared.sizes[name]}"
                )
        if spec.statistics_mask is not None and spec.statistics_mask not in names:
            raise ContractError(
                f"variable {spec.name!r}: statistics_mask {spec.statistics_mask!r} is no variable"
            )
    for split in splits:
        if len(split.labels) != records:
            raise ContractError(f"split {split.name!r} has {len(split.labels)} labels for {records} records")
    if along := [str(n) for n, v in shared.data_vars.items() if record_dimension in v.dims]:
        raise ContractError(
            f"shared variables {along} lie along {record_dimension!r}; describe them as specs"
        )


def _new_root(url: str, storage_options: Mapping[str, object] | None) -> zarr.Group:
    """Open an empty root; a folder that an interrupted `create_store` left behind is made anew."""
    unfinished: Attributes = {"unfinished": "this store was being created; build it again"}
    options = dict(storage_options) if storage_options else None
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
            url,
            mode="w" if left else "w-",
            zarr_format=3,
            attributes=unfinished,
            storage_options=options,
        )
    except FileExistsError:
        raise ContractError(
            f"something lies at {url} already; resume that build, remove it, or choose another place"
        ) from None


def _create_record_array(
    root: zarr.Group, spec: VariableSpec, records: int, chunk: int, shard: int, extra: Attributes
) -> None:
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


def _kept(spec: VariableSpec) -> tuple[tuple[str, ...], tuple[int, ...]]:
    sizes = dict(zip(spec.dims[1:], spec.shape, strict=True))
    names = tuple(name for name in spec.dims[1:] if name in spec.statistics_axes)
    return names, tuple(sizes[name] for name in names)


def _create_statistics(root: zarr.Group, spec: VariableSpec, records: int, per_shard: int) -> None:
    names, sizes = _kept(spec)
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


def _global_attributes(
    given: Mapping[str, object], specs: Sequence[VariableSpec], record_dimension: str, per_shard: int
) -> Attributes:
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


def open_store(url: str, *, storage_options: Mapping[str, object] | None = None) -> "Store":
    """Open a store that `create_store` made, for reading or to go on with its build.

    Raises
    ------
    ContractError
        When there is no store, its creation was interrupted, or it has another format version; the message
        then holds the command that makes a new one.
    """
    options = dict(storage_options) if storage_options else None
    try:
        root = zarr.open_group(url, mode="r+", zarr_format=3, storage_options=options)
    except FileNotFoundError:
        raise ContractError(
            f"no data store at {url}; make one with `surrogates data build RECIPE out={url}`"
        ) from None
    if root.attrs.get("unfinished"):
        raise ContractError(f"the creation of {url} was interrupted; build it again")
    if root.attrs.get("format_version") != FORMAT_VERSION:
        refuse_version(url, dict(root.attrs))
    return Store(url, root, storage_options)


class Store:
    """A data store: records, shared variables, splits, statistics and receipts.

    Made by `create_store` and `open_store`. A shard row (`records_per_shard` consecutive records of every record
    variable) is written by one process at a time.
    """

    def __init__(
        self, url: str, root: zarr.Group, storage_options: Mapping[str, object] | None = None
    ) -> None:
        self.url = url
        self.root = root
        self.storage_options = dict(storage_options) if storage_options else None
        self.record_dimension = str(root.attrs["record_dimension"])
        self.records_per_shard = int(str(root.attrs["records_per_shard"]))
        self._live = zarr.open_group(root.store, path=root.path, mode="r+", use_consolidated=False)
        first = str(root.attrs["record_variables"]).split()
        self.records = int(self.array(first[0]).shape[0]) if first else 0
        self.rows = -(-self.records // self.records_per_shard)

    def __repr__(self) -> str:
        return f"Store({self.url!r}, {self.records} {self.record_dimension}, variables {list(self.specs)})"

    @property
    def attributes(self) -> dict[str, Any]:
        """Global attributes."""
        return dict(self.root.attrs)

    def array(self, name: str) -> zarr.Array[Any]:
        """Return the Zarr array of a variable."""
        found = self.root.get(name)
        if not isinstance(found, zarr.Array):
            raise ContractError(
                f"{self.url} has no variable {name!r}; it has {sorted(self.root.array_keys())}"
            )
        return found

    def dataset(self) -> xr.Dataset:
        """Open the store with xarray, lazily."""
        consolidated = self.root.metadata.consolidated_metadata is not None
        return xr.open_zarr(
            self.url, chunks=None, consolidated=consolidated, storage_options=self.storage_options
        )

    @cached_property
    def specs(self) -> dict[str, VariableSpec]:
        """Specifications of the record variables, as they were given to `create_store`."""
        return {name: self._spec(name) for name in str(self.root.attrs["record_variables"]).split()}

    @cached_property
    def shared_specs(self) -> dict[str, VariableSpec]:
        """Specifications of the numeric variables without the record dimension."""
        names = (name for name, array in self.root.arrays() if array.dtype.kind in "biufc")
        specs = {name: self._spec(name) for name in names if name not in self.specs}
        return {name: spec for name, spec in specs.items() if self.record_dimension not in spec.dims}

    def _spec(self, name: str) -> VariableSpec:
        array = self.array(name)
        dims = tuple(str(dim) for dim in array.metadata.dimension_names or ())  # type: ignore[union-attr]
        shape = array.shape[1:] if dims[:1] == (self.record_dimension,) else array.shape
        attributes: Attributes = {
            key: value for key, value in dict(array.attrs).items() if key != "coordinates"
        }
        return VariableSpec.from_attributes(name, dims, shape, str(array.dtype), attributes)

    def shared(self, name: str) -> np.ndarray:
        """Return the values of a variable without the record dimension, decoded as xarray decodes."""
        return self.dataset()[name].values

    def split_names(self) -> list[str]:
        """Return the names of the splits."""
        return sorted(name for name, array in self.root.arrays() if "keeps_whole" in array.attrs)

    def split(self, name: str = "split") -> np.ndarray:
        """Return one int8 label per record: 0 train, 1 validation, 2 test, -1 unused."""
        if name not in self.split_names():
            raise ContractError(f"{self.url} has no split {name!r}; it has {self.split_names()}")
        return np.asarray(self.array(name)[:])

    @cached_property
    def records_per_chunk(self) -> int:
        """Consecutive records that are decoded together in the largest variable."""
        largest = max(self.specs.values(), key=record_bytes)
        return int(self.array(largest.name).chunks[0])

    def row_records(self, row: int) -> range:
        """Return the record numbers of a shard row."""
        if not 0 <= row < self.rows:
            raise ContractError(f"row {row} lies outside the {self.rows} rows of {self.url}")
        return range(row * self.records_per_shard, min((row + 1) * self.records_per_shard, self.records))

    def write_row(self, row: int, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
        """Write one shard row of every record variable, and its statistics; withdraws the row's receipt first.

        Parameters
        ----------
        row
            Number of the shard row.
        arrays
            Values of each record variable, shape (records of the row, ...), in the units of the specification.

        Returns
        -------
        dict
            SHA-256 of the values of each variable, for the receipt.

        Raises
        ------
        ContractError
            Names the variable, the record and what is wrong with it; nothing has been written then.
        """
        records = self.row_records(row)
        values = self._checked_row(records, arrays)
        if row in self.complete_rows():
            del self._live[_receipt(row)]
        for name, data in values.items():
            self._write(name, records, data)
            for field, part in self._row_statistics(self.specs[name], data, values):
                self._write(f"statistics/{name}/{field}", records, part)
        return {
            name: hashlib.sha256(np.ascontiguousarray(data).data).hexdigest() for name, data in values.items()
        }

    def _write(self, path: str, records: range, data: np.ndarray) -> None:
        array = self._live[path]
        assert isinstance(array, zarr.Array)
        array.with_config({"write_empty_chunks": True})[records.start : records.stop] = data

    def _checked_row(self, records: range, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if set(arrays) != set(self.specs):
            raise ContractError(f"row of variables {sorted(arrays)}, expected {sorted(self.specs)}")
        values = {}
        for name, spec in self.specs.items():
            expected = (len(records), *spec.shape)
            data = np.asarray(arrays[name])
            if data.shape != expected:
                raise ContractError(f"variable {name!r}: shape {data.shape}, expected {expected}")
            values[name] = cast(spec, data)
            check_values(spec, values[name], first_record=records.start)
        return values

    def _row_statistics(
        self, spec: VariableSpec, data: np.ndarray, row: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[str, np.ndarray]]:
        kept = _kept(spec)[0]
        axes = tuple(axis for axis, name in enumerate(spec.dims) if axis and name not in kept)
        mask = self._mask(spec, row)
        length = max(1, STATISTICS_BLOCK // max(8 * data[0].size, 1))
        blocks = [slice(start, start + length) for start in range(0, len(data), length)]
        parts = [
            Moments.of(data[b], None if mask is None else mask[b if len(mask) > 1 else slice(None)], axes)
            for b in blocks
        ]
        for field in fields(Moments):
            yield field.name, np.concatenate([getattr(part, field.name) for part in parts])

    def _mask(self, spec: VariableSpec, row: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Return the statistics mask with its axes laid along those of the variable."""
        if spec.statistics_mask is None:
            return None
        name = spec.statistics_mask
        mask = row[name] if name in row else self.shared(name)
        dims = (self.specs | self.shared_specs)[name].dims
        order = [dims.index(dim) for dim in spec.dims if dim in dims]
        present = tuple(slice(None) if dim in dims else np.newaxis for dim in spec.dims)
        return np.asarray(mask.astype(bool).transpose(order)[present])

    def receipt(self, row: int) -> dict[str, Any] | None:
        """Return the receipt of a shard row, None when the row is not complete."""
        group = self._live.get(_receipt(row))
        return None if group is None else dict(group.attrs)

    def write_receipt(self, row: int, receipt: Mapping[str, object]) -> None:
        """Declare a shard row complete: what was run, its hashes. Comes after `write_row`."""
        self._live.create_group(_receipt(row), attributes=dict(receipt), overwrite=True)

    def complete_rows(self) -> list[int]:
        """Return the shard rows that have a receipt."""
        return [row for row in range(self.rows) if _receipt(row) in self._live]

    @property
    def is_complete(self) -> bool:
        """Whether every shard row has its receipt."""
        return len(self.complete_rows()) == self.rows

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the content that the receipts certify (their `hashes`, or all of them where they have none)."""
        receipts = [self.receipt(row) for row in self.complete_rows()]
        content = [receipt.get("hashes", receipt) for receipt in receipts if receipt is not None]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def consolidate(self) -> Self:
        """Gather all metadata in one file, so that opening the store is one read; after every growth again."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)
            self.root = zarr.consolidate_metadata(self.root.store, path=self.root.path or None)
        return self

    def statistics(self, variable: str, records: np.ndarray | None = None) -> Moments:
        """Return the exact statistics of a variable over some records (all when None).

        Raises
        ------
        ContractError
            When a record has not been built yet.
        """
        if variable not in self.specs:
            raise ContractError(f"{self.url} has no record variable {variable!r}; it has {list(self.specs)}")
        chosen = np.arange(self.records) if records is None else np.sort(np.asarray(records))
        stored = Moments(
            *(
                np.asarray(self.array(f"statistics/{variable}/{field.name}")[...])[chosen]
                for field in fields(Moments)
            )
        )
        absent = (stored.count < 0).reshape(len(chosen), -1).any(axis=1)
        if absent.any():
            raise ContractError(
                f"{self.url}: record {chosen[absent][0]} has no statistics yet; `surrogates data resume {self.url}`"
            )
        return reduce(stored)

    def reader(self, variables: Sequence[str]) -> RecordReader:
        """Return a reader of some record variables."""
        return RecordReader(self, variables)


def _receipt(row: int) -> str:
    return f"build/row-{row:06d}"
