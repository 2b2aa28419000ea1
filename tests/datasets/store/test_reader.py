"""Batches equal xarray's values, whichever way they are read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec

from datasets.store.cache import RecentArrays
from datasets.store.errors import ContractError
from datasets.store.layout import Store
from datasets.store.reader import RecordReader
from datasets.store.sources import FallbackSource, decoded_by_xarray, open_source

Arrays = dict[str, np.ndarray]
ORDER = [7, 0, 3, 3, 9, 1]


@pytest.mark.parametrize("place", ["{folder}/data.zarr", "memory://{folder}/data.zarr"])
@pytest.mark.parametrize("records_per_chunk", [1, 2, None])
def test_a_batch_is_what_was_written(
    place: str, records_per_chunk: int | None, make: Callable[..., Store], arrays: Arrays, tmp_path: Path
) -> None:
    store = make(place.format(folder=tmp_path), records_per_chunk=records_per_chunk)
    reader = store.reader(list(arrays))
    assert reader.direct
    for order in (ORDER, [9], []):
        batch = reader.read(order)
        for name, values in arrays.items():
            assert batch[name].dtype == values.dtype
            np.testing.assert_array_equal(batch[name], values[np.array(order, int)])


def test_buffers_are_reused(store: Store, arrays: Arrays) -> None:
    reader = store.reader(["path_gain", "city"])
    buffers = reader.empty(8)
    batch = reader.read(ORDER, out=buffers)
    assert all(np.shares_memory(batch[name], buffers[name]) for name in batch)
    np.testing.assert_array_equal(batch["path_gain"], arrays["path_gain"][ORDER])
    with pytest.raises(
        ContractError, match=r"buffer of variable 'path_gain': float32 \(2, 6, 8\), expected .*6"
    ):
        reader.read(ORDER, out=reader.empty(2))


def test_records_that_do_not_exist_are_refused(store: Store) -> None:
    with pytest.raises(IndexError, match="records -1 to 10 asked for, the store has 10"):
        store.reader(["city"]).read([10, -1])


def test_one_and_many_threads_read_the_same(store: Store, arrays: Arrays) -> None:
    for threads in (1, 5):
        sources = {n: open_source(store.url, store.array(n), store.dataset()[n].variable) for n in arrays}
        batch = RecordReader(sources, threads=threads).read(np.arange(10))
        np.testing.assert_array_equal(batch["response"], arrays["response"])


def test_a_chunk_of_several_records_is_decoded_once(make: Callable[..., Store], tmp_path: Path) -> None:
    store = make(str(tmp_path / "data.zarr"), records_per_chunk=2)
    source = open_source(store.url, store.array("path_gain"), store.dataset()["path_gain"].variable)
    reads: list[int] = []

    class Counting:
        shape, dtype, records_per_chunk = source.shape, source.dtype, source.records_per_chunk

        def read(self, chunk: int, out: np.ndarray) -> None:
            reads.append(chunk)
            source.read(chunk, out)

    reader = RecordReader({"path_gain": Counting()})
    for order in ([4, 0], [1, 5], [0, 1]):
        reader.read(order)
    assert sorted(reads) == [0, 2]


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache = RecentArrays(limit=20)
    for number in range(2):
        cache.put(("a", number), np.zeros(8, np.uint8))
    cache.get(("a", 0))
    cache.put(("a", 2), np.zeros(8, np.uint8))
    assert [cache.get(("a", number)) is not None for number in range(3)] == [True, False, True]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def test_damage_stops_a_batch_and_names_the_shard(store: Store) -> None:
    flip(Path(store.url) / "path_gain" / "c" / "1" / "0" / "0")
    reader = store.reader(["path_gain", "city"])
    reader.read([0, 9])
    with pytest.raises(ContractError, match=r"variable 'path_gain', record \d: .*path_gain/c/1/0/0"):
        reader.read(np.arange(10))


def stored(folder: Path, values: np.ndarray, **options: object) -> zarr.Array:
    root = zarr.open_group(folder, mode="w", zarr_format=3)
    usual = {
        "chunks": (1, *values.shape[1:]),
        "shards": (4, *values.shape[1:]),
        "dimension_names": ("sample", "x"),
    }
    return root.create_array("field", data=values, **(usual | options))


def shown(folder: Path) -> xr.Variable:
    return xr.open_zarr(folder, chunks=None, consolidated=False)["field"].variable


def fallback(folder: Path, array: zarr.Array) -> FallbackSource:
    source = open_source(str(folder), array, shown(folder))
    assert isinstance(source, FallbackSource)
    return source


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": [GzipCodec()]},
        {"shards": None, "chunks": (3, 4)},
        {"attributes": {"scale_factor": 0.5, "add_offset": 2.0}},
        {"attributes": {"units": "days since 2000-01-01", "calendar": "standard"}},
        {"attributes": {"missing_value": 7}},
    ],
)
@pytest.mark.parametrize("tensorstore", [True, False])
def test_what_the_shard_reader_leaves_is_read_as_xarray_shows_it(
    options: dict[str, object], tensorstore: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not tensorstore:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    values = np.arange(40, dtype=np.int16).reshape(10, 4)
    reader = RecordReader({"field": fallback(tmp_path, stored(tmp_path, values, **options))})
    expected = shown(tmp_path).values
    found = reader.read(ORDER)["field"]
    assert found.dtype == expected.dtype and not reader.direct
    np.testing.assert_array_equal(found, expected[ORDER])


@pytest.mark.parametrize("tensorstore", [True, False])
def test_the_fallback_refuses_damage_and_missing_shards(
    tensorstore: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not tensorstore:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    values = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)
    array = stored(tmp_path, values, compressors=[GzipCodec(), Crc32cCodec()])
    shards = tmp_path / "field" / "c"
    flip(shards / "0" / "0")
    (shards / "1" / "0").unlink()
    reader = RecordReader({"field": fallback(tmp_path, array)})
    with pytest.raises(ContractError, match=r"'field', records \d to \d"):
        reader.read([0, 1, 2, 3])
    with pytest.raises(ContractError, match="field/c/1/0 is missing"):
        reader.read([5])


@pytest.mark.parametrize(
    ("attributes", "decoded"),
    [
        ({"units": "m", "valid_min": 0.0, "grid_mapping": "crs"}, False),
        ({"units": "s", "long_name": "time of arrival"}, False),
        ({"_FillValue": "AAAAAAAA+H8="}, False),  # NaN as xarray writes it
        ({"_FillValue": "AAAAAAAAAAA="}, True),
        ({"scale_factor": 2.0}, True),
        ({"units": "hours since 1970-01-01"}, True),
    ],
)
def test_packing_fill_values_and_times_are_told_from_plain_values(
    attributes: dict[str, object], decoded: bool, tmp_path: Path
) -> None:
    array = stored(
        tmp_path, np.ones((2, 3), np.float64), attributes=attributes, compressors=[BloscCodec(cname="lz4")]
    )
    assert decoded_by_xarray(array, shown(tmp_path)) is decoded
