"""Copy records of one or several stores into a new one: a recipe that reads them instead of simulating."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.build import is_final
from datasets.factory.differences import beside_records, of_meaning, of_shared, of_splits, of_variables, short
from datasets.factory.errors import BuildError
from datasets.factory.recipe import COPY, Arrays, Recipe
from datasets.store.checks import check_split
from datasets.store.chunking import record_bytes
from datasets.store.errors import ContractError
from datasets.store.layout import Store, open_store
from datasets.store.selection import Value, selected
from datasets.store.specs import SPLIT_NAMES, Split, VariableSpec
from surrogates.core.text import listing, nearest

UNIT_BYTES = 1 << 25
"""Records that are copied together hold about so much."""
OWN = (
    "Conventions", "card", "extended", "format_version", "history", "license", "recipe", "recipe_config",
    "recipe_version", "record_dimension", "record_variables", "records_per_shard", "seed", "software",
    "title",
)  # fmt: skip
"""Global attributes that a copy has of its own."""


class Origin(BaseModel):
    """What a copy records of a store: its name without folders, its content, and how it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    fingerprint: str
    records: int
    recipe: str
    recipe_version: int
    recipe_config: dict[str, Any]
    seed: int
    software: dict[str, str]


class Chosen(NamedTuple):
    """A store and the numbers of its records that are copied."""

    store: Store
    records: np.ndarray


