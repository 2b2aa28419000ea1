"""Importer of shot gathers in SEG-Y files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.recipe import Arrays
from datasets.seismic.lines import Line, open_segy, read_line
from datasets.seismic.variables import metres
from datasets.store.specs import Split, VariableSpec

LINE_POSITION = VariableSpec(
    name="line_position",
    dims=("sample",),
    shape=(),
    units="m",
    long_name="position along the line that shots and receivers are counted from",
)
"""Of towed receivers only."""


class SegyGathers(FolderImport):
    """Shot gathers of SEG-Y files, sorted by the positions of source and receiver in the trace headers.

    Receivers that stand still make one record of a file, with all its shots. Receivers that are towed make
    one record of each shot, in which positions are counted from the shot.
    """

    name: ClassVar[str] = "seismic/segy"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Shot gathers from SEG-Y files (made by `surrogates data import seismic/segy`)"
    formats: ClassVar[tuple[str, ...]] = ("segy",)
    patterns: ClassVar[tuple[str, ...]] = ("**/*.sgy", "**/*.segy")
    layout: ClassVar[str] = "SEG-Y files (.sgy, .segy) of shot gathers, one geometry in all"

    data_license: str = Field("unspecified", description="Licence of the data.")

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        super().prepare()
        self.records()

    def remarks(self) -> list[str]:
        """Say what geometry was found."""
        first = self._first
        shots, receivers = first.traces.shape
        step = 1e3 * np.diff(first.times)[0]
        found = "stand still: a record is a file" if first.stands else "are towed: a record is a shot"
        return [
            f"{len(self._lines)} files; the first: {shots} shots, {receivers} receivers "
            f"{first.spacing:.4g} m apart, which {found}; {len(first.times)} samples of {step:.4g} ms"
        ]

    def records(self) -> int:
        return len(self._record_shots)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [_gather_spec((1, 1, 1)), LINE_POSITION]

    def specs(self) -> list[VariableSpec]:
        receivers = self._first.traces.shape[1]
        gathers = _gather_spec((self._shots, len(self._first.times), receivers))
        return [gathers] if self._first.stands else [gathers, LINE_POSITION]

    def shared(self) -> xr.Dataset:
        first, origin = self._first, 0.0 if self._first.stands else self._first.shots[0]
        return xr.Dataset(
            coords={
                "shot": metres("shot", first.shots[: self._shots] - origin, "position of the source"),
                "receiver": metres("receiver", first.receivers[0] - origin, "position of the receiver"),
                "time": ("time", first.times, {"units": "s", "long_name": "time since the source began"}),
            }
        )

    def splits(self) -> list[Split]:
        return [Split.all_test(self.records(), "all for the test: no truth is known")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        gathers, positions = [], []
        for index in indices.tolist():
            file, shot = self._record_shots[index]
            line = self._lines[file]
            chosen = line.traces if shot is None else line.traces[shot : shot + 1]
            gathers.append(_read(self._paths[file], chosen))
            positions.append(line.shots[shot or 0])
        arrays = {"shot_gather": np.stack(gathers)}
        return arrays if self._first.stands else arrays | {"line_position": np.array(positions)}

    @cached_property
    def _paths(self) -> list[Path]:
        return self._files(Path(self.folder))

    @cached_property
    def _lines(self) -> list[Line]:
        lines = [read_line(path) for path in self._paths]
        for path, line in zip(self._paths, lines, strict=True):
            if difference := _difference(line, lines[0]):
                raise BuildError(
                    f"{path} has other {difference} than {self._paths[0]}; import it into a store of its own"
                )
        return lines

    @property
    def _first(self) -> Line:
        return self._lines[0]

    @property
    def _shots(self) -> int:
        """Shots of a record."""
        return len(self._first.shots) if self._first.stands else 1

    @cached_property
    def _record_shots(self) -> list[tuple[int, int | None]]:
        """File of each record, and its shot if a record is one shot."""
        if self._first.stands:
            return [(file, None) for file in range(len(self._lines))]
        return [(file, shot) for file, line in enumerate(self._lines) for shot in range(len(line.shots))]


def _gather_spec(shape: tuple[int, int, int]) -> VariableSpec:
    """Return the spec of gathers of so many shots, samples and receivers."""
    return VariableSpec(
        name="shot_gather",
        dims=("sample", "shot", "time", "receiver"),
        shape=shape,
        long_name="amplitude at the receivers, as recorded",
        attributes={"resampling": "time: band_limited"},
    )


def _read(path: Path, traces: np.ndarray) -> np.ndarray:
    """Return traces (shot, receiver) of a file as (shot, time, receiver)."""
    with open_segy(path) as file:
        found = np.stack([file.trace[int(number)] for number in traces.ravel()])
    if not np.isfinite(found).all():
        bad = traces.ravel()[~np.isfinite(found).all(axis=1)][0]
        raise BuildError(f"{path}, trace {bad + 1}: NaN or infinite amplitudes found; leave its shot out")
    return found.reshape(*traces.shape, -1).swapaxes(1, 2)


def _difference(line: Line, first: Line) -> str | None:
    """Say in what two geometries differ; towed receivers may begin anywhere."""
    if len(line.times) != len(first.times) or not np.allclose(line.times, first.times, atol=1e-9):
        return "sampling times"
    if line.stands != first.stands or line.traces.shape[1] != first.traces.shape[1]:
        return "receivers"
    ours, theirs = (
        (each.receivers[0], each.shots) if each.stands else (each.receivers[0] - each.shots[0], np.zeros(1))
        for each in (line, first)
    )
    if not np.allclose(ours[0], theirs[0], atol=0.1 * first.spacing):
        return "receivers"
    if ours[1].shape != theirs[1].shape or not np.allclose(ours[1], theirs[1], atol=0.1 * first.spacing):
        return "shots"
    return None
