"""Lines of the ESP32-CSI-Tool: 25 values, and pairs of an imaginary and a real integer in brackets.

References
----------
S. M. Hernandez, E. Bulut, "Lightweight and standalone IoT based WiFi sensing for active repositioning and
mobility", WoWMoM 2020 (github.com/StevenMHernandez/ESP32-CSI-Tool); the order of the subcarriers is that of
the ESP-IDF programming guide, "Wi-Fi channel state information".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datasets.csi.packets import Layout, Log, Packets, in_order

TOOL = "esp32"
MARK = "CSI_DATA"
ADDRESS, RSSI, NOISE, CHANNEL, SECONDARY, STAMP = 2, 3, 14, 16, 17, 18
VALUES = 25
"""Values in front of the brackets, the mark among them."""
PAIRS = 64
"""Subcarriers of the legacy training field, which comes first in the brackets."""
SUBCARRIERS = tuple(range(-PAIRS // 2, PAIRS // 2))
PERIOD = 1 << 32
ODD, FEW = "with an odd number of values", f"with fewer than {PAIRS} pairs of values"
NO_NUMBERS = "with values that are no integers of 8 bits"
MALFORMED = f"without {VALUES} values in front of the brackets"
OTHER_TOOL = "of Espressif's esp-csi, which puts its values in quotes: another tool"
OTHER_LINES = "lines of other content"


class _Line(NamedTuple):
    """A sound line: its pairs in the order of the chip, and its values."""

    numbers: list[int]
    transmitter: str
    stamp: int
    rssi: int
    noise: int
    channel: int
    secondary: int


def read(text: str) -> Log:
    """Read the lines of a log; the values are the chip's integers."""
    log = Log()
    lines = []
    for row in text.splitlines():
        found = _parsed(row)
        if isinstance(found, _Line):
            lines.append(found)
        elif found == OTHER_LINES:
            log.chosen[found] += bool(row.strip())
        else:
            log.causes[found] += 1
    stamps = [line.stamp for line in lines]
    links = [(line.channel, line.transmitter) for line in lines]
    for (channel, transmitter), indices, times in in_order(stamps, links, PERIOD, log):
        kept = [lines[n] for n in indices]
        packets = Packets(
            times,
            np.array([_response(line) for line in kept], np.complex64)[:, None, None],
            np.array([[line.rssi] for line in kept], np.float64),
            np.array([line.noise for line in kept], np.float64),
            np.full(len(kept), np.nan),
        )
        log.add(Layout(TOOL, 1, 1, SUBCARRIERS, _carrier(channel)), packets, transmitter)
    return log


def _parsed(row: str) -> _Line | str:
    """Return a line, or why it is none."""
    _, mark, row = row.partition(MARK)  # a monitor of the serial port may write a time or a colour first
    if not mark:
        return OTHER_LINES
    head, _, rest = row.partition("[")
    values = (mark + head).rstrip(", ").split(",")
    inside, closed, _ = rest.partition("]")
    numbers = inside.split()
    quoted = head.endswith('"')
    if quoted or len(values) != VALUES or not closed:
        return OTHER_TOOL if quoted else MALFORMED
    if len(numbers) % 2:
        return ODD
    if len(numbers) < 2 * PAIRS:
        return FEW
    try:
        found = [int(each) for each in numbers[: 2 * PAIRS]]
        named = [int(values[n]) for n in (STAMP, RSSI, NOISE, CHANNEL, SECONDARY)]
    except ValueError:
        return NO_NUMBERS
    sound = min(found) >= -128 and max(found) <= 127 and 0 <= named[0] < PERIOD and 1 <= named[3] <= 14
    return _Line(found, values[ADDRESS].strip().upper(), *named) if sound else NO_NUMBERS


def _response(line: _Line) -> np.ndarray:
    """Return the channel with ascending frequency."""
    imaginary, real = np.reshape(line.numbers, (PAIRS, 2)).T
    response = real + 1j * imaginary
    # In a channel of 20 MHz the positive indices come first; half of one of 40 MHz ascends.
    return np.fft.fftshift(response) if line.secondary == 0 else response


def _carrier(channel: int) -> float:
    """Return the centre of a channel of 2.4 GHz, Hz."""
    return 2.484e9 if channel == 14 else 1e6 * (2407 + 5 * channel)
