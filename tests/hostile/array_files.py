"""Hostile files of HDF5, NetCDF and Zarr, for importers and for predictions."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.case import Case, pipe, write
from tests.hostile.reading import LIMIT


def hdf5(fill: Callable[[Any, Path], Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import h5py

        (folder / "secret.bin").write_bytes(bytes(range(64)))
        with h5py.File(folder / "other.h5", "w") as other:
            other["u"] = np.ones((4, 2))
        with h5py.File(folder / "u.h5", "w") as file:
            fill(file, folder)
        return folder / "u.h5"

    return make


def external_link(file: Any, folder: Path) -> None:
    import h5py

    file["u"] = h5py.ExternalLink(str(folder / "other.h5"), "u")


def external_storage(file: Any, folder: Path) -> None:
    file.create_dataset("u", (8, 8), "u1", external=[(str(folder / "secret.bin"), 0, 64)])


def virtual(file: Any, folder: Path) -> None:
    import h5py

    layout = h5py.VirtualLayout((4, 2), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "u", (4, 2))
    file.create_virtual_dataset("u", layout)


def unknown_filter(file: Any, folder: Path) -> None:
    import h5py

    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((4, 2))
    how.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((4, 2))
    h5py.h5d.create(file.id, b"u", h5py.h5t.IEEE_F64LE, space, how)


def endless_groups(file: Any, folder: Path) -> None:
    inner = file.create_group("a/b")
    inner["c"] = file["a"]


def zarr2(**changes: Any) -> Callable[[Path], Path]:
    about = {
        "zarr_format": 2,
        "shape": [4, 2],
        "chunks": [4, 2],
        "dtype": "<f8",
        "compressor": None,
        "fill_value": 0,
        "filters": None,
        "order": "C",
    }

    def make(folder: Path) -> Path:
        store = folder / "u.zarr"
        (store / "u").mkdir(parents=True)
        (store / ".zgroup").write_text('{"zarr_format": 2}')
        (store / "u" / ".zarray").write_text(json.dumps(about | changes))
        (store / "u" / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["sample", "x"]}')
        (store / "u" / "0.0").write_bytes(np.arange(8.0).tobytes())
        return store

    return make


def zarr3(**changes: Any) -> Callable[[Path], Path]:
    about = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [4, 2],
        "data_type": "float64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 2]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
        "dimension_names": ["sample", "x"],
    }

    def make(folder: Path) -> Path:
        store = folder / "u.zarr"
        (store / "u").mkdir(parents=True)
        (store / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
        (store / "u" / "zarr.json").write_text(json.dumps(about | changes))
        return store

    return make


def linked_chunk(folder: Path) -> Path:
    store = zarr2()(folder)
    (store / "u" / "0.0").unlink()
    (store / "u" / "0.0").symlink_to("/etc/passwd")
    return store


def piped_chunk(folder: Path) -> Path:
    store = zarr2()(folder)
    (store / "u" / "0.0").unlink()
    os.mkfifo(store / "u" / "0.0")
    return store


def bomb_in_hdf5(file: Any, folder: Path) -> None:
    made = file.create_dataset("u", (4, 2), "f8", chunks=(4, 2), compression="gzip")
    made.id.write_direct_chunk((0, 0), zlib.compress(bytes(8 * LIMIT)))


def bomb_behind_a_shuffle(file: Any, folder: Path) -> None:
    import h5py

    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((4, 2))
    how.set_deflate(1), how.set_deflate(1)
    h5py.h5d.create(file.id, b"u", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((4, 2)), how)


def packed(codec: str, content: bytes) -> bytes:
    """Return bytes packed by a codec of Zarr."""
    import numcodecs

    return bytes(numcodecs.get_codec({"id": codec}).encode(content))


def bomb_in_zarr2(codec: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        store = zarr2(compressor={"id": codec})(folder)
        (store / "u" / "0.0").write_bytes(packed(codec, bytes(8 * LIMIT)))
        return store

    return make


def chunk_that_states(codec: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes a chunk that states its size, 4 GB."""

    def make(folder: Path) -> Path:
        store = zarr2(compressor={"id": codec})(folder)
        (store / "u" / "0.0").write_bytes(content + bytes(64))
        return store

    return make


