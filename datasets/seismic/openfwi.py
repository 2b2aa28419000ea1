"""Importer of OpenFWI's files: pairs of gathers and velocity models, 500 of each in a `.npy`.

Names are those of the published split files (lanl/OpenFWI, split_files): ``FlatVel_A/data/data1.npy`` with
``FlatVel_A/model/model1.npy``, and ``FlatFault_B/seis6_1_0.npy`` with ``FlatFault_B/vel6_1_0.npy``. The
files say nothing of spacing, time step or source: those of OpenFWI are taken for granted.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.formats import require_format
from datasets.factory.recipe import Arrays
from datasets.seismic import shooting, variables
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.waves.seismic.survey import Survey

DEPTHS = LATERALS = 70
NAME = re.compile(r"data\d+|seis\d+_\d+_\d+")
LAST_OF_TRAINING = {"vel": 48, "style": 120, "fault": 31}
"""Number of the last file that the published split trains on; of faults, the last of the three numbers."""


class Pair(NamedTuple):
    """One file of gathers and that of their velocity models."""

    gathers: Path
    models: Path
    family: str
    published: int
    """Subset in the published split; -1 where the family is not known."""


class OpenFWI(FolderImport):
    """Velocity models and gathers of OpenFWI, as they were published."""

    name: ClassVar[str] = "seismic/openfwi"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "OpenFWI: velocity models and shot gathers (made by `surrogates data import`)"
    license: ClassVar[str] = "CC-BY-NC-SA-4.0 (openfwi-lanl.github.io)"
    formats: ClassVar[tuple[str, ...]] = ("npy",)
    patterns: ClassVar[tuple[str, ...]] = tuple(
        f"**/{kind}[0-9]*.npy" for kind in ("data", "model", "seis", "vel")
    )
    layout: ClassVar[str] = (
        "data1.npy and model1.npy (or data/data1.npy and model/model1.npy), or seis2_1_0.npy and "
        "vel2_1_0.npy, in folders named like FlatVel_A"
    )

    family: str = Field("", description="Family of all files; by default from the name of their folder.")
    time_stride: int = Field(1, ge=1, description="Every which sample is kept; 4 loses nothing of 15 Hz.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the training models for validation.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.family and self.family not in variables.FAMILIES:
            raise ValueError(f"family='{self.family}' found, one of {', '.join(variables.FAMILIES)} expected")
        shooting.check_stride(self.survey)
        return self

    @property
    def survey(self) -> Survey:
        """OpenFWI's survey."""
        return Survey(time_stride=self.time_stride)

    def prepare(self) -> None:
        super().prepare()
        self.records()

    def remarks(self) -> list[str]:
        """Say what was found, and which subset of the published split is missing."""
        families = {pair.family: 0 for pair in self._pairs}
        for pair, count in zip(self._pairs, self._counts, strict=True):
            families[pair.family] += int(count)
        found = ", ".join(f"{name} {count}" for name, count in families.items())
        lines = [f"{len(self._pairs)} pairs of files; models: {found}"]
        if not (self._published == VALIDATION).any():
            lines.append(
                "no file of the published validation subset is among them: a tenth of the models is the test"
            )
        return lines

    def records(self) -> int:
        return int(self._counts.sum())

    def unit_records(self) -> int:
        return min(32, self.records())

    def specs(self) -> list[VariableSpec]:
        gathers = variables.gather_spec(self.survey, tolerance=0.0)
        return [variables.velocity_spec(DEPTHS, LATERALS), gathers, variables.FAMILY]

    def shared(self) -> xr.Dataset:
        return variables.coordinates(self.survey, DEPTHS, LATERALS)

    def splits(self) -> list[Split]:
        """Return the split for training here, and the published one, which has no test."""
        order = stream(self.seed, GROUP, 0).permutation(self.records()) / self.records()
        held_out = self._published == VALIDATION
        if not held_out.any():
            held_out = order >= 0.9
        labels = np.select([held_out, order < self.validation], [TEST, VALIDATION], TRAIN)
        return [
            Split(
                labels=labels,
                keeps_whole="none",
                description="test: the published validation files; validation: drawn from the training files",
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
            gathers.append(_record(pair.gathers, index)[:, :: self.time_stride])
            models.append(_record(pair.models, index)[0])
            low, high = models[-1].min(), models[-1].max()
            if not variables.SLOWEST <= low <= high <= variables.FASTEST:
                raise BuildError(
                    f"{pair.models}, model {index}: {low:g} to {high:g} m/s found, 1500 to 4500 expected; "
                    "is the file scaled?"
                )
        return {
            "velocity_model": np.stack(models),
            "shot_gather": np.stack(gathers),
            "family": np.array([variables.FAMILIES.index(self._pairs[file].family) for file in files]),
        }

    @cached_property
    def _pairs(self) -> list[Pair]:
        files = set(self._files(Path(self.folder)))
        gathers = (path for path in files if NAME.fullmatch(path.stem))
        pairs = [self._pair(path) for path in sorted(gathers, key=lambda path: (path.parent, _numbers(path)))]
        if alone := files - {path for pair in pairs for path in pair[:2]}:
            raise BuildError(f"{min(alone)} has no partner with gathers; expected {self.layout}")
        return pairs

    def _pair(self, path: Path) -> Pair:
        partner = _partner(path)
        if not partner.is_file():
            raise BuildError(f"{path} has no partner {partner}; expected {self.layout}")
        folders = (each.lower().replace("_", "-") for each in reversed(path.absolute().parent.parts))
        known = (name for name in folders if name in variables.FAMILIES)
        family = self.family or next(known, "unknown")
        last = next((last for kind, last in LAST_OF_TRAINING.items() if kind in family), None)
        published = -1 if last is None else TRAIN if _numbers(path)[-1] <= last else VALIDATION
        return Pair(path, partner, family, published)

    @cached_property
    def _counts(self) -> np.ndarray:
        """Records of each pair, after a look at the shapes of both."""
        survey = self.survey
        shots = (len(survey.source_columns), survey.steps, len(survey.receiver_columns))
        model = (1, DEPTHS, LATERALS)
        counts = []
        for pair in self._pairs:
            gathers = _shape(pair.gathers, shots, model)
            models = _shape(pair.models, model, shots)
            if gathers != models:
                raise BuildError(
                    f"{pair.gathers} holds {gathers} records and {pair.models} {models}; expected as many"
                )
            counts.append(gathers)
        return np.array(counts)

    @cached_property
    def _published(self) -> np.ndarray:
        """Subset of each record in the published split."""
        return np.repeat([pair.published for pair in self._pairs], self._counts).astype(np.int8)


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.stem))


