"""The shard reader reads what zarr-python, xarray and tensorstore read, and never reads damage silently."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tensorstore
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

from datasets.store.byte_sources import LocalFiles
from datasets.store.errors import ContractError
from datasets.store.shards import ShardedArray, UnsupportedLayout

BITSHUFFLE = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
COMPRESSORS = {"none": [], "blosc": [BITSHUFFLE], "zstd": [ZstdCodec(level=1)]}
DTYPES = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64"]


@dataclass(frozen=True)
class Layout:
    dtype: str
    compressor: str
    checksum: bool
    endian: str
    index_location: str
    records: int
    per_chunk: int
    chunks_per_shard: int
    trailing: tuple[int, ...]
    fill: str = "0"


layouts = st.builds(
    Layout,
    dtype=st.sampled_from(DTYPES),
    compressor=st.sampled_from(sorted(COMPRESSORS)),
    checksum=st.booleans(),
    endian=st.sampled_from(["little", "big"]),
    index_location=st.sampled_from(["start", "end"]),
    records=st.integers(1, 13),
    per_chunk=st.integers(1, 3),
    chunks_per_shard=st.integers(1, 3),
    trailing=st.sampled_from([(), (3,), (5, 4)]),
    fill=st.sampled_from(["0", "1", "nan"]),
)


def fill_value(layout: Layout) -> np.generic:
    dtype = np.dtype(layout.dtype)
    return dtype.type(0 if layout.fill == "nan" and dtype.kind not in "fc" else float(layout.fill))


def write(folder: Path, layout: Layout, values: np.ndarray) -> zarr.Array:
    shard = layout.per_chunk * layout.chunks_per_shard
    root = zarr.open_group(folder, mode="w", zarr_format=3)
    array = root.create_array(
        "field",
        shape=values.shape,
        dtype=values.dtype,
        chunks=(layout.per_chunk, *layout.trailing),
        shards={"shape": (shard, *layout.trailing), "index_location": layout.index_location},
        serializer=BytesCodec(endian=layout.endian) if values.dtype.itemsize > 1 else "auto",
        compressors=[*COMPRESSORS[layout.compressor], *([Crc32cCodec()] if layout.checksum else [])],
        fill_value=fill_value(layout),
        dimension_names=["sample", "y", "x"][: values.ndim],
    )
    array[...] = values  # chunks that hold nothing but the fill value stay absent
    return array


def sharded(folder: Path, *, absent_is_error: bool = True) -> ShardedArray:
    array = zarr.open_array(folder, mode="r")
    return ShardedArray(array, LocalFiles(folder), absent_is_error=absent_is_error)


def read_all(folder: Path, *, absent_is_error: bool = False) -> np.ndarray:
    source = sharded(folder, absent_is_error=absent_is_error)
    length = source.records_per_chunk
    chunks = -(-source.shape[0] // length)
    out = np.empty((chunks * length, *source.shape[1:]), source.dtype)
    for chunk in range(chunks):
        source.read(chunk, out[chunk * length : (chunk + 1) * length])
    return out[: source.shape[0]]


def some_values(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    values = (100 * rng.normal(size=(layout.records, *layout.trailing))).astype(layout.dtype)
    values[rng.random(layout.records) < 0.3] = fill_value(layout)
    return values


@settings(max_examples=60)
@given(layout=layouts, seed=st.integers(0, 2**16), lost=st.integers(0, 5))
def test_equals_zarr_xarray_and_tensorstore(layout: Layout, seed: int, lost: int) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, layout, some_values(layout, np.random.default_rng(seed)))
        for path in list((folder / "field" / "c").rglob("*"))[lost : lost + 1]:
            if path.is_file():
                path.unlink()
        found = read_all(folder / "field")
        assert found.dtype == np.dtype(layout.dtype)
        assert (
            found.tobytes()
            == np.asarray(zarr.open_array(folder / "field")[...]).astype(layout.dtype).tobytes()
        )
        shown = xr.open_zarr(folder, consolidated=False, chunks=None)["field"].values
        np.testing.assert_array_equal(found, shown)
        location = {"driver": "file", "path": f"{folder}/field/"}
        theirs = tensorstore.open({"driver": "zarr3", "kvstore": location}).result().read().result()
        np.testing.assert_array_equal(found, theirs)


@pytest.fixture(params=["end", "start"])
def checked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """An array as our stores have it (with checksums), in two shards."""
    layout = Layout("float32", "blosc", True, "little", request.param, 7, 1, 4, (5, 4))
    values = np.random.default_rng(3).normal(size=(7, 5, 4)).astype(np.float32)
    write(tmp_path, layout, values)
    return tmp_path / "field", values


def assert_error_or_identical(folder: Path, values: np.ndarray) -> bool:
    try:
        found = read_all(folder, absent_is_error=True)
    except ContractError:
        return True
    assert found.tobytes() == values.tobytes()
    return False


def test_no_flipped_byte_goes_unnoticed(checked: tuple[Path, np.ndarray]) -> None:
    folder, values = checked
    shard = folder / "c" / "0" / "0" / "0"
    intact = shard.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for place in range(len(intact)):
        damaged = bytearray(intact)
        damaged[place] ^= int(rng.integers(1, 256))
        shard.write_bytes(damaged)
        noticed += assert_error_or_identical(folder, values)
    assert noticed == len(intact)


def test_no_truncation_goes_unnoticed(checked: tuple[Path, np.ndarray]) -> None:
    folder, values = checked
    shard = folder / "c" / "1" / "0" / "0"
    intact = shard.read_bytes()
    for length in range(len(intact)):
        shard.write_bytes(intact[:length])
        assert_error_or_identical(folder, values)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_a_file_of_anything_is_an_error(content: bytes) -> None:
    with TemporaryDirectory() as place:
        layout = Layout("float32", "none", False, "little", "end", 2, 1, 2, (3,))
        write(Path(place), layout, np.ones((2, 3), np.float32))
        (Path(place) / "field" / "c" / "0" / "0").write_bytes(content)
        with pytest.raises(ContractError):
            read_all(Path(place) / "field", absent_is_error=True)


@pytest.mark.parametrize("compressor", ["blosc", "zstd"])
def test_chunks_that_do_not_decode_are_errors_without_checksums_too(compressor: str, tmp_path: Path) -> None:
    layout = Layout("float32", compressor, False, "little", "end", 2, 1, 2, (50,))
    write(tmp_path, layout, np.ones((2, 50), np.float32))
    shard = tmp_path / "field" / "c" / "0" / "0"
    content = shard.read_bytes()
    shard.write_bytes(bytes(len(content) - 36) + content[-36:])
    with pytest.raises(ContractError, match="record 0: the chunk does not decode"):
        read_all(tmp_path / "field")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ((0, 1 << 40), "points past the end"),
        ((1 << 40, 8), "points past the end"),
        ((2**64 - 8, 16), "points past the end"),
        ((0, 4), "the chunk has 4 bytes, expected 8"),
    ],
)
def test_an_index_without_checksum_must_make_sense(
    entry: tuple[int, int], message: str, tmp_path: Path
) -> None:
    sharding = ShardingCodec(chunk_shape=(1, 2), codecs=[BytesCodec()], index_codecs=[BytesCodec()])
    array = zarr.create_array(
        tmp_path / "field",
        shape=(2, 2),
        dtype="float32",
        chunks=(2, 2),
        serializer=sharding,
        compressors=None,
    )
    array[...] = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(read_all(tmp_path / "field"), 1)
    shard = tmp_path / "field" / "c" / "0" / "0"
    content = shard.read_bytes()
    shard.write_bytes(content[:16] + np.array(entry, "<u8").tobytes() + content[32:])
    with pytest.raises(ContractError, match=message):
        read_all(tmp_path / "field")


def test_a_checksum_error_names_variable_file_and_record(checked: tuple[Path, np.ndarray]) -> None:
    folder, _ = checked
    shard = folder / "c" / "1" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ContractError, match=r"'field', record \d.*checksum.*c/1/0/0.*data verify"):
        read_all(folder)


def test_absent_chunks_and_shards_are_errors_where_all_must_be_there(tmp_path: Path) -> None:
    layout = Layout("float32", "none", True, "little", "end", 4, 1, 2, (3,))
    values = np.ones((4, 3), np.float32)
    values[1] = 0
    write(tmp_path, layout, values)
    folder = tmp_path / "field"
    np.testing.assert_array_equal(read_all(folder), values)
    with pytest.raises(ContractError, match="record 1: the chunk is missing"):
        read_all(folder, absent_is_error=True)
    (folder / "c" / "0" / "0").unlink()
    with pytest.raises(ContractError, match="record 0: the shard is missing"):
        read_all(folder, absent_is_error=True)


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": [GzipCodec()]},
        {"compressors": [Crc32cCodec(), BITSHUFFLE]},
        {"filters": [TransposeCodec(order=(1, 0))]},
        {"shards": None},
        {"chunks": (1, 2)},
        {"dtype": "str"},
    ],
)
def test_other_layouts_are_left_to_a_general_reader(tmp_path: Path, options: dict[str, object]) -> None:
    usual = {"shape": (4, 4), "dtype": "float32", "chunks": (1, 4), "shards": (2, 4), "compressors": []}
    zarr.create_array(tmp_path / "field", **(usual | options))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedLayout):
        sharded(tmp_path / "field")


def test_a_buffer_of_the_wrong_size_is_refused(checked: tuple[Path, np.ndarray]) -> None:
    source = sharded(checked[0])
    with pytest.raises(ValueError, match="expected 80"):
        source.read(0, np.empty((5, 3), np.float32))
