"""Random samples from a sharded store: our reader, zarr-python and tensorstore, in CPU time per sample.

Our stores always carry a checksum. Computing it costs every reader the same, about as long as copying the
sample, so the uncompressed store is measured with and without.
"""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import zarr
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import BloscCodec, Crc32cCodec

from benchmarks.speed.rows import Row, faster, measure_pairs
from datasets.store.byte_sources import LocalFiles
from datasets.store.reader import RecordReader
from datasets.store.shards import ShardedArray
from datasets.store.sources import open_tensorstore

CODECS: dict[str, tuple[BytesBytesCodec, ...]] = {
    "uncompressed": (),
    "uncompressed, crc32c": (Crc32cCodec(),),
    "blosc-lz4, crc32c": (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()),
}
TARGETS: dict[str, float | None] = {
    "uncompressed": 8.0,
    "uncompressed, crc32c": None,
    "blosc-lz4, crc32c": 3.0,
}
SIDE = 512  # 1 MiB of float32


def _fields(records: int, side: int) -> np.ndarray:
    """Return smooth fields with noise, which compress about as maps of a solver do."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    phase = rng.random((records, 2, 1, 1), dtype=np.float32) * 6
    smooth = -100 + 20 * np.sin(5 * x + phase[:, 0]) * np.cos(7 * y + phase[:, 1])
    return np.round(smooth + rng.normal(0, 0.5, smooth.shape), 2).astype(np.float32)


def _write(folder: Path, values: np.ndarray, codecs: tuple[BytesBytesCodec, ...]) -> None:
    array = zarr.create_array(
        folder,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(1, *values.shape[1:]),
        shards=(64, *values.shape[1:]),
        compressors=codecs or None,
        fill_value=np.nan,
        config={"write_empty_chunks": True},
    )
    array[...] = values


def _loop(read: Callable[[int], np.ndarray], order: np.ndarray) -> Callable[[], None]:
    def run() -> None:
        for index in order.tolist():
            read(index)

    return run


def _ours(folder: Path) -> Callable[[int], np.ndarray]:
    array = zarr.open_array(folder, mode="r")
    reader = RecordReader({"field": ShardedArray(array, LocalFiles(folder), absent_is_error=True)})
    buffers = reader.empty(1)
    return lambda index: reader.read([index], out=buffers)["field"][0]


def _references(folder: Path) -> dict[str, Callable[[int], np.ndarray]]:
    array = zarr.open_array(folder, mode="r")
    readers: dict[str, Callable[[int], np.ndarray]] = {
        "zarr-python array[i]": lambda index: np.asarray(array[index])
    }
    if importlib.util.find_spec("tensorstore"):
        values = open_tensorstore(folder)
        readers["tensorstore"] = lambda index: values[index : index + 1][0]
    return readers


def run(quick: bool = False) -> list[Row]:
    """Measure one sample at a time, in random order, with the files in the page cache.

    Parameters
    ----------
    quick
        Fewer and smaller samples, one repeat.
    """
    records, side, repeats = (64, 64, 1) if quick else (256, SIDE, 7)
    values = _fields(records, side)
    order = np.random.default_rng(1).permutation(records)
    rows: list[Row] = []
    with TemporaryDirectory() as temporary:
        for name, codecs in CODECS.items():
            folder = Path(temporary) / name
            _write(folder, values, codecs)
            ours = _ours(folder)
            for reference_name, reference in _references(folder).items():
                pairs = measure_pairs(
                    _loop(ours, order),
                    _loop(reference, order),
                    repeats=repeats,
                    clock=time.process_time,
                    per=records / 1e3,
                )
                target = TARGETS[name] if reference_name.startswith("zarr") else None
                size = f"{values[0].nbytes / 2**20:g} MiB"
                row = faster(
                    f"random {size} sample, {name}", "ms CPU", pairs, reference_name, at_least=target
                )
                rows.append(_compared(row, ours, reference, order))
    return rows


def _compared(
    row: Row, ours: Callable[[int], np.ndarray], reference: Callable[[int], np.ndarray], order: np.ndarray
) -> Row:
    """Note whether both read the same bits; a faster reader of other values does not hold."""
    if all(ours(index).tobytes() == reference(index).tobytes() for index in order.tolist()):
        return replace(row, note="bit-identical")
    return replace(row, note="the values differ", holds=False)
