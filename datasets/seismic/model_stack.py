"""Velocity models of several files as one stack: one size, one unit, on cells of the solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic import velocities
from datasets.seismic.model_files import ModelFile, open_models
from datasets.store.units import same

FILE = "file"
"""Value of `keeps_whole` for the models of a file."""
LOOKED_AT = 1 << 24
"""Cells that are read at once to look at them."""


class Looks(NamedTuple):
    """What the models of a stack show, all together.

    Attributes
    ----------
    models : (models, 2) array
        Index of the file and index in it, without those that are left out.
    total
        Number of models, those included that are left out.
    slowest, fastest
        m/s.
    causes
        How many are left out, by cause.
    profiles
        Mean velocity by depth, and along the line, m/s.
    """

    models: np.ndarray
    total: int
    slowest: float
    fastest: float
    causes: dict[str, int]
    profiles: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ModelStack:
    """The velocity models of an import.

    Attributes
    ----------
    paths
        Their files.
    expected
        What is expected in them, for messages.
    variable, axes
        See `datasets.seismic.model_files.open_models`.
    units, cell, spacing, keeps_whole, most_bytes
        See `datasets.seismic.models.VelocityModels`.
    """

    paths: tuple[Path, ...]
    expected: str
    variable: str
    axes: tuple[str, ...]
    units: str | None
    cell: tuple[float, float] | None
    spacing: float | None
    keeps_whole: str
    most_bytes: int

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, list[Path]]:
        """Return models as (model, depth, lateral) float32, m/s, and the file of each."""
        chosen = self.looks.models[indices].tolist()
        values = np.concatenate([self._metres(file, [inside]) for file, inside in chosen])
        if not np.allclose(self._cell, self.side, rtol=1e-3):
            values = velocities.resampled(values, self._cell, self.side)
        return values.astype(np.float32), [self.paths[file] for file, _ in chosen]

    @cached_property
    def _opened(self) -> list[ModelFile]:
        """All files, with models of one size on cells of one size."""
        label = "" if self.keeps_whole in ("none", FILE) else self.keeps_whole
        opened = [
            open_models(path, self.variable, self.axes, label, self.expected, self.most_bytes)
            for path in self.paths
        ]
        first = opened[0]
        for each in opened:
            if _said(each) != _said(first):
                raise BuildError(
                    f"{each.path}: models of {_said(each)} found, {_said(first)} as in {first.path.name} "
                    "expected; import one size at a time"
                )
        return opened

    @cached_property
    def _cell(self) -> tuple[float, float]:
        """Depth and width of a cell of the files, m."""
        first, given = self._opened[0], self.cell
        if first.cell is None and given is None:
            raise BuildError(f"{first.path} says nothing of its cells; give cell=[DEPTH, WIDTH] in m")
        if first.cell is not None and given is not None and not np.allclose(first.cell, given, rtol=1e-3):
            raise BuildError(
                f"{first.path} states cells of {first.cell[0]:g} m x {first.cell[1]:g} m, cell={list(given)} "
                "found; leave it out"
            )
        return given or first.cell or (0.0, 0.0)

    @cached_property
    def side(self) -> float:
        """Side of a cell of the solver, m."""
        down, along = self._cell
        if self.spacing is None and not np.isclose(down, along, rtol=1e-3):
            raise BuildError(
                f"{self._opened[0].path}: cells of {down:g} m x {along:g} m found, square ones expected; "
                f"spacing={min(down, along):g} averages the models over such"
            )
        return self.spacing or down

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a model of the store."""
        high, wide = velocities.resampled(np.zeros(self._opened[0].size), self._cell, self.side).shape
        if min(high, wide) < 2:
            raise BuildError(f"spacing={self.side:g} m leaves {high} x {wide} cells; make it smaller")
        return high, wide

    def _metres(self, number: int, indices: list[int] | slice) -> np.ndarray:
        """Return models of a file in m/s."""
        file = self._opened[number]
        if file.units and self.units and not same(file.units, self.units):
            raise BuildError(f"{file.path} states '{file.units}', units='{self.units}' found; leave it out")
        return velocities.converted(file.values(indices), self._units(number), str(file.path))

    @cached_property
    def looks(self) -> Looks:
        """What the models show, by one look at all of them.

        Raises
        ------
        BuildError
            If none can be used, or velocities are none of the ground in these units.
        """
        kept, extremes = [], []
        causes = {"with NaN or infinite velocities": 0, "with velocities of 0 or less": 0}
        summed = np.zeros(self._opened[0].size)
        for number, start, values in self._chunks():
            low, high = values.min((1, 2)), values.max((1, 2))
            finite = np.isfinite(low) & np.isfinite(high)
            usable = finite & (low > 0)
            causes["with NaN or infinite velocities"] += int((~finite).sum())
            causes["with velocities of 0 or less"] += int((finite & ~usable).sum())
            kept += [(number, start + index) for index in np.flatnonzero(usable).tolist()]
            extremes += np.stack([low, high], 1)[finite].tolist()
            summed += values[usable].sum(0)
        if not kept:
            self._explain(np.array(extremes).reshape(-1, 2), causes)
        ends = np.array([each for each in extremes if each[0] > 0])
        worst = kept[
            int(ends[:, 0].argmin() if ends.min() < velocities.SLOWEST_ROCK else ends[:, 1].argmax())
        ]
        slowest, fastest = float(ends.min()), float(ends.max())
        self._require_rock(slowest, fastest, *worst)
        mean = summed / len(kept)
        total = sum(file.models for file in self._opened)
        return Looks(np.array(kept), total, slowest, fastest, causes, (mean.mean(1), mean.mean(0)))

    def _explain(self, extremes: np.ndarray, causes: dict[str, int]) -> NoReturn:
        """Refuse models of which none can be used."""
        first = self._name(0, 0)
        if len(extremes):
            self._require_rock(extremes.min(), extremes.max(), 0, 0)
        found = ", ".join(f"{count} {cause}" for cause, count in causes.items() if count)
        raise BuildError(f"{first}: no velocity model can be used: {found}; expected {self.expected}")

    def _require_rock(self, low: float, high: float, number: int, index: int) -> None:
        """Refuse velocities that are none of the ground, which a model shows."""
        stated = bool(self._opened[number].units)
        velocities.require_rock(low, high, self._units(number), self._name(number, index), stated=stated)

    def _name(self, number: int, index: int) -> str:
        return f"{self.paths[number]}, model {index}"

    def _units(self, number: int) -> str:
        return self.units or self._opened[number].units or velocities.UNITS

    def _chunks(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield file, first index and models, some at once."""
        for number, file in enumerate(self._opened):
            step = max(1, LOOKED_AT // (file.size[0] * file.size[1]))
            for start in range(0, file.models, step):
                yield number, start, self._metres(number, slice(start, start + step))

    @cached_property
    def groups(self) -> tuple[list[str], np.ndarray]:
        """Names of the groups that the split keeps whole, and the group of each record."""
        labels = [
            self._opened[file].path.name if self.keeps_whole == FILE else self._opened[file].labels[inside]
            for file, inside in self.looks.models.tolist()
        ]
        names, numbers = np.unique(labels, return_inverse=True)
        return names.tolist(), numbers.astype(np.int32)


def _said(file: ModelFile) -> str:
    """Return the size of the models of a file."""
    side = "" if file.cell is None else f" of {file.cell[0]:g} m x {file.cell[1]:g} m"
    return f"{file.size[0]} x {file.size[1]} cells{side}"
