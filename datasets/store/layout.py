"""The layout of a store: Zarr v3 arrays that `xr.open_zarr` opens with their meaning.

```text
store.zarr/
    <variable>          one array per variable; record variables are sharded by row of records
    <split>             int8 flags over the records
    statistics/<variable>/{count, mean, m2, minimum, maximum}     one entry per record
    build/row-000003    the receipt of a shard row (attributes of an empty group), written last
    build/summary-1     receipts and statistics of a complete store again, in a few arrays
```
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from shlex import quote
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr
from zarr.storage import LocalStore

from datasets.store import claims
from datasets.store.chunking import chunk_records, record_bytes, shard_records
from datasets.store.creation import (
    check_plan,
    create_record_array,
    create_split,
    create_statistics,
    global_attributes,
    new_root,
)
from datasets.store.errors import ContractError
from datasets.store.gathering import gather, leave_out
from datasets.store.integrity import certify, is_certified, is_pending, missing_chunk, other_copies
from datasets.store.migrations import FORMAT_VERSION, refuse_version
from datasets.store.padding import LENGTH, padded_dimension, real_cells
from datasets.store.patient_store import zarr_store
from datasets.store.plain_folder import read_json, require_plain
from datasets.store.reader import RecordReader
from datasets.store.receipts import differing_rows, listed_rows, read_receipts, receipt_path
from datasets.store.rows import absent_records, aligned, checked_row, row_statistics
from datasets.store.shared import auxiliary_coordinates, write_shared
from datasets.store.sources import open_source
from datasets.store.specs import SPLIT_NAMES, Attributes, Split, VariableSpec
from datasets.store.statistics import Moments, reduce
from datasets.store.summary import (
    remove_summaries,
    summary_path,
    summary_receipts,
    summary_statistics,
    write_summary,
)
from datasets.store.urls import explained, local_path, normalise
from datasets.store.whole_store import WholeStore

GROWING = "growing"
"""Global attribute that stands while the arrays of a store are given their new length."""


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
    url = normalise(url)
    check_plan(specs, records, record_dimension, shared, splits)
    per_shard = records_per_shard or shard_records(specs, records, records_per_chunk or 1)
    chunks = {spec.name: records_per_chunk or chunk_records(spec, per_shard) for spec in specs}
    root = new_root(url, storage_options)
    write_shared(root, shared)
    for spec in specs:
        names = auxiliary_coordinates(shared, spec.dims)
        extra: Attributes = {"coordinates": names} if names else {}
        create_record_array(root, spec, records, chunks[spec.name], per_shard, extra)
        create_statistics(root, spec, records, per_shard)
    for split in splits:
        create_split(root, split, record_dimension)
    root.create_group("build")
    root.attrs.put(global_attributes(attributes, specs, record_dimension, per_shard))
    return Store(url, root, storage_options)


def open_store(url: str, *, storage_options: Mapping[str, object] | None = None) -> "Store":
    """Open a store that `create_store` made, for reading or to resume its build.

    Raises
    ------
    ContractError
        When there is no store, its creation was interrupted, or it has another format version; the message
        then holds the command that makes a new one.
    """
    url = normalise(url)
    folder = local_path(url)
    absent = f"no data store at {url}; make one with `surrogates data build RECIPE {quote(f'out={url}')}`"
    if folder is not None and not folder.is_dir():
        raise ContractError(absent)
    sizes = None if folder is None else require_plain(folder)
    try:
        if folder is not None and (folder / "zarr.json").exists():
            read_json(folder / "zarr.json")
        with explained(url):
            root = zarr.open_group(zarr_store(url, storage_options), mode="r+", zarr_format=3)
    except (FileNotFoundError, FileExistsError, NotADirectoryError):  # nothing is there, or an array
        raise ContractError(absent) from None
    except (ContractError, ImportError):
        raise
    except Exception as error:  # Zarr raises whatever its parsing of metadata runs into
        raise ContractError(
            f"the metadata of {url} are damaged ({_said(error)}); build the store again"
        ) from error
    attributes = dict(root.attrs)
    if attributes.get("unfinished"):
        raise ContractError(f"the creation of {url} was interrupted; build it again")
    if GROWING in attributes:
        raise ContractError(
            f"{url} is being extended; if that was interrupted, `surrogates data resume {quote(url)}` goes on"
        )
    if attributes.get("format_version") != FORMAT_VERSION:
        refuse_version(url, attributes)
    header = claims.read_header(url, attributes)
    try:
        claims.require_sound(url, root, header)
        store = Store(url, root, storage_options)
        if sizes is not None:
            claims.require_on_disk(url, root, header, len(store.complete_rows()), sizes)
    except (ContractError, ImportError):
        raise
    except Exception as error:  # those of arrays, which it parses when they are asked for
        raise ContractError(
            f"the metadata of {url} are damaged ({_said(error)}); build the store again"
        ) from error
    return store


def _said(error: Exception) -> str:
    """Return what an error says of metadata; some say nothing but a key."""
    said = " ".join(str(error).split())
    return (
        said
        if isinstance(error, ValueError) and said
        else f"{type(error).__name__}: {said or 'no reason given'}"
    )


class Store:
    """A data store: records, shared variables, splits, statistics and receipts.

    Made by `create_store` and `open_store`. A shard row (`records_per_shard` consecutive records of every
    record variable) is written by one process at a time.
    """

    def __init__(
        self, url: str, root: zarr.Group, storage_options: Mapping[str, object] | None = None
    ) -> None:
        self.url = url
        self.storage_options = dict(storage_options) if storage_options else None
        self._show(root)

    def _show(self, root: zarr.Group) -> None:
        """Take a root as it is now."""
        self.root = root
        self._live = _without_gathered(root)
        header = claims.read_header(self.url, dict(root.attrs))
        self.record_dimension, self._variables, self.records_per_shard = header
        self.records = int(self.array(self._variables[0]).shape[0])
        self.rows = -(-self.records // self.records_per_shard)
        for cached in ("_summary", "_receipts"):
            self.__dict__.pop(cached, None)

    def __repr__(self) -> str:
        return f"Store({self.url!r}, {self.records} {self.record_dimension}, variables {list(self.specs)})"

    @property
    def attributes(self) -> dict[str, Any]:
        """Global attributes."""
        return dict(self.root.attrs)

    def text(self, key: str) -> str:
        """Return a global attribute that is text; refuse one that is missing or of another kind."""
        return claims.text(self.url, self.attributes, key)

    def whole_number(self, key: str) -> int:
        """Return a global attribute that is a whole number; refuse one that is missing or of another kind."""
        return claims.whole_number(self.url, self.attributes, key)

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a global attribute that is a JSON object as text, such as `recipe_config`."""
        return claims.mapping(self.url, self.attributes, key)

    def array(self, name: str) -> zarr.Array[Any]:
        """Return the Zarr array of a variable."""
        found = self.root.get(name)
        if not isinstance(found, zarr.Array):
            raise ContractError(
                f"{self.url} has no variable {name!r}; it has {sorted(self.root.array_keys())}"
            )
        return found

    def dataset(self) -> xr.Dataset:
        """Open the store with xarray, lazily; a lost chunk file of a complete store is an error when read."""
        return self._open(decode_times=True)

    def _open(self, *, decode_times: bool) -> xr.Dataset:
        self._agreed  # noqa: B018  (values are read by either copy of the metadata)
        consolidated = self.root.metadata.consolidated_metadata is not None
        folder = local_path(self.url)
        store = self.root.store if folder is None else LocalStore(folder.absolute(), read_only=True)
        try:
            return xr.open_zarr(
                store if self._summary is None else WholeStore(store),
                chunks=None,
                consolidated=consolidated,
                zarr_format=3,
                decode_times=decode_times,
            )
        except Exception as error:  # whatever xarray runs into in a stranger's attributes
            raise ContractError(
                f"xarray cannot open {self.url} ({_said(error)}); `surrogates data verify` says "
                f"what is damaged"
            ) from error

    @cached_property
    def _agreed(self) -> bool:
        """Whether each array's own metadata are what the gathered copy says; refused otherwise."""
        if (folder := local_path(self.url)) is not None:
            for name in other_copies(lambda name: (folder / name).read_bytes(), arrays_only=True):
                raise ContractError(
                    f"{self.url}/{name}/zarr.json is lost, damaged or not what "
                    f"{self.url}/zarr.json says of it; "
                    "`surrogates data verify` names all that differ"
                )
        return True

    @cached_property
    def specs(self) -> dict[str, VariableSpec]:
        """Specifications of the record variables, as they were given to `create_store`."""
        return {name: self._spec(name) for name in self._variables}

    @cached_property
    def shared_specs(self) -> dict[str, VariableSpec]:
        """Specifications of the numeric variables without the record dimension."""
        names = (name for name, array in claims.arrays_of(self.root) if array.dtype.kind in "biufc")
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
        """Return the values of a variable without the record dimension, decoded as xarray decodes.

        Raises
        ------
        ContractError
            When it is damaged or incomplete.
        """
        if key := missing_chunk(self.array(name)):
            raise ContractError(f"{key} of {self.url} is lost; build the store again")
        try:
            return self.dataset()[name].values
        except ContractError:
            raise
        except Exception as error:  # whatever codecs and the decoding of attributes run into
            raise ContractError(
                f"variable {name!r} of {self.url} is damaged ({error}); build the store again"
            ) from error

    def split_names(self) -> list[str]:
        """Return the names of the splits."""
        return sorted(name for name, array in claims.arrays_of(self.root) if "keeps_whole" in array.attrs)

    def split(self, name: str = "split") -> np.ndarray:
        """Return one int8 label per record: 0 train, 1 validation, 2 test, -1 unused."""
        if name not in self.split_names():
            raise ContractError(f"{self.url} has no split {name!r}; it has {self.split_names()}")
        labels = self.shared(name)
        if unknown := sorted(set(np.unique(labels).tolist()) - set(SPLIT_NAMES)):
            raise ContractError(
                f"split {name!r} of {self.url} has labels {unknown[:5]}, expected among "
                f"{list(SPLIT_NAMES)}; get the "
                "store anew"
            )
        return labels

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
        """Write one shard row of every record variable, and its statistics; withdraws its receipt first.

        Parameters
        ----------
        row
            Number of the shard row.
        arrays
            Values of each record variable, shape (records of the row, ...), in the specified units.

        Returns
        -------
        dict
            SHA-256 of the values of each variable, for the receipt.

        Raises
        ------
        ContractError
            Names the variable, the record and what is wrong with it; nothing has been written then.
        """
        self._agreed  # noqa: B018  (what is written follows the arrays' own metadata)
        records = self.row_records(row)
        values = checked_row(self.specs, records, arrays)
        self._withdraw_summary()
        self.withdraw(row)
        self._forget_interrupted_writes(row)
        for name, data in values.items():
            self._write(name, records, data)
            moments = self.measure(name, values)
            for field in fields(moments):
                self._write(f"statistics/{name}/{field.name}", records, getattr(moments, field.name))
        return {
            name: hashlib.sha256(np.ascontiguousarray(data).data).hexdigest() for name, data in values.items()
        }

    def _forget_interrupted_writes(self, row: int) -> None:
        """Remove what a killed writer of this row left: zarr-python writes beside a file, then renames."""
        folder = local_path(self.url)
        keys = (f"*/c/{row}", f"statistics/*/*/c/{row}", f"{receipt_path(row)}/zarr")
        patterns = [f"{key}{rest}.partial" for key in keys for rest in (".*", "/**/*")]
        for path in (path for pattern in patterns for path in (folder.glob(pattern) if folder else ())):
            path.unlink(missing_ok=True)

    def _write(self, path: str, records: range, data: np.ndarray) -> None:
        array = self._live[path]
        assert isinstance(array, zarr.Array)
        array.with_config({"write_empty_chunks": True})[records.start : records.stop] = data

    def measure(self, name: str, row: Mapping[str, np.ndarray]) -> Moments:
        """Return the statistics of each record of a row, which holds what `measured_with` names."""
        spec = self.specs[name]
        return row_statistics(spec, row[name], self._mask(spec, row))

    def measured_with(self, name: str) -> list[str]:
        """Return the variables of the records that `measure` needs for one: itself, its mask, `length`."""
        spec = self.specs[name]
        beside = [spec.statistics_mask] if spec.statistics_mask in self.specs else []
        padded = [LENGTH] if padded_dimension(self.specs) in spec.dims else []
        return [name, *(str(each) for each in beside), *padded]

    def _mask(self, spec: VariableSpec, row: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Return which cells of a variable count in statistics, with axes along those of the variable."""
        name, padded = spec.statistics_mask, padded_dimension(self.specs)
        real = real_cells(row[LENGTH], spec, padded) if padded is not None and padded in spec.dims else None
        if name is None:
            return real
        mask = row[name] if name in row else self.shared(name)
        counted = aligned(mask, (self.specs | self.shared_specs)[name].dims, spec.dims)
        return counted if real is None else counted & real

    def receipt(self, row: int) -> dict[str, Any] | None:
        """Return the receipt of a shard row, or None if the row is not complete."""
        if self._summary is not None and row < self.rows:
            return self._receipts[row]
        return next(read_receipts(self.url, self._live, [row]))

    def write_receipt(self, row: int, receipt: Mapping[str, object]) -> None:
        """Write the receipt that completes a shard row: what was run, its hashes. Comes after `write_row`."""
        self._withdraw_summary()
        self._live.create_group(receipt_path(row), attributes=dict(receipt), overwrite=True)

    def withdraw(self, row: int) -> None:
        """Remove the receipt of a shard row, which then is not complete."""
        if receipt_path(row) in self._live:
            del self._live[receipt_path(row)]

    def complete_rows(self) -> list[int]:
        """Return the shard rows that have a receipt; of a store elsewhere, those that its summary names."""
        return self.listed_rows() if self._summary is None else list(range(self.rows))

    def listed_rows(self) -> list[int]:
        """Return the shard rows whose receipt lies in the store now, whatever its summary says."""
        return [row for row in listed_rows(self.url, self._live) if row < self.rows]

    def differing_receipts(self) -> list[int]:
        """Return the shard rows whose own receipt is lost, damaged or not what the summary says."""
        return [] if self._summary is None else differing_rows(self._live, self._receipts)

    @property
    def is_complete(self) -> bool:
        """Whether every shard row has its receipt."""
        return len(self.complete_rows()) == self.rows

    def require_complete(self) -> Self:
        """Return the store itself.

        Raises
        ------
        ContractError
            When its build has not ended: records that are not built read as NaN, 0 or False.
        """
        if not self.is_complete:
            raise ContractError(
                f"{self.url} has {len(self.complete_rows())} of {self.rows} shard rows; {self._how_to_resume}"
            )
        return self

    def require_built(self, record: int) -> None:
        """Refuse a record that is not built yet.

        Raises
        ------
        ContractError
            Says how to go on.
        """
        if record // self.records_per_shard not in self.complete_rows():
            raise self._not_built(record)

    def _not_built(self, record: int) -> ContractError:
        return ContractError(f"record {record} of {self.url} is not built yet; {self._how_to_resume}")

    @property
    def _how_to_resume(self) -> str:
        return f"`surrogates data info {quote(self.url)}` says how to resume its build"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the `hashes` of the receipts (over whole receipts where they have none)."""
        receipts = (
            self._receipts
            if self._summary is not None
            else read_receipts(self.url, self._live, self.complete_rows())
        )
        content = [receipt.get("hashes", receipt) for receipt in receipts if receipt is not None]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _summary(self) -> zarr.Group | None:
        """The summary that counts; none if a receipt was deleted so that its row is built again."""
        path = summary_path(self.root)
        if not path or (local_path(self.url) is not None and len(self.listed_rows()) < self.rows):
            return None
        group = self.root[path]
        assert isinstance(group, zarr.Group)
        return group

    @cached_property
    def _receipts(self) -> list[dict[str, Any]]:
        """All receipts, as the summary has them."""
        assert self._summary is not None
        return summary_receipts(self._summary, self.rows)

    def consolidate(self) -> Self:
        """Gather what opening and describing the store needs, so that each is a few requests, and certify it.

        The metadata of all arrays are gathered in one file, receipts and statistics of a complete store in a
        few arrays (`datasets.store.summary`).
        """
        old = summary_path(self.root)
        self._show(_without_gathered(_open_again(self.root)))
        with certify(self.root):
            found = read_receipts(self.url, self._live, self.listed_rows())
            receipts = [json.dumps(each) for each in found if each is not None]  # text is smaller
            complete = len(receipts) == self.rows
            specs = list(self.specs.values())
            summary = (
                write_summary(self._live, old, receipts, specs, self.records_per_shard) if complete else ""
            )
            gather(self._live, summary)
            remove_summaries(self._live, summary)
        self._show(_open_again(self.root))
        return self

    def _withdraw_summary(self) -> None:
        """Let a summary no longer count, before what it says is changed."""
        if summary := summary_path(self.root):
            with certify(self.root):
                leave_out(self._live, summary)
            self._show(_open_again(self.root))

    @property
    def certified(self) -> bool | None:
        """Whether the root's metadata are those that were certified; None in a store of an older release."""
        return is_certified(self.root)

    def certify_if_pending(self) -> None:
        """Certify the root's metadata where a build was stopped before it could."""
        if is_pending(self.root):
            with certify(self.root):
                remove_summaries(self._live, summary_path(self.root))

    def statistics(self, variable: str, records: np.ndarray | None = None) -> Moments:
        """Return the exact statistics of a variable over some records (all when None).

        Raises
        ------
        ContractError
            When a record has not been built yet.
        """
        return reduce(self.statistics_of_each(variable, records))

    def statistics_of_each(self, variable: str, records: np.ndarray | None = None) -> Moments:
        """Return the exact statistics of a variable for each of some records, in ascending order.

        Raises
        ------
        ContractError
            When a record has not been built yet.
        """
        if variable not in self.specs:
            names = list(self.specs)
            raise ContractError(f"{self.url} has no record variable {variable!r}; it has {names}")
        chosen = np.arange(self.records) if records is None else np.sort(np.asarray(records))
        try:
            stored = self._statistics(variable)[chosen]
        except ContractError:
            raise
        except Exception as error:  # whatever codecs run into
            raise ContractError(
                f"the statistics of {variable!r} in {self.url} are damaged ({error}); build the store again"
            ) from error
        absent = absent_records(stored)
        if absent.any():
            raise self._not_built(int(chosen[absent][0]))
        return stored

    def _statistics(self, variable: str) -> Moments:
        self._agreed  # noqa: B018  (the numbers are read by the gathered copy)
        if self._summary is not None:
            return summary_statistics(self._summary, self.specs[variable], self.records)
        return self._own_statistics(variable)

    def differing_statistics(self, variable: str) -> list[str]:
        """Return the statistics of a variable that are not in their own arrays what the summary says."""
        if self._summary is None:
            return []
        gathered, own = self._statistics(variable), self._own_statistics(variable)
        pairs = ((f.name, getattr(gathered, f.name), getattr(own, f.name)) for f in fields(Moments))
        return [name for name, first, second in pairs if not np.array_equal(first, second, equal_nan=True)]

    def _own_statistics(self, variable: str) -> Moments:
        stored = (self.array(f"statistics/{variable}/{field.name}") for field in fields(Moments))
        return Moments(*(np.asarray(each[...]) for each in stored))

    def reader(self, variables: Sequence[str]) -> RecordReader:
        """Return a reader of some record variables; dates are read as the numbers that the store holds."""
        shown = self._open(decode_times=False).variables
        options = self.storage_options
        return RecordReader(
            {name: open_source(self.url, self.array(name), shown[name], options) for name in variables}
        )


def _open_again(root: zarr.Group) -> zarr.Group:
    """Return a root as it is now."""
    return zarr.open_group(root.store, path=root.path, mode="r+", zarr_format=3)


def _without_gathered(root: zarr.Group) -> zarr.Group:
    """Return a root whose arrays and groups are looked up each time; costs no request."""
    metadata = replace(root.metadata, consolidated_metadata=None)
    return zarr.Group(replace(root._async_group, metadata=metadata))
