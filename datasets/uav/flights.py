"""What the importers of flights share: files and their hashes, records, splits, families."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.factory.errors import BuildError
from datasets.factory.formats import matching, require_format
from datasets.factory.left_out import MOST, LeftOut, MostLeftOut
from datasets.factory.limits import MOST_BYTES, MostBytes, require_regular
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source, digest
from datasets.store.chunking import shard_records
from datasets.store.specs import Split, VariableSpec
from datasets.store.urls import at_home
from datasets.uav.families import Family, fits, require_clear
from datasets.uav.interpolation import CLOSE
from datasets.uav.tracks import Flight, Track, checked, resampled
from datasets.uav.variables import (
    FAMILIES,
    FLIGHT,
    LENGTH,
    RECORD,
    START,
    STEP,
    TRACKS,
    coordinates,
    family_spec,
    padded,
    track_specs,
)
from surrogates.core.text import listing


class Record(NamedTuple):
    """One record: a track of a numbered recording."""

    flight: int
    track: Track


class Recordings(NamedTuple):
    """What was read of all files.

    Attributes
    ----------
    names
        Of the recordings.
    records
        Their tracks.
    remarks
        What the readers remark.
    samples
        How many samples the recordings hold, those left out included.
    causes
        How many were left out, by cause.
    idle
        How many are in no track.
    """

    names: list[str]
    records: list[Record]
    remarks: list[str]
    samples: int
    causes: Mapping[str, int]
    idle: int


class FlightImport(Recipe):
    """Flights of a folder on the common clock of 0.1 s, one record for each track between gaps.

    A subclass says which files are its own (`files`) and reads them (`read`).

    Attributes
    ----------
    expected
        What its files are, for messages.
    holds
        Variables along a track that its files may hold.
    """

    version: ClassVar[int] = 1
    record_dimension: ClassVar[str] = RECORD
    reads_files: ClassVar[bool] = True
    expected: ClassVar[str]
    holds: ClassVar[tuple[str, ...]] = ("position", "velocity", "attitude")

    folder: str = Field(description="A folder of logs, or one log; not stored.")
    sources: tuple[Source, ...] = Field((), description="Files with the SHA-256 of each; found by itself.")
    files: tuple[str, ...] = Field(description="Shell patterns of the files, relative to the folder.")
    family: Family = Field("unknown", description="Shape of the paths that were flown, for all files.")
    families: dict[str, Family] = Field(
        {}, description="Shapes by shell patterns of file names, such as {'C*': circle}."
    )
    max_gap: float = Field(0.5, gt=0, description="A longer pause between two samples ends a track, s.")
    still_speed: float = Field(
        0.1, ge=0, description="Start and end of a track are dropped while it is slower, m s-1; 0 keeps all."
    )
    min_duration: float = Field(3.0, gt=0, description="Shorter tracks are dropped, s.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the flights for validation.")
    test: float = Field(
        0.1, ge=0, le=1, description="Share for the test; 1 with validation=0 for a test set."
    )
    attitude: bool = Field(True, description="Whether attitudes are taken over; false leaves them out.")
    most_left_out: MostLeftOut = MOST
    most_bytes: MostBytes = MOST_BYTES
    data_license: str = Field("unspecified", description="Licence of the logs.")

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any) -> Any:
        """Find the files of a folder that a user typed, and hash their content."""
        if not isinstance(given, dict):
            return given
        if isinstance(given.get("files"), str):
            given = given | {"files": (given["files"],)}
        if given.get("sources"):
            return {"folder": "."} | given  # a store that is resumed names no folder
        if "folder" not in given:
            return given
        path = at_home(str(given["folder"]))
        if not path.is_dir() and os.path.lexists(path):
            require_regular(path)
        if not path.exists():
            raise ValueError(f"there is no file or folder {path}; expected {cls.expected}")
        patterns = given.get("files", cls.model_fields["files"].default)
        found = cls.find(path, tuple(patterns))
        if not found:
            raise ValueError(
                f"{path} holds none of the files of '{cls.name}' ({listing(patterns)}); expected "
                f"{cls.expected}"
            )
        path, found = path.absolute(), [each.absolute() for each in found]
        folder = path.parent if path in found else path
        sources = [
            Source(path=str(PurePosixPath(each.relative_to(folder))), sha256=digest(each)) for each in found
        ]
        return given | {"folder": str(folder), "sources": sources}

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        SplitMapping(validation=self.validation, test=self.test)
        return self

    @classmethod
    def find(cls, path: Path, patterns: tuple[str, ...]) -> list[Path]:
        """Return the logs in a folder, by name; or the one log that `path` is."""
        if path.is_file():
            return [path]
        return [each for each in matching(path, patterns) if not each.is_dir()]

    def read(self, path: Path) -> list[Flight]:
        """Return the recordings of one file."""
        raise NotImplementedError(f"{type(self).__name__} does not define read()")

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    def attributes(self) -> dict[str, str]:
        return {"title": self.title, "license": self.data_license}

    def prepare(self) -> None:
        for source in self.sources:
            source.require_unchanged(Path(self.folder))

    def remarks(self) -> list[str]:
        """Say what was read, what was left out and why."""
        samples = sum(len(record.track.position) for record in self._records)
        used = {record.flight for record in self._records}
        lines = [
            f"{len(self._names)} flights, {len(self._records)} tracks, {samples} samples of 0.1 s "
            f"(longest {self._longest})"
        ]
        if left := [name for number, name in enumerate(self._names) if number not in used]:
            lines.append(
                f"without a track of {self.min_duration:g} s in motion: {len(left)} of {len(self._names)} "
                f"flights, such as {left[0]}"
            )
        return lines + self._read.remarks

    def left_out(self) -> list[LeftOut]:
        read = self._read
        idle = f"in no track (at rest, or in one shorter than {self.min_duration:g} s)"
        return [LeftOut("samples", read.samples, read.causes, {idle: read.idle}, self.most_left_out)]

    def records(self) -> int:
        return len(self._records)

    def unit_records(self) -> int:
        return max(1, shard_records(self.specs(), self.records()) // 4)

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return [*track_specs(1, cls.holds), LENGTH, family_spec(()), FLIGHT, START]

    def specs(self) -> list[VariableSpec]:
        held = {name for record in self._records for name in record.track.values}
        names = [name for name in TRACKS if name in held]
        family = family_spec([self.family, *self.families.values()])
        return [*track_specs(self._longest, names), LENGTH, family, FLIGHT, START]

    def shared(self) -> xr.Dataset:
        quaternion = any("attitude" in record.track.values for record in self._records)
        names = np.array(self._names, dtype=object)
        meaning = {"long_name": "file of the flight, by the number in `flight`"}
        return coordinates(self._longest, quaternion=quaternion).assign_coords(
            recording=("recording", names, meaning)
        )

    def splits(self) -> list[Split]:
        """Return the split by flight, so that tracks of one recording stay together."""
        drawn = SplitMapping(validation=self.validation, test=self.test, keeps_whole="flight")
        return [drawn.draw("split", np.array([record.flight for record in self._records]), self.seed, 0)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        records = [self._records[index] for index in indices.tolist()]
        arrays: Arrays = {}
        for spec in self.specs():
            if spec.name in TRACKS:
                missing = np.full((0, spec.shape[-1]), np.nan)
                values = [record.track.values.get(spec.name, missing) for record in records]
                arrays[spec.name] = np.stack([padded(each, self._longest) for each in values])
        return arrays | {
            "length": np.array([len(record.track.position) for record in records], np.int32),
            "family": np.array([self._family_of(self._names[record.flight]) for record in records], np.int8),
            "flight": np.array([record.flight for record in records], np.int32),
            "start_time": np.array([record.track.start_time for record in records], np.float64),
        }

    @property
    def _names(self) -> list[str]:
        return self._read.names

    @property
    def _records(self) -> list[Record]:
        return self._read.records

    @cached_property
    def _longest(self) -> int:
        return max(len(record.track.position) for record in self._records)

    @cached_property
    def _read(self) -> Recordings:
        names: list[str] = []
        records: list[Record] = []
        remarks: list[str] = []
        causes: Counter[str] = Counter()
        kept = idle = 0
        known: dict[bytes, str] = {}
        folder = Path(self.folder)
        for source in self.sources:
            path = Path(source.path_in(folder))
            if path.is_file():
                require_format(path, self.formats, self.expected)
            for raw in self.read(path):
                flight = checked(raw if self.attitude else replace(raw, attitude=None))
                tracks = resampled(
                    flight,
                    max_gap=self.max_gap,
                    still_speed=self.still_speed,
                    min_duration=self.min_duration,
                )
                name = source.path + flight.source.removeprefix(str(path))
                if (first := known.setdefault(_content(flight), name)) != name:
                    raise BuildError(
                        f"'{name}' holds the same flight as '{first}', so it could be trained on and "
                        "tested; remove one of them, or narrow `files`"
                    )
                records += [Record(len(names), track) for track in tracks]
                names.append(name)
                remarks += flight.remarks
                causes.update(flight.left_out)
                kept += len(flight.stamps)
                idle += int(_outside(flight, tracks).sum())
        if not records:
            raise BuildError(
                f"no track of {self.min_duration:g} s in motion (faster than {self.still_speed:g} m s-1) "
                f"among {len(names)} flights; lower min_duration or still_speed, or give longer logs"
            )
        require_clear(self.families, names)
        return Recordings(names, records, remarks, kept + causes.total(), causes, idle)

    def _family_of(self, name: str) -> int:
        fitting = (family for pattern, family in self.families.items() if fits(name, pattern))
        return FAMILIES.index(next(fitting, self.family))  # `require_clear` left one


def _outside(flight: Flight, tracks: list[Track]) -> NDArray[np.bool_]:
    """Return which samples lie in none of the tracks."""
    outside = np.ones(len(flight.stamps), dtype=np.bool_)
    for track in tracks:
        end = track.start_time + STEP * len(track.position)
        outside &= (flight.stamps < track.start_time - CLOSE) | (flight.stamps >= end - CLOSE)
    return outside


def _content(flight: Flight) -> bytes:
    """Return what two copies of a flight share, wherever they lie."""
    return hashlib.sha256(flight.stamps.tobytes() + flight.position.tobytes()).digest()
