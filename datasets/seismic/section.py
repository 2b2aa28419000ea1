"""Importer of a velocity section: tiles of it and gathers shot over them, a test on what was never seen.

The tiles of GFI's own zero-shot test (arXiv:2410.11247) are not published. Here: cells of 10 m by area
averages, clipped to the range of OpenFWI's velocities, raw or smoothed.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Self
from zipfile import BadZipFile

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from scipy.ndimage import gaussian_filter

from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.formats import require_format
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables
from datasets.seismic.lines import open_segy
from datasets.store.specs import Split, VariableSpec
from physics.waves.seismic.survey import Survey

SIDE = 70  # cells of a tile
FACTORS = {"m s-1": 1.0, "km s-1": 1000.0}


class SectionTiles(FolderImport):
    """Tiles of a velocity section and gathers with OpenFWI's geometry; all of them are the test."""

    name: ClassVar[str] = "seismic/section"
    version: ClassVar[int] = 1
    title: ClassVar[str] = (
        "Tiles of a velocity section and simulated gathers (made by `surrogates data import`)"
    )
    formats: ClassVar[tuple[str, ...]] = ("npz", "npy", "segy")
    patterns: ClassVar[tuple[str, ...]] = ("*.npz", "*.npy", "*.sgy", "*.segy")
    layout: ClassVar[str] = (
        "one file of velocities (depth, lateral): .npz with the arrays x, z (m) and model, or .npy or SEG-Y "
        "with `section_spacing`"
    )

    units: Literal["m s-1", "km s-1"] = Field("m s-1", description="Of the velocities in the file.")
    section_spacing: tuple[float, float] | None = Field(
        None, description="Depth and width of a cell of the section, m; for .npy and SEG-Y."
    )
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
        values, spacing = read_section(path, self.section_spacing)
        values = values * FACTORS[self.units]
        low, high = float(values.min()), float(values.max())
        if not 100.0 <= low <= high <= 10_000.0:
            other = next(units for units in FACTORS if units != self.units)
            raise BuildError(
                f"{path}: {low:g} to {high:g} m/s found, velocities in rock expected; with units='{other}'?"
            )
        averaged = resampled(values, spacing, self.survey.spacing)
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


def read_section(path: Path, spacing: tuple[float, float] | None) -> tuple[np.ndarray, tuple[float, float]]:
    """Read velocities (depth, lateral) and the depth and width of their cells, m.

    Raises
    ------
    BuildError
        If the file is damaged, holds something else, or does not state its spacing.
    """
    axes: tuple[np.ndarray, ...] = ()
    found = require_format(path, SectionTiles.formats, SectionTiles.layout)
    try:
        if found == "npz":
            with np.load(path, allow_pickle=False) as arrays:
                values, axes = arrays["model"].astype(float), (arrays["z"], arrays["x"])
        elif found == "npy":
            values = np.load(path, allow_pickle=False).astype(float)
        else:
            with open_segy(path) as file:
                values = file.trace.raw[:].T.astype(float)
    except (ValueError, OSError, EOFError, KeyError, BadZipFile) as error:
        expected = SectionTiles.layout
        raise BuildError(f"{path} holds no velocity section ({error}); expected {expected}") from None
    shape = tuple(map(len, axes)) or values.shape
    if values.ndim != 2 or values.shape != shape or not np.isfinite(values).all():
        raise BuildError(
            f"{path}: an array of shape {values.shape} found, finite velocities (depth, lateral) "
            "expected, as many as the axes z and x say"
        )
    if axes:
        spacing = (_step(path, "z", axes[0]), _step(path, "x", axes[1]))
    if spacing is None:
        raise BuildError(f"{path} says nothing of its cells; give section_spacing=[DEPTH, WIDTH] in m")
    return values, spacing


def _step(path: Path, name: str, values: np.ndarray) -> float:
    steps = np.diff(values.astype(float))
    if not steps.size or not np.allclose(steps, steps[0], rtol=1e-3) or steps[0] <= 0:
        raise BuildError(f"{path}: '{name}' is no regular axis; ascending, evenly spaced positions expected")
    return float(steps[0])


def resampled(values: np.ndarray, spacing: tuple[float, float], side: float) -> np.ndarray:
    """Average an array over square cells of another side; what is left at the far edges is cut off.

    Parameters
    ----------
    values
        Means of cells of `spacing` (depth, lateral), m.
    side
        Side of the new cells, m.
    """
    down, along = (_overlap(count, step, side) for count, step in zip(values.shape, spacing, strict=True))
    return down @ values @ along.T


def _overlap(count: int, step: float, side: float) -> np.ndarray:
    """Return the share of each new cell (row) that lies in each old one (column)."""
    cells = int(count * step / side + 1e-9)
    old, new = np.arange(count) * step, np.arange(cells)[:, None] * side
    return np.clip(np.minimum(new + side, old + step) - np.maximum(new, old), 0.0, None) / side
