"""How many samples the traces of a SEG-Y file have, by what file, traces and size say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic.sample_formats import FORMATS, TRACE_HEADER, trace_bytes

ORDERS = {">": "big", "<": "little"}
"""Byte orders by their sign in NumPy."""


def samples_of(path: Path, order: str, code: int, content: np.ndarray, in_file: int) -> int:
    """Return the number of samples of each trace.

    Parameters
    ----------
    path
        The file, for messages.
    order, code
        Byte order, and format of samples.
    content
        The bytes of all traces.
    in_file
        What the file states.

    Raises
    ------
    BuildError
        If no stated number makes up the file.
    """
    head = content[:TRACE_HEADER]
    in_trace = int(_counts(head, order, TRACE_HEADER)[0]) if len(head) == TRACE_HEADER else 0
    fitting = [each for each in (in_file, in_trace) if each and len(content) % trace_bytes(code, each) == 0]
    counts = {samples: _counts(content, order, trace_bytes(code, samples)) for samples in fitting}
    for samples in fitting:
        if _agree(counts[samples], samples):
            return samples
    if in_file in counts and len(counts[in_file]) > 1 and np.ptp(counts[in_file]) == 0:
        return in_file  # what the file says makes it up, and all traces say the same other number
    raise BuildError(f"{path}: {_why_uneven(order, code, content, in_file or in_trace)}")


def _why_uneven(order: str, code: int, content: np.ndarray, samples: int) -> str:
    """Say why traces of so many samples do not make the file."""
    if not samples:
        return (
            "neither the file (bytes 3221-3222) nor its first trace (bytes 115-116) states a number of "
            "samples; write it there"
        )
    step = trace_bytes(code, samples)
    whole = len(content) // step
    while whole and not content[(whole - 1) * step : whole * step].any():
        whole -= 1
    rest = len(content) - whole * step
    if whole and not content[whole * step :].any():
        return (
            f"{whole} whole traces of {samples} samples and {rest} bytes of zeros behind them found; remove "
            f"its last {rest} bytes"
        )
    if whole and _agree(_counts(content[: whole * step], order, step), samples):
        return (
            f"{whole} whole traces of {samples} samples and {rest} bytes of another found; the file is cut "
            f"off: fetch it again, or remove its last {rest} bytes"
        )
    lengths = _walk(order, code, content)
    if lengths:
        return (
            f"traces of {min(lengths)} to {max(lengths)} samples found, traces of one length expected; cut "
            "or pad them to one length"
        )
    return (
        f"{len(content)} bytes do not hold traces of {samples} samples (bytes 3221-3222) that are "
        f"{FORMATS[code][0]} (bytes 3225-3226) in {ORDERS[order]} byte order; if another format or order is "
        "right, state it by `sample_format=` or `byte_order=`, else the file is damaged or cut off"
    )


def _walk(order: str, code: int, content: np.ndarray) -> list[int]:
    """Return the lengths of traces that each state their own; nothing if they do not make the file."""
    lengths, at = [], 0
    while at + TRACE_HEADER <= len(content):
        lengths.append(int(_counts(content[at : at + TRACE_HEADER], order, TRACE_HEADER)[0]))
        at += trace_bytes(code, lengths[-1])
    return lengths if at == len(content) and min(lengths) else []


def _counts(content: np.ndarray, order: str, step: int) -> np.ndarray:
    """Return the number of samples that each trace states, bytes 115-116."""
    headers = content[: len(content) // step * step].reshape(-1, step)
    return np.ascontiguousarray(headers[:, 114:116]).view(f"{order}u2")[:, 0]


def _agree(counts: np.ndarray, samples: int) -> bool:
    """Tell whether all traces state a number of samples, its last two bytes, or nothing."""
    return bool(np.isin(counts, (0, samples & 0xFFFF)).all())