def gathered(folder: Path) -> Path:
    """Write an array whose gathered metadata say something else than its own."""
    store = zarr3()(folder)
    own = json.loads((store / "u" / "zarr.json").read_text())
    own["chunk_grid"] = grid(10**9)
    about = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    about["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": {"u": own}}
    (store / "zarr.json").write_text(json.dumps(about))
    return store


def bomb_in_a_shard(folder: Path) -> Path:
    inner = {
        "chunk_shape": [4, 2],
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "gzip"}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    }
    store = zarr3(codecs=[{"name": "sharding_indexed", "configuration": inner}])(folder)
    content = packed("gzip", bytes(LIMIT) * 8)
    (store / "u" / "c" / "0").mkdir(parents=True)
    (store / "u" / "c" / "0" / "0").write_bytes(content + struct.pack("<QQ", 0, len(content)))
    return store


def grid(length: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": [length, 2]}}


ARRAYS = {
    "hdf5 that is sound": Case(
        "generic", hdf5(lambda file, _: file.create_dataset("u", data=np.ones((4, 2)))), ""
    ),
    "hdf5 link to another file": Case("generic", hdf5(external_link), "'/u' is a link to another file"),
    "hdf5 stored in another file": Case("generic", hdf5(external_storage), "'/u' is stored in another file"),
    "hdf5 view of another file": Case("generic", hdf5(virtual), "'/u' is a view of other files"),
    "hdf5 of an unknown filter": Case("generic", hdf5(unknown_filter), "'/u' is packed by the filter 31999"),
    "hdf5 of groups without end": Case("generic", hdf5(endless_groups), "have no end"),
    "hdf5 of 1e12 zeros": Case(
        "generic",
        hdf5(
            lambda file, _: file.create_dataset(
                "u", (500_000_000_000, 2), "f8", chunks=(1024, 2), compression="gzip"
            )
        ),
        "u.h5 has 8,000,000,000,000 bytes once unpacked, .* `most_bytes`",
    ),
    "hdf5 of 1e12 zeros as models": Case(
        "models",
        hdf5(lambda file, _: file.create_dataset("u", (10**6, 1000, 1000), "f4", chunks=(1, 100, 100))),
        "once unpacked, .* `most_bytes`",
    ),
    "hdf5 of a large chunk": Case(
        "generic",
        hdf5(lambda file, _: file.create_dataset("u", (1 << 22, 2), "f8", chunks=(1 << 22, 2))),
        "a chunk of .*'/u' has 67,108,864 bytes, .* `most_bytes`",
    ),
    "hdf5 of a chunk that unpacks without end": Case(
        "generic", hdf5(bomb_in_hdf5), "a chunk of .*'/u' has .* bytes once unpacked, .* `most_bytes`"
    ),
    "hdf5 that is packed twice": Case(
        "generic", hdf5(bomb_behind_a_shuffle), "'/u' is packed by deflate, deflate"
    ),
    "zarr that is sound": Case("generic", zarr2(), ""),
    **{
        f"zarr v2 of a chunk of {codec} without end": Case(
            "generic", bomb_in_zarr2(codec), "a chunk of .*0.0 has .* bytes once unpacked, .* `most_bytes`"
        )
        for codec in ("zlib", "gzip", "bz2", "lzma", "zstd", "blosc", "lz4")
    },
    "zarr v3 of a shard without end": Case("generic", bomb_in_a_shard, "c/0/0 has .* once unpacked"),
    "zarr v2 that is packed twice": Case(
        "generic", zarr2(compressor={"id": "zlib"}, filters=[{"id": "bz2"}]), "is packed by bz2, zlib"
    ),
    **{
        f"zarr v2 of {codec}": Case(
            "generic", zarr2(dtype="|O", filters=[{"id": codec}]), f"\\.zarray is packed by '{codec}'"
        )
        for codec in ("pickle", "json2", "msgpack2", "vlen-bytes", "vlen-array", "categorize")
    },
    "zarr v2 of 1e12 records": Case(
        "generic", zarr2(shape=[10**12, 2]), "u.zarr has 16,000,000,000,000 bytes once unpacked"
    ),
    "zarr v2 of a chunk of no length": Case("generic", zarr2(chunks=[0, 2]), r"chunks \[0, 2\], expected"),
    "zarr v2 of a huge chunk": Case("generic", zarr2(chunks=[10**9, 2]), "a chunk of .*`most_bytes`"),
    "zarr v2 of a negative shape": Case("generic", zarr2(shape=[-1, 2]), r"shape \[-1, 2\], expected"),
    "zarr v2 of a shape of text": Case("generic", zarr2(shape="abc"), 'shape "abc", expected'),
    "zarr v3 of 1e12 records": Case("generic", zarr3(shape=[10**12, 2]), "once unpacked, .* `most_bytes`"),
    "zarr v3 of a chunk of no length": Case("generic", zarr3(chunk_grid=grid(0)), r"chunks \[0, 2\]"),
    "zarr v3 of a huge chunk": Case("generic", zarr3(chunk_grid=grid(10**9)), "a chunk of .*`most_bytes`"),
    "zarr v3 of an unknown codec": Case(
        "generic", zarr3(codecs=[{"name": "numcodecs.pickle"}]), "packed by 'pickle'"
    ),
    "zarr v3 of codecs that are none": Case("generic", zarr3(codecs=[1, "x"]), "zarr.json cannot be read"),
    "zarr with deep metadata": Case(
        "generic",
        lambda folder: Path(write("u.zarr/u/.zarray", b"[" * 100_000)(zarr2()(folder).parent).parents[1]),
        "nested too deeply",
    ),
    "zarr with a chunk that is a link": Case("generic", linked_chunk, "0.0 is a link to something outside"),
    "zarr with a chunk that is a pipe": Case("generic", piped_chunk, "0.0 is a named pipe, expected a file"),
}

INPUTS = {
    "inputs of hdf5": Case(
        "inputs", hdf5(lambda file, _: file.create_dataset("u", data=np.ones((4, 2)))), ""
    ),
    "inputs of zarr": Case("inputs", zarr2(), ""),
    "inputs behind a link": Case("inputs", hdf5(external_link), "'/u' is a link to another file"),
    "inputs of another file": Case("inputs", hdf5(external_storage), "'/u' is stored in another file"),
    "inputs of a view": Case("inputs", hdf5(virtual), "'/u' is a view of other files"),
    "inputs of an unknown filter": Case("inputs", hdf5(unknown_filter), "'/u' is packed by the filter 31999"),
    "inputs of groups without end": Case("inputs", hdf5(endless_groups), "have no end"),
    "inputs of a cut hdf5": Case(
        "inputs", write("u.nc", b"\x89HDF\r\n\x1a\n" + bytes(64)), "u.nc.*(fetch it again|open)"
    ),
    "inputs of a pipe": Case("inputs", pipe("u.nc"), "u.nc is no plain file"),
    "inputs of a huge chunk": Case("inputs", zarr2(chunks=[10**9, 2]), "a chunk of .* at most 1,073,741,824"),
    "inputs with other gathered metadata": Case("inputs", gathered, ""),
    "inputs of an unknown codec": Case("inputs", zarr2(compressor={"id": "pickle"}), "packed by 'pickle'"),
    "inputs of blosc of 4 GB": Case(
        "inputs", chunk_that_states("blosc", b"\2\1\x21\x08\xff\xff\xff\xff"), "4,294,967,295 bytes once"
    ),
    "inputs of lz4 of 4 GB": Case(
        "inputs", chunk_that_states("lz4", b"\xff\xff\xff\xff"), "4,294,967,295 bytes once unpacked"
    ),
    "inputs of zstd of 1e18": Case(
        "inputs",
        chunk_that_states("zstd", b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 10**18)),
        "1,000,000,000,000,000,000 bytes once",
    ),
}
"""What a prediction is made from."""
