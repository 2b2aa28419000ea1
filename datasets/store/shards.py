"""Direct reading of Zarr v3 sharded arrays, an inner chunk at a time.

The index of a shard is parsed once; a chunk is read by one call and decoded straight into the caller's
memory. Checksums of index and chunks are always compared. A `ByteSource` says where the bytes come from,
local files or objects elsewhere. Format: the Zarr v3 core specification and its codecs `sharding_indexed`
(ZEP 2), `bytes`, `blosc`, `zstd`, `crc32c`.
"""

import json
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numcodecs import blosc, zstd
from zarr.core.buffer import default_buffer_prototype

from datasets.store.byte_sources import ByteSource, IrregularFile, Range
from datasets.store.cache import RecentArrays
from datasets.store.errors import ContractError
from datasets.store.unpacking import HEADER, size_of_zstd

ABSENT = np.iinfo(np.uint64).max
CHECKSUM_BYTES = 4
INDEX_BYTES = 1 << 25
"""Memory for the indices of shards, the ones used last."""

Read = Callable[[int, np.ndarray], None]
"""Reads a chunk into memory."""


class UnsupportedLayout(Exception):
    """The array is stored in a way that only a general reader understands."""


class ShardedArray:
    """A sharded array whose inner chunks span all axes but the first; else `UnsupportedLayout`.

    Parameters
    ----------
    array
        The array, for its metadata.
    source
        The bytes of its shards.
    absent_is_error
        Whether a chunk or shard that is not there is an error, or reads as the fill value.
    """

    def __init__(self, array: zarr.Array[Any], source: ByteSource, *, absent_is_error: bool) -> None:
        metadata = _metadata(array)
        self.name = source.where("").rstrip("/").rpartition("/")[2]
        self.absent_is_error = absent_is_error
        self.shape = tuple(metadata["shape"])
        shard = _named(metadata["chunk_grid"], "regular")["chunk_shape"]
        outer = metadata["codecs"]
        if len(outer) != 1 or metadata.get("storage_transformers"):
            raise UnsupportedLayout("not sharded")
        sharding = _named(outer[0], "sharding_indexed")
        inner = sharding["chunk_shape"]
        if not self.shape or tuple(shard[1:]) != self.shape[1:] or tuple(inner[1:]) != self.shape[1:]:
            raise UnsupportedLayout("chunks split other axes than the first")
        self.records_per_chunk: int = inner[0]
        self._chunks_per_shard: int = shard[0] // inner[0]
        self._stored, self._compressor, self._checked = _chain(sharding["codecs"], metadata["data_type"])
        self.dtype = self._stored.newbyteorder("=")
        self._index_stored, packed, self._index_checked = _chain(sharding["index_codecs"], "uint64")
        if packed is not None:
            raise UnsupportedLayout("compressed index")
        self._index_at_end = sharding.get("index_location", "end") == "end"
        self._index_size = self._chunks_per_shard * 16 + CHECKSUM_BYTES * self._index_checked
        self._nbytes = math.prod(inner) * self.dtype.itemsize
        self._largest = self._nbytes + self._nbytes // 64 + 4096  # that codecs make of random bytes
        self.fill_value = array.fill_value
        self._source = source
        self._encode_key = array.metadata.encode_chunk_key
        self._keys: dict[int, str] = {}
        self._indices = RecentArrays(INDEX_BYTES)
        self._scratch = threading.local()

    def shard_file(self, chunk: int) -> str:
        """Return the file or object that holds an inner chunk."""
        return self._source.where(self._key(chunk // self._chunks_per_shard))

    def read(self, chunk: int, out: np.ndarray) -> None:
        """Read an inner chunk.

        Parameters
        ----------
        chunk
            Number of the chunk along the first axis.
        out
            Contiguous array of the chunk's size and of `dtype`.

        Raises
        ------
        ContractError
            When the chunk is damaged, or absent where it must not be; names file and records.
        """
        self._read(self._source, chunk, out)

    @property
    def elsewhere(self) -> bool:
        """Whether reading takes requests, so that `fetched` gains time."""
        return self._source.fetch is not None

    def fetched(self, chunks: Sequence[int]) -> Read:
        """Fetch the bytes of some inner chunks in requests made at once, and return what reads the chunks."""
        fetch = self._source.fetch
        if fetch is None:
            return self.read
        firsts = {chunk // self._chunks_per_shard: chunk for chunk in chunks}
        new = [shard for shard in firsts if self._indices.get(shard) is None]
        start, stop = (-self._index_size, None) if self._index_at_end else (0, self._index_size)
        indices = fetch([(self._key(shard), start, stop) for shard in new])
        for shard in new:
            with suppress(FileNotFoundError, ContractError):  # told when the chunk is read
                self._indices.put(shard, self._read_index(indices, firsts[shard]))
        return partial(self._read, fetch([each for each in map(self._range, chunks) if each is not None]))

    def _range(self, chunk: int) -> Range | None:
        """Return where the bytes of a chunk are, if that is known and makes sense."""
        shard, index = divmod(chunk, self._chunks_per_shard)
        entries = self._indices.get(shard)
        if entries is None:
            return None
        offset, length = entries[index].tolist()
        return (self._key(shard), offset, offset + length) if 0 < length <= self._largest else None

    def _read(self, source: ByteSource, chunk: int, out: np.ndarray) -> None:
        """Read a chunk; where that fails by an index read before, read both anew: a store may have grown."""
        shard = chunk // self._chunks_per_shard
        known = self._indices.get(shard) is not None
        try:
            self._read_once(source, chunk, out)
        except ContractError:
            if not known:
                raise
            self._indices.forget(shard)
            self._read_once(self._source, chunk, out)

    def _read_once(self, source: ByteSource, chunk: int, out: np.ndarray) -> None:
        target = out.reshape(-1).view(np.uint8)
        if target.nbytes != self._nbytes or not np.shares_memory(target, out):
            raise ValueError(f"buffer of {target.nbytes} bytes, expected {self._nbytes} contiguous ones")
        try:
            offset, length = self._entry(source, chunk)
            if offset == length == ABSENT:
                return self._fill(chunk, out, "the chunk is missing in the shard")
            self._decode(source, chunk, offset, length, target)
        except FileNotFoundError:
            return self._fill(chunk, out, "the shard is missing")
        except IrregularFile:
            raise self._damaged(chunk, "the shard is no plain file") from None
        if self._stored != self.dtype:
            out.byteswap(inplace=True)

    def _key(self, shard: int) -> str:
        if shard not in self._keys:
            self._keys[shard] = self._encode_key((shard,) + (0,) * (len(self.shape) - 1))
        return self._keys[shard]

    def _entry(self, source: ByteSource, chunk: int) -> tuple[int, ...]:
        shard, index = divmod(chunk, self._chunks_per_shard)
        entries = self._indices.get(shard)
        if entries is None:
            entries = self._read_index(source, chunk)
            self._indices.put(shard, entries)
        return tuple(entries[index].tolist())

    def _fill(self, chunk: int, out: np.ndarray, what: str) -> None:
        if self.absent_is_error:
            raise self._damaged(chunk, what)
        out[...] = self.fill_value

    def _damaged(self, chunk: int, what: str) -> ContractError:
        first = chunk * self.records_per_chunk
        last = min(first + self.records_per_chunk, self.shape[0]) - 1
        records = f"record {first}" if first == last else f"records {first} to {last}"
        return ContractError(
            f"variable {self.name!r}, {records}: {what} ({self.shard_file(chunk)}); "
            "find every damage with `surrogates data verify`, then build that row again"
        )

    def _read_index(self, source: ByteSource, chunk: int) -> np.ndarray:
        key = self._key(chunk // self._chunks_per_shard)
        size, end = self._index_size, source.size(key)
        start = -size if self._index_at_end else 0
        raw = np.empty(size, np.uint8)
        if (end is not None and size > end) or source.read_into(key, start, [raw]) != size:
            raise self._damaged(chunk, "the shard is shorter than its index")
        if self._index_checked and not _intact(raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]):
            raise self._damaged(chunk, "the shard index has a wrong checksum")
        entries = raw[: self._chunks_per_shard * 16].view(self._index_stored).astype(np.uint64).reshape(-1, 2)
        present = entries[(entries != ABSENT).any(axis=1)]
        if end is not None and ((present > end).any() or (present.sum(axis=1) > end).any()):
            raise self._damaged(chunk, "the shard index points past the end of the file")
        return entries

    def _decode(self, source: ByteSource, chunk: int, offset: int, length: int, target: np.ndarray) -> None:
        body = length - CHECKSUM_BYTES * self._checked
        if body < 0 or length > self._largest or (self._compressor is None and body != self._nbytes):
            raise self._damaged(chunk, f"the chunk has {body} bytes, expected {self._nbytes}")
        packed = target if self._compressor is None else self._buffer(body)
        tail = np.empty(length - body, np.uint8)
        key = self._key(chunk // self._chunks_per_shard)
        if source.read_into(key, offset, [packed, tail]) != length:
            raise self._damaged(chunk, "the shard is cut short")
        if self._checked and not _intact(packed, tail):
            raise self._damaged(chunk, "the chunk has a wrong checksum")
        try:
            if self._compressor == "blosc":
                _unpack_blosc(packed, target)
            elif self._compressor == "zstd":
                _unpack_zstd(packed, target)
        except (RuntimeError, ValueError) as error:
            raise self._damaged(chunk, f"the chunk does not decode ({error})") from error

    def _buffer(self, size: int) -> np.ndarray:
        buffer: np.ndarray | None = getattr(self._scratch, "buffer", None)
        if buffer is None or len(buffer) < size:
            buffer = self._scratch.buffer = np.empty(size, np.uint8)
        return buffer[:size]


def _metadata(array: zarr.Array[Any]) -> dict[str, Any]:
    """Return the metadata of an array as its file has them."""
    buffers = array.metadata.to_buffer_dict(default_buffer_prototype())
    if "zarr.json" not in buffers:
        raise UnsupportedLayout("no Zarr v3 array")
    return dict(json.loads(buffers["zarr.json"].to_bytes()))


def _intact(body: np.ndarray, checksum: np.ndarray) -> bool:
    return bool(google_crc32c.value(body) == int.from_bytes(checksum, "little"))


def _unpack_blosc(packed: np.ndarray, target: np.ndarray) -> None:
    unpacked, _, length = np.frombuffer(packed[4:16].tobytes(), "<u4").tolist()
    if (unpacked, length) != (len(target), len(packed)):
        raise ValueError(f"blosc header says {unpacked} bytes from {length}")
    blosc.decompress(packed, target)


def _unpack_zstd(packed: np.ndarray, target: np.ndarray) -> None:
    zstd.decompress(packed, target)  # raises for more than the target holds
    unpacked = size_of_zstd(packed[:HEADER].tobytes())
    if unpacked is None:
        unpacked = len(zstd.decompress(packed))
    if unpacked != len(target):
        raise ValueError(f"the zstd frame holds {unpacked} bytes")


def _named(node: dict[str, Any], name: str) -> dict[str, Any]:
    if node["name"] != name:
        raise UnsupportedLayout(f"{node['name']} instead of {name}")
    return dict(node.get("configuration", {}))


def _chain(codecs: list[dict[str, Any]], data_type: object) -> tuple[np.dtype, str | None, bool]:
    """Return stored dtype, compressor and checksum of the chain `bytes` [, compressor] [, `crc32c`]."""
    names = [codec["name"] for codec in codecs]
    compressor = next((name for name in names if name in ("blosc", "zstd")), None)
    expected = ["bytes", *([compressor] if compressor else []), *(["crc32c"] if "crc32c" in names else [])]
    if names != expected or not isinstance(data_type, str):
        raise UnsupportedLayout(f"codecs {names} of {data_type}")
    dtype = np.dtype(data_type)
    if dtype.kind not in "biufc":
        raise UnsupportedLayout(f"data type {data_type}")
    endian = codecs[0].get("configuration", {}).get("endian", "little")
    return dtype.newbyteorder("<" if endian == "little" else ">"), compressor, "crc32c" in names
