"""Direct reading of local Zarr v3 sharded arrays, an inner chunk at a time.

The index of a shard is parsed once; a chunk is read with one system call and decoded straight into the
caller's memory. Checksums of index and chunks are always compared. Format: the Zarr v3 core specification and
its codecs `sharding_indexed` (ZEP 2), `bytes`, `blosc`, `zstd`, `crc32c`.
"""

import json
import math
import os
import stat
import threading
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numcodecs import blosc, zstd

from datasets.store.errors import ContractError
from datasets.store.unpacking import HEADER, size_of_zstd

ABSENT = np.iinfo(np.uint64).max
CHECKSUM_BYTES = 4


class UnsupportedLayout(Exception):
    """The array is stored in a way that only a general reader understands."""


class ShardedArray:
    """A local sharded array whose inner chunks span all axes but the first; else `UnsupportedLayout`.

    Parameters
    ----------
    folder
        Folder of the array, with its `zarr.json`.
    absent_is_error
        Whether a chunk or shard that is not there is an error, or reads as the fill value.
    """

    def __init__(self, folder: Path, *, absent_is_error: bool) -> None:
        metadata = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
        self.folder = folder
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
        self._nbytes = math.prod(inner) * self.dtype.itemsize
        array = zarr.open_array(folder, mode="r")
        self.fill_value = array.fill_value
        self._key = array.metadata.encode_chunk_key
        self._files: dict[int, str] = {}
        self._indices: dict[int, np.ndarray] = {}
        self._scratch = threading.local()

    def shard_file(self, chunk: int) -> str:
        """Return the file that holds an inner chunk."""
        shard = chunk // self._chunks_per_shard
        if shard not in self._files:
            self._files[shard] = str(self.folder / self._key((shard,) + (0,) * (len(self.shape) - 1)))
        return self._files[shard]

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
        target = out.reshape(-1).view(np.uint8)
        if target.nbytes != self._nbytes or not np.shares_memory(target, out):
            raise ValueError(f"buffer of {target.nbytes} bytes, expected {self._nbytes} contiguous ones")
        try:
            file = os.open(self.shard_file(chunk), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return self._fill(chunk, out, "the shard is missing")
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise self._damaged(chunk, "the shard is no plain file")
            offset, length = self._entry(file, chunk)
            if offset == length == ABSENT:
                return self._fill(chunk, out, "the chunk is missing in the shard")
            self._decode(file, chunk, offset, length, target)
        finally:
            os.close(file)
        if self._stored != self.dtype:
            out.byteswap(inplace=True)

    def _entry(self, file: int, chunk: int) -> tuple[int, ...]:
        shard, index = divmod(chunk, self._chunks_per_shard)
        if shard not in self._indices:
            self._indices[shard] = self._read_index(file, chunk)
        return tuple(self._indices[shard][index].tolist())

    def _fill(self, chunk: int, out: np.ndarray, what: str) -> None:
        if self.absent_is_error:
            raise self._damaged(chunk, what)
        out[...] = self.fill_value

    def _damaged(self, chunk: int, what: str) -> ContractError:
        first = chunk * self.records_per_chunk
        last = min(first + self.records_per_chunk, self.shape[0]) - 1
        records = f"record {first}" if first == last else f"records {first} to {last}"
        return ContractError(
            f"variable {self.folder.name!r}, {records}: {what} ({self.shard_file(chunk)}); "
            "find every damage with `surrogates data verify`, then build that row again"
        )

    def _read_index(self, file: int, chunk: int) -> np.ndarray:
        size = self._chunks_per_shard * 16 + CHECKSUM_BYTES * self._index_checked
        end = os.fstat(file).st_size
        if size > end:
            raise self._damaged(chunk, "the shard is shorter than its index")
        start = end - size if self._index_at_end else 0
        raw = np.frombuffer(os.pread(file, size, start), np.uint8)
        if len(raw) != size:
            raise self._damaged(chunk, "the shard is shorter than its index")
        if self._index_checked and not _intact(raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]):
            raise self._damaged(chunk, "the shard index has a wrong checksum")
        entries = raw[: self._chunks_per_shard * 16].view(self._index_stored).astype(np.uint64).reshape(-1, 2)
        present = entries[(entries != ABSENT).any(axis=1)]
        if (present > end).any() or (present.sum(axis=1) > end).any():
            raise self._damaged(chunk, "the shard index points past the end of the file")
        return entries

    def _decode(self, file: int, chunk: int, offset: int, length: int, target: np.ndarray) -> None:
        body = length - CHECKSUM_BYTES * self._checked
        if body < 0 or (self._compressor is None and body != self._nbytes):
            raise self._damaged(chunk, f"the chunk has {body} bytes, expected {self._nbytes}")
        packed = target if self._compressor is None else self._buffer(body)
        tail = np.empty(length - body, np.uint8)
        if os.preadv(file, [packed.data, tail.data], offset) != length:
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
