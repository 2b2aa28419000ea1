"""Hostile files by kind: how each is made, who of `tests.hostile.reading` reads it, and what is said."""

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.datasets.radio.maps import degrees, square
from tests.hostile.array_files import ARRAYS, INPUTS
from tests.hostile.case import Case, cut, pipe, poke, write
from tests.hostile.log_files import LOGS
from tests.hostile.reading import LIMIT

MEGABYTE = 1 << 20


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

KINDS: dict[str, dict[str, Case]] = {
    "numpy": NUMPY,
    "arrays": ARRAYS,
    "inputs": INPUTS,
    "maps": MAPS,
    "pictures": PICTURES,
    "texts": TEXTS,
    "no files": NO_FILES,
    "logs": LOGS,
}
