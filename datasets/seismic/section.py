"""Importer of a velocity section: tiles of it and gathers shot over them, a test on what was never seen.

The tiles of GFI's own zero-shot test (arXiv:2410.11247) are not published. Here: cells of 10 m by area
averages, clipped to the range of OpenFWI's velocities, raw or smoothed.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy.ndimage import gaussian_filter

from datasets.factory import numpy_files
from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.formats import require_format
from datasets.factory.limits import MOST_ARRAY_BYTES, MostBytes, require_most
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables, velocities
from datasets.seismic.segy_keys import LayoutKeys
from datasets.seismic.trace_choice import AUXILIARY, DEAD
from datasets.seismic.traces import Traces, open_traces
from datasets.store.specs import Split, VariableSpec
from physics.waves.seismic.survey import Survey

SIDE = 70  # cells of a tile


class SectionTiles(LayoutKeys, FolderImport):
    """Tiles of a velocity section and gathers with OpenFWI's geometry; all of them are the test."""

    name: ClassVar[str] = "seismic/section"
    version: ClassVar[int] = 1
    title: ClassVar[str] = (
        "Tiles of a velocity section and simulated gathers (made by `surrogates data import`)"
    )
    formats: ClassVar[tuple[str, ...]] = ("npz", "npy", "segy")
    patterns: ClassVar[tuple[str, ...]] = tuple(f"[!.]*.{suffix}" for suffix in ("npz", "npy", "sgy", "segy"))
    layout: ClassVar[str] = (
        "one file of velocities (depth, lateral): .npz with the arrays x, z (m) and model, or .npy or SEG-Y "
        "with `section_spacing`"
    )

    units: velocities.SpeedUnits = velocities.UNITS
    section_spacing: tuple[float, float] | None = Field(
        None, description="Depth and width of a cell of the section, m; for .npy and SEG-Y."
    )
    most_bytes: MostBytes = MOST_ARRAY_BYTES
    smoothing: float = Field(
        0.0, ge=0, description="Width of a Gaussian that smooths the section, cells of 10 m."
    )
    tile_step: int = Field(SIDE, ge=1, description="Cells from one tile to the next; 70: side by side.")
    time_stride: int = Field(1, ge=1, description="Every which sample is kept.")
    data_license: str = Field("unspecified", description="Licence of the section.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.section_spacing is not None and min(self.section_spacing) <= 0:
            raise ValueError(f"section_spacing={self.section_spacing} m: two positive numbers expected")
        shooting.check_stride(self.survey)
        return self

    @property
    def survey(self) -> Survey:
        """OpenFWI's survey."""
        return Survey(time_stride=self.time_stride)

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        super().prepare()
        self.records()

    def remarks(self) -> list[str]:
        """Say how large the section is, and how much of it had to be clipped."""
        section, clipped = self._section
        high, wide = (round(count * self.survey.spacing) for count in section.shape)
        return [
            f"a section of {high} m x {wide} m, {self.records()} tiles of 700 m x 700 m",
            f"{100 * clipped.mean():.3g} % of its cells were clipped to "
            f"{variables.SLOWEST:.0f} to {variables.FASTEST:.0f} m/s; `clipped` holds the share of each tile",
            *filter(None, [velocities.doubt_of_axes(section.mean(1), section.mean(0))]),
        ]

    def records(self) -> int:
        return len(self._corners)

    def unit_records(self) -> int:
        return min(shooting.UNIT, self.records())

    def specs(self) -> list[VariableSpec]:
        def number(name: str, units: str, long_name: str) -> VariableSpec:
            return VariableSpec(name=name, dims=("sample",), shape=(), units=units, long_name=long_name)

        return [
            variables.velocity_spec(SIDE, SIDE),
            variables.gather_spec(self.survey),
            variables.FAMILY,
            number("tile_depth", "m", "upper edge of the tile below that of the section"),
            number("tile_lateral", "m", "left edge of the tile from that of the section"),
            number("clipped", "1", "share of the tile's cells that were clipped"),
        ]

    def shared(self) -> xr.Dataset:
        return variables.coordinates(self.survey, SIDE, SIDE)

    def splits(self) -> list[Split]:
        return [Split.all_test(self.records(), "all for the test: models are trained on other data")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        from physics.waves.seismic.propagator import simulate

        section, clipped = self._section
        corners = self._corners[indices]
        tiles = [(slice(row, row + SIDE), slice(column, column + SIDE)) for row, column in corners.tolist()]
        velocity = np.stack([section[tile] for tile in tiles])
        edges = (corners * self.survey.spacing).astype(np.float32)
        return {
            "velocity_model": velocity,
            "shot_gather": simulate(velocity, self.survey),
            "family": np.full(len(indices), variables.FAMILIES.index("section")),
            "tile_depth": edges[:, 0],
            "tile_lateral": edges[:, 1],
            "clipped": np.array([clipped[tile].mean() for tile in tiles], np.float32),
        }

    def software(self) -> dict[str, str]:
        return shooting.software()

    @cached_property
    def _section(self) -> tuple[np.ndarray, np.ndarray]:
        """The section on cells of 10 m, clipped and smoothed, and where it was clipped."""
        files = self._files(Path(self.folder))
        if len(files) > 1:
            raise BuildError(f"{self.folder} holds {len(files)} sections; name one file")
        path = files[0]
        values, spacing = read_section(path, self.section_spacing, self, self.most_bytes)
        values = velocities.converted(values, self.units, str(path))
        velocities.require_rock(float(values.min()), float(values.max()), self.units, str(path))
        averaged = velocities.resampled(values, spacing, self.survey.spacing)
        section = averaged.clip(variables.SLOWEST, variables.FASTEST)
        smooth = gaussian_filter(section, self.smoothing, mode="nearest") if self.smoothing else section
        return smooth.astype(np.float32), section != averaged

    @cached_property
    def _corners(self) -> np.ndarray:
        """Row and column of the first cell of each tile, row by row from above."""
        section, _ = self._section
        if min(section.shape) < SIDE:
            high, wide = (round(count * self.survey.spacing) for count in section.shape)
            raise BuildError(
                f"{self.folder}: a section of {high} m x {wide} m found, at least 700 m x 700 m expected"
            )
        rows, columns = (np.arange(0, count - SIDE + 1, self.tile_step) for count in section.shape)
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def read_section(
    path: Path,
    spacing: tuple[float, float] | None,
    keys: LayoutKeys | None = None,
    most: int = MOST_ARRAY_BYTES,
) -> tuple[np.ndarray, tuple[float, float]]:
    """Read velocities (depth, lateral) and the depth and width of their cells, m.

    Raises
    ------
    BuildError
        If the file is damaged, too large, holds something else, or does not state its spacing.
    """
    axes: list[np.ndarray] = []
    found = require_format(path, SectionTiles.formats, SectionTiles.layout)
    if found == "npz":
        values, *axes = (numpy_files.member(path, name, most) for name in ("model", "z", "x"))
    elif found == "npy":
        values = numpy_files.mapped(path)
    else:
        traces = open_traces(path, keys)
        require_most(path, traces.raw.nbytes, most)
        values = _in_traces(traces, keys)
    require_most(path, values.nbytes, most)
    if any(each.dtype.kind not in "iuf" for each in (values, *axes)):
        raise BuildError(f"{path} holds {values.dtype}, expected numbers; expected {SectionTiles.layout}")
    values = values.astype(float)
    shape = sum((each.shape for each in axes), ()) or values.shape
    if values.ndim != 2 or values.shape != shape or not np.isfinite(values).all():
        raise BuildError(
            f"{path}: an array of shape {values.shape} found, finite velocities (depth, lateral) "
            "expected, as many as the axes z and x say"
        )
    if axes:
        spacing = (velocities.step_of(path, "z", axes[0]), velocities.step_of(path, "x", axes[1]))
    if spacing is None:
        raise BuildError(f"{path} says nothing of its cells; give section_spacing=[DEPTH, WIDTH] in m")
    return values, spacing


def _in_traces(traces: Traces, keys: LayoutKeys | None) -> np.ndarray:
    """Return velocities (depth, lateral); refuse traces that hold none, and feet that no key confirms."""
    codes, counts = np.unique(traces.word(29), return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        if kind := (DEAD | AUXILIARY).get(code):
            raise BuildError(
                f"{traces.path}: {count} traces that are {kind} found (trace identification {code} in bytes "
                "29-30), velocities in all expected; write the section without them"
            )
    if traces.file_word(3255) == 2 and keys is not None and "units" not in keys.model_fields_set:
        raise BuildError(
            f"{traces.path} states feet (2 in bytes 3255-3256); state `units='ft s-1'`, or `units='m s-1'` "
            "if its velocities are in m/s all the same, and `section_spacing` in m"
        )
    return traces.amplitudes(np.arange(len(traces))).T
