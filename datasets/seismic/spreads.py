"""SEG-Y files of one spread: many files, the same receivers, each with other shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic.lines import LOOSE, Line


def joined(paths: Sequence[Path], lines: Sequence[Line]) -> list[Line]:
    """Join files whose receivers are the same and whose shots are not; others stay lines of their own.

    Parameters
    ----------
    paths, lines
        The files, and what each holds.

    Raises
    ------
    BuildError
        If two files of one spread share some shots and not others.
    """
    starts = np.stack([line.start for line in lines])
    spreads: dict[int, list[int]] = {}  # by the first file of each
    first_of: list[int] = []
    for number, line in enumerate(lines):
        near = np.hypot(*(starts[:number] - line.start).T) <= LOOSE * line.spacing
        same = (each for each in np.flatnonzero(near).tolist() if line.shares_receivers(lines[each]))
        other = next(same, None)
        first_of.append(number if other is None else first_of[other])
        spreads.setdefault(first_of[number], []).append(number)
    found = [_joined(paths, {each: lines[each] for each in spread}) for spread in spreads.values()]
    return sorted(chain(*found), key=lambda line: int(line.files.min()))


def _joined(paths: Sequence[Path], spread: Mapping[int, Line]) -> list[Line]:
    """Return one line of the files of a spread, or each by itself if all repeat the same shots."""
    alone = [replace(line, files=np.full(len(line.shots), number)) for number, line in spread.items()]
    if len(alone) == 1 or all(_same_shots(line, alone[0]) for line in alone):
        return alone

    def of_all(name: str) -> np.ndarray:
        return np.concatenate([getattr(line, name) for line in alone])

    shots, files = of_all("shots"), of_all("files")
    order = np.lexsort((files, shots))
    close = (np.diff(shots[order]) <= LOOSE * alone[0].spacing) & (np.diff(files[order]) != 0)
    if len(near := np.flatnonzero(close)):
        first, second = files[order][near[0] : near[0] + 2].tolist()
        raise BuildError(
            f"{paths[first]} and {paths[second]} both hold a shot at {shots[order][near[0]]:.6g} m of one "
            "spread, while other shots of it lie in one file only; leave one of the two files out, or "
            "import repeated shots into a store of their own"
        )
    whole = replace(
        alone[0],
        traces=of_all("traces")[order],
        dead=of_all("dead")[order],
        factors=of_all("factors")[order],
        receivers=of_all("receivers")[order],
        shots=shots[order],
        files=files[order],
    )
    return [whole]


def _same_shots(line: Line, other: Line) -> bool:
    if len(line.shots) != len(other.shots):
        return False
    return bool(np.abs(line.shots - other.shots).max() <= LOOSE * other.spacing)
