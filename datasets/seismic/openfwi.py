"""Importer of OpenFWI's files: pairs of gathers and velocity models, 500 of each in a `.npy`.

Published names (lanl/OpenFWI, split_files) are ``FlatVel_A/data/data1.npy`` with
``FlatVel_A/model/model1.npy``, and ``FlatFault_B/seis6_1_0.npy`` with ``FlatFault_B/vel6_1_0.npy``; others
are told apart by shape and matched by name (`datasets.seismic.pairs`). The files say nothing of spacing,
time step or source: those of OpenFWI are taken for granted.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_ARRAY_BYTES, MostBytes
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables, velocities
from datasets.seismic.arrays import FORMATS, StoredArray
from datasets.seismic.names import numbers, stars
from datasets.seismic.openfwi_checks import doubts, in_range
from datasets.seismic.pairs import NONE, Found, Pair, Shapes, find_pairs
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.waves.seismic.survey import Survey

DEPTHS = LATERALS = 70
FILE = variables.label_spec("file", "file of the gathers")
NAME = re.compile(r"data\d+|seis\d+_\d+_\d+")
LAST_OF_TRAINING = {"vel": 48, "style": 120, "fault": 31}
"""Number of the last file that the published split trains on; of faults, the last of the three numbers."""


class OpenFWI(FolderImport):
    """Velocity models and gathers of OpenFWI, as they were published."""

    name: ClassVar[str] = "seismic/openfwi"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "OpenFWI: velocity models and shot gathers (made by `surrogates data import`)"
    license: ClassVar[str] = "CC-BY-NC-SA-4.0 (openfwi-lanl.github.io)"
    formats: ClassVar[tuple[str, ...]] = FORMATS
    patterns: ClassVar[tuple[str, ...]] = tuple(f"**/[!.]*.{suffix}" for suffix in FORMATS)
    layout: ClassVar[str] = (
        "data1.npy and model1.npy (or data/data1.npy and model/model1.npy), seis2_1_0.npy and "
        "vel2_1_0.npy, or the like, in folders named like FlatVel_A"
    )

    family: str = Field(
        "", description="Family of all files; by default from the names of files and folders."
    )
    gathers: str = Field(
        "",
        description="Pattern of the files with gathers, such as 'seismic*.npy'; by default known by shape.",
    )
    models: str = Field(
        "",
        description="Pattern of the files with velocity models, whose stars stand for the same as those of "
        "`gathers`; or none: gathers alone, all for the test.",
    )
    units: velocities.SpeedUnits = velocities.UNITS
    scaled: tuple[float, float] | None = Field(
        None, description="What 1500 and 4500 m/s became if the models are normalised, such as [-1, 1]."
    )
    time_stride: int = Field(1, ge=1, description="Every which sample is kept; 4 loses nothing of 15 Hz.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the training models for validation.")
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_ARRAY_BYTES

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.family and self.family not in variables.FAMILIES:
            raise ValueError(f"family='{self.family}' found, one of {', '.join(variables.FAMILIES)} expected")
        if self.scaled is not None and (self.scaled[0] == self.scaled[1] or self.units != velocities.UNITS):
            raise ValueError(
                f"scaled={list(self.scaled)}: two different numbers expected, and no `units` beside it"
            )
        if self.models != NONE and bool(self.gathers) != bool(self.models):
            raise ValueError(
                f"gathers='{self.gathers}' and models='{self.models}' found, both expected, or models=none"
            )
        if self.models not in ("", NONE) and stars(self.gathers) != stars(self.models):
            raise ValueError(
                f"gathers='{self.gathers}' and models='{self.models}': as many stars in both expected; what "
                "they stand for tells which files belong together"
            )
        shooting.check_stride(self.survey)
        return self

    @property
    def survey(self) -> Survey:
        """OpenFWI's survey."""
        return Survey(time_stride=self.time_stride)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [*cls.model_construct().specs(), FILE]

    def prepare(self) -> None:
        super().prepare()
        if self.records() == 0:
            raise BuildError(f"{self._pairs[0].gathers} holds no records; expected {self.layout}")
        if first := self._pairs[0].models:
            self._velocities(first.values(), str(first))

    def remarks(self) -> list[str]:
        """Say what was found, how it was read, and which subset of the published split is missing."""
        families = {pair.family: 0 for pair in self._pairs}
        for pair, count in zip(self._pairs, self._counts, strict=True):
            families[pair.family] += int(count)
        found = ", ".join(f"{name} {count}" for name, count in families.items())
        if self.models == NONE:
            lines = [
                f"{len(self._pairs)} arrays of gathers without velocity models, all for the test: {found}"
            ]
        else:
            lines = [f"{len(self._pairs)} pairs of files; models: {found}"]
            if not (self._held_out == TEST).any():
                lines.append(
                    "no file of the published validation subset is among them: a tenth of the models is the "
                    "test"
                )
        return lines + doubts(self._pairs, self._shapes)

    def left_out(self) -> list[LeftOut]:
        found = self._found
        return [LeftOut("files", found.files, found.causes, found.chosen, self.most_left_out)]

    def records(self) -> int:
        return int(self._counts.sum())

    def unit_records(self) -> int:
        return min(32, self.records())

    def specs(self) -> list[VariableSpec]:
        gathers = variables.gather_spec(self.survey, tolerance=0.0)
        if self.models == NONE:
            return [gathers, variables.FAMILY, FILE]
        return [variables.velocity_spec(DEPTHS, LATERALS), gathers, variables.FAMILY]

    def shared(self) -> xr.Dataset:
        coordinates = variables.coordinates(self.survey, DEPTHS, LATERALS)
        if self.models != NONE:
            return coordinates
        names = [pair.gathers.path.name for pair in self._pairs]
        return coordinates.drop_vars(["depth", "lateral"]).assign(variables.labels("file", names))

    def splits(self) -> list[Split]:
        """Return the split for training here, and the published one, which has no test."""
        if self.models == NONE:
            return [Split.all_test(self.records(), "all for the test: there are no velocity models")]
        order = stream(self.seed, GROUP, 0).permutation(self.records()) / self.records()
        held_out = self._held_out.copy()
        if not (held_out == TEST).any():
            held_out[(order >= 0.9) & (held_out == -1)] = TEST
        drawn = (held_out == -1) & (order < self.validation) & ~(held_out == VALIDATION).any()
        labels = np.select([held_out >= 0, drawn], [held_out, VALIDATION], TRAIN)
        return [
            Split(
                labels=labels,
                keeps_whole="none",
                description="test: the published validation files, or files named for a test; validation: "
                "drawn from the training files, unless files are named for it",
            ),
            Split(
                name="split_published",
                labels=self._published,
                keeps_whole="none",
                description="as published: training and validation files",
            ),
        ]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        ends = np.cumsum(self._counts)
        files = np.searchsorted(ends, indices, side="right")
        inside = indices - (ends - self._counts)[files]
        gathers, models = [], []
        for file, index in zip(files.tolist(), inside.tolist(), strict=True):
            pair = self._pairs[file]
            gathers.append(self._record(pair.gathers, index)[:, :: self.time_stride])
            if pair.models is not None:
                values = self._record(pair.models, index)
                models.append(self._velocities(values, f"{pair.models}, model {index}"))
        arrays = {
            "shot_gather": np.stack(gathers),
            "family": np.array([variables.FAMILIES.index(self._pairs[file].family) for file in files]),
        }
        return arrays | ({"file": files} if self.models == NONE else {"velocity_model": np.stack(models)})

    def _velocities(self, values: np.ndarray, what: str) -> np.ndarray:
        return in_range(values, self.units, self.scaled, what)

    @property
    def _shapes(self) -> Shapes:
        survey = self.survey
        shots = (len(survey.source_columns), survey.steps, len(survey.receiver_columns))
        return Shapes(shots, (DEPTHS, LATERALS))

    @cached_property
    def _found(self) -> Found:
        super().prepare()  # other files than those the import began with say nothing of it
        folder = Path(self.folder)
        patterns = (self.gathers, self.models)
        return find_pairs(folder, self._files(folder), self._shapes, patterns, self.layout, self.most_bytes)

    @cached_property
    def _pairs(self) -> list[Pair]:
        pairs = self._found.pairs
        return [replace(pair, family=self.family) for pair in pairs] if self.family else pairs

    @cached_property
    def _counts(self) -> np.ndarray:
        """Records of each pair."""
        counts = []
        for pair in self._pairs:
            gathers = self._shapes.records(pair.gathers.shape)
            models = gathers if pair.models is None else self._shapes.records(pair.models.shape)
            if gathers != models:
                raise BuildError(
                    f"{pair.gathers} holds {gathers} records and {pair.models} {models}; expected as many"
                )
            counts.append(gathers)
        return np.array(counts)

    @cached_property
    def _published(self) -> np.ndarray:
        """Subset of each record in the published split; -1 where family or name are not the published."""
        return np.repeat([_published(pair) for pair in self._pairs], self._counts).astype(np.int8)

    @cached_property
    def _held_out(self) -> np.ndarray:
        """Subset of each record that names state, the published validation as test; -1: to be drawn."""
        stated = np.array([pair.stated for pair in self._pairs])
        if (stated > TRAIN).any():
            return np.repeat(stated, self._counts).astype(np.int8)
        return np.where(self._published == VALIDATION, TEST, -1).astype(np.int8)

    def _record(self, array: StoredArray, index: int) -> np.ndarray:
        values = np.asarray(self._shapes.record(array, index), np.float32)
        if not np.isfinite(values).all():
            raise BuildError(f"{array}, record {index}: NaN or infinite values found; fetch the file again")
        return values


def _published(pair: Pair) -> int:
    if not NAME.fullmatch(pair.gathers.path.stem):
        return -1
    last = next((last for kind, last in LAST_OF_TRAINING.items() if kind in pair.family), None)
    return -1 if last is None else TRAIN if numbers(pair.gathers.path)[-1] <= last else VALIDATION
