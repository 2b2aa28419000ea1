"""Hostile files by kind: how each is made, who of `tests.hostile.reading` reads it, and what is said."""

import bz2
import gzip
import io
import json
import lzma
import os
import re
import socket
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.datasets.radio.maps import degrees, square
from tests.datasets.uav.logs import OF_ROS2, write_bag2
from tests.datasets.uav.test_rosbag import flown
from tests.hostile.reading import LIMIT

MEGABYTE = 1 << 20


class Case(NamedTuple):
    """Who reads what is made in a folder, and the pattern of the one line (empty: it is read)."""

    read: str
    make: Callable[[Path], Path]
    said: str


def write(name: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes a file."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


# NumPy


def npy_header(text: str, version: tuple[int, int] = (1, 0)) -> bytes:
    head = text.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(head))
    return b"\x93NUMPY" + bytes(version) + length + head


def npy(text: str) -> Callable[[Path], Path]:
    return write("u.npy", npy_header(text) + bytes(64))


def npz(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "u.npz", "w", packing, compresslevel=1) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return folder / "u.npz"

    return make


class Forbidden:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.system, ("touch unpickled",))


def pickled(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        array = np.array([[Forbidden()]], dtype=object)
        if suffix == "npy":
            np.save(folder / "u.npy", array, allow_pickle=True)
        else:
            np.savez(folder / "u.npz", u=array, allow_pickle=True)
        return folder / f"u.{suffix}"

    return make


def of_zeros(rows: int) -> bytes:
    return (
        npy_header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 1024)}}")
        + bytes(4096) * rows
    )


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 4)}"
NUMPY = {
    "npy of objects": Case("generic", pickled("npy"), "u.npy holds Python objects"),
    "npz of objects": Case("generic", pickled("npz"), "array 'u' holds Python objects"),
    "npy of objects as a raster": Case("raster", pickled("npy"), "holds Python objects"),
    "npy of objects as models": Case("models", pickled("npy"), "holds Python objects"),
    "npy of 1e12 rows": Case("generic", npy(HUGE), "u.npy states 32,000,000,000,000 bytes .* but holds 64"),
    "npy of 1e12 rows as a raster": Case("raster", npy(HUGE), "states 32,000,000,000,000 bytes"),
    "npy of 1e12 rows as a section": Case("section", npy(HUGE), "states 32,000,000,000,000 bytes"),
    "npy with a broken header": Case(
        "generic", npy("{'descr': '<f8', 'shape': ((((("), "u.npy cannot be read"
    ),
    "npy with a negative shape": Case(
        "generic",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-4, 2)}"),
        r"u.npy states the shape \(-4, 2\)",
    ),
    "npy with code for a header": Case(
        "generic", npy("__import__('os').system('touch run')"), "u.npy cannot be read"
    ),
    "npy with a type of a gigabyte": Case(
        "generic",
        npy("{'descr': '|V1000000000', 'fortran_order': False, 'shape': (4, 2)}"),
        "u.npy states 8,000,000,000 bytes",
    ),
    "npy with a header of 4 GB": Case(
        "generic",
        write("u.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"),
        "u.npy (cannot be read|states sizes)",
    ),
    "npz of zeros": Case("generic", npz({"u.npy": of_zeros(4096)}), "u.npz has 16,777,216 .* `most_bytes`"),
    "npz of zeros as models": Case(
        "models", npz({"u.npy": of_zeros(4096)}), "array 'u' has 16,777,216 bytes, .* `most_bytes`"
    ),
    "npz of zeros as a section": Case(
        "section", npz({f"{each}.npy": of_zeros(4096) for each in ("model", "z", "x")}), "`most_bytes`"
    ),
    "npz with a lying header": Case("generic", npz({"u.npy": npy_header(HUGE)}), "'u' states 32,000,000,000"),
    "npz with a cut member": Case(
        "generic", lambda folder: cut(npz({"u.npy": of_zeros(8)})(folder), 40), "u.npz cannot be read"
    ),
    "npz of another packing": Case(
        "generic",
        lambda folder: poke(npz({"u.npy": of_zeros(8)})(folder), {b"\x08\x00": b"\x63\x00"}),
        "u.npz.* cannot be read",
    ),
}


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def poke(path: Path, changes: dict[bytes, bytes]) -> Path:
    content = path.read_bytes()
    for old, new in changes.items():
        assert old in content
        content = content.replace(old, new)
    path.write_bytes(content)
    return path


