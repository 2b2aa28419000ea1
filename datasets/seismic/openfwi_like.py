"""Recipe `seismic/openfwi_like`: random velocity models of OpenFWI's families, and gathers shot over them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import BeforeValidator, Field, model_validator

from datasets.factory.design import Designed
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables
from datasets.seismic.families import FAMILIES
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.waves.seismic.checks import surveys_of
from physics.waves.seismic.survey import Survey
from surrogates.core.optional import require
from surrogates.core.text import listing, nearest

GRID = Survey()


def _shares(given: Any) -> Any:
    """Let one family stand for itself, and several for equal shares."""
    names = [given] if isinstance(given, str) else given
    shares = dict.fromkeys(names, 1.0) if isinstance(names, list | tuple) else given
    for name in shares if isinstance(shares, dict) else ():
        if name not in FAMILIES:
            raise ValueError(
                f"there is no family '{name}'.{nearest(str(name), FAMILIES)} Families: {listing(FAMILIES)}"
            )
    return shares


class OpenFWILike(Designed):
    """Velocity models of OpenFWI's families and their gathers; OpenFWI's geometry unless told otherwise."""

    name: ClassVar[str] = "seismic/openfwi_like"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Simulated shot gathers over random velocity models like OpenFWI's"
    license: ClassVar[str] = "CC0-1.0"
    designed: ClassVar[Mapping[str, str]] = {"source_frequency": "Hz"}

    samples: int = Field(1000, ge=1, description="Number of velocity models.")
    family: Annotated[dict[str, float], BeforeValidator(_shares, str | list[str] | dict[str, float])] = Field(
        {"flatvel-a": 1.0},
        description=f"One of {', '.join(FAMILIES)}; or a list; or shares, such as {{flatvel-a: 2, salt: 1}}.",
    )
    frequency: float | tuple[float, float] = Field(
        GRID.frequency, description="Peak frequency of the source, Hz; or a range to draw each record's from."
    )
    shots: int = Field(
        len(GRID.source_columns), ge=1, description="Shots of a record, evenly along the line."
    )
    random_sources: bool = Field(False, description="Whether each record's shots lie at random positions.")
    depths: int = Field(70, ge=20, description="Rows of a velocity model.")
    laterals: int = Field(70, ge=20, description="Columns of a velocity model; a receiver stands in each.")
    spacing: float = Field(GRID.spacing, gt=0, description="Side of a cell, m.")
    time_step: float = Field(GRID.time_step, gt=0, description="Step of the solver, s.")
    steps: int = Field(GRID.steps, ge=1, description="Steps of the solver.")
    time_stride: int = Field(
        GRID.time_stride, ge=1, description="Every which step is kept; 4 loses nothing of a source of 15 Hz."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.family or min(self.family.values()) < 0 or sum(self.family.values()) <= 0:
            raise ValueError(f"family={self.family}: shares must be 0 or more, and one above 0")
        lowest, highest = self.frequencies
        if not 0 < lowest <= highest:
            raise ValueError(f"frequency={self.frequency} Hz: positive numbers expected, the lower one first")
        if self.shots > self.laterals:
            raise ValueError(f"shots={self.shots} do not fit into laterals={self.laterals} columns")
        shooting.check_wavelength(self.survey, variables.SLOWEST)
        surveys_of(np.full((1, self.depths, self.laterals), variables.FASTEST), self.survey)
        shooting.check_stride(self.survey)
        return self

    @property
    def frequencies(self) -> tuple[float, float]:
        """Least and highest peak frequency of the source, Hz."""
        return self.frequency if isinstance(self.frequency, tuple) else (self.frequency, self.frequency)

    @property
    def survey(self) -> Survey:
        """The survey of a record without what is drawn; with the highest frequency of a range."""
        return Survey(
            spacing=self.spacing,
            time_step=self.time_step,
            steps=self.steps,
            time_stride=self.time_stride,
            frequency=self.frequencies[1],
            source_columns=shooting.columns("shots", self.shots, self.spacing, self.laterals),
            receiver_columns=tuple(range(self.laterals)),
        )

    def prepare(self) -> None:
        require("deepwave", "Simulating gathers")

    def design_ranges(self) -> dict[str, tuple[float, float]]:
        return {"source_frequency": self.frequency} if isinstance(self.frequency, tuple) else {}

    def records(self) -> int:
        return self.samples

    def depends_on_number(self) -> str:
        several = sum(share > 0 for share in self.family.values()) > 1
        return "the family of a record follows from exact shares of all records" if several else ""

    def unit_records(self) -> int:
        return min(shooting.UNIT, self.samples)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return cls.make({"frequency": (10.0, 20.0), "random_sources": True}).specs()

    def specs(self) -> list[VariableSpec]:
        gathers = variables.gather_spec(self.survey)
        sources = []
        if isinstance(self.frequency, tuple):
            fixed = {key: value for key, value in gathers.attributes.items() if key != "source_frequency"}
            gathers = gathers.model_copy(update={"attributes": fixed})
            sources.append(variables.SOURCE_FREQUENCY)
        if self.random_sources:
            sources.append(variables.source_lateral_spec(self.shots))
        model = variables.velocity_spec(self.depths, self.laterals)
        return [model, gathers, variables.FAMILY, *variables.DRAWN, *sources]

    def shared(self) -> xr.Dataset:
        return variables.coordinates(self.survey, self.depths, self.laterals, shots=not self.random_sources)

    @cached_property
    def family_codes(self) -> np.ndarray:
        """Index in `variables.FAMILIES` of each record's family, in a random order with exact shares."""
        # In the order of FAMILIES: a store keeps the configuration with its keys sorted.
        shares = {variables.FAMILIES.index(name): share for name, share in self.family.items() if share > 0}
        codes = sorted(shares)
        edges = np.cumsum([shares[code] for code in codes]) / sum(shares.values())
        quantile = (np.arange(self.samples) + 0.5) / self.samples
        number = np.minimum(np.searchsorted(edges, quantile), len(codes) - 1)
        return stream(self.seed, GROUP, 0).permutation(np.array(codes)[number]).astype(np.int8)

    def splits(self) -> list[Split]:
        order = np.lexsort((stream(self.seed, GROUP, 1).permutation(self.samples), self.family_codes))
        labels = np.empty(self.samples, np.int8)
        labels[order] = np.resize([TEST, VALIDATION, *[TRAIN] * 8], self.samples)
        described = "80 %, 10 %, 10 % of the models of each family"
        return [Split(labels=labels, keeps_whole="none", description=described)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        from physics.waves.seismic.propagator import simulate

        codes = self.family_codes[indices]
        drawn = [
            self._draw(variables.FAMILIES[code], index, rng)
            for code, index, rng in zip(codes, indices, rngs, strict=True)
        ]
        velocity = np.stack([model for model, _, _ in drawn])
        surveys = [survey for _, _, survey in drawn]
        found = {
            "velocity_model": velocity,
            "shot_gather": simulate(velocity, surveys),
            "family": codes,
            **{spec.name: [each.get(spec.name, 0) for _, each, _ in drawn] for spec in variables.DRAWN},
            "source_frequency": [survey.frequency for survey in surveys],
            "source_lateral": np.array([survey.source_columns for survey in surveys]) * self.spacing,
        }
        return {spec.name: np.asarray(found[spec.name], spec.dtype) for spec in self.specs()}

    def software(self) -> dict[str, str]:
        return shooting.software()

    def _draw(
        self, family: str, index: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float], Survey]:
        """Draw velocity model, its parameters and the survey of one record from its generator."""
        model, parameters = FAMILIES[family](rng, self.depths, self.laterals)
        survey = self.survey
        frequency, columns = survey.frequency, survey.source_columns
        if isinstance(self.frequency, tuple):
            drawn = self.given("source_frequency", index, rng.uniform(*self.frequency))
            frequency = float(np.float32(drawn))  # as it will be stored
        if self.random_sources:
            columns = tuple(np.sort(rng.choice(self.laterals, self.shots, replace=False)).tolist())
        metres = {"relief": parameters.get("relief", 0.0) * self.spacing}
        return model, parameters | metres, survey.at(frequency, columns)