def _partner(path: Path) -> Path:
    """Return the path of the velocity models that belong to a file of gathers."""
    if path.stem.startswith("seis"):
        return path.with_name(f"vel{path.stem.removeprefix('seis')}.npy")
    name = f"model{path.stem.removeprefix('data')}.npy"
    return path.parent.parent / "model" / name if path.parent.name == "data" else path.with_name(name)


def _open(path: Path) -> np.ndarray:
    """Map a file into memory; refuse one that holds Python objects, which would run code."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BuildError(f"{path} is no .npy file of numbers ({error}); fetch it again") from None


def _shape(path: Path, record: tuple[int, ...], partner: tuple[int, ...]) -> int:
    """Return the number of records of a file whose records have the given shape, not that of its partner."""
    require_format(path, OpenFWI.formats, OpenFWI.layout)
    found = _open(path)
    if found.shape[1:] != record or found.dtype.kind != "f":
        swapped = found.shape[1:] == partner
        hint = "are gathers and models swapped?" if swapped else "is it a file of OpenFWI?"
        raise BuildError(
            f"{path}: {found.dtype} of shape {found.shape} found, floats (records, "
            f"{', '.join(map(str, record))}) expected; {hint}"
        )
    return len(found)


def _record(path: Path, index: int) -> np.ndarray:
    values = np.asarray(_open(path)[index], np.float32)
    if not np.isfinite(values).all():
        raise BuildError(f"{path}, record {index}: NaN or infinite values found; fetch the file again")
    return values
