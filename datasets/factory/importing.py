"""Build a store from files of other programs; an import is a recipe that reads instead of simulating.

A mapping names the variables and their units::

    title: Sloshing tank
    files: runs/*.nc
    record_dimension: run
    variables:
      height: {source: h, units: m, long_name: water height, role: target}
      speed: {source: v, units: m s-1, long_name: speed of the tank, role: input}
    shared:
      time: {source: t, units: s}
    splits:
      split: {validation: 0.1, test: 0.1, keeps_whole: none}
"""

from collections.abc import Mapping as MappingType
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel, Field

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.formats import require_format
from datasets.factory.mapping import Mapping, MappingFile, SharedMapping, VariableMapping
from datasets.factory.opening import FORMATS, Dims, close_files, kind_of, open_files
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source, find_sources
from datasets.factory.text import read_text
from datasets.store.chunking import shard_records
from datasets.store.errors import ContractError
from datasets.store.layout import Store
from datasets.store.specs import Split, VariableSpec
from datasets.store.units import convert
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.plain import read_yaml
from surrogates.core.text import listing, nearest

SINGLE = {"float64": "float32", "complex128": "complex64"}


def import_generic(
    mapping: str | Path | MappingType[str, Any],
    url: str,
    *,
    workers: int = 1,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: MappingType[str, Any] | None = None,
) -> Store:
    """Build a store from NetCDF, NumPy or Zarr files; may be killed and resumed like every build.

    Parameters
    ----------
    mapping
        A YAML file, or its content; paths in it are relative to the file, or to the current folder.
    url, workers, progress, bar, storage_options
        As in `datasets.factory.build.build`.

    Raises
    ------
    ConfigError, BuildError, ContractError
        When the mapping has a wrong key, or a file lacks a variable, a dimension, or convertible units.
    """
    folder, where = Path(), "mapping"
    if not isinstance(mapping, MappingType):
        folder, where = Path(mapping).parent, str(mapping)
        mapping = read_mapping(Path(mapping))
    checked = validate(MappingFile, mapping, where)
    folder, sources = find_sources(checked.files, folder)
    meaning = Mapping(**checked.model_dump(exclude={"files"}))
    recipe = GenericImport(mapping=meaning, sources=sources, folder=str(folder))
    try:
        return build(
            recipe, url, workers=workers, progress=progress, bar=bar, storage_options=storage_options
        )
    finally:
        close_files()


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the content of a mapping file.

    Raises
    ------
    BuildError
        When it is not YAML, not in UTF-8 or UTF-16, or not a mapping, or when a key is named twice.
    """
    require_format(path, ("text", "json"), "YAML")
    try:
        content = read_yaml(read_text(path))
    except ConfigError as error:
        raise BuildError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise BuildError(f"{path} holds {found}, expected `key: value` lines.")
    return content


class GenericImport(Recipe):
    """Reads records from files.

    Attributes
    ----------
    mapping
        What the variables of the files mean.
    sources
        The files, with hashes of their content: a build does not resume with others.
    folder
        Their folder on this machine; the store does not record it.
    """

    name = "generic"
    title = "Files of other programs (made by `surrogates data import generic`)"
    formats = FORMATS

    mapping: Mapping = Field(description="Names, units and roles; see `surrogates data import generic`.")
    sources: tuple[Source, ...] = Field(description="Files with the SHA-256 of each.")
    folder: str = Field(".", description="Where the files lie.")

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    @property
    def record_dimension(self) -> str:  # type: ignore[override]
        """The dimension of the files that counts records."""
        return self.mapping.record_dimension

    def attributes(self) -> dict[str, str]:
        return {"title": self.mapping.title, "license": self.mapping.license}

    def records(self) -> int:
        return int(self._starts[-1])

    def unit_records(self) -> int:
        return max(1, shard_records(self.specs(), self.records()) // 4)

    @classmethod
    def keys_model(cls) -> type[BaseModel]:
        return MappingFile

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return []

    def specs(self) -> list[VariableSpec]:
        return [self._spec(name, variable) for name, variable in self.mapping.variables.items()]

    def shared(self) -> xr.Dataset:
        ds = self._open(self._groups[0])
        given = {name: self._shared(name, shared) for name, shared in self.mapping.shared.items()}
        used = {dim for spec in self.specs() for dim in spec.dims[1:]}
        own = {str(d): ds[d] for d in used if d in ds.coords and d not in given and "units" in ds[d].attrs}
        variables = {name: (v.dims, v.values, v.attrs) for name, v in (given | own).items()}
        return xr.Dataset(variables).set_coords([name for name in variables if name in used])

    def splits(self) -> list[Split]:
        return [
            split.draw(name, self._group_numbers(split.keeps_whole), self.seed, number)
            for number, (name, split) in enumerate(self.mapping.splits.items())
        ]

    def prepare(self) -> None:
        for source in self.sources:
            source.require_unchanged(Path(self.folder))
        self._check_record_dimension()
        for group in self._groups:
            for spec in self.specs():
                self._check(group, spec)

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        first, stop = int(indices[0]), int(indices[-1]) + 1
        names = self.mapping.variables
        arrays = [
            {name: self._read(group, name, slice(max(first - start, 0), stop - start)) for name in names}
            for group, start, end in zip(self._groups, self._starts[:-1], self._starts[1:], strict=True)
            if start < stop and end > first
        ]
        return {name: np.concatenate([each[name] for each in arrays]) for name in names}

    def software(self) -> dict[str, str]:
        return {"xarray": xr.__version__}

    @cached_property
    def _groups(self) -> list[tuple[str, ...]]:
        """Return files that are opened together: all ``.npy`` files, each other file by itself."""
        paths = [source.path_in(Path(self.folder)) for source in self.sources]
        arrays = tuple(path for path in paths if kind_of(path) == "npy")
        return [*([arrays] if arrays else []), *((path,) for path in paths if path not in arrays)]

    @cached_property
    def _starts(self) -> np.ndarray:
        """First record of each group of files, and the number of all records."""
        return np.cumsum([0, *(self._open(group).sizes[self.record_dimension] for group in self._groups)])

    @property
    def _mapped(self) -> dict[str, SharedMapping]:
        return {**self.mapping.shared, **self.mapping.variables}

    @property
    def _numpy_dims(self) -> Dims:
        """Names of the axes of arrays in NumPy files."""
        return tuple((m.source or name, m.dims) for name, m in self._mapped.items() if m.dims is not None)

    def _open(self, group: tuple[str, ...]) -> xr.Dataset:
        """Open files under the mapping's names; without the record dimension a file is one record."""
        mapped = self._mapped
        ds = open_files(group, self._numpy_dims)
        sources = {each.source or name: name for name, each in mapped.items()}
        if missing := sources.keys() - ds.variables.keys():
            source, known = min(missing), list(map(str, ds.variables))
            raise BuildError(
                f"{group[0]} has no variable '{source}' (for '{sources[source]}').{nearest(source, known)} "
                f"It has: {listing(known)}. Arrays of NumPy files need `dims:`."
            )
        ds = ds[list(sources)].rename({old: new for old, new in sources.items() if old != new})
        if self.record_dimension in ds.sizes:
            return ds
        return ds.assign(
            {name: ds[name].expand_dims(self.record_dimension) for name in self.mapping.variables}
        )

    def _check_record_dimension(self) -> None:
        """Refuse a mistyped record dimension, which would make one record of each file."""
        dims = {str(dim) for group in self._groups for dim in open_files(group, self._numpy_dims).sizes}
        wanted = self.record_dimension
        if wanted not in dims and (hint := nearest(wanted, dims)):
            raise BuildError(f"No file has the record dimension '{wanted}'.{hint} Found: {listing(dims)}.")

    def _variable(self, group: tuple[str, ...], name: str) -> xr.DataArray:
        """Return a record variable of a file after comparing its dimensions with the mapping."""
        array = self._open(group)[name]
        wanted = self.mapping.variables[name].dims
        if wanted is not None and array.dims != wanted:
            raise BuildError(f"{group[0]}: '{name}' has dimensions {array.dims}, the mapping {wanted}.")
        if array.dims[:1] != (self.record_dimension,):
            raise BuildError(
                f"{group[0]}: '{name}' has dimensions {array.dims}, expected '{self.record_dimension}' "
                "first; variables that all records share belong under `shared:`."
            )
        return array

    def _spec(self, name: str, mapped: VariableMapping) -> VariableSpec:
        array = self._variable(self._groups[0], name)
        found = {
            "name": name,
            "dims": tuple(map(str, array.dims)),
            "shape": array.shape[1:],
            "dtype": mapped.dtype or SINGLE.get(str(array.dtype), str(array.dtype)),
            "attributes": {} if mapped.role is None else {"role": mapped.role},
        }
        given = mapped.model_dump(exclude={"source", "dims", "dtype", "role"})
        return validate(VariableSpec, found | given, f"variable '{name}' of the mapping")

    def _check(self, group: tuple[str, ...], spec: VariableSpec) -> None:
        array = self._variable(group, spec.name)
        if array.dims != spec.dims or array.shape[1:] != spec.shape:
            raise BuildError(
                f"{group[0]}: '{spec.name}' is {dict(array.sizes)}, in {self._groups[0][0]} it has "
                f"{dict(zip(spec.dims[1:], spec.shape, strict=True))}; all files need the same grid."
            )
        _converted(np.zeros(1), array, spec.units, group[0])

    def _read(self, group: tuple[str, ...], name: str, records: slice) -> np.ndarray:
        array = self._variable(group, name)[records]
        return _converted(array.values, array, self.mapping.variables[name].units, group[0])

    def _shared(self, name: str, mapped: SharedMapping) -> xr.Variable:
        array = self._open(self._groups[0])[name]
        attributes = {"units": mapped.units, "long_name": mapped.long_name or name.replace("_", " ")}
        if mapped.standard_name:
            attributes["standard_name"] = mapped.standard_name
        values = _converted(array.values, array, mapped.units, self._groups[0][0])
        return xr.Variable(array.dims, values, attributes)

    def _group_numbers(self, keeps_whole: str) -> np.ndarray:
        if keeps_whole == "none":
            return np.arange(self.records())
        if keeps_whole not in self.mapping.variables:
            choices = self.mapping.variables
            raise BuildError(
                f"keeps_whole: '{keeps_whole}' is no variable of the mapping."
                f"{nearest(keeps_whole, choices)} Variables: {listing(choices)}; or none."
            )
        values = np.concatenate([self._read(group, keeps_whole, slice(None)) for group in self._groups])
        if values.ndim != 1:
            raise BuildError(
                f"keeps_whole: '{keeps_whole}' has shape {values.shape}, expected one value a record."
            )
        return np.unique(values, return_inverse=True)[1]


def _converted(values: np.ndarray, array: xr.DataArray, units: str, path: str) -> np.ndarray:
    """Return values in the units of the mapping; a file that states none is taken to be in them."""
    stated = array.attrs.get("units")
    try:
        return values if stated is None else convert(values, str(stated), units)
    except ContractError as error:
        raise BuildError(f"{path}: '{array.name}': {error}") from None
