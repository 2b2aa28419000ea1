"""Unpacks the chunks, messages and files of bags up to a limit, whatever their headers state.

The library `rosbags` unpacks each as a whole: a chunk of 1 MB may hold gigabytes of zeros.
"""

from __future__ import annotations

import bz2
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.factory.errors import BuildError
from datasets.factory.limits import RATIO, Metered
from surrogates.core.optional import require

_BLOCK = 1 << 20

Unpack = Callable[[bytes], bytes]


@contextmanager
def limited(path: Path, most: int) -> Iterator[Unpack]:
    """Let rosbags unpack no chunk of more than `most` bytes; give what unpacks a message (Zstandard)."""
    zstd, lz4 = require("rosbags.rosbag2.reader").zstd, require("lz4.frame")

    def up_to_limit(unpacker: Callable[[], Any]) -> Unpack:
        def unpack(packed: bytes) -> bytes:
            content = bytes(unpacker().decompress(packed, max_length=most + 1))
            if len(content) > most:
                raise BuildError(
                    f"{path} has a packed chunk or message of more than {most:,} bytes; if that is right, "
                    "raise `most_bytes`"
                )
            return content

        return unpack

    known = {
        "bz2": up_to_limit(bz2.BZ2Decompressor),
        "lz4": up_to_limit(lz4.LZ4FrameDecompressor),
        "zstd": up_to_limit(zstd.ZstdDecompressor),
    }
    of_ros1 = require("rosbags.rosbag1.reader").decompressors
    of_mcap = require("rosbags.rosbag2.storage_mcap").DECOMPRESSORS
    before = dict(of_ros1), dict(of_mcap)
    of_ros1.update({name: known[name] for name in of_ros1.keys() & known.keys()})
    of_mcap.update(
        {name: lambda packed, _, name=name: known[name](packed) for name in of_mcap.keys() & known.keys()}
    )
    try:
        yield known["zstd"]
    finally:
        of_ros1.update(before[0])
        of_mcap.update(before[1])


def require_unpackable(path: Path, most: int) -> None:
    """Refuse a file of Zstandard that unpacks to more than is plausible; rosbags unpacks it to disk."""
    zstd = require("rosbags.rosbag2.reader").zstd
    with path.open("rb") as packed, zstd.open(packed, "rb") as file:
        metered = Metered(file, path, max(most, RATIO * path.stat().st_size))
        while metered.read(_BLOCK):
            pass