class Copy(Recipe):
    """Records of stores, one store after the other.

    Attributes
    ----------
    urls
        The stores; a copy does not record them.
    origins
        What they held when the copy began: it does not resume with other content.
    variables
        Names of the variables to copy; all if empty.
    split, subset
        Copy only the records of a subset (``train``) of a split.
    first, stop
        Copy only the records from `first` to before `stop`.
    select
        Copy only records with these values, or meanings of values, of variables.
    """

    name: ClassVar[str] = COPY
    title: ClassVar[str] = "Records of other stores"

    urls: tuple[str, ...] = Field(description="The stores.")
    origins: tuple[Origin, ...] = Field(description="What the stores held.")
    variables: tuple[str, ...] = Field((), description="Variables to copy; all if empty.")
    split: str = Field("split", description="Split whose subset is copied.")
    subset: str | None = Field(None, description="Subset of the split that is copied.")
    first: int = Field(0, ge=0, description="First record that is copied.")
    stop: int | None = Field(None, ge=1, description="Record before which copying ends.")
    select: dict[str, Value] = Field({}, description="Values that the records have.")

    def config(self) -> dict[str, Any]:
        """Return every parameter, and of the stores what they held instead of where they lie."""
        return self.model_dump(mode="json", exclude={"urls"})

    @property
    def record_dimension(self) -> str:  # type: ignore[override]
        """That of the stores."""
        return self._stores[0].record_dimension

    @cached_property
    def _stores(self) -> list[Store]:
        return [open_source(url) for url in self.urls]

    @cached_property
    def _chosen(self) -> list[Chosen]:
        return [Chosen(store, self._records_of(store)) for store in self._stores]

    def _records_of(self, store: Store) -> np.ndarray:
        chosen = selected(store, self.select)
        if self.subset is not None:
            codes = {name: label for label, name in SPLIT_NAMES.items()}
            if self.subset not in codes:
                raise BuildError(
                    f"there is no subset '{self.subset}'.{nearest(self.subset, codes)} "
                    f"Subsets: {listing(codes)}"
                )
            chosen &= store.split(self.split) == codes[self.subset]
        chosen[: self.first] = False
        chosen[store.records if self.stop is None else self.stop :] = False
        return np.flatnonzero(chosen)

    def prepare(self) -> None:
        for store, origin in zip(self._stores, self.origins, strict=True):
            if store.fingerprint != origin.fingerprint:
                raise BuildError(f"{store.url} has changed since its copy began; copy it into another `out=`")
            require_alike(self._stores[0], store)
        if not self.records():
            raise BuildError(f"no record of {listing(self.urls)} is chosen; choose others")
        for split in self.splits():
            self._require_whole(split)

    def _require_whole(self, split: Split) -> None:
        """Refuse a split that keeps the groups of each store whole, but not those of all together."""
        groups = [store.dataset().variables.get(split.keeps_whole) for store in self._stores]
        if any(each is None or each.dims != (self.record_dimension,) for each in groups):
            return
        values = [
            each.values[chosen.records] + self._offsets.get(split.keeps_whole, [0] * len(groups))[number]
            if each.dtype.kind in "iu"
            else each.values[chosen.records]
            for number, (each, chosen) in enumerate(zip(groups, self._chosen, strict=True))
            if each is not None
        ]
        numbers = np.unique(np.concatenate(values), return_inverse=True)[1]
        try:
            check_split(split.name, split.labels, numbers, split.keeps_whole)
        except ContractError as error:
            raise BuildError(
                f"{error}: the stores have groups of one name in other subsets; keep them apart"
            ) from None

    def records(self) -> int:
        return sum(len(chosen.records) for chosen in self._chosen)

    def unit_records(self) -> int:
        size = sum(map(record_bytes, self.specs()))
        return max(1, min(UNIT_BYTES // max(size, 1), self.records()))

    def specs(self) -> list[VariableSpec]:
        """Return the variables that are copied, with those that mask them or say how long they are."""
        store = self._stores[0]
        for name in self.variables:
            if name not in store.specs:
                raise BuildError(
                    f"{store.url} has no record variable '{name}'.{nearest(name, store.specs)} It has "
                    f"{listing(store.specs)}"
                )
        wanted = {each for name in self.variables or store.specs for each in store.measured_with(name)}
        return [spec for name, spec in store.specs.items() if name in wanted]

    def shared(self) -> xr.Dataset:
        """Return what all records share; coordinates of the records and tables that differ are joined."""
        each = [
            beside_records(chosen.store).isel(
                {chosen.store.record_dimension: chosen.records}, missing_dims="ignore"
            )
            for chosen in self._chosen
        ]
        joined = {self.record_dimension, *self._joined}
        return xr.Dataset(
            {name: _concatenated([ds[name].variable for ds in each], joined) for name in each[0].variables}
        ).set_coords(list(each[0].coords))

    @cached_property
    def _joined(self) -> set[str]:
        """Dimensions of tables of instances that differ between the stores."""
        first = beside_records(self._stores[0])
        return {
            dim
            for dim in map(str, _instances(self._stores[0]).values())
            for store in self._stores[1:]
            if not _along(first, dim).identical(_along(beside_records(store), dim))
        }

    @cached_property
    def _offsets(self) -> dict[str, list[int]]:
        """What is added to indices into tables that follow each other, for each store."""
        sizes = [beside_records(store).sizes for store in self._stores]
        return {
            name: np.cumsum([0, *(each[dim] for each in sizes[:-1])]).tolist()
            for name, dim in _instances(self._stores[0]).items()
            if dim in self._joined
        }

    def splits(self) -> list[Split]:
        found = []
        for name in self._stores[0].split_names():
            about = self._stores[0].array(name).attrs
            labels = np.concatenate([chosen.store.split(name)[chosen.records] for chosen in self._chosen])
            found.append(
                Split(
                    name=name,
                    labels=labels,
                    keeps_whole=str(about["keeps_whole"]),
                    description=str(about["long_name"]),
                )
            )
        return found

    def attributes(self) -> dict[str, str]:
        first = self._stores[0].attributes
        history = [f"{origin.store}: {store.text('history')}" for origin, store in self._named]
        dropped = [f"attribute '{key}' left out: {values}" for key, values in self.dropped.items()]
        return {key: first[key] for key in first if key not in {*OWN, *self.dropped}} | {
            "title": _together(store.text("title") for _, store in self._named),
            "license": _together(store.text("license") for _, store in self._named),
            "history": "\n".join([*history, *dropped]),
        }

    @cached_property
    def dropped(self) -> dict[str, str]:
        """Global attributes that a copy does not keep, as the stores differ in them: their values by name."""
        each = [store.attributes for store in self._stores]
        names = dict.fromkeys(key for attributes in each for key in attributes if key not in OWN)
        return {
            key: ", ".join(dict.fromkeys(short(attributes.get(key, "absent")) for attributes in each))
            for key in names
            if any(key not in attributes or attributes[key] != each[0][key] for attributes in each)
        }

    @property
    def _named(self) -> list[tuple[Origin, Store]]:
        return list(zip(self.origins, self._stores, strict=True))

    def software(self) -> dict[str, str]:
        names = sorted({name for origin in self.origins for name in origin.software})
        return {
            name: _together(origin.software[name] for origin in self.origins if name in origin.software)
            for name in names
        }

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        names = [spec.name for spec in self.specs()]
        read = []
        for number, chosen, own in self._parts(indices):
            values = chosen.store.reader(names).read(own)
            for name, offsets in self._offsets.items():
                if name in values:
                    values[name] = np.where(values[name] < 0, values[name], values[name] + offsets[number])
            read.append(values)
        return {name: np.concatenate([values[name] for values in read]) for name in names}

    def origin(self, records: range) -> dict[str, Any]:
        """Return for each store the range that its records come from."""
        return {
            "origin": [
                {
                    "store": self.origins[number].store,
                    "fingerprint": self.origins[number].fingerprint,
                    "first_record": int(own[0]),
                    "last_record": int(own[-1]),
                    "records": len(own),
                }
                for number, _, own in self._parts(np.asarray(records))
            ]
        }

    def _parts(self, indices: np.ndarray) -> list[tuple[int, Chosen, np.ndarray]]:
        """Return number, store and its records of consecutive records of the copy."""
        stops = np.cumsum([len(chosen.records) for chosen in self._chosen])
        owners = np.searchsorted(stops, indices, side="right")
        starts = [0, *stops]
        return [
            (
                number,
                self._chosen[number],
                self._chosen[number].records[indices[owners == number] - starts[number]],
            )
            for number in np.unique(owners).tolist()
        ]


def open_source(url: str) -> Store:
    """Open a store to copy from; refuse one whose build has not ended."""
    store = open_store(url)
    if not is_final(store):
        raise BuildError(f"the build of {url} has not ended; `surrogates data info` says how to resume it")
    return store


def origin_of(store: Store) -> Origin:
    """Return what a copy records of a store."""
    return Origin(
        store=PurePosixPath(store.url.rstrip("/")).name,
        fingerprint=store.fingerprint,
        records=store.records,
        recipe=store.text("recipe"),
        recipe_version=store.whole_number("recipe_version"),
        recipe_config=store.mapping("recipe_config"),
        seed=store.whole_number("seed"),
        software={name: str(version) for name, version in store.mapping("software").items()},
    )


def require_alike(first: Store, other: Store) -> None:
    """Refuse stores whose records cannot stand in one; names the first difference.

    Raises
    ------
    BuildError
        For other variables, units, grids, shared fields, splits or meanings of values.
    """
    free = {first.record_dimension, *_instances(first).values()}
    found = chain(
        of_variables(first, other),
        of_splits(first, other, labels=False),
        of_shared(first, other, free),
        of_meaning(first, other),
    )
    if difference := next(found, None):
        raise BuildError(
            f"{first.url} and {other.url} differ in {difference.message}; expected the same variables, "
            "units, grids, shared fields, splits and meanings of values"
        )


def _instances(store: Store) -> dict[str, str]:
    """Return the dimension of the table that each variable of indices points into."""
    found = {name: spec.attributes.get("instance_dimension") for name, spec in store.specs.items()}
    return {name: str(dim) for name, dim in found.items() if dim is not None}


def _along(ds: xr.Dataset, dim: str) -> xr.Dataset:
    return ds[[name for name in ds.variables if dim in ds[name].dims]]


def _concatenated(variables: Sequence[xr.Variable], free: Collection[Hashable]) -> xr.Variable:
    """Return one variable of all: the first where they are the same, else all along their free dimension."""
    along = [dim for dim in variables[0].dims if dim in free]
    return xr.Variable.concat(variables, along[0]) if along else variables[0]


def _together(texts: Iterable[str]) -> str:
    """Return different texts once each, in their order."""
    return "; ".join(dict.fromkeys(texts))
