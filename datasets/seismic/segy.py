"""Importer of shot gathers in SEG-Y files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.recipe import Arrays
from datasets.seismic.lines import LOOSE, Line, read_line
from datasets.seismic.segy_keys import GatherKeys
from datasets.seismic.spreads import joined
from datasets.seismic.trace_choice import leaving_out
from datasets.seismic.traces import Traces, open_traces
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


class SegyGathers(GatherKeys, FolderImport):
    """Shot gathers of SEG-Y files, sorted by the positions of source and receiver in the trace headers.

    Receivers that stand still make one record of a file with all its shots, or of all files that share the
    receivers. Receivers that are towed make one record of each shot, in which positions are counted from the
    shot.
    """

    name: ClassVar[str] = "seismic/segy"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "Shot gathers from SEG-Y files (made by `surrogates data import seismic/segy`)"
    formats: ClassVar[tuple[str, ...]] = ("segy",)
    patterns: ClassVar[tuple[str, ...]] = ("**/[!.]*.sgy", "**/[!.]*.segy")
    layout: ClassVar[str] = "SEG-Y files (.sgy, .segy) of shot gathers, one geometry in all"

    data_license: str = Field("unspecified", description="Licence of the data.")
    most_left_out: MostLeftOut = MOST

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        super().prepare()
        self.records()

    def remarks(self) -> list[str]:
        """Say what geometry was found, and what was assumed or converted."""
        first, files = self._first, len(self._paths)
        shots, receivers = first.traces.shape
        step = 1e3 * np.ptp(first.times) / max(len(first.times) - 1, 1)
        if not first.stands:
            found = "are towed: a record is a shot"
        elif len(self._lines) < files:
            found = f"stand still: files with the same receivers are joined (records: {len(self._lines)})"
        else:
            found = "stand still: a record is a file"
        said = Counter(remark for line in self._in_files for remark in line.remarks)
        return [
            f"{files} files; the first record: {1 if not first.stands else shots} shots, {receivers} "
            f"receivers {first.spacing:.4g} m apart, which {found}; {len(first.times)} samples of {step:.4g} "
            "ms",
            *(
                remark if count == files else f"{remark} ({count} of {files} files)"
                for remark, count in said.items()
            ),
        ]

    def left_out(self) -> list[LeftOut]:
        causes, chosen = (
            sum((Counter(getattr(line, name)) for line in self._in_files), Counter())
            for name in ("causes", "chosen")
        )
        total = sum(line.total for line in self._in_files)
        return [LeftOut("traces", total, causes, chosen, most=self.most_left_out)]

    def records(self) -> int:
        return len(self._record_shots)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [_gather_spec((1, 1, 1)), LINE_POSITION]

    def specs(self) -> list[VariableSpec]:
        receivers = self._first.traces.shape[1]
        dead = any(line.dead.any() for line in self._in_files)
        shape = (self._shots, len(self._first.times), receivers)
        gathers = _gather_spec(shape, missing=dead, attributes=self._first.attributes)
        return [gathers, LINE_POSITION] if self._has_positions else [gathers]

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
            number, shot = self._record_shots[index]
            line = self._lines[number]
            shots = range(len(line.shots)) if shot is None else [shot]
            gathers.append(np.stack([self._gather(line, each) for each in shots]))
            positions.append(line.shots[shot or 0])
        arrays = {"shot_gather": np.stack(gathers)}
        return arrays | {"line_position": np.array(positions)} if self._has_positions else arrays

    def _gather(self, line: Line, shot: int) -> np.ndarray:
        """Return the gather of a shot, (time, receiver); dead traces are NaN."""
        traces, numbers = self._traces[line.files[shot]], line.traces[shot]
        found = traces.amplitudes(numbers) * line.factors[shot][:, None]
        found[line.dead[shot]] = np.nan
        with np.errstate(over="ignore"):
            gather = found.astype(np.float32)
        if (bad := ~np.isfinite(gather).all(axis=1) & ~line.dead[shot]).any():
            raise BuildError(
                f"{traces.path}, trace {numbers[bad][0] + 1}: NaN or infinite amplitudes found; mark it as "
                "dead (2 in bytes 29-30), leave its shot out by "
                f"{leaving_out(traces, numbers[bad][0], 9, 17, 73, 77)}, or state `sample_format=` or "
                "`byte_order=` if those of the file are wrong"
            )
        return gather.T

    @cached_property
    def _paths(self) -> list[Path]:
        return self._files(Path(self.folder))

    @cached_property
    def _traces(self) -> list[Traces]:
        return [open_traces(path, self) for path in self._paths]

    @cached_property
    def _in_files(self) -> list[Line]:
        """What each file holds."""
        return [read_line(traces, self) for traces in self._traces]

    @cached_property
    def _lines(self) -> list[Line]:
        """Lines of one geometry, each of one file or more."""
        for path, line in zip(self._paths, self._in_files, strict=True):
            self._require_alike(path, _unlike_samples(line, self._in_files[0]))
        lines = joined(self._paths, self._in_files)
        for line in lines:
            self._require_alike(self._paths[line.files[0]], _unlike_geometry(line, lines[0]))
        return lines

    def _require_alike(self, path: Path, difference: str) -> None:
        if difference:
            raise BuildError(
                f"{path} has other {difference} than {self._paths[0]}; import it into a store of its own"
            )

    @property
    def _first(self) -> Line:
        return self._lines[0]

    @property
    def _has_positions(self) -> bool:
        """Whether each record has a position along the line."""
        return not (self._first.stands or self._first.relative)

    @property
    def _shots(self) -> int:
        """Shots of a record."""
        return len(self._first.shots) if self._first.stands else 1

    @cached_property
    def _record_shots(self) -> list[tuple[int, int | None]]:
        """Line of each record, and its shot if a record is one shot."""
        if self._first.stands:
            return [(number, None) for number in range(len(self._lines))]
        return [(number, shot) for number, line in enumerate(self._lines) for shot in range(len(line.shots))]


def _gather_spec(
    shape: tuple[int, int, int], *, missing: bool = False, attributes: Mapping[str, str] | None = None
) -> VariableSpec:
    """Return the spec of gathers of so many shots, samples and receivers."""
    more = dict(attributes or {})
    return VariableSpec(
        name="shot_gather",
        dims=("sample", "shot", "time", "receiver"),
        shape=shape,
        units=more.pop("units", "1"),
        long_name="amplitude at the receivers, as recorded",
        missing=missing,
        attributes={"resampling": "time: band_limited", **more},
    )


def _unlike_samples(line: Line, first: Line) -> str:
    """Say in what the samples of two lines differ; nothing if they do not."""
    for name in sorted(line.attributes.keys() | first.attributes.keys()):
        if line.attributes.get(name) != first.attributes.get(name):
            return name.replace("_", " ")
    same = len(line.times) == len(first.times) and np.allclose(line.times, first.times, atol=1e-9)
    return "" if same else "sampling times"


def _unlike_geometry(line: Line, first: Line) -> str:
    """Say in what the positions of two lines differ; towed receivers may begin anywhere."""
    if line.stands != first.stands or line.traces.shape[1] != first.traces.shape[1]:
        return "receivers"
    ours, theirs = (
        (each.receivers[0], each.shots) if each.stands else (each.receivers[0] - each.shots[0], np.zeros(1))
        for each in (line, first)
    )
    if not np.allclose(ours[0], theirs[0], atol=LOOSE * first.spacing):
        return "receivers"
    if ours[1].shape != theirs[1].shape or not np.allclose(ours[1], theirs[1], atol=LOOSE * first.spacing):
        return "shots"
    return ""
