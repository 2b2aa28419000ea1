"""What the metadata of a store claim: kinds of attributes, arrays that fit each other and the disk."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, NamedTuple

import zarr
from zarr.errors import ZarrUserWarning

from datasets.store.chunking import LARGEST_CHUNK
from datasets.store.errors import ContractError
from datasets.store.plain_folder import json_object
from datasets.store.specs import Attributes
from datasets.store.statistics import Moments
from datasets.store.summary import summary_path

MOST_ROWS = 1_000_000
"""Shard rows of a store; each has a receipt of its own."""
PACKED = 1000
"""LZ4 packs at most 255 bytes into one, and the fill of a chunk's end adds a little."""
SMALL = 64 << 20
"""Bytes that may be claimed in any case."""

AGAIN = (
    "the store is damaged, or another program made it: get it anew, or, if xarray wrote a part of a store, "
    "write it again with `ds.attrs.clear()` before"
)


class Header(NamedTuple):
    """What opening a store needs of its attributes."""

    record_dimension: str
    record_variables: tuple[str, ...]
    records_per_shard: int


def read_header(url: str, attributes: Attributes) -> Header:
    """Return what opening a store needs.

    Raises
    ------
    ContractError
        Names an attribute that is missing or of another kind.
    """
    dimension = text(url, attributes, "record_dimension")
    variables = tuple(text(url, attributes, "record_variables").split())
    per_shard = whole_number(url, attributes, "records_per_shard")
    if not dimension:
        raise refused(url, "attribute 'record_dimension' is empty, expected the name of a dimension")
    if not variables or len(set(variables)) < len(variables):
        raise refused(
            url, f"attribute 'record_variables' is {' '.join(variables)!r}, expected distinct names"
        )
    if odd := [name for name in variables if "/" in name or name in (".", "..")]:
        raise refused(url, f"attribute 'record_variables' names {odd[0]!r}, expected a name without '/'")
    if per_shard < 1:
        raise refused(url, f"attribute 'records_per_shard' is {per_shard}, expected 1 or more")
    return Header(dimension, variables, per_shard)


def text(url: str, attributes: Attributes, key: str) -> str:
    """Return a global attribute that is text."""
    found = _stated(url, attributes, key, "text")
    if not isinstance(found, str):
        raise refused(url, f"attribute {key!r} is {_short(found)}, expected text")
    return found


def whole_number(url: str, attributes: Attributes, key: str) -> int:
    """Return a global attribute that is a whole number."""
    found = _stated(url, attributes, key, "a whole number")
    if not isinstance(found, int) or isinstance(found, bool):
        raise refused(url, f"attribute {key!r} is {_short(found)}, expected a whole number")
    return found


def mapping(url: str, attributes: Attributes, key: str) -> dict[str, Any]:
    """Return a global attribute that is a JSON object as text."""
    return json_object(text(url, attributes, key), f"{url}/zarr.json: attribute {key!r}")


def _stated(url: str, attributes: Attributes, key: str, expected: str) -> Any:
    if key not in attributes:
        raise refused(url, f"attribute {key!r} is missing, expected {expected}")
    return attributes[key]


def _short(value: object) -> str:
    found = repr(value)
    return found if len(found) <= 40 else f"{found[:40]}..."


def refused(url: str, what: str) -> ContractError:
    """Return the error about the metadata of a store."""
    return ContractError(f"{url}/zarr.json: {what}; {AGAIN}")