# HDF5, NetCDF, Zarr


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
    "zarr that is sound": Case("generic", zarr2(), ""),
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

# Maps

FOOTPRINT = [*degrees(square(0, 0, 40)), degrees(square(0, 0, 40))[0]]


def collection(**feature: Any) -> bytes:
    sound = {
        "type": "Feature",
        "properties": {"building": "yes"},
        "geometry": {"type": "Polygon", "coordinates": [FOOTPRINT]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [sound | feature]}).encode()


def footprints(content: bytes) -> Callable[[Path], Path]:
    return write("a.geojson", content)


NODES = "".join(
    f'<node id="{number}" version="1" lat="{lat!r}" lon="{lon!r}"/>'
    for number, (lon, lat) in enumerate(FOOTPRINT[:4], 1)
)
WAY = (
    '<way id="9" version="1">'
    + "".join(f'<nd ref="{each}"/>' for each in (1, 2, 3, 4, 1))
    + '<tag k="building" v="yes"/></way>'
)
OSM = f'<?xml version="1.0"?><osm version="0.6">{NODES}{WAY}</osm>'
LAUGHS = (
    '<!DOCTYPE osm [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]>"
)


def osm(text: str) -> Callable[[Path], Path]:
    return write("a.osm", text.encode())


def declared(declaration: str, text: str) -> Callable[[Path], Path]:
    """Return what writes an odd OSM file, which Python's parser reads, with a declaration and a tag."""
    odd = OSM.replace('id="9"', 'id="-9"').replace('v="yes"', f'v="{text}"')
    return osm(odd.replace("?>", f"?>{declaration}"))


