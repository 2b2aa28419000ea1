"""How large a stranger's packed chunk becomes, told without unpacking it beyond a limit."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numcodecs import zstd

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def unpacked_size(packer: str, read: Callable[[int], bytes], most: int) -> int:
    """Return the bytes of a packed chunk once unpacked, or some number above `most`.

    Parameters
    ----------
    packer
        One of `PACKERS`.
    read
        Returns so many first bytes of the chunk, or all for -1. Bytes behind it, such as a checksum, do not
        matter.
    most
        Where counting ends.
    """
    if packer not in STATED:
        return COUNTED[packer](read(-1), most)
    stated = STATED[packer](read(HEADER))
    return _bounded_zstd(read(-1), most) if stated is None else stated


def _bounded_zstd(packed: bytes, most: int) -> int:
    """Return 0 for a frame without a size that unpacks to no more than `most`."""
    try:
        zstd.decompress(packed, np.empty(most, np.uint8))
    except (RuntimeError, ValueError) as error:
        return most + 1 if "too small" in str(error) else 0  # others are told when the chunk is read
    return 0


def _of_zlib(packed: bytes, most: int) -> int:
    count = 0
    while packed:
        stream = zlib.decompressobj(47)  # of zlib or gzip
        try:
            while packed and not stream.eof and count <= most:
                count += len(stream.decompress(packed, _BLOCK))
                packed = stream.unconsumed_tail
        except zlib.error:  # told when the chunk is read
            return count
        if count > most or not stream.unused_data.startswith(_GZIP):  # gzip goes on with the next member
            return count
        packed = stream.unused_data
    return count


def _counted(make: Callable[[], Any]) -> Callable[[bytes, int], int]:
    def count(packed: bytes, most: int) -> int:
        found = 0
        while packed:
            stream = make()
            try:
                while not stream.eof and found <= most:
                    out = stream.decompress(packed, _BLOCK)
                    packed, found = b"", found + len(out)
                    if not out and stream.needs_input:
                        return found
            except (OSError, EOFError, lzma.LZMAError):
                return found
            if found > most:
                return found
            packed = stream.unused_data
        return found

    return count


def _of_blosc(head: bytes) -> int:
    return int(struct.unpack_from("<I", head, 4)[0]) if len(head) >= 8 else 0


def _of_lz4(head: bytes) -> int:
    return int(struct.unpack_from("<I", head)[0]) if len(head) >= 4 else 0


def size_of_zstd(head: bytes) -> int | None:
    """Return the size that the header of a frame states (RFC 8878, section 3.1.1.1), if it does."""
    if head[:4] != _ZSTD:
        return 0
    descriptor = head[4]
    single, kind = descriptor >> 5 & 1, descriptor >> 6
    start = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    length = (single, 2, 4, 8)[kind]
    if not length:
        return None
    return int.from_bytes(head[start : start + length], "little") + 256 * (length == 2)


HEADER = 18
STATED: dict[str, Callable[[bytes], int | None]] = {
    "blosc": _of_blosc,
    "lz4": _of_lz4,
    "zstd": size_of_zstd,
}
"""Packers whose chunks state their size, and are not unpacked beyond it."""
COUNTED: dict[str, Callable[[bytes, int], int]] = {
    "deflate": _of_zlib,
    "zlib": _of_zlib,
    "gzip": _of_zlib,
    "bz2": _counted(bz2.BZ2Decompressor),
    "bzip2": _counted(bz2.BZ2Decompressor),
    "lzma": _counted(lzma.LZMADecompressor),
}
RATIO = dict.fromkeys(("deflate", "zlib", "gzip"), 1040)
"""Most bytes that a byte of theirs can become."""
PACKERS = frozenset((*STATED, *COUNTED))
