"""Logs of the Linux 802.11n CSI tool (Intel 5300): frames of a length (big-endian), a code and a content.

The frames are checked here, so that only sound ones reach the compiled reader `csiread`.

References
----------
D. Halperin et al., "Tool release: gathering 802.11n traces with channel state information", ACM SIGCOMM CCR
41(1), 2011, and the tool's read_bfee.c, get_scaled_csi.m and get_total_rss.m.
"""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from datasets.csi.packets import MALFORMED, Layout, Log, Packets, framed, in_order
from surrogates.core.optional import require

TOOL = "intel5300"
RESPONSE, PAYLOAD = 0xBB, 0xC1
PERIOD = 1 << 32
WIDE = 0x800
"""Bit of the rate of a packet of 40 MHz."""
GROUPS = {
    20: (*range(-28, 0, 2), -1, *range(1, 28, 2), 28),
    40: (*range(-58, 0, 4), *range(2, 59, 4)),
}
"""Subcarriers that are reported, by the width of the channel, MHz (IEEE 802.11n-2009, table 7-25f)."""
REFERENCE = 44
"""By how much the RSSI of the chip is above dBm, beside the gain, dB."""
NO_SCALE = "without a strength to scale by"
_HEAD = struct.Struct("<IHHBBBBBbBBHH")
_BLOCK = 4096
"""Packets that are read at once."""


class _Frame(NamedTuple):
    """A sound frame: where it lies, and what groups it."""

    start: int
    stop: int
    stamp: int
    receive: tuple[int, ...]
    transmit: int
    width: int


def looks_like_one(content: bytes) -> bool:
    """Tell whether bytes begin with a frame of the tool."""
    stop = 2 + int.from_bytes(content[:2], "big")
    if stop > len(content) or stop < 3:
        return False
    return content[2] == PAYLOAD or (content[2] == RESPONSE and _frame(content, 0, stop) is not None)


def read(content: bytes, path: Path, *, scaled: bool) -> Log:
    """Read a log.

    Parameters
    ----------
    content
        Of the file.
    path
        For messages.
    scaled
        Whether values are scaled by strength and gain, so that a squared modulus is a ratio of signal to
        noise, as the tool's get_scaled_csi does; else they are the chip's integers.

    Raises
    ------
    BuildError
        If a frame has no length, so that the next one cannot be found.
    """
    log = Log()
    frames = _frames(content, path, log)
    stamps = [frame.stamp for frame in frames]
    keys = [(frame.receive, frame.transmit, frame.width) for frame in frames]
    for (receive, transmit, width), kept, times in in_order(stamps, keys, PERIOD, log):
        found = [
            _parsed(content, [frames[n] for n in kept[first : first + _BLOCK]], times[first:], scaled)
            for first in range(0, len(kept), _BLOCK)
        ]
        packets = Packets(*(np.concatenate(each) for each in zip(*found, strict=True)))
        finite = np.isfinite(packets.response).all(axis=(1, 2, 3))
        log.causes[NO_SCALE] += int((~finite).sum())
        layout = Layout(TOOL, len(receive), transmit, GROUPS[width], None)
        log.add(layout, Packets(*(each[finite] for each in packets)))
    return log


def _frames(content: bytes, path: Path, log: Log) -> list[_Frame]:
    """Return the sound frames; count the others."""
    frames = []
    for start, stop in framed(content, "big", path, "Linux 802.11n CSI tool", log):
        code = content[start + 2]
        if code != RESPONSE:
            log.chosen["of payload" if code == PAYLOAD else "of an unknown code"] += 1
        elif frame := _frame(content, start, stop):
            frames.append(frame)
        else:
            log.causes[MALFORMED] += 1
    return frames


def _frame(content: bytes, start: int, stop: int) -> _Frame | None:
    """Return a frame of channel state information, or None where its parts do not fit together."""
    if stop - start < 3 + _HEAD.size:
        return None
    stamp, _, _, receive, transmit, *_, selected, size, rate = _HEAD.unpack_from(content, start + 3)
    order = tuple(selected >> 2 * chain & 3 for chain in range(min(receive, 3)))
    fits = (
        1 <= receive <= 3
        and 1 <= transmit <= 3
        and size == (30 * (receive * transmit * 16 + 3) + 7) // 8
        and stop - start == 3 + _HEAD.size + size
        and max(order) < 3
        and len(set(order)) == receive
    )
    width = 40 if rate & WIDE else 20
    return _Frame(start, stop, stamp, tuple(sorted(order)), transmit, width) if fits else None


def _parsed(content: bytes, frames: list[_Frame], times: np.ndarray, scaled: bool) -> Packets:
    """Return sound frames of one layout, by csiread."""
    csiread = require("csiread", "Reading logs of the Intel 5300")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.dat"
        path.write_bytes(b"".join(content[frame.start : frame.stop] for frame in frames))
        log = csiread.Intel(str(path), nrxnum=3, ntxnum=3, if_report=False, bufsize=len(frames))
        log.read()
    antennas = list(frames[0].receive)
    strength = np.stack([log.rssi_a, log.rssi_b, log.rssi_c], axis=1)[:, antennas].astype(np.float64)
    response = log.csi
    if scaled:
        nothing = ~(response.any(axis=(1, 2, 3)) & strength.any(axis=1))
        response[nothing] = 1  # csiread would divide by their power
        response = log.get_scaled_csi()
        response[nothing] = np.nan
    response = response[:, :, antennas, : frames[0].transmit].transpose(0, 2, 3, 1)
    gain = np.asarray(log.agc, np.float64)
    # The chip reports 0 where it has no strength, and -127 where it has no noise.
    rssi = np.where(strength > 0, strength - REFERENCE - gain[:, None], np.nan)
    noise = np.where(np.asarray(log.noise) == -127, np.nan, np.asarray(log.noise, np.float64))
    return Packets(times[: len(frames)], response.astype(np.complex64), rssi, noise, gain)
