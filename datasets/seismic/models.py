"""Recipe `seismic/models`: one's own velocity models, and gathers that are simulated over them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.folders import FolderImport
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_ARRAY_BYTES, MostBytes
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables, velocities
from datasets.seismic.model_files import AXES, FORMATS
from datasets.seismic.model_stack import ModelStack
from datasets.seismic.names import family_of
from datasets.store.specs import SPLIT_NAMES, TEST, VALIDATION, Split, VariableSpec
from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.survey import Survey
from surrogates.core.optional import require

GRID = Survey()


class VelocityModels(FolderImport):
    """Velocity models of any size and any survey over them, with a split for training."""

    name: ClassVar[str] = "seismic/models"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Velocity models and simulated shot gathers (made by `surrogates data import`)"
    formats: ClassVar[tuple[str, ...]] = FORMATS
    patterns: ClassVar[tuple[str, ...]] = (
        *(f"**/[!.]*.{suffix}" for suffix in ("npy", "npz", "nc", "nc4", "h5")),
        "*.zarr",
    )
    layout: ClassVar[str] = (
        "velocity models (sample, depth, lateral), or one (depth, lateral), in .npy, .npz, NetCDF, HDF5 or "
        "Zarr"
    )

    variable: str = Field(
        "", description="Name of the models in their files, if these hold other arrays too."
    )
    axes: tuple[str, ...] = Field(
        (), description="Order of the axes if files name none, such as [sample, lateral, depth]."
    )
    units: velocities.SpeedUnits | None = Field(
        None, description="Units of the velocities; by default those that the files state, else m s-1."
    )
    cell: tuple[float, float] | None = Field(
        None, description="Depth and width of a cell of the files, m, if they do not state it."
    )
    spacing: float | None = Field(
        None,
        gt=0,
        description="Side of a cell of the solver, m, over which models are averaged; as in the files.",
    )
    shots: int | tuple[float, ...] = Field(
        len(GRID.source_columns),
        description="Number of shots along the line, as even as columns allow; or positions, m.",
    )
    receivers: int | tuple[float, ...] | None = Field(
        None, description="Number of receivers, likewise; or positions, m; by default one in each column."
    )
    source_depth: float | None = Field(None, ge=0, description="Below the top row, m; by default one cell.")
    receiver_depth: float | None = Field(None, ge=0, description="Below the top row, m; by default one cell.")
    frequency: float = Field(GRID.frequency, gt=0, description="Peak frequency of the source, Hz.")
    time_step: float = Field(GRID.time_step, gt=0, description="Step of the solver, s.")
    steps: int = Field(GRID.steps, ge=1, description="Steps of the solver.")
    time_stride: int = Field(GRID.time_stride, ge=1, description="Every which step is kept.")
    free_surface: bool = Field(
        False,
        description="Whether the top reflects, one cell above the first row; else waves leave there too.",
    )
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the models for validation.")
    test: float = Field(0.1, ge=0, le=1, description="Share of the models for the test.")
    keeps_whole: str = Field(
        "none", description="What the split never tears apart: file, or a variable of the files; or none."
    )
    data_license: str = Field("unspecified", description="Licence of the models.")
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_ARRAY_BYTES

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.axes and sorted(self.axes) not in (sorted(AXES), ["depth", "lateral"]):
            raise ValueError(f"axes={list(self.axes)}: each of {', '.join(AXES)} once expected")
        if self.cell is not None and min(self.cell) <= 0:
            raise ValueError(f"cell={list(self.cell)} m: two positive numbers expected")
        SplitMapping(validation=self.validation, test=self.test)
        shooting.check_stride(
            Survey(time_step=self.time_step, time_stride=self.time_stride, frequency=self.frequency)
        )
        return self

    @classmethod
    def _files(cls, path: Path) -> list[Path]:
        zarr = any((path / name).is_file() for name in ("zarr.json", ".zgroup"))
        return [path] if zarr else super()._files(path)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [
            variables.velocity_spec(1, 1),
            variables.gather_spec(GRID),
            variables.FAMILY,
            _group("group"),
        ]

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        super().prepare()
        require("deepwave", "Simulating gathers")
        looks = self._stack.looks
        shooting.check_wavelength(self.survey, looks.slowest)
        surveys_of(np.full((1, *self._stack.size), looks.fastest), self.survey)

    def remarks(self) -> list[str]:
        """Say what was found, and what of it looks wrong."""
        looks, survey, (high, wide) = self._stack.looks, self.survey, self._stack.size
        duration = survey.steps * survey.time_step
        lines = [
            f"{self.records()} velocity models of {high} x {wide} cells of {survey.spacing:g} m, "
            f"{looks.slowest:.0f} to {looks.fastest:.0f} m/s; {survey.samples} samples of "
            f"{survey.time_stride * survey.time_step:g} s of {len(survey.source_columns)} shots at "
            f"{len(survey.receiver_columns)} receivers"
        ]
        if doubt := velocities.doubt_of_axes(*looks.profiles):
            lines.append(f"{doubt} If so, give their order by `axes`")
        echo = 2 * high * survey.spacing / looks.profiles[0].mean()
        if echo > duration:
            lines.append(
                f"records of {duration:g} s end before a wave is back from the bottom ({echo:.2g} s); more "
                "`steps` make them longer"
            )
        labels = self.splits()[0].labels
        lines += [
            f"no model is drawn for the {SPLIT_NAMES[value]}; `{key}` is the share"
            for value, key in ((VALIDATION, "validation"), (TEST, "test"))
            if getattr(self, key) > 0 and not (labels == value).any()
        ]
        return lines

    def left_out(self) -> list[LeftOut]:
        looks = self._stack.looks
        return [LeftOut("velocity models", looks.total, looks.causes, most=self.most_left_out)]

    def records(self) -> int:
        return len(self._stack.looks.models)

    def unit_records(self) -> int:
        return min(shooting.unit_records(self.survey, *self._stack.size), self.records())

    def specs(self) -> list[VariableSpec]:
        looks = self._stack.looks
        model = variables.velocity_spec(*self._stack.size, slowest=looks.slowest, fastest=looks.fastest)
        group = [] if self.keeps_whole == "none" else [_group(self.keeps_whole)]
        return [model, variables.gather_spec(self.survey), variables.FAMILY, *group]

    def shared(self) -> xr.Dataset:
        coordinates = variables.coordinates(self.survey, *self._stack.size)
        groups = {} if self.keeps_whole == "none" else variables.labels("group", self._stack.groups[0])
        return coordinates.assign(groups)

    def splits(self) -> list[Split]:
        alone = self.keeps_whole == "none"
        groups = np.arange(self.records()) if alone else self._stack.groups[1]
        return [self._split.draw("split", groups, self.seed, 0)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        from physics.waves.seismic.propagator import simulate

        velocity, paths = self._stack.read(indices)
        root = Path(self.folder).absolute()
        families = [family_of(path.absolute(), root) for path in paths]
        arrays = {
            "velocity_model": velocity,
            "shot_gather": simulate(velocity, self.survey),
            "family": np.array([variables.FAMILIES.index(family) for family in families]),
        }
        return arrays if self.keeps_whole == "none" else arrays | {"group": self._stack.groups[1][indices]}

    def software(self) -> dict[str, str]:
        return shooting.software()

    @cached_property
    def survey(self) -> Survey:
        """The survey over each model."""
        side, (high, wide) = self._stack.side, self._stack.size
        depth = {"source": self.source_depth, "receiver": self.receiver_depth}
        rows = {
            name: 1 if given is None else shooting.cells_of(f"{name}_depth", [given], side, high)[0]
            for name, given in depth.items()
        }
        receivers = wide if self.receivers is None else self.receivers
        return Survey(
            spacing=side,
            time_step=self.time_step,
            steps=self.steps,
            time_stride=self.time_stride,
            frequency=self.frequency,
            source_columns=shooting.columns("shots", self.shots, side, wide),
            source_row=rows["source"],
            receiver_columns=shooting.columns("receivers", receivers, side, wide),
            receiver_row=rows["receiver"],
            free_surface=self.free_surface,
        )

    @property
    def _split(self) -> SplitMapping:
        return SplitMapping(validation=self.validation, test=self.test, keeps_whole=self.keeps_whole)

    @cached_property
    def _stack(self) -> ModelStack:
        super().prepare()  # other files than those the import began with say nothing of it
        keys = {"variable", "axes", "units", "cell", "spacing", "keeps_whole", "most_bytes"}
        given = self.model_dump(include=keys)
        return ModelStack(tuple(self._files(Path(self.folder))), self.layout, **given)


def _group(keeps_whole: str) -> VariableSpec:
    return variables.label_spec("group", f"{keeps_whole} of the model, which the split keeps whole")
