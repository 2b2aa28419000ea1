"""SEG-Y files as arrays: headers by byte position, amplitudes by the stated format of samples.

Byte positions and codes are those of SEG-Y revisions 0 to 2.1 (Barry, Cavers and Kneale, 1975; SEG Technical
Standards Committee, 2002, 2017, 2023), counted from 1. segyio does not read the files, since it can be told
neither the format of samples nor header words at other bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.formats import UNKNOWN, require_format
from datasets.seismic.sample_formats import (
    FORMATS,
    GAINED,
    TRACE_HEADER,
    decoded,
    trace_dtype,
)
from datasets.seismic.segy_keys import LayoutKeys
from datasets.seismic.trace_lengths import ORDERS, samples_of

COORDINATES = {"source_x": 73, "source_y": 77, "receiver_x": 81, "receiver_y": 85}
"""First bytes of coordinates."""
_FOUR_BYTES = [*range(1, 26, 4), *range(37, 66, 4), *range(73, 86, 4), *range(181, 198, 4), 205, 225]
"""First bytes of header words of four bytes."""
_TEXT, _HEADERS = 3200, 3600
_MARKS = {b"\x01\x02\x03\x04": ">", b"\x04\x03\x02\x01": "<"}
"""The constant 16909060 in bytes 3297-3300, since revision 2."""
_END_OF_TEXT = [
    text.encode(code) for text in ("((SEG: EndText))", "((SEG:EndText))") for code in ("ascii", "cp500")
]


@dataclass(frozen=True)
class Traces:
    """The traces of one file.

    Attributes
    ----------
    path
        The file.
    order
        Byte order, ``>`` or ``<``.
    code
        Format of samples, of `FORMATS`.
    head
        Text and binary header, 3600 bytes.
    headers
        Headers of the traces, bytes, shape (traces, 240).
    raw
        Samples as they lie in the file, shape (traces, samples) or, of three bytes, (traces, samples, 3).
    """

    path: Path
    order: str
    code: int
    head: bytes
    headers: np.ndarray
    raw: np.ndarray

    def __len__(self) -> int:
        return len(self.headers)

    @property
    def samples(self) -> int:
        """Samples of a trace."""
        return self.raw.shape[1]

    @property
    def revision(self) -> int:
        """Revision of the standard: 0, 1 or 2."""
        return _revision(self.head)[0]

    def file_word(self, byte: int, kind: str = "i2") -> float:
        """Return a number of the binary header."""
        return _number(self.head, byte, self.order + kind)

    def words(self, byte: int, kind: str = "i2") -> np.ndarray:
        """Return a number of each trace's header, shape (traces,)."""
        width = np.dtype(kind).itemsize
        columns = np.ascontiguousarray(self.headers[:, byte - 1 : byte - 1 + width])
        return np.asarray(columns.view(self.order + kind)[:, 0].astype(np.int64))

    def word(self, byte: int) -> np.ndarray:
        """Return the header word of the standard that begins at a byte, shape (traces,)."""
        return self.words(byte, f"i{width(byte)}")

    def amplitudes(self, numbers: np.ndarray) -> np.ndarray:
        """Return the samples of some traces, float64, shape (numbers, samples)."""
        return decoded(self.raw[numbers], self.code, self.order)

    def with_headers(self) -> Traces:
        """Return the same traces with their headers in memory, for more than a look at one of them."""
        return replace(self, headers=np.ascontiguousarray(self.headers))


def width(byte: int) -> int:
    """Return the bytes of the header word of the standard that begins at a byte."""
    return 4 if byte in _FOUR_BYTES else 2


def open_traces(path: Path, keys: LayoutKeys | None = None) -> Traces:
    """Map the traces of a SEG-Y file, or say in one line why they cannot be read.

    Parameters
    ----------
    path
        The file.
    keys
        What the user says of its layout.

    Raises
    ------
    BuildError
        If the file is something else, cut off, empty, of an unknown format of samples, of traces of several
        lengths, or of trace headers of more than 240 bytes.
    """
    keys = keys or LayoutKeys()
    found = require_format(path, ("segy",), "a SEG-Y file")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADERS)
    if found == UNKNOWN and _is_seismic_unix(head, size):
        raise BuildError(
            f"{path} holds traces without the headers of a file, as Seismic Unix writes them; convert it "
            "with its `segyhdrs` and `segywrite`"
        )
    if len(head) < _HEADERS:
        raise BuildError(
            f"{path}: {size} bytes found, at least the {_HEADERS} of the headers of a SEG-Y file expected; "
            "fetch or export it again"
        )
    order = _order(path, head) if keys.byte_order is None else {"big": ">", "little": "<"}[keys.byte_order]
    code = keys.sample_format or _code(path, head, order)
    _require_plain_headers(path, head, order)
    start, end = _bounds(path, head, order, size)
    if end <= start:
        raise BuildError(f"{path} holds headers and no traces; export it again, or leave the file out")
    content = np.memmap(path, np.uint8, "r", offset=start, shape=(end - start,))
    samples = samples_of(path, order, code, content, _stated_samples(head, order))
    mapped = content.view(trace_dtype(order, code, samples))
    return Traces(path, order, code, head, mapped["header"], mapped["samples"])


