"""Radio maps that are published as grey pictures: which grey is which value, and which way is north."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.limits import one_line_of, require_regular

WHITE = 255.0
TWICE = 257
"""Of 8 bits in 16: what programs write that only widen the grey."""
LOSSLESS = ("PNG", "GIF")
LOSSLESS_NAMES = " or ".join(LOSSLESS)


def read_grey(path: Path, side: int, frames: int = 1) -> np.ndarray:
    """Read the first frames of a picture.

    Parameters
    ----------
    path
        PNG or GIF.
    side
        Expected rows and columns.
    frames
        How many are needed.

    Returns
    -------
    array (frames, side, side) of uint8
        Row 0 is the top of the picture.

    Raises
    ------
    BuildError
        If it is no picture, has another size or fewer frames, or holds something else than grey of 8 bits.
    """
    from PIL import Image

    require_regular(path)
    with path.open("rb") as file:
        head = file.read(25)
    _require_size(path, head, side)
    deep = _is_deep(head)
    advice = f"expected a whole picture of {LOSSLESS_NAMES}; copy it again"
    with one_line_of(path, advice), Image.open(path, formats=LOSSLESS) as picture:
        found_frames = getattr(picture, "n_frames", 1)
        if found_frames < frames:
            raise BuildError(f"{path} has {found_frames} frames, expected {frames}; ask for fewer heights")
        pages = []
        for number in range(frames):
            picture.seek(number)
            if picture.size != (side, side):
                raise _wrong_size(path, picture.size, side)
            picture.load()  # only then is the mode that of the frame, which has its own palette
            pages.append(_grey(picture, deep, path))
    return np.stack(pages)


def _require_size(path: Path, head: bytes, side: int) -> None:
    """Refuse a picture of another format or size by its header, before memory is taken for it."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) == 25:
        width, height = (int.from_bytes(head[start : start + 4], "big") for start in (16, 20))
    elif head.startswith(b"GIF8") and len(head) == 25:
        width, height = (int.from_bytes(head[start : start + 2], "little") for start in (6, 8))
    else:
        raise BuildError(
            f"{path} is no picture of {LOSSLESS_NAMES}; take the file as it was published: other formats "
            "round its grey levels"
        )
    if (width, height) != (side, side):
        raise _wrong_size(path, (width, height), side)


def _wrong_size(path: Path, found: tuple[int, int], side: int) -> BuildError:
    pixels = " x ".join(map(str, found))
    return BuildError(f"{path} has {pixels} pixels, expected {side} x {side}; remove or replace it")


def _grey(picture: Any, deep: bool, path: Path) -> np.ndarray:
    """Return the grey levels of a frame: of a palette or colours only if they are grey, and opaque."""
    if deep:
        levels = np.asarray(picture).astype(np.int64)
        if levels.ndim != 2 or (levels % TWICE).any():
            raise BuildError(
                f"{path} has 16 bits a pixel, expected 8 as published; their scale is not known: "
                "save it with 8"
            )
        return (levels // TWICE).astype(np.uint8)
    if picture.mode == "L" and "transparency" not in picture.info:
        return np.asarray(picture)
    red, green, blue, alpha = np.moveaxis(np.asarray(picture.convert("RGBA")), -1, 0)
    if (alpha < WHITE).any():
        raise BuildError(f"{path} has transparent pixels, expected grey; save it without an alpha channel")
    if (red != green).any() or (green != blue).any():
        raise BuildError(
            f"{path} is in colours, expected grey from 0 to 255; take the file as it was published, not a "
            "drawing of it"
        )
    return red


def _is_deep(head: bytes) -> bool:
    """Tell whether a PNG has 16 bits a channel (byte 24 of its header), which Pillow may cut to 8."""
    return head.startswith(b"\x89PNG") and head[24] == 16


def from_grey(grey: np.ndarray, low: float, high: float) -> np.ndarray:
    """Turn grey levels 0 to 255 into values from `low` to `high`; 0, which also marks buildings, is NaN."""
    values = low + grey.astype(np.float32) * np.float32((high - low) / WHITE)
    return np.where(grey > 0, values, np.float32(np.nan))


def numbers(path: Path, count: int) -> tuple[int, ...] | None:
    """Return the numbers that a file is named by, such as (3, 17) of ``3_17.png``; None of another name."""
    pieces = path.stem.split("_")
    if len(pieces) != count or not all(re.fullmatch(r"\d+", piece) for piece in pieces):
        return None
    return tuple(map(int, pieces))
