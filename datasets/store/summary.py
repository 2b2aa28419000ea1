"""The summary of a complete store: all receipts and statistics in a few arrays, read in a few requests.

```text
build/summary-1/
    receipts                  the receipts of all shard rows in their order: JSON text as bytes
    statistics/<variable>     count, mean, m2, minimum and maximum of all records, shape (5, records, ...)
```

It counts while the gathered metadata of the root name it. A new one lies beside it under the next number
until they name that, so that a process killed, or power lost, at any moment leaves the old or the new.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from datasets.store import objects
from datasets.store.errors import ContractError
from datasets.store.plain_folder import json_object
from datasets.store.shared import CODECS
from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments

SUMMARY = re.compile(r"summary-(\d+)")
BLOCK = 1 << 26
"""Bytes of a chunk of receipts, at most."""
STATISTICS = 1 << 18
"""Bytes of a chunk of statistics, about: many are read at once, but written one by one, in little memory."""
TEXT = (BloscCodec(cname="zstd", clevel=1, shuffle="noshuffle", typesize=1), Crc32cCodec())
FIELDS = [field.name for field in fields(Moments)]


def summary_path(root: zarr.Group) -> str:
    """Return the path of the summary that the gathered metadata name; empty if there is none."""
    gathered = root.metadata.consolidated_metadata
    build = None if gathered is None else gathered.metadata.get("build")
    members = getattr(build, "consolidated_metadata", None)
    names = [] if members is None else [name for name in members.metadata if SUMMARY.fullmatch(name)]
    return f"build/{names[0]}" if len(names) == 1 else ""


def write_summary(
    live: zarr.Group,
    old: str,
    receipts: Sequence[str],
    specs: Sequence[VariableSpec],
    per_shard: int,
) -> str:
    """Write the summary of a complete store so that it survives a crash, and return its path.

    Parameters
    ----------
    live
        The root, without gathered metadata.
    old
        Path of the summary that counts until now, or nothing.
    receipts
        Of all shard rows, in their order, JSON texts.
    specs
        The record variables.
    per_shard
        Records of a shard row.
    """
    number = int(old.rpartition("-")[2]) + 1 if old else 1
    path = f"build/summary-{number}"
    group = live.create_group(path, overwrite=True)
    text = np.frombuffer(f'{{"receipts": [{", ".join(receipts)}]}}'.encode(), np.uint8)
    group.create_array(
        "receipts",
        data=text,
        chunks=(min(len(text), BLOCK),),
        compressors=TEXT,
        dimension_names=("byte",),
        attributes={"long_name": "receipts of all shard rows, JSON text in UTF-8"},
    )
    for spec in specs:
        _write_statistics(live, group, spec, per_shard)
    objects.make_durable(live, path)
    return path


def _write_statistics(live: zarr.Group, group: zarr.Group, spec: VariableSpec, per_shard: int) -> None:
    stored = [live[f"statistics/{spec.name}/{field}"] for field in FIELDS]
    names, sizes = spec.kept()
    records = stored[0].shape[0]  # type: ignore[union-attr]
    block = statistics_block(sizes, per_shard)
    array = group.create_array(
        f"statistics/{spec.name}",
        shape=(len(FIELDS), records, *sizes),
        dtype="float64",
        chunks=(len(FIELDS), min(block, records), *sizes),
        compressors=CODECS,
        fill_value=np.nan,
        dimension_names=("statistic", spec.dims[0], *names),
        attributes={"long_name": f"{', '.join(FIELDS)} of {spec.name} in each record", "units": spec.units},
        config={"write_empty_chunks": True},
    )
    for start in range(0, records, block):
        stop = min(start + block, records)
        values = np.empty((len(FIELDS), stop - start, *sizes))
        for each, row in zip(stored, values, strict=True):
            row[...] = each[start:stop]  # type: ignore[index]
        array[:, start:stop] = values


def statistics_block(sizes: Sequence[int], per_shard: int) -> int:
    """Return the records of a chunk of statistics: whole shard rows, if they fit.

    Parameters
    ----------
    sizes
        Lengths of the dimensions that the statistics of a record keep.
    per_shard
        Records of a shard row.
    """
    block = max(1, STATISTICS // (8 * len(FIELDS) * prod(sizes)))
    return block // per_shard * per_shard or block


def summary_receipts(group: zarr.Group, rows: int) -> list[dict[str, Any]]:
    """Return the receipts of all shard rows.

    Raises
    ------
    ContractError
        When they are damaged, or of another number of rows.
    """
    text = _read(group, "receipts").tobytes()
    try:
        found = json_object(text, "it").get("receipts")
    except ContractError as error:
        raise _damaged(group, "receipts", str(error)) from error
    if not isinstance(found, list) or len(found) != rows or not all(isinstance(each, dict) for each in found):
        raise _damaged(group, "receipts", f"it holds no receipts of {rows} shard rows")
    return found


def summary_statistics(group: zarr.Group, spec: VariableSpec, records: int) -> Moments:
    """Return the statistics of all records of a variable.

    Raises
    ------
    ContractError
        When they are damaged, lost, or of other shape.
    """
    name = f"statistics/{spec.name}"
    values = _read(group, name, (len(FIELDS), records, *spec.kept()[1]))
    if np.isnan(values[0]).any():
        raise _damaged(group, name, "a chunk is lost")
    return Moments(values[0].astype(np.int64), *values[1:])


def remove_summaries(live: zarr.Group, but: str) -> None:
    """Delete the summaries that do not count."""
    for name in objects.names_in(live, "build"):
        if SUMMARY.fullmatch(name) and f"build/{name}" != but:
            del live[f"build/{name}"]


def _read(group: zarr.Group, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    try:
        array = group[name]
        assert isinstance(array, zarr.Array)
        if shape is not None and (array.shape, array.dtype) != (shape, np.float64):
            raise ValueError(f"{array.dtype} of shape {array.shape}, expected float64 of {shape}")
        if shape is None and (array.ndim, array.dtype) != (1, np.uint8):
            raise ValueError(f"{array.dtype} with {array.ndim} axes, expected uint8 with 1")
        return np.asarray(array[...])
    except Exception as error:  # whatever Zarr and codecs run into
        said = " ".join(str(error).split()) or type(error).__name__
        raise _damaged(group, name, said) from error


def _damaged(group: zarr.Group, name: str, what: str) -> ContractError:
    return ContractError(
        f"{group.store_path}/{name} is damaged ({what}); `surrogates data verify` checks what it was made "
        "from, and `open_store(url).consolidate()` makes it again"
    )