def _is_seismic_unix(head: bytes, size: int) -> bool:
    """Tell whether a file begins with the header of a trace and holds whole traces."""
    counts = [int(_number(head, 115, f"{order}u2")) for order in ORDERS] if len(head) >= TRACE_HEADER else []
    return any(samples and size % (TRACE_HEADER + 4 * samples) == 0 for samples in counts)


def _number(header: bytes, byte: int, kind: str) -> float:
    return float(np.frombuffer(header, kind, 1, byte - 1)[0])


def _revision(head: bytes) -> tuple[int, int]:
    """Return major and minor revision; anything unknown, such as blanks, is revision 0."""
    major, minor = head[3500], head[3501]
    if major == 0 and minor in (1, 2):  # a number of two bytes, in the other order
        major, minor = minor, 0
    return (major, minor) if major in (1, 2) else (0, 0)


def _order(path: Path, head: bytes) -> str:
    """Find the byte order by the constant of revision 2, else by the code of the format of samples."""
    mark = head[3296:3300]
    if mark == b"\x02\x01\x04\x03":
        raise BuildError(
            f"{path}: pairs of bytes are swapped (bytes 3297-3300); write the file in one byte order"
        )
    if mark in _MARKS:
        return _MARKS[mark]
    fits = {order: _number(head, 3225, f"{order}i2") for order in ORDERS}
    for order, code in fits.items():
        if code in FORMATS or code == GAINED:
            return order
    # Without a code: the order in which the interval and the number of samples are the smaller numbers.
    sizes = {order: _number(head, 3217, f"{order}u2") * _number(head, 3221, f"{order}u2") for order in ORDERS}
    return "<" if 0 < sizes["<"] < sizes[">"] else ">"


def _code(path: Path, head: bytes, order: str) -> int:
    code = int(_number(head, 3225, f"{order}i2"))
    if code in FORMATS:
        return code
    if code == GAINED:
        raise BuildError(
            f"{path}: samples with gain codes found (format 4 in bytes 3225-3226), which are obsolete; write "
            "the file with IEEE floats (format 5)"
        )
    other = int(_number(head, 3225, "<i2" if order == ">" else ">i2"))
    if other in FORMATS:
        raise BuildError(
            f"{path}: format of samples {code} found in {ORDERS[order]} byte order, {other} in the other "
            "one (bytes "
            "3225-3226); leave `byte_order=` out, or state the format by `sample_format=`"
        )
    raise BuildError(
        f"{path}: format of samples {code} found (bytes 3225-3226), one of {', '.join(map(str, FORMATS))} "
        "expected; if the file is SEG-Y, state it: `sample_format=1` for IBM floats, `sample_format=5` for "
        "IEEE floats"
    )


def _require_plain_headers(path: Path, head: bytes, order: str) -> None:
    """Refuse trace headers with extensions, which revision 2 allows."""
    revision, minor = _revision(head)
    more = _number(head, 3507, f"{order}i4" if minor == 0 else f"{order}i2") if revision == 2 else 0
    if more > 0:
        raise BuildError(
            f"{path}: up to {more:.0f} extensions of each trace header found (bytes 3507-3510), headers of "
            "240 bytes expected; write the file without extensions"
        )


def _bounds(path: Path, head: bytes, order: str, size: int) -> tuple[int, int]:
    """Return where the traces begin and end: after the extended text, before the trailing stanzas."""
    revision, _ = _revision(head)
    stanzas = int(_number(head, 3505, f"{order}i2")) if revision else 0
    stated = int(np.frombuffer(head, f"{order}u8", 1, 3520)[0]) if revision == 2 else 0
    trailing = int(_number(head, 3529, f"{order}i4")) if revision == 2 else 0
    if trailing < 0:
        raise BuildError(
            f"{path}: stanzas of an unknown number follow the traces (-1 in bytes 3529-3532); write their "
            "number there"
        )
    start = stated or (_HEADERS + stanzas * _TEXT if stanzas >= 0 else _end_of_text(path))
    return start, size - trailing * _TEXT


def _end_of_text(path: Path) -> int:
    """Return where extended text of an unknown number of stanzas ends."""
    with path.open("rb") as file:
        file.seek(_HEADERS)
        while block := file.read(_TEXT):
            if any(mark in block for mark in _END_OF_TEXT):
                return file.tell()
    raise BuildError(
        f"{path}: extended text without an end found (-1 in bytes 3505-3506), `((SEG: EndText))` expected; "
        "write the number of its stanzas there"
    )


def _stated_samples(head: bytes, order: str) -> int:
    """Return the number of samples of a trace that the file states."""
    long = _number(head, 3269, f"{order}u4") if _revision(head)[0] == 2 else 0
    return int(long or _number(head, 3221, f"{order}u2"))
