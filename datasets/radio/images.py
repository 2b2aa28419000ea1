"""Radio maps that are published as grey pictures: which grey is which value, and which way is north."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.factory.errors import BuildError

WHITE = 255.0


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
        If it is no picture, has another size or fewer frames.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.size != (side, side):
                found = " x ".join(map(str, picture.size))
                raise BuildError(f"{path} has {found} pixels, expected {side} x {side}; remove or replace it")
            found_frames = getattr(picture, "n_frames", 1)
            if found_frames < frames:
                raise BuildError(
                    f"{path} has {found_frames} frames, expected {frames}; ask for fewer heights"
                )
            pages = []
            for number in range(frames):
                picture.seek(number)
                pages.append(np.asarray(picture.convert("L")))
    except (UnidentifiedImageError, EOFError, OSError, SyntaxError) as error:
        raise BuildError(f"{path} cannot be read as a picture ({error}); copy it again") from None
    return np.stack(pages)


def from_grey(grey: np.ndarray, low: float, high: float) -> np.ndarray:
    """Turn grey levels 0 to 255 into values from `low` to `high`; 0, which also marks buildings, is NaN."""
    values = low + grey.astype(np.float32) * np.float32((high - low) / WHITE)
    return np.where(grey > 0, values, np.float32(np.nan))
