"""SEG-Y files whose headers are changed byte by byte."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from datasets.seismic.segy import SegyGathers
from tests.datasets.seismic.files import spread, write_segy

SHOTS, RECEIVERS = np.array([0.0, 55.0, 100.0]), np.arange(0.0, 101.0, 12.5)
SAMPLES = 40
HEADERS, STEP = 3600, 240 + 4 * SAMPLES

Words = Mapping[int, int | float | Sequence[int]]


def gathers(shots: int = 3, receivers: int = 9) -> np.ndarray:
    """Draw gathers (shot, time, receiver)."""
    return np.random.default_rng(0).standard_normal((shots, SAMPLES, receivers)).astype(np.float32)


def write_line(
    path: Path, *, shots: np.ndarray = SHOTS, file: Words | None = None, trace: Words | None = None
) -> Path:
    """Write a line of receivers that stand still, and change words of its headers.

    Parameters
    ----------
    path
        The file.
    shots
        Positions of the shots.
    file, trace
        Values by first byte, as the standard counts them; those of a trace one for all, or one for each.
    """
    sources, receivers = spread(shots, RECEIVERS)
    write_segy(path, gathers(len(shots)).swapaxes(1, 2).reshape(len(sources), -1), sources, receivers)
    change(path, file=file, trace=trace)
    return path


def change(path: Path, *, file: Words | None = None, trace: Words | None = None) -> None:
    """Change words of the headers of a file of 40 samples of 4 bytes."""
    content = bytearray(path.read_bytes())
    for byte, value in (file or {}).items():
        _put(content, byte - 1, byte, value)
    for number in range((len(content) - HEADERS) // STEP):
        for byte, value in (trace or {}).items():
            one = value[number] if isinstance(value, Sequence | np.ndarray) else value
            _put(content, HEADERS + number * STEP + byte - 1, byte, one)
    path.write_bytes(content)


def recipe(path: Path, **keys: object) -> SegyGathers:
    """Return the importer of a file or folder, prepared."""
    made = SegyGathers.make({"folder": str(path), **keys})
    made.prepare()
    return made


def amplitudes(made: SegyGathers) -> np.ndarray:
    """Return all gathers, (record, shot, time, receiver)."""
    return np.asarray(made.simulate(np.arange(made.records()), [])["shot_gather"])


def _put(content: bytearray, at: int, byte: int, value: object) -> None:
    four = [*range(1, 26, 4), *range(37, 66, 4), *range(73, 86, 4), *range(181, 198, 4), 205, 3269, 3529]
    width = 8 if byte in (3273, 3521) else 4 if byte in four else 2
    content[at : at + width] = np.array(value, ">f8" if byte == 3273 else f">i{width}").tobytes()
