"""One file of an import (or several of one array each) under the names of the mapping."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from datasets.factory.decoding import decoded, in_units
from datasets.factory.errors import BuildError
from datasets.factory.mapping import Mapping, SharedMapping
from datasets.factory.opening import Dims, Variables, names_in, open_files
from datasets.factory.opening_zarr import UNNAMED
from surrogates.core.text import listing, nearest

BOUNDS = ("bounds", "climatology")


@dataclass(frozen=True)
class View:
    """Variables of files that hold the same records.

    Attributes
    ----------
    paths
        One file, or several ``.npy`` files.
    mapping
        What their variables mean.
    """

    paths: tuple[str, ...]
    mapping: Mapping

    @property
    def path(self) -> str:
        """The file, for messages."""
        return self.paths[0]

    @cached_property
    def sources(self) -> dict[str, str]:
        """Path inside the file of each variable of the mapping."""
        return {name: (each.source or name).strip("/") for name, each in mapped(self.mapping).items()}

    @cached_property
    def _opened_as(self) -> tuple[tuple[str, ...], Dims]:
        """Groups inside the files to open, and names of the axes that have none."""
        groups = {parent for source in self.sources.values() for parent in _parents(source)} - {""}
        dims = {self.sources[name]: each.dims for name, each in mapped(self.mapping).items()}
        return tuple(sorted(groups)), tuple(
            (source, each) for source, each in dims.items() if each is not None
        )

    @property
    def stored(self) -> dict[str, xr.Variable]:
        """Variables as they are stored, by path inside the file; those of the mapping are among them."""
        found = self._open()
        for name, source in self.sources.items():
            if source not in found:
                raise BuildError(self._about_absent(name, source))
        return found

    def _open(self) -> Variables:
        points = self.mapping.varying[0] if self.mapping.varying else ""
        return open_files(self.paths, *self._opened_as, self.mapping.most_bytes, points)

    def _about_absent(self, name: str, source: str) -> str:
        known = self.names()
        if source in known:
            return (
                f"{self.path}: the axes of '{source}' have no names; give '{name}' `dims:` in the mapping, "
                "one name for each axis"
            )
        hint = _like(source, known) or " Every file needs all variables; xr.merge joins files that lack some."
        return f"{self.path} has no variable '{source}' (for '{name}').{hint} It has: {listing(known)}."

    def names(self) -> list[str]:
        """Return the paths of all variables inside the files; of a URL those that were opened."""
        if "://" in self.path:
            return list(self._open())
        return [name for path in self.paths for name in names_in(path)]

    @cached_property
    def renamed(self) -> dict[str, str]:
        """New names of dimensions: those of the variables that hold their coordinates."""
        own = {source.rpartition("/")[2]: name for name, source in self.sources.items()}
        return {
            leaf: name
            for leaf, name in own.items()
            if leaf != self.mapping.record_dimension and self.stored[self.sources[name]].dims == (leaf,)
        }

    def dims(self, source: str) -> tuple[str, ...]:
        """Return the dimensions of a variable under their new names, in the order of the file."""
        return tuple(self.renamed.get(str(dim), str(dim)) for dim in self.stored[source].dims)

    def sizes(self, name: str) -> dict[str, int]:
        """Return the dimensions of a record variable, in the order of the store: records first."""
        return self._sizes[name]

    @cached_property
    def _sizes(self) -> dict[str, dict[str, int]]:
        """Dimensions of all record variables: a file that is read as a whole is opened once for all."""
        return {name: self._sizes_of(name) for name in self.mapping.variables}

    def _sizes_of(self, name: str) -> dict[str, int]:
        source, record = self.sources[name], self.mapping.record_dimension
        found = dict(zip(self.dims(source), self.stored[source].shape, strict=True))
        wanted = self.mapping.variables[name].dims
        if wanted is not None and set(found) != set(wanted):
            raise BuildError(f"{self.path}: '{name}' has dimensions {tuple(found)}, the mapping {wanted}.")
        if len(found) < self.stored[source].ndim:
            raise BuildError(f"{self.path}: '{name}' has a dimension twice: {self.dims(source)}; rename one")
        if self.single:
            found = {record: 1, **found}
        if record not in found:
            raise BuildError(
                f"{self.path}: '{name}' has dimensions {tuple(found)}, expected '{record}' "
                "first; variables that all records share belong under `shared:`."
            )
        order = [record, *(dim for dim in wanted or found if dim != record)]
        return {dim: found[dim] for dim in order}

    @cached_property
    def single(self) -> bool:
        """Whether the file is one record: none of the variables has the record dimension."""
        return all(
            self.mapping.record_dimension not in self.dims(self.sources[name])
            for name in self.mapping.variables
        )

    @property
    def records(self) -> int:
        """Number of records."""
        return next(iter(self.sizes(next(iter(self.mapping.variables))).values()))

    def unnamed(self) -> str:
        """Return the first record variable whose axes have no names; nothing if all have some."""
        for name in self.mapping.variables:
            if any(dim.startswith(UNNAMED) for dim in self.dims(self.sources[name])):
                return name
        return ""

    def dtype(self, name: str) -> np.dtype:
        """Return the type of a variable's values in the units of the mapping.

        Raises
        ------
        BuildError
            When they are no numbers.
        """
        return self._dtypes[name]

    @cached_property
    def _dtypes(self) -> dict[str, np.dtype]:
        return {name: self._dtype_of(name) for name in self.mapping.variables}

    def _dtype_of(self, name: str) -> np.dtype:
        stored = self.stored[self.sources[name]]
        none = decoded(stored.isel({dim: slice(0, 0) for dim in stored.dims}), self.where(name))
        if none.dtype.kind not in "biufc":
            raise BuildError(
                f"{self.where(name)} holds text, expected numbers; number its values, for example by "
                "np.unique(values, return_inverse=True)[1], and save these"
            )
        return in_units(none, self.mapping.variables[name].units, self.where(name)).dtype

    def units(self, name: str) -> str | None:
        """Return the units that the file states for a variable of the mapping."""
        stated = self.stored[self.sources[name]].attrs.get("units")
        return None if stated is None else str(stated)

    def read(self, name: str, records: slice, order: tuple[str, ...]) -> np.ndarray:
        """Return records of a variable in the units of the mapping, its dimensions in an order."""
        source, record = self.sources[name], self.mapping.record_dimension
        stored = self.stored[source]
        if not self.single:
            stored = stored.isel({record: records})
        values = in_units(
            decoded(stored, self.where(name)), self.mapping.variables[name].units, self.where(name)
        )
        dims = self.dims(source)
        if self.single:
            values, dims = values[np.newaxis][records], (record, *dims)
        return values.transpose([dims.index(dim) for dim in order])

    def shared(self, name: str) -> xr.Variable:
        """Return a shared variable of the mapping in its units."""
        source, shared = self.sources[name], self.mapping.shared[name]
        dims = self.dims(source)
        if self.mapping.record_dimension in dims:
            raise BuildError(
                f"{self.path}: '{name}' has dimensions {dims}, but what all records share has no "
                f"'{self.mapping.record_dimension}'; name it under `variables:`"
            )
        wanted = shared.dims
        if wanted is not None and set(wanted) != set(dims):
            raise BuildError(f"{self.path}: '{name}' has dimensions {dims}, the mapping {wanted}.")
        found = decoded(self.stored[source], self.where(name))
        values = in_units(found, shared.units, self.where(name))
        variable = xr.Variable(dims, values, found.attrs)
        return variable.transpose(*wanted) if wanted else variable

    def where(self, name: str) -> str:
        """Return file and variable, for messages."""
        return f"{self.path}: '{name}'"

    def coordinates(self) -> Iterator[str]:
        """Yield the paths of the coordinates of the mapping's variables that the mapping does not name.

        The clock of the records is one even where the mapping has it as a variable of another name.
        """
        clock = self._clock_of_another_name()
        seen = set(self.sources.values()) - {clock}
        for source in self.sources.values():
            stored = self.stored[source]
            for name in (*map(str, stored.dims), *str(stored.attrs.get("coordinates", "")).split()):
                found = self.find(name, source)
                if found is not None and found not in seen:
                    seen.add(found)
                    yield found

    def _clock_of_another_name(self) -> str | None:
        record = self.mapping.record_dimension
        for name, source in self.sources.items():
            if name != record and source.rpartition("/")[2] == record and self.dims(source) == (record,):
                return source
        return None

    def find(self, name: str, beside: str) -> str | None:
        """Return the path of a variable that another refers to: in its group, or in one around it."""
        for parent in _parents(beside):
            path = f"{parent}/{name}" if parent else name
            if path in self.stored:
                return path
        return None

    def bounds_of(self, source: str) -> str | None:
        """Return the path of the bounds of the cells of a coordinate."""
        about = self.stored[source].attrs
        named = [str(about[key]) for key in BOUNDS if key in about]
        return self.find(named[0], source) if named else None


def mapped(mapping: Mapping) -> dict[str, SharedMapping]:
    """Return all variables of a mapping."""
    return {**mapping.shared, **mapping.variables}


def _like(source: str, known: list[str]) -> str:
    """Return a hint at a variable of the same name in another group, or of a name much like it."""
    same = [each for each in known if each.rpartition("/")[2] == source.rpartition("/")[2]]
    return f" Did you mean '{same[0]}'?" if same else nearest(source, known)


def _parents(source: str) -> list[str]:
    """Return the groups around a variable, the innermost first; the root is empty."""
    names = source.split("/")[:-1]
    return ["/".join(names[:count]) for count in range(len(names), -1, -1)]
