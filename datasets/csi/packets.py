"""Packets of measured channel state information, as every reader of logs returns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

SPACING = 312.5e3
"""Subcarrier spacing of IEEE 802.11a/g/n, Hz."""
SET_BACK = "whose clock is behind that of an earlier packet"
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
        By layout.
    causes
        Packets that were left out, by cause.
    chosen
        What is no packet of channel state information, by what it is.
    """

    packets: dict[Layout, Packets] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    chosen: Counter[str] = field(default_factory=Counter)

    def add(self, layout: Layout, packets: Packets) -> None:
        """Add packets, if there are any."""
        if len(packets.times):
            self.packets[layout] = packets

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


def groups(keys: Sequence[Key]) -> Iterator[tuple[Key, np.ndarray]]:
    """Yield each key with the indices at which it stands."""
    found: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, []).append(index)
    for key, indices in found.items():
        yield key, np.array(indices)
