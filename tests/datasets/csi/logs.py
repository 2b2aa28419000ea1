"""Writers of logs of the CSI tools, bit by bit, independent of what reads them."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np


def integers(
    packets: int, subcarriers: int, receive: int, transmit: int, bits: int = 8, seed: int = 0
) -> np.ndarray:
    """Complex integers of so many bits, (packet, sub-carrier, receive, transmit), never zero everywhere."""
    rng = np.random.default_rng(seed)
    largest = 1 << (bits - 1)
    shape = (packets, subcarriers, receive, transmit)
    return rng.integers(-largest, largest, shape) + 1j * rng.integers(-largest, largest, shape)


def packed(numbers: Iterable[tuple[int, int]], size: int) -> bytes:
    """Pack numbers of so many bits, the least significant bit first."""
    value = offset = 0
    for number, bits in numbers:
        value |= (number & ((1 << bits) - 1)) << offset
        offset += bits
    return value.to_bytes(size, "little")


def intel_frame(
    csi: np.ndarray,
    stamp: int,
    *,
    order: Sequence[int] = (0, 1, 2),
    rssi: Sequence[int] = (40, 41, 42),
    noise: int = -90,
    gain: int = 30,
    rate: int = 0,
) -> bytes:
    """One packet of the Linux 802.11n CSI tool; `csi` is (30, receive, transmit) by chain, not by antenna."""
    receive, transmit = csi.shape[1:]
    size = (30 * (receive * transmit * 16 + 3) + 7) // 8
    numbers = [
        each
        for group in csi.reshape(30, -1)
        for each in [(0, 3), *((int(part), 8) for value in group for part in (value.real, value.imag))]
    ]
    selected = sum(antenna << (2 * chain) for chain, antenna in enumerate(order))
    head = struct.pack(
        "<BIHHBBBBBbBBHH",
        0xBB, stamp & 0xFFFFFFFF, 7, 0, receive, transmit, *rssi, noise, gain, selected, size, rate,
    )  # fmt: skip
    body = head + packed(numbers, size)
    return struct.pack(">H", len(body)) + body


def atheros_frame(
    csi: np.ndarray,
    stamp: int,
    *,
    channel: int = 2462,
    rssi: Sequence[int] = (40, 41, 42, 43),
    endian: str = "<",
    payload: bytes = b"",
) -> bytes:
    """One packet of the Atheros CSI tool; `csi` is (tone, receive, transmit), 10 bits a number."""
    tones, receive, transmit = csi.shape
    numbers = [
        (int(part), 10)
        for tone in csi
        for value in tone.T.reshape(-1)  # transmit chains outside, receive chains inside
        for part in (value.imag, value.real)
    ]
    size = len(numbers) * 10 // 8
    content = packed(numbers, size)
    head = struct.pack(
        f"{endian}QHHBBBBBBBBBBBH",
        stamp, size, channel, 0, 0, 0x80, int(tones > 56), tones, receive, transmit, *rssi, len(payload),
    )  # fmt: skip
    body = head + content + payload
    return struct.pack(f"{endian}H", len(body)) + body


ADDRESS = "3C:71:BF:6D:2A:78"


def esp32_line(
    csi: np.ndarray,
    stamp: int,
    *,
    rssi: int = -60,
    channel: int = 6,
    secondary: int = 0,
    address: str = ADDRESS,
) -> str:
    """One line of the ESP32-CSI-Tool; `csi` in the order of the chip."""
    pairs = " ".join(f"{int(value.imag)} {int(value.real)}" for value in csi)
    seconds = stamp / 1e6
    return (
        f"CSI_DATA,AP,{address},{rssi},11,1,0,1,1,1,0,0,0,0,-93,0,{channel},{secondary},{stamp},0,101,0,0,"
        f"{seconds:.6f},{2 * len(csi)},[{pairs} ]"
    )


def write(path: Path, frames: Iterable[bytes]) -> Path:
    """Write a binary log."""
    path.write_bytes(b"".join(frames))
    return path