def require_sound(url: str, root: zarr.Group, header: Header) -> None:
    """Refuse arrays of a store that contradict each other or the attributes.

    Raises
    ------
    ContractError
        Names the array, what was found and what was expected.
    """
    records: int | None = None
    for name in header.record_variables:
        array = _array(url, root, name)
        kept = _check_record_array(url, name, array, header, records)
        records = array.shape[0]
        for field in (each.name for each in fields(Moments)):
            path = f"statistics/{name}/{field}"
            _check_statistics(url, path, _array(url, root, path), (records, *kept), header.records_per_shard)
    assert records is not None
    rows = -(-records // header.records_per_shard)
    if rows > MOST_ROWS:
        raise refused(
            url, f"it claims {records} records in {rows} shard rows, expected at most {MOST_ROWS} rows"
        )
    for name, array in arrays_of(root):
        _require_names(url, name, array)
        if "keeps_whole" in array.attrs and (array.shape != (records,) or array.dtype.kind not in "iu"):
            raise refused(
                url,
                f"the split {name!r} has shape {array.shape} of {array.dtype}, expected an "
                f"integer for each of "
                f"{records} records",
            )


def require_on_disk(
    url: str, root: zarr.Group, header: Header, complete: int, sizes: Mapping[str, int]
) -> None:
    """Refuse arrays that claim more than their files can hold.

    Parameters
    ----------
    url, root, header
        The store.
    complete
        Number of complete shard rows.
    sizes
        Bytes of the chunks of each array.
    """
    for path, array in _arrays(root):
        own = path.rpartition("/")[0].removeprefix("statistics/") or path
        built = own in header.record_variables
        length = min(array.shape[0], complete * header.records_per_shard) if built else None
        shape = array.shape if length is None else (length, *array.shape[1:])
        cells = (math.ceil(size / chunk) * chunk for size, chunk in zip(shape, array.chunks, strict=True))
        claimed = math.prod(cells) * array.dtype.itemsize
        if claimed > max(SMALL, PACKED * sizes.get(path, 0)):
            raise refused(
                url,
                f"{path!r} claims {claimed:.3g} bytes ({', '.join(map(str, array.shape))} of "
                f"{array.dtype}), but "
                f"its files hold {sizes.get(path, 0)}",
            )


def _arrays(root: zarr.Group) -> Iterator[tuple[str, zarr.Array[Any]]]:
    yield from arrays_of(root)
    statistics = root.get("statistics")
    if isinstance(statistics, zarr.Group):
        with without_notices():
            groups = list(statistics.groups())
        for variable, inner in groups:
            yield from ((f"statistics/{variable}/{field}", array) for field, array in arrays_of(inner))
    if path := summary_path(root):
        summary = root[path]
        assert isinstance(summary, zarr.Group)
        for inner in (summary, *dict(summary.groups()).values()):
            yield from ((array.path, array) for _, array in arrays_of(inner))


def arrays_of(group: zarr.Group) -> list[tuple[str, zarr.Array[Any]]]:
    """Return the arrays in a group; zarr's notices of receipts beside them are left out."""
    with without_notices():
        return list(group.arrays())


@contextmanager
def without_notices() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object at .* is not recognized", ZarrUserWarning)
        yield


def _array(url: str, root: zarr.Group, path: str) -> zarr.Array[Any]:
    found = root.get(path)
    if not isinstance(found, zarr.Array):
        raise refused(url, f"there is no array {path!r}, which attribute 'record_variables' asks for")
    _require_names(url, path, found)
    return found


def _require_names(url: str, path: str, array: zarr.Array[Any]) -> None:
    names = getattr(array.metadata, "dimension_names", None) or ()
    if len(names) != array.ndim or not all(names) or len(set(names)) < len(names):
        raise refused(
            url, f"{path!r} has {array.ndim} axes and dimension_names {list(names)}, expected one each"
        )


def _check_record_array(
    url: str, name: str, array: zarr.Array[Any], header: Header, records: int | None
) -> tuple[int, ...]:
    """Return the lengths of the dimensions along which the statistics of a record stay apart."""
    names = tuple(map(str, array.metadata.dimension_names))  # type: ignore[union-attr, arg-type]
    found = f"{name!r} has shape {array.shape}"
    if not names or names[0] != header.record_dimension:
        raise refused(
            url, f"{name!r} has dimensions {list(names)}, expected {header.record_dimension!r} first"
        )
    if array.shape[0] < 1 or (records is not None and array.shape[0] != records):
        raise refused(url, f"{found}, expected {records or '1 or more'} records")
    if array.dtype.kind not in "biufc":
        raise refused(url, f"{name!r} holds {array.dtype}, expected numbers or bool")
    lengths = (array.shards or array.chunks)[0], array.chunks[0]
    if lengths[0] != header.records_per_shard or lengths[1] < 1 or lengths[0] % lengths[1]:
        raise refused(
            url,
            f"{name!r} has shards of {lengths[0]} records in chunks of {lengths[1]}, expected "
            f"whole chunks in "
            f"shards of {header.records_per_shard} (records_per_shard)",
        )
    if (size := math.prod(array.chunks) * array.dtype.itemsize) > LARGEST_CHUNK:
        raise refused(url, f"a chunk of {name!r} has {size:.3g} bytes, expected at most {LARGEST_CHUNK}")
    axes = str(array.attrs.get("statistics_axes", "")).split()
    sizes = zip(names[1:], array.shape[1:], strict=True)
    return tuple(length for dim, length in sizes if dim in axes)


def _check_statistics(
    url: str, path: str, array: zarr.Array[Any], shape: tuple[int, ...], per_shard: int
) -> None:
    kind = "i" if path.endswith("/count") else "f"
    if array.shape != shape or array.dtype.kind != kind or array.chunks[0] != per_shard:
        raise refused(
            url,
            f"{path!r} has shape {array.shape} of {array.dtype} in chunks of {array.chunks[0]}, "
            f"expected {shape} "
            f"of {'int64' if kind == 'i' else 'float64'} in chunks of {per_shard}",
        )
    if (size := math.prod(array.chunks) * array.dtype.itemsize) > LARGEST_CHUNK:
        raise refused(url, f"a chunk of {path!r} has {size:.3g} bytes, expected at most {LARGEST_CHUNK}")
