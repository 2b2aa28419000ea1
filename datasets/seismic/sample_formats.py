"""Formats of the samples in SEG-Y files, by their code."""

from __future__ import annotations

import numpy as np

FORMATS = {
    1: ("IBM floats of 4 bytes", "u4"),
    2: ("integers of 4 bytes", "i4"),
    3: ("integers of 2 bytes", "i2"),
    5: ("IEEE floats of 4 bytes", "f4"),
    6: ("IEEE floats of 8 bytes", "f8"),
    7: ("integers of 3 bytes", "3u1"),
    8: ("integers of 1 byte", "i1"),
    9: ("integers of 8 bytes", "i8"),
    10: ("unsigned integers of 4 bytes", "u4"),
    11: ("unsigned integers of 2 bytes", "u2"),
    12: ("unsigned integers of 8 bytes", "u8"),
    15: ("unsigned integers of 3 bytes", "3u1"),
    16: ("unsigned integers of 1 byte", "u1"),
}
"""Formats of samples by their code in bytes 3225-3226: what they are, and their NumPy type."""
GAINED = 4
"""Code of integers with a gain, which is obsolete and not read."""
TRACE_HEADER = 240
"""Bytes of the header of a trace."""
_IBM, _INT24 = 1, 7


def decoded(raw: np.ndarray, code: int, order: str) -> np.ndarray:
    """Return samples as float64.

    Parameters
    ----------
    raw
        As they lie in the file.
    code
        Their format, of `FORMATS`.
    order
        Byte order, ``>`` or ``<``.
    """
    if code == _IBM:
        return _from_ibm(raw)
    if FORMATS[code][1] == "3u1":
        return _from_three_bytes(raw, order, signed=code == _INT24)
    return np.asarray(raw.astype(float))


def trace_dtype(order: str, code: int, samples: int) -> np.dtype:
    kind = FORMATS[code][1]
    each = (samples, 3) if kind == "3u1" else (samples,)
    return np.dtype(
        [("header", "u1", TRACE_HEADER), ("samples", "u1" if kind == "3u1" else order + kind, each)]
    )


def trace_bytes(code: int, samples: int) -> int:
    """Return the bytes of a trace with its header."""
    return TRACE_HEADER + samples * np.dtype(FORMATS[code][1]).itemsize


def _from_ibm(words: np.ndarray) -> np.ndarray:
    """Return IBM floats: a sign, a power of 16 in excess of 64, and a fraction of 24 bits."""
    words = words.astype(np.int64)
    sign = 1.0 - 2.0 * (words >> 31)
    return np.asarray(sign * np.ldexp((words & 0xFFFFFF) / 2.0**24, 4 * ((words >> 24 & 0x7F) - 64)))


def _from_three_bytes(raw: np.ndarray, order: str, *, signed: bool) -> np.ndarray:
    """Return integers of three bytes, the last axis."""
    bytes_of = raw.astype(np.int64)[..., :: 1 if order == ">" else -1]
    values = bytes_of @ np.array([1 << 16, 1 << 8, 1])
    return np.asarray(np.where(signed & (values >= 1 << 23), values - (1 << 24), values).astype(float))
