"""Files are known by their content, whatever their names are."""

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.factory.errors import BuildError
from datasets.factory.formats import FORMATS, UNKNOWN, format_of, matching, recipes_of, require_format


def packed(array: np.ndarray, save) -> bytes:
    stream = io.BytesIO()
    save(stream, array)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.csv", "a,b")
    return stream.getvalue()


def saved() -> bytes:
    stream = io.BytesIO()
    torch.save(torch.zeros(2), stream)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.csv"))
    return stream.getvalue()


def segy(text: bytes, code: int, order: str = "big") -> bytes:
    header = bytearray(text.ljust(3200, b"\x00") + bytes(400))
    header[3224:3226] = code.to_bytes(2, order)  # type: ignore[arg-type]
    return bytes(header) + bytes(500)


EBCDIC = "C 1 CLIENT\nC 2 LINE 7".encode("cp500").ljust(3200, b"\x40")
CASES = {
    "ulog": b"ULog\x01\x12\x35\x01" + bytes(8),
    "bag": b"#ROSBAG V2.0\n" + bytes(8),
    "db3": b"SQLite format 3\x00" + bytes(84),
    "mcap": b"\x89MCAP0\r\n\x01",
    "npy": packed(np.arange(3), np.save),
    "npz": packed(np.arange(3), np.savez),
    "zip": zipped(),
    "torch": saved(),
    "tar": tarred(),
    "gzip": gzip.compress(b"a,b"),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(8),
    "netcdf3": b"CDF\x02" + bytes(8),
    "tiff": struct.pack("<2sHI", b"II", 42, 8),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(8),
    "pbf": struct.pack(">I", 13) + b"\x0a\x09OSMHeader\x18\x7c",
    "osm": b'\xef\xbb\xbf<?xml version="1.0"?>\n<osm version="0.6">',
    "html": b"<!DOCTYPE html>\n<html>",
    "xml": b'<?xml version="1.0"?><gpx>',
    "json": b' {"type": "FeatureCollection"}',
    "text": b"timestamp,tx\n0,1\n",
    "segy": segy(EBCDIC, 1),
    "ulge": b"ULogEnc\x01" + bytes(80),
    "dataflash": b"\xa3\x95\x80\x80\x59FMT\x00" + bytes(80),
    "tlog": 2 * (bytes.fromhex("00060a24181e4000 fe 02 00 01 01 20") + bytes(4)),
    "blackbox": b"H Product:Blackbox flight data recorder by Nicholas Sherlock\n",
}


@pytest.mark.parametrize("found", CASES)
@pytest.mark.parametrize("name", ["file", "file.csv", "FILE.SGY"])
def test_format_follows_from_the_content(found: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(CASES[found])
    assert format_of(path) == found


@pytest.mark.parametrize(
    "content",
    [
        segy(b"C 1 CLIENT\r\n", 5),
        segy(b"", 5),
        segy(b"", 5, "little"),
        segy(EBCDIC, 0),  # revision 0 may leave the code out
    ],
    ids=["ascii", "no text", "little-endian", "no code"],
)
def test_segy_is_known_by_its_two_headers(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert format_of(tmp_path / "a") == "segy"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("length", [10, 5000])
def test_text_is_known_in_any_encoding(encoding: str, length: int, tmp_path: Path) -> None:
    text = "timestamp,tx,Höhe\n" + "0.5,1.25,10\n" * length
    (tmp_path / "a").write_bytes(text.encode(encoding))
    assert format_of(tmp_path / "a") == "text"


def test_text_whose_last_letter_is_cut_by_the_look_at_it_is_text(tmp_path: Path) -> None:
    for shift in range(4):
        (tmp_path / "a").write_text("x" * shift + "\N{GRINNING FACE}" * 5000)
        assert format_of(tmp_path / "a") == "text"


@pytest.mark.parametrize("content", [b"", bytes(5000), b"\x80\x04\x95" + bytes(20), bytes(range(256)) * 40])
def test_what_is_nothing_of_these_is_left_to_the_reader(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert format_of(tmp_path / "a") == UNKNOWN
    assert require_format(tmp_path / "a", ("npy",), "an array") == UNKNOWN


def test_another_format_is_refused_by_what_it_is_and_who_reads_it(tmp_path: Path) -> None:
    (tmp_path / "flight.csv").write_bytes(CASES["ulog"])
    with pytest.raises(BuildError) as caught:
        require_format(tmp_path / "flight.csv", ("text",), "CSV files")
    assert str(caught.value) == (
        f"{tmp_path}/flight.csv is a log of PX4 (ULog), expected CSV files; such files are read by uav/ulog"
    )


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        ("gzip", r"packed by gzip, expected bags; such files are read by .*; unpack it first"),
        (
            "dataflash",
            r"ArduPilot \(DataFlash\), expected bags; no recipe .*; write its positions .* for uav/csv",
        ),
    ],
)
def test_file_that_no_importer_reads_as_it_is_gets_a_next_step(
    found: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / "flight.bag").write_bytes(CASES[found])
    with pytest.raises(BuildError, match=advice):
        require_format(tmp_path / "flight.bag", ("bag",), "bags")


def test_recipes_name_formats_that_are_told_apart() -> None:
    assert recipes_of("segy") == ["seismic/section", "seismic/segy"]
    assert {"radio/osm"} <= set(recipes_of("pbf"))
    assert recipes_of("html") == []
    assert set(CASES) <= set(FORMATS)


def test_names_in_capitals_fit_patterns(tmp_path: Path) -> None:
    for name in ("a.sgy", "B.SGY", "sub/c.SgY", "d.txt", "model1.npy", "MODELx.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in matching(tmp_path, ("**/*.sgy", "*.sgy"))]
    assert found == ["B.SGY", "a.sgy", "sub/c.SgY"]
    assert [path.name for path in matching(tmp_path, ("**/model[0-9]*.npy",))] == ["model1.npy"]
