"""What a file is, by its first bytes: a suffix may be wrong, and a wrong file is refused by what it is."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence
from pathlib import Path

from datasets.factory.errors import BuildError
from datasets.factory.limits import require_regular
from datasets.factory.text import HEAD, encoding_of
from surrogates.core.registry import names, resolve
from surrogates.core.text import listing

FORMATS = {
    "ulog": "a log of PX4 (ULog)",
    "bag": "a bag of ROS 1",
    "db3": "an SQLite database, as bags of ROS 2 are",
    "mcap": "an MCAP file, as bags of ROS 2 are",
    "ulge": "an encrypted log of PX4",
    "dataflash": "a log of ArduPilot (DataFlash)",
    "tlog": "a telemetry log of MAVLink (.tlog)",
    "blackbox": "a blackbox log of Betaflight or INAV",
    "segy": "a SEG-Y file",
    "npy": "a NumPy array (.npy)",
    "parquet": "a Parquet file",
    "npz": "an archive of NumPy arrays (.npz)",
    "torch": "a file of torch.save (.pt)",
    "zip": "a ZIP archive",
    "tar": "a tar archive",
    "gzip": "a file packed by gzip",
    "bzip2": "a file packed by bzip2",
    "xz": "a file packed by xz",
    "hdf5": "an HDF5 or NetCDF-4 file",
    "netcdf3": "a NetCDF-3 file",
    "grib": "a GRIB file",
    "mat73": "a MATLAB file of version 7.3 (HDF5)",
    "mat5": "a MATLAB file of version 5",
    "tiff": "a TIFF picture, such as a GeoTIFF",
    "picture": "a picture (PNG, GIF or JPEG)",
    "pbf": "an OpenStreetMap extract (PBF)",
    "osm": "an OpenStreetMap extract (XML)",
    "html": "a web page",
    "xml": "an XML file",
    "json": "a JSON file",
    "text": "a text file",
}
"""Formats that are told apart, with what messages call them."""
PACKED = ("tar", "gzip", "bzip2", "xz")
BAGS = ("bag", "db3", "mcap")
UNKNOWN = ""
"""Format of a file that is empty or none of the above: its reader says what is wrong."""

_MAGIC = {
    b"ULog\x01\x12\x35": "ulog",
    b"#ROSBAG V": "bag",
    b"SQLite format 3\x00": "db3",
    b"\x89MCAP0\r\n": "mcap",
    b"ULogEnc": "ulge",
    b"\xa3\x95\x80": "dataflash",
    b"H Product:Blackbox": "blackbox",
    b"\x93NUMPY": "npy",
    b"PAR1": "parquet",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"CDF\x01": "netcdf3",
    b"CDF\x02": "netcdf3",
    b"CDF\x05": "netcdf3",
    b"GRIB": "grib",
    b"MATLAB 7.3 MAT": "mat73",
    b"MATLAB 5.0 MAT": "mat5",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
    b"\x89PNG\r\n\x1a\n": "picture",
    b"GIF8": "picture",
    b"\xff\xd8\xff": "picture",
}
_INSTEAD = {
    **dict.fromkeys((*PACKED, "zip"), "unpack it first"),
    "ulge": "decrypt it by `decrypt_ulog.py` of PX4",
    **dict.fromkeys(
        ("dataflash", "tlog", "blackbox"), "write its positions east, north, up as text for uav/csv"
    ),
}
"""What else to do with a file that a recipe does not read, by its format."""
_SEGY_TEXT, _SEGY_HEADER = 3200, 3600
_SEGY_SAMPLES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 15, 16)
"""Codes of the format of samples, SEG-Y revision 2.1."""
_MAVLINK = {0xFE: 8, 0xFD: 12}
"""Bytes of a message of MAVLink around its content, by the byte that it begins with."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def format_of(path: Path) -> str:
    """Return the format of a file, one of `FORMATS`; `UNKNOWN` if it is none of them.

    Raises
    ------
    BuildError
        If it is no file.
    """
    require_regular(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if head.startswith(b"PK\x03\x04"):
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return "npz" if name.endswith(b".npy") else "torch" if name.endswith(b"/data.pkl") else "zip"
    if head[4:15] == b"\x0a\x09OSMHeader":
        return "pbf"
    if head[257:262] == b"ustar":
        return "tar"
    if _is_mavlink(head):
        return "tlog"
    return _format_of_text(head) if _is_text(head) else "segy" if _is_segy(head) else UNKNOWN


def require_format(path: Path, formats: Sequence[str], expected: str) -> str:
    """Return the format of a file, and refuse one that is known to be another.

    Parameters
    ----------
    path
        The file.
    formats
        What may come, of `FORMATS`.
    expected
        What is expected, for the message.

    Raises
    ------
    BuildError
        Says what the file is and which recipes read such files.
    """
    if refused := refusal(path, found := format_of(path), formats, expected):
        raise BuildError(refused)
    return found


def refusal(path: Path, found: str, formats: Sequence[str], expected: str) -> str:
    """Return why a file of a format is refused; nothing if it may come, or its format is not known."""
    if found in formats or found == UNKNOWN:
        return ""
    readers = recipes_of(found)
    advice = f"such files are read by {listing(readers)}" if readers else "no recipe reads such files"
    if found in _INSTEAD:
        advice += f"; {_INSTEAD[found]}"
    return f"{path} is {FORMATS[found]}, expected {expected}; {advice}"


def recipes_of(found: str) -> list[str]:
    """Return the names of the recipes, of all packages, that read files of a format."""
    readers = []
    for name in names("recipes"):
        try:
            recipe = resolve("recipes", name)
        except (ImportError, ValueError):  # one whose packages are missing is no advice
            continue
        if found in getattr(recipe, "formats", ()):
            readers.append(name)
    return readers


def matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Return the paths in a folder that fit shell patterns, sorted; names in capitals fit too."""
    return sorted({path for pattern in patterns for path in folder.glob(_either_case(pattern))})


def _either_case(pattern: str) -> str:
    """Let the letters of a pattern's file name stand for both cases, except those in brackets."""
    parents, slash, name = pattern.rpartition("/")
    pieces = re.split(r"(\[[^\]]*\])", name)
    pieces[::2] = [
        re.sub(r"[a-zA-Z]", lambda letter: f"[{letter[0].lower()}{letter[0].upper()}]", piece)
        for piece in pieces[::2]
    ]
    return parents + slash + "".join(pieces)


def _is_mavlink(head: bytes) -> bool:
    """Tell whether two MAVLink messages of version 1 or 2 follow, each behind its time (µs, big-endian)."""
    if len(head) < 10 or head[8] not in _MAVLINK:
        return False
    length = 8 + _MAVLINK[head[8]] + head[9] + (13 if head[8] == 0xFD and head[10:11] == b"\x01" else 0)
    return head[length + 8 : length + 9] in (b"\xfd", b"\xfe")


def _is_text(head: bytes) -> bool:
    """Tell whether bytes are text: without control characters and, if they are no Unicode, with lines."""
    encoding = encoding_of(head)
    try:
        text = getincrementaldecoder(encoding)().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        text = head.decode("latin-1") if encoding == "utf-8" and b"\n" in head else ""
    return bool(text) and not _CONTROL.search(text)


def _format_of_text(head: bytes) -> str:
    text = head.decode(encoding_of(head), errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        lower = text.lower()
        return (
            "osm" if "<osm" in lower else "html" if "<html" in lower or "<!doctype html" in lower else "xml"
        )
    return "json" if text.startswith(("{", "[")) else "text"


def _is_segy(head: bytes) -> bool:
    """Tell whether text, in EBCDIC or ASCII or left empty, precedes a header with a code of samples."""
    text = head[:_SEGY_TEXT].replace(b"\x00", b"")
    legible = [each for each in (text.decode("cp500"), text.decode("latin-1")) if not _CONTROL.search(each)]
    codes = {int.from_bytes(head[3224:3226], order) for order in ("big", "little")}
    coded = bool(codes.intersection(_SEGY_SAMPLES)) or any(each.startswith("C") for each in legible)
    return len(head) >= _SEGY_HEADER and bool(legible) and coded
