"""Packets of measured channel state information, as every reader of logs returns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from datasets.factory.errors import BuildError

SPACING = 312.5e3
"""Subcarrier spacing of IEEE 802.11a/g/n, Hz."""
SET_BACK = "whose clock is behind that of an earlier packet"
MALFORMED = "whose lengths or antennas contradict each other"
CUT_OFF = "cut off at the end of the file"

Key = TypeVar("Key", bound=Hashable)


class Layout(NamedTuple):
    """What the packets of a store have in common.

    Attributes
    ----------
    tool
        Name of the tool that wrote the log.
    receive, transmit
        Antennas.
    subcarriers
        Indices from the carrier, in units of `SPACING`.
    carrier
        Carrier frequency, Hz; None where the log does not tell.
    """

    tool: str
    receive: int
    transmit: int
    subcarriers: tuple[int, ...]
    carrier: float | None

    def __str__(self) -> str:
        where = "" if self.carrier is None else f" at {self.carrier / 1e6:g} MHz"
        return f"{self.receive}x{self.transmit} antennas, {len(self.subcarriers)} subcarriers{where}"


class Packets(NamedTuple):
    """Packets of one layout.

    Attributes
    ----------
    times
        Since the first packet of the log, s, (packet,).
    response
        Complex64, (packet, receive antenna, transmit antenna, subcarrier).
    rssi
        dBm, (packet, receive antenna); NaN where the log does not tell.
    noise
        Noise floor, dBm, (packet,); NaN where the log does not tell.
    gain
        Of the automatic gain control, dB, (packet,); NaN where the log does not tell.
    """

    times: np.ndarray
    response: np.ndarray
    rssi: np.ndarray
    noise: np.ndarray
    gain: np.ndarray


@dataclass
class Log:
    """What was read of a file.

    Attributes
    ----------
    packets
        By layout and address of the transmitter, which is empty where the log does not tell.
    causes
        Packets that were left out, by cause.
    chosen
        What is no packet of channel state information, by what it is.
    """

    packets: dict[tuple[Layout, str], Packets] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    chosen: Counter[str] = field(default_factory=Counter)

    def add(self, layout: Layout, packets: Packets, transmitter: str = "") -> None:
        """Add packets of one transmitter, if there are any."""
        if len(packets.times):
            self.packets[layout, transmitter] = packets

    def recordings(self, layout: Layout) -> dict[str, Packets]:
        """Return the packets of a layout by transmitter, each of which has a channel of its own."""
        return {sender: packets for (each, sender), packets in self.packets.items() if each == layout}

    @property
    def total(self) -> int:
        """All that the file holds."""
        kept = sum(len(each.times) for each in self.packets.values())
        return kept + self.causes.total() + self.chosen.total()


def clock(stamps: Sequence[int], period: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of stamps of a clock that wraps, and which of them go on.

    Parameters
    ----------
    stamps
        Microseconds, from 0 to less than the period.
    period
        After which the clock starts again, microseconds.

    Returns
    -------
    tuple
        Seconds since the first stamp, float64, and whether none of the stamps before is later, bool. Two
        neighbours are taken to be less than half a period apart.
    """
    values = np.asarray(stamps, np.int64)
    steps = (np.diff(values) + period // 2) % period - period // 2
    elapsed = np.concatenate([np.zeros(min(1, len(values)), np.int64), np.cumsum(steps)])
    return 1e-6 * elapsed, elapsed >= np.maximum.accumulate(elapsed)


def in_order(
    stamps: Sequence[int], keys: Sequence[Key], period: int, log: Log
) -> Iterator[tuple[Key, np.ndarray, np.ndarray]]:
    """Yield each key with its packets whose clock goes on, and their times; count the others.

    Parameters
    ----------
    stamps, period
        As of `clock`.
    keys
        What packets of one layout have in common.
    log
        Gets the count.

    Yields
    ------
    tuple
        Key, indices and times, s; none without a packet.
    """
    times, forward = clock(stamps, period)
    log.causes[SET_BACK] += int((~forward).sum())
    found: dict[Key, list[int]] = {}
    for index in np.flatnonzero(forward).tolist():
        found.setdefault(keys[index], []).append(index)
    for key, indices in found.items():
        yield key, np.array(indices), times[indices]


def framed(
    content: bytes, order: Literal["little", "big"], path: Path, tool: str, log: Log
) -> Iterator[tuple[int, int]]:
    """Yield where each frame of a log lies: its length in two bytes, and so many bytes.

    A last frame that is cut off is counted.

    Parameters
    ----------
    content
        Of the file.
    order
        Byte order of the length.
    path, tool
        For the message.
    log
        Gets the count.

    Raises
    ------
    BuildError
        If a frame has no length, so that the next one cannot be found.
    """
    start = 0
    while start < len(content):
        length = int.from_bytes(content[start : start + 2], order)
        stop = start + 2 + length
        if stop > len(content) or len(content) - start < 3:
            log.causes[CUT_OFF] += 1
            return
        if length == 0:
            raise BuildError(
                f"{path} has a frame without a length at byte {start}, expected logs of the {tool}; cut the "
                "file off there, or leave it out"
            )
        yield start, stop
        start = stop
