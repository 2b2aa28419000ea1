"""Logs of the Atheros CSI tool: frames of a length, a header of 25 bytes, numbers of 10 bits, and a payload.

The numbers are unpacked here: csiread 1.4 orders them as the Intel tool does, receive antennas outside, while
the driver and the tool's own csi_fun.c have transmit antennas outside.

References
----------
Y. Xie, Z. Li, M. Li, "Precise power delay profiling with commodity Wi-Fi", MobiCom 2015, and the tool's
csi_fun.c.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from datasets.csi.packets import MALFORMED, Layout, Log, Packets, framed, in_order

TOOL = "atheros"
SUBCARRIERS = {
    56: (*range(-28, 0), *range(1, 29)),
    114: (*range(-58, -1), *range(2, 59)),
}
"""Subcarriers by the number of tones: channels of 20 and of 40 MHz."""
BITS = 10
NOISE_FLOOR = -95
"""What the driver counts strengths from, dBm."""
NO_STRENGTH = 0x80
PERIOD = 1 << 62
NO_RESPONSE, FAULTY = "without a channel", "that the receiver marked as faulty"
_HEAD = "QHHBBBBBBBBBBBH"
_HEAD_SIZE = 25

Order = Literal["<", ">"]
ORDERS: tuple[Order, ...] = ("<", ">")


class _Frame(NamedTuple):
    """A sound frame: where its numbers lie, and what its header says."""

    start: int
    stop: int
    stamp: int
    megahertz: int
    tones: int
    receive: int
    transmit: int
    strengths: tuple[int, ...]


def byte_order(content: bytes) -> Order | None:
    """Return the byte order of a log, or None if bytes do not begin with a frame of the tool."""
    for order in ORDERS:
        if len(content) >= 2 + _HEAD_SIZE:
            (length,) = struct.unpack_from(f"{order}H", content)
            head = struct.unpack_from(f"{order}{_HEAD}", content, 2)
            if length <= len(content) - 2 and _fits(length, head):
                return order
    return None


def read(content: bytes, path: Path, order: Order) -> Log:
    """Read a log; the values are the chip's integers.

    Parameters
    ----------
    content
        Of the file.
    path
        For messages.
    order
        Byte order of the machine that wrote it.

    Raises
    ------
    BuildError
        If a frame has no length, so that the next one cannot be found.
    """
    log = Log()
    frames = _frames(content, path, order, log)
    stamps = [frame.stamp for frame in frames]
    keys = [(frame.tones, frame.receive, frame.transmit, frame.megahertz) for frame in frames]
    for (tones, receive, transmit, megahertz), kept, times in in_order(stamps, keys, PERIOD, log):
        unknown = np.full(len(kept), np.nan)
        strengths = np.array([frames[n].strengths[:receive] for n in kept], np.float64).reshape(-1, receive)
        packets = Packets(
            times,
            _unpacked([content[frames[n].start : frames[n].stop] for n in kept], tones, receive, transmit),
            np.where(strengths == NO_STRENGTH, np.nan, strengths + NOISE_FLOOR),
            unknown,
            unknown,
        )
        log.add(Layout(TOOL, receive, transmit, SUBCARRIERS[tones], 1e6 * megahertz), packets)
    return log


def _fits(length: int, head: tuple[int, ...]) -> bool:
    """Tell whether the parts of a frame fit together."""
    size, tones, receive, transmit, payload = head[1], *head[7:10], head[-1]
    if size == 0:
        return length >= _HEAD_SIZE + payload
    numbers = 2 * tones * receive * transmit
    antennas = 1 <= receive <= 3 and 1 <= transmit <= 3
    return (
        tones in SUBCARRIERS and antennas and size == -(-numbers * BITS // 8) <= length - _HEAD_SIZE - payload
    )


def _frames(content: bytes, path: Path, order: Order, log: Log) -> list[_Frame]:
    """Return the sound frames; count the others."""
    frames = []
    for start, stop in framed(content, "little" if order == "<" else "big", path, "Atheros CSI tool", log):
        head_end, length = start + 2 + _HEAD_SIZE, stop - start - 2
        if length < _HEAD_SIZE:
            log.causes[MALFORMED] += 1
            continue
        head = struct.unpack_from(f"{order}{_HEAD}", content, start + 2)
        stamp, size, megahertz, error, _, _, _, tones, receive, transmit, _, *strengths, _ = head
        if not _fits(length, head) or stamp >= PERIOD:
            log.causes[MALFORMED] += 1
        elif size == 0:
            log.chosen[NO_RESPONSE] += 1
        elif error:
            log.causes[FAULTY] += 1
        else:
            frames.append(
                _Frame(
                    head_end, head_end + size, stamp, megahertz, tones, receive, transmit, tuple(strengths)
                )
            )
    return frames


def _unpacked(contents: list[bytes], tones: int, receive: int, transmit: int) -> np.ndarray:
    """Return the channels of packets, (packet, receive, transmit, subcarrier)."""
    shape = (len(contents), tones, transmit, receive, 2)
    if not contents:
        return np.empty((0, receive, transmit, tones), np.complex64)
    bits = np.unpackbits(
        np.frombuffer(b"".join(contents), np.uint8).reshape(len(contents), -1), axis=1, bitorder="little"
    )
    numbers = bits[:, : np.prod(shape[1:]) * BITS].reshape(*shape, BITS) @ (1 << np.arange(BITS))
    numbers = np.where(numbers >= 1 << (BITS - 1), numbers - (1 << BITS), numbers)
    response = numbers[..., 1] + 1j * numbers[..., 0]  # the imaginary part comes first
    return response.transpose(0, 3, 2, 1).astype(np.complex64)
