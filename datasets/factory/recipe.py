"""The base class of every recipe."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, field_validator

from datasets.factory.left_out import LeftOut
from datasets.store.specs import Split, VariableSpec
from datasets.store.streams import SAMPLE, stream
from surrogates.core.build import validate

Arrays = dict[str, np.ndarray]
COPY = "copy"
"""Name of the recipe of stores that hold records of other stores."""


class Recipe(BaseModel):
    """A simulator with its parameters, ready to be turned into a store.

    A subclass declares its parameters as pydantic fields and says in `specs` what it makes and in
    `simulate` how; its card (``line.card.md`` for ``mine/line``, in the same folder) says the rest. A recipe
    is a value: what it simulates depends only on its fields, so that a build may be cut in slices, killed and
    resumed.

    Attributes
    ----------
    name, version
        Name under which the recipe is registered, and a number to raise whenever the data change.
    title, license
        Global attributes of the store.
    record_dimension
        Leading dimension of everything that varies: ``sample``, ``time``, ``trajectory``.
    chained
        Whether a unit continues the unit before it (a climate run): units then run in order, and
        `simulate_next` is called instead of `simulate`.
    units_per_worker
        Units after which a worker process is replaced by a new one, for solvers whose memory grows; None
        keeps it.
    reads_files
        Whether the records come out of files of other programs: the recipe is then an importer
        (`surrogates data import`).
    formats
        Names of the formats that it reads, of `datasets.factory.formats.FORMATS`, so that other importers can
        tell whose file they were given.
    seed
        Root of every random number.

    Examples
    --------
    >>> class Line(Recipe):
    ...     name, title = "mine/line", "Straight lines"
    ...     samples: int = Field(100, description="Number of lines.")
    ...     def records(self): return self.samples
    ...     def specs(self): return [VariableSpec(name="slope", dims=("sample",), shape=())]
    ...     def simulate(self, indices, rngs):
    ...         return {"slope": np.array([rng.uniform() for rng in rngs])}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]
    license: ClassVar[str] = "unspecified"
    record_dimension: ClassVar[str] = "sample"
    chained: ClassVar[bool] = False
    units_per_worker: ClassVar[int | None] = None
    reads_files: ClassVar[bool] = False
    formats: ClassVar[tuple[str, ...]] = ()

    seed: int = Field(default=0, ge=0, description="Root of every random number.")

    @field_validator("*", mode="wrap")
    @classmethod
    def _no_truth_value_as_a_number(cls, value: Any, checked: Callable[[Any], Any]) -> Any:
        """Refuse `true` for a number, which pydantic takes for 1."""
        found = checked(value)
        if isinstance(value, bool) and not isinstance(found, bool):
            raise ValueError(f"expected a number, found {str(value).lower()}")
        return found

    @classmethod
    def make(cls, config: Mapping[str, Any]) -> Self:
        """Return the recipe with the given parameters.

        Raises
        ------
        ConfigError
            Names every unknown key (with the nearest valid one) and every value that does not fit.
        """
        return validate(cls, config, f"recipe '{cls.name}'")

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        """Return the record variables that the recipe's card names.

        They are those of the defaults; a recipe whose variables follow from files says here what may come.
        """
        return cls.model_construct().specs()

    @classmethod
    def keys_model(cls) -> type[BaseModel]:
        """Return the model of the keys that a user gives: the recipe itself, unless its files say more."""
        return cls

    def records(self) -> int:
        """Return the number of records."""
        raise NotImplementedError(f"{type(self).__name__} does not define records()")

    def depends_on_number(self) -> str:
        """Return what of a record depends on how many there are; empty: nothing, so that a store can grow.

        `surrogates data extend` simulates one old unit again and refuses records that would become others.
        Say it here where one unit may not show it.
        """
        return ""

    def unit_records(self) -> int:
        """Return how many consecutive records are simulated together (a minute of work at most)."""
        return 1

    def records_per_chunk(self) -> int | None:
        """Return the records of one inner chunk; None leaves it to the store."""
        return None

    def records_per_shard(self) -> int | None:
        """Return the records of one shard, whole units; None leaves it to the store."""
        return None

    def specs(self) -> list[VariableSpec]:
        """Return what varies from record to record and what all records share."""
        raise NotImplementedError(f"{type(self).__name__} does not define specs()")

    def shared(self) -> xr.Dataset:
        """Return coordinates, tables and fields without the record dimension."""
        return xr.Dataset()

    def splits(self) -> list[Split]:
        """Return the named splits over the records."""
        return []

    def prepare(self) -> None:
        """Check what can be checked before any work; raise ValueError."""

    def remarks(self) -> list[str]:
        """Return lines that a user should read when a build begins."""
        return []

    def left_out(self) -> list[LeftOut]:
        """Return what an importer leaves out of its files: said, stored, and refused beyond a share."""
        return []

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        """Simulate one unit.

        Parameters
        ----------
        indices
            Consecutive record numbers, shape (n,).
        rngs
            One generator per record; the only source of randomness.

        Returns
        -------
        dict
            For each record variable of `specs`, an array of shape (n, ...) in the variable's units.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define simulate()")

    def simulate_next(
        self, indices: np.ndarray, rngs: list[np.random.Generator], state: Arrays | None
    ) -> tuple[Arrays, Arrays]:
        """Simulate a unit of a chained recipe from the state that the unit before left (None: the start)."""
        raise NotImplementedError(f"{type(self).__name__} does not define simulate_next()")

    def origin(self, records: range) -> dict[str, Any]:
        """Return what the receipt of some records says of where they come from; nothing if simulated here."""
        return {}

    def attributes(self) -> dict[str, str]:
        """Return title and license of the store, and what else shall stand among its global attributes."""
        return {"title": self.title, "license": self.license}

    def software(self) -> dict[str, str]:
        """Return name and version (and backend) of each solver; data compare only between equal ones."""
        return {"numpy": np.__version__}

    def config(self) -> dict[str, Any]:
        """Return every parameter that the data follow from, as plain JSON."""
        return self.model_dump(mode="json")


def generators(seed: int, indices: np.ndarray) -> list[np.random.Generator]:
    """Return the generator of each record, a function of only the seed and the record's number."""
    return [stream(seed, SAMPLE, int(index)) for index in indices]


def config_hash(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a configuration: receipts name it, since its files may be many."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def counts_of(recipe: Recipe) -> list[str]:
    """Return the whole numbers among the parameters of a recipe that equal its number of records."""
    return [
        key
        for key, field in type(recipe).model_fields.items()
        if field.annotation is int and key != "seed" and getattr(recipe, key) == recipe.records()
    ]