MAPS = {
    "geojson that is sound": Case("buildings", footprints(collection()), ""),
    "geojson of 100000 brackets": Case("buildings", footprints(b"[" * 100_000), "nested too deeply"),
    "geojson lines with a deep one": Case(
        "buildings", footprints(b'{"type": "Feature"}\n' + b"[" * 100_000), "nested too deeply|no whole JSON"
    ),
    "geojson of a long number": Case(
        "buildings", footprints(b'{"a": ' + b"1" * 10_000 + b"}"), "a number of thous"
    ),
    "geojson of truth values": Case("buildings", footprints(collection(properties=True)), ""),
    "geojson of lists for properties": Case("buildings", footprints(collection(properties=[1, 2])), ""),
    "geojson with a deep text in it": Case(
        "buildings", footprints(collection(properties={"building": "yes", "tags": '{"a":' * 100_000})), ""
    ),
    "geojson of a system that is text": Case(
        "buildings",
        footprints(collection()[:-1] + b', "crs": {"properties": "EPSG:4326"}}'),
        "coordinate system without a name",
    ),
    "geojson of a geometry that is true": Case(
        "buildings", footprints(collection(geometry={"type": "Polygon", "coordinates": True})), "no polygon"
    ),
    "geojson of huge coordinates": Case(
        "buildings",
        footprints(collection(geometry={"type": "Polygon", "coordinates": [[[10**400, 0]] * 4]})),
        "no polygon",
    ),
    "geojson of nested collections": Case(
        "buildings",
        footprints(
            collection(geometry=None).replace(
                b'"geometry": null',
                b'"geometry": ' + b'{"type": "GeometryCollection", "geometries": [' * 400 + b"]}" * 400,
            )
        ),
        "no polygon",
    ),
    "geojson that is too large": Case(
        "buildings",
        footprints(collection() + b" " * LIMIT),
        "a.geojson has .* bytes, at most .* `most_bytes`",
    ),
    "geojson packed by gzip": Case(
        "buildings",
        write("a.geojson.gz", gzip.compress(collection() + b" " * 4 * LIMIT)),
        "a.geojson.gz unpacks to more than 8,388,608 bytes; .* `most_bytes`",
    ),
    "geojson packed by bzip2": Case(
        "buildings",
        write("a.geojson.bz2", bz2.compress(collection() + b" " * 4 * LIMIT)),
        "a.geojson.bz2 unpacks to more than",
    ),
    "osm that is sound": Case("buildings", osm(OSM), ""),
    "osm of a billion laughs": Case("buildings", declared(LAUGHS, "&j;"), "declares a document type"),
    "osm with an external entity": Case(
        "buildings",
        declared('<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
        "declares a document type",
    ),
    "osm with an external type": Case(
        "buildings",
        osm(OSM.replace("?>", '?><!DOCTYPE osm SYSTEM "http://localhost/x.dtd">')),
        "document type",
    ),
    "osm of a latitude that is no number": Case(
        "buildings", osm(OSM.replace('lat="', 'lat=" ', 1)), "a.osm is no whole OSM file"
    ),
    "osm of a node of 1e30": Case("buildings", osm(OSM.replace('id="4"', f'id="{10**30}"')), "a.osm"),
    "osm of a way of -1e30": Case("buildings", osm(OSM.replace('id="9"', f'id="-{10**30}"')), ""),
    "osm of a node of no number": Case(
        "buildings", osm(OSM.replace('id="9"', 'id="-x"')), "a.osm has '-x' for a number"
    ),
    "osm of 100000 levels": Case("buildings", osm(OSM.replace("<osm", "<a>" * 100_000 + "<osm")), "a.osm"),
    "osm of odd nodes packed by gzip": Case(
        "buildings",
        write("a.osm.gz", gzip.compress(OSM.replace('id="9"', 'id="-9"').encode() + b" " * 4 * LIMIT)),
        "a.osm.gz unpacks to more than",
    ),
    "osm of zeros packed by bzip2": Case(
        "buildings",
        write("a.osm.bz2", bz2.compress(OSM.encode()) + 8 * bz2.compress(b" " * LIMIT)),
        "a.osm.bz2 unpacks to more than",
    ),
    "osm cut by gzip": Case(
        "buildings", write("a.osm.gz", gzip.compress(OSM.encode())[:-9]), "no whole OSM file"
    ),
}

# Pictures


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"".join(chunk(*each) for each in (*chunks, (b"IDAT", zlib.compress(bytes(100)))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


PICTURES = {
    "png that is postscript": Case(
        "grey",
        write("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 256 256\nshowpage\n"),
        "is no picture of",
    ),
    "png that is a tiff": Case("grey", write("a.png", b"II*\x00" + bytes(64)), "is no picture of PNG or GIF"),
    "png of 60000 x 60000": Case("grey", write("a.png", png(60000, 60000)), "has 60000 x 60000 pixels"),
    "gif of 65535 x 65535": Case(
        "grey", write("a.gif", b"GIF89a\xff\xff\xff\xff" + bytes(40)), "has 65535 x 65535 pixels"
    ),
    "gif of a larger frame": Case(
        "grey",
        write("a.gif", b"GIF89a\0\1\0\1\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;" + bytes(9)),
        "a.gif",
    ),
    "png of half its pixels": Case("grey", write("a.png", png(256, 256)), "a.png cannot be read"),
    "png of a text that unpacks": Case(
        "grey",
        write("a.png", png(256, 256, (b"zTXt", b"a\0\0" + zlib.compress(bytes(64 * MEGABYTE))))),
        "a.png",
    ),
    "png that is cut in its head": Case("grey", write("a.png", png(256, 256)[:20]), "is no picture of"),
}

# Text and archives

FLIGHT = "timestamp,tx,ty,tz\n" + "".join(f"{0.1 * n:.1f},{0.3 * n:.2f},0,10\n" for n in range(80))


def tar(name: str, *members: tuple[tarfile.TarInfo, bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with tarfile.open(folder / name, "w:gz" if name.endswith("gz") else "w") as archive:  # type: ignore[call-overload]
            for info, content in members:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return folder / name

    return make


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def tar_of_a_negative_size(folder: Path) -> Path:
    path = tar("a.tar", (info("a.csv"), FLIGHT.encode()))(folder)
    head = bytearray(path.read_bytes())
    head[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512 in base 256
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    path.write_bytes(head)
    return path


def sparse_tar(folder: Path) -> Path:
    about = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(10**12)}
    with tarfile.open(folder / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        member = info("a.csv")
        member.pax_headers = about
        content = b"1\n0\n10\n".ljust(512, b"\0") + b"0123456789"
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return folder / "a.tar"


TEXTS = {
    "csv that is sound": Case("csv", write("a.csv", FLIGHT.encode()), ""),
    "csv that is too large": Case("csv", write("a.csv", FLIGHT.encode() * 9000), "a.csv has .* `most_bytes`"),
    "csv of one long line": Case("csv", write("a.csv", b"1," * (3 * MEGABYTE)), "a.csv"),
    "csv of 300000 columns": Case(
        "csv",
        write("a.csv", ",".join(f"c{n}" for n in range(300_000)).encode() + b"\n" + b"1," * 300_000 + b"\n"),
        "a.csv, line 1: 2,288,889 characters",
    ),
    "csv of one long cell": Case("csv", write("a.csv", b"timestamp,tx,ty,tz\n" + b"1" * MEGABYTE), "a.csv"),
    "csv of an open quote": Case("csv", write("a.csv", FLIGHT.encode() + b'"' + b"1\n" * 100_000), "a.csv"),
    "drive test that is too large": Case("drive", write("a.csv", b"a,b\n" * 3 * MEGABYTE), "`most_bytes`"),
    "drive test of 300000 columns": Case(
        "drive", write("a.csv", b"a," * 300_000 + b"\n" + b"1," * 9), "a.csv"
    ),
    "tum of one long line": Case("tum", write("a.txt", b"1 " * (3 * MEGABYTE)), "a.txt"),
    "tar of absolute names": Case("csv", tar("a.tar", (info("/tmp/x/../a.csv"), FLIGHT.encode())), ""),
    "tar of links": Case(
        "csv",
        tar("a.tar", (info("a.csv", tarfile.SYMTYPE, "/etc/passwd"), b"")),
        "holds no file that ends in",
    ),
    "tar of devices": Case(
        "csv", tar("a.tar", (info("a.csv", tarfile.CHRTYPE), b"")), "holds no file that ends"
    ),
    "tar of a negative size": Case("csv", tar_of_a_negative_size, "a.tar: 'a.csv' has -512 bytes"),
    "tar of 1e12 bytes that are sparse": Case(
        "csv", sparse_tar, "a.csv has 1,000,000,000,000 bytes, .* `most"
    ),
    "tar of long names of long names": Case(
        "csv",
        lambda folder: poke_names(folder, 3000),
        "a.tar cannot be read as a tar archive",
    ),
    "tar.gz of zeros": Case(
        "csv",
        tar("a.tar.gz", (info("a.csv"), FLIGHT.encode()), (info("b"), bytes(4 * LIMIT))),
        "unpacks to more",
    ),
    "tar.bz2 of zeros": Case("csv", write("a.tar", 8 * bz2.compress(bytes(LIMIT))), "a.tar .*"),
    "tar.xz of zeros": Case("csv", write("a.tar", lzma.compress(bytes(4 * LIMIT))), "a.tar .*"),
    "tar cut in a member": Case(
        "csv", lambda folder: cut(tar("a.tar", (info("a.csv"), FLIGHT.encode()))(folder), 9800), "a.tar"
    ),
}


def poke_names(folder: Path, count: int) -> Path:
    head = info("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    head.size = 5
    block = head.tobuf(tarfile.GNU_FORMAT) + b"a.csv".ljust(512, b"\0")
    (folder / "a.tar").write_bytes(block * count)
    return folder / "a.tar"


# What is no file


def pipe(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def pipe_among(name: str, beside: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Return what makes a folder in which a named pipe lies beside a sound file."""

    def make(folder: Path) -> Path:
        inner = folder / "inner"
        inner.mkdir()
        beside(inner)
        os.mkfifo(inner / name)
        return inner

    return make


def link(name: str, target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).symlink_to(target)
        return folder / name

    return make


def plug(folder: Path) -> Path:
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("a.csv")
    finally:
        os.chdir(here)
    return folder / "a.csv"


NO_FILES = {
    **{
        f"pipe for {reader}": Case(reader, pipe(name), f"{name} is a named pipe, expected a file")
        for reader, name in {
            "generic": "u.npy",
            "buildings": "a.osm",
            "grey": "a.png",
            "raster": "a.npy",
            "drive": "a.csv",
            "section": "a.npz",
            "models": "a.npy",
            "segy": "a.sgy",
            "csv": "a.csv",
            "tum": "a.txt",
            "bag": "a.bag",
            "ulog": "a.ulg",
        }.items()
    },
    "pipe among flights": Case(
        "csv", pipe_among("b.csv", write("a.csv", FLIGHT.encode())), "b.csv is a named"
    ),
    "pipe among models": Case("models", pipe_among("b.npy", npy(HUGE)), "b.npy is a named pipe"),
    "pipe among lines": Case("segy", pipe_among("b.sgy", write("c.txt", b"")), "b.sgy is a named pipe"),
    "socket for a flight": Case("csv", plug, "a.csv is a socket, expected a file"),
    "device for a flight": Case("csv", link("a.csv", "/dev/zero"), "a.csv is a device, expected a file"),
    "device for a map": Case("buildings", link("a.osm", "/dev/zero"), "a.osm is a device, expected a file"),
    "device for an array": Case("generic", link("u.npy", "/dev/zero"), " is a device, expected a file"),
    "link to nothing for a flight": Case(
        "csv", link("a.csv", "/nowhere/b.csv"), "is a link to /nowhere/b.csv, which"
    ),
    "link to itself for a map": Case("buildings", link("a.osm", "a.osm"), "a.osm (cannot be opened|.*)"),
    "folder for a picture": Case("grey", lambda folder: folder, "is a folder, expected a file"),
}

# Logs


def ulog(formats: list[str], more: bytes = b"") -> Callable[[Path], Path]:
    def message(kind: bytes, content: bytes) -> bytes:
        return struct.pack("<HB", len(content), kind[0]) + content

    head = b"ULog\x01\x12\x35\x01" + bytes(8) + message(b"B", bytes(40))
    body = b"".join(message(b"F", each.encode()) for each in formats)
    asked = message(b"A", struct.pack("<BH", 0, 0) + b"vehicle_local_position")
    return write("a.ulg", head + body + asked + more)


def bag1(packing: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes a bag of ROS 1 whose one chunk unpacks to more than its header states."""

    def field(name: str, value: bytes) -> bytes:
        return struct.pack("<I", len(name) + 1 + len(value)) + name.encode() + b"=" + value

    def record(content: bytes, *fields: bytes) -> bytes:
        head = b"".join(fields)
        return struct.pack("<I", len(head)) + head + struct.pack("<I", len(content)) + content

    number = struct.pack("<I", 0)
    about = b"".join(
        (
            field("topic", b"/odom"),
            field("type", b"nav_msgs/Odometry"),
            field("md5sum", b"cd5e73d190d741a2f92e81eda573aca7"),
            field("message_definition", b"uint8 x\n"),
        )
    )
    connection = record(about, field("op", b"\x07"), field("conn", number), field("topic", b"/odom"))
    chunk = record(
        content,
        field("op", b"\x05"),
        field("compression", packing.encode()),
        field("size", struct.pack("<I", 100)),
    )
    index = record(
        struct.pack("<III", 1, 0, 0),
        field("op", b"\x04"),
        field("ver", struct.pack("<I", 1)),
        field("conn", number),
        field("count", struct.pack("<I", 1)),
    )
    magic = b"#ROSBAG V2.0\n"

    def head(position: int) -> bytes:
        fields = (
            field("op", b"\x03"),
            field("index_pos", struct.pack("<Q", position)),
            field("conn_count", struct.pack("<I", 1)),
            field("chunk_count", struct.pack("<I", 1)),
        )
        return record(b" " * 100, *fields)

    first = len(magic) + len(head(0))
    info_of_chunk = record(
        struct.pack("<II", 0, 1),
        field("op", b"\x06"),
        field("ver", struct.pack("<I", 1)),
        field("chunk_pos", struct.pack("<Q", first)),
        field("start_time", bytes(8)),
        field("end_time", bytes(8)),
        field("count", struct.pack("<I", 1)),
    )
    position = first + len(chunk) + len(index)
    return write("a.bag", magic + head(position) + chunk + index + connection + info_of_chunk)


def bag2(change: Callable[[Path], Any], plugin: str = "SQLITE3") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from rosbags.rosbag2 import StoragePlugin

        path = write_bag2(folder / "a", flown(OF_ROS2), StoragePlugin[plugin])
        return change(path) or path

    return make


def sql(*commands: str) -> Callable[[Path], Path]:
    """Return what changes the database of a bag of ROS 2, and gives its file."""

    def change(path: Path) -> Path:
        (file,) = path.glob("*.db3")
        with sqlite3.connect(file) as database:
            for command in commands:
                database.execute(command)
        database.close()
        return file

    return bag2(change)


def metadata(change: Callable[[str], str]) -> Callable[[Path], Path]:
    def edit(path: Path) -> None:
        file = path / "metadata.yaml"
        file.write_text(change(file.read_text()))

    return bag2(edit)


def packed_bag(path: Path) -> None:
    from rosbags.rosbag2.reader import zstd

    (file,) = path.glob("*.db3")
    (path / f"{file.name}.zstd").write_bytes(zstd.compress(bytes(4 * LIMIT)))
    about = path / "metadata.yaml"
    text = about.read_text().replace(file.name, f"{file.name}.zstd")
    text = text.replace("compression_format: ''", "compression_format: zstd")
    about.write_text(text.replace("compression_mode: ''", "compression_mode: FILE"))


def packed_messages(path: Path) -> None:
    from rosbags.rosbag2.reader import zstd

    (file,) = path.glob("*.db3")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE messages SET data = ?", (zstd.compress(bytes(4 * LIMIT)),))
    database.close()
    about = path / "metadata.yaml"
    text = about.read_text().replace("compression_format: ''", "compression_format: zstd")
    about.write_text(text.replace("compression_mode: ''", "compression_mode: MESSAGE"))


def mcap(packing: str) -> Callable[[Path], Path]:
    """Return what writes an MCAP file whose one chunk unpacks to more than it states."""

    def make(folder: Path) -> Path:
        import lz4.frame
        from rosbags.rosbag2.reader import zstd

        pack = {"zstd": zstd.compress, "lz4": lz4.frame.compress}[packing]
        packed = pack(bytes(4 * LIMIT))

        def record(code: int, content: bytes) -> bytes:
            return bytes([code]) + struct.pack("<Q", len(content)) + content

        def text(content: str) -> bytes:
            return struct.pack("<I", len(content)) + content.encode()

        magic = b"\x89MCAP0\r\n"
        chunk = struct.pack("<QQQI", 0, 1, 100, 0) + text(packing) + struct.pack("<Q", len(packed)) + packed
        (folder / "a.mcap").write_bytes(
            magic + record(1, text("ros2") + text("x")) + record(6, chunk) + record(2, bytes(20)) + magic
        )
        return folder / "a.mcap"

    return make


LOGS = {
    "ulog of a format in itself": Case(
        "ulog", ulog(["vehicle_local_position:vehicle_local_position x;"]), "holds itself"
    ),
    "ulog of formats in formats": Case(
        "ulog", ulog(["a:uint8_t[60000] x;", "vehicle_local_position:a[60000] x;"]), "more than 65,535 bytes"
    ),
    "ulog of messages of no length": Case("ulog", ulog([], bytes(30_000)), "a.ulg"),
    "ulog of unknown messages": Case("ulog", ulog([], b"\xff\xff\xff" * 10_000), "a.ulg"),
    "ulog of empty messages of data": Case(
        "ulog", ulog(["vehicle_local_position:uint64_t timestamp;"], b"\0\0D" * 10_000), "a.ulg"
    ),
    "bag of ROS 1 with a chunk of bzip2": Case(
        "bag", bag1("bz2", bz2.compress(bytes(4 * LIMIT))), "a packed chunk or message of more than 8,388,608"
    ),
    "bag that is sound": Case("bag", bag2(lambda path: None), ""),
    "mcap with a chunk of zstd": Case(
        "bag", mcap("zstd"), "a packed chunk or message of more than 8,388,608"
    ),
    "mcap with a chunk of lz4": Case("bag", mcap("lz4"), "a packed chunk or message of more than 8,388,608"),
    "bag of packed messages": Case("bag", bag2(packed_messages), "a packed chunk or message of more than"),
    "bag of packed files": Case("bag", bag2(packed_bag), "db3.zstd unpacks to more than"),
    "bag of an endless view": Case(
        "bag",
        sql(
            "DROP TABLE schema",
            "CREATE VIEW schema AS WITH RECURSIVE n(schema_version) AS (SELECT 0 UNION ALL SELECT "
            "schema_version + 1 FROM n) SELECT max(schema_version) AS schema_version FROM n",
        ),
        "has the view 'schema'",
    ),
    "bag with a trigger": Case(
        "bag",
        sql("CREATE TRIGGER t AFTER INSERT ON topics BEGIN DELETE FROM messages; END"),
        "has the trigger 't'",
    ),
    "bag with a virtual table": Case(
        "bag", sql("CREATE VIRTUAL TABLE v USING fts5(a)"), "has the virtual table 'v'"
    ),
    "bag with computed columns": Case(
        "bag",
        sql("ALTER TABLE messages ADD COLUMN big GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL"),
        "has the table with computed columns 'messages'",
    ),
    "bag of 1e9 messages": Case(
        "bag", metadata(lambda text: re.sub(r"message_count: (\d+)", r"message_count: 1000000000", text)), ""
    ),
    "bag with aliases": Case(
        "bag",
        metadata(lambda text: "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + text),
        "metadata.yaml has YAML aliases",
    ),
    "bag with a deep description": Case(
        "bag", metadata(lambda text: text + "x: " + "[" * 100_000 + "\n"), "metadata.yaml|a cannot be read"
    ),
    "bag with a large description": Case(
        "bag", metadata(lambda text: text + "#" * 2 * MEGABYTE), "metadata.yaml has .* bytes"
    ),
    "bag that names another file by its name": Case(
        "bag", metadata(lambda text: text.replace("a.db3", "b?mode=rwc.db3")), "rename it without any of"
    ),
    "bag whose name has a question mark": Case(
        "bag",
        bag2(lambda path: next(path.glob("*.db3")).rename(path / "b?mode=rwc&x=%2fetc%2f.db3")),
        "",
    ),
    "bag with a pipe for its file": Case(
        "bag",
        bag2(lambda path: (next(path.glob("*.db3")).unlink(), os.mkfifo(path / "a.db3"))[1]),
        "a.db3 is a named pipe",
    ),
}

KINDS: dict[str, dict[str, Case]] = {
    "numpy": NUMPY,
    "arrays": ARRAYS,
    "maps": MAPS,
    "pictures": PICTURES,
    "texts": TEXTS,
    "no files": NO_FILES,
    "logs": LOGS,
}
