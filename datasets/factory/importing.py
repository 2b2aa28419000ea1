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
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel, Field

from datasets.factory.build import build
from datasets.factory.coordinates import Coordinates, gather
from datasets.factory.decoding import FILLS
from datasets.factory.errors import BuildError
from datasets.factory.formats import require_format
from datasets.factory.left_out import LeftOut
from datasets.factory.mapping import Mapping, MappingFile
from datasets.factory.opening import FORMATS, close_files, kind_of
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source, find_sources
from datasets.factory.text import read_text
from datasets.factory.view import View
from datasets.factory.view_specs import length_of, require_alike, spec_of
from datasets.store.checks import cast
from datasets.store.chunking import shard_records
from datasets.store.layout import Store
from datasets.store.padding import LENGTH, padded
from datasets.store.specs import Split, VariableSpec
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.plain import read_yaml
from surrogates.core.text import listing, nearest

SHOWN = 8
"""Names of variables that a remark lists."""


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
    try:
        return build(
            recipe_of(mapping),
            url,
            workers=workers,
            progress=progress,
            bar=bar,
            storage_options=storage_options,
        )
    finally:
        close_files()


def recipe_of(mapping: str | Path | MappingType[str, Any]) -> "GenericImport":
    """Return the recipe of a mapping: a YAML file, or its content.

    Raises
    ------
    ConfigError, BuildError
        When the mapping has a wrong key, or no file is found.
    """
    folder, where = Path(), "mapping"
    if not isinstance(mapping, MappingType):
        folder, where = Path(mapping).parent, str(mapping)
        mapping = read_mapping(Path(mapping))
    checked = validate(MappingFile, mapping, where)
    folder, sources = find_sources(checked.files, folder)
    meaning = Mapping(**checked.model_dump(exclude={"files"}))
    return GenericImport(mapping=meaning, sources=sources, folder=str(folder))


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
    version = 2
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
        return list(self._specs.values())

    def shared(self) -> xr.Dataset:
        found = self._coordinates
        systems = {name: self._system(source) for name, source in self._systems.items()}
        ds = xr.Dataset({**found.shared, **found.along, **systems})
        named = self.mapping.shared.keys() - {dim for spec in self.specs() for dim in spec.dims}
        return ds.set_coords([name for name in (*found.shared, *found.along) if name not in named])

    def splits(self) -> list[Split]:
        return [
            split.draw(name, self._group_numbers(split.keeps_whole), self.seed, number)
            for number, (name, split) in enumerate(self.mapping.splits.items())
        ]

    def prepare(self) -> None:
        for source in self.sources:
            source.require_unchanged(Path(self.folder))
        self._check_record_dimension()
        if not self.records():
            raise BuildError(f"{self._views[0].path}: '{self.record_dimension}' has no records")
        for view in self._views:
            for name in self.mapping.variables:
                require_alike(view, self._views[0], self._specs[name])
        assert self._coordinates

    def remarks(self) -> list[str]:
        self._check_record_dimension()
        each = (
            []
            if any(not view.single for view in self._views)
            else [f"no file has the dimension '{self.record_dimension}': each file is one record"]
        )
        matlab = [view.path for view in self._views if kind_of(view.path) == "mat73"]
        order = [f"{matlab[0]}: `dims:` name the axes in the order of MATLAB's size()"] if matlab else []
        return [*each, *order, *self._coordinates.remarks]

    def left_out(self) -> list[LeftOut]:
        found = {name for view in self._views for name in view.names()}
        used = {*self._views[0].sources.values(), *self._coordinates.sources, *self._systems.values()}
        names = sorted(found - used)
        shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        return [LeftOut("variables", len(found), {}, {f"not named by the mapping ({shown})": len(names)})]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        first, stop = int(indices[0]), int(indices[-1]) + 1
        arrays = [
            {
                name: self._read(number, name, slice(max(first - start, 0), stop - start))
                for name in self._specs
            }
            for number, (start, end) in enumerate(pairwise(self._starts.tolist()))
            if start < stop and end > first
        ]
        return {name: np.concatenate([each[name] for each in arrays]) for name in self._specs}

    def software(self) -> dict[str, str]:
        return {"xarray": xr.__version__}

    @cached_property
    def _views(self) -> list[View]:
        """Files that are opened together: all ``.npy`` files, each other file by itself."""
        paths = [source.path_in(Path(self.folder)) for source in self.sources]
        arrays = tuple(path for path in paths if kind_of(path) == "npy")
        groups = [*([arrays] if arrays else []), *((path,) for path in paths if path not in arrays)]
        return [View(group, self.mapping) for group in groups]

    @cached_property
    def _starts(self) -> np.ndarray:
        """First record of each view, and the number of all records."""
        return np.cumsum([0, *(view.records for view in self._views)])

    @cached_property
    def _specs(self) -> dict[str, VariableSpec]:
        found = {name: spec_of(name, self._views, self._systems.keys()) for name in self.mapping.variables}
        if not self.mapping.varying:
            return found
        dim, *_ = self.mapping.varying
        lengths = self._lengths
        return found | {LENGTH: length_of(dim, self.record_dimension, max(lengths))}

    @cached_property
    def _lengths(self) -> list[int]:
        """Real cells of the records of each view along the dimension whose length varies."""
        dim, *_ = self.mapping.varying
        sizes = [
            {view.sizes(name)[dim] for name in self.mapping.variables if dim in view.sizes(name)}
            for view in self._views
        ]
        for view, found in zip(self._views, sizes, strict=True):
            if len(found) != 1:
                raise BuildError(
                    f"{view.path}: variables have the lengths {sorted(found) or 'none'} along '{dim}', which "
                    "`varying:` names first; expected one length a file"
                )
        return [found.pop() for found in sizes]

    @cached_property
    def _coordinates(self) -> Coordinates:
        dims = {dim for spec in self.specs() for dim in spec.dims[1:]}
        return gather(self._views, frozenset(dims.difference(self.mapping.varying)))

    @cached_property
    def _systems(self) -> dict[str, str]:
        """Name and path of the coordinate reference systems (CF's grid mappings) of the variables."""
        view = self._views[0]
        found = {}
        for source in map(view.sources.__getitem__, self.mapping.variables):
            for name in str(view.stored[source].attrs.get("grid_mapping", "")).replace(":", " ").split():
                path = view.find(name, source)
                if path is not None and not view.stored[path].ndim:
                    found[name] = path
        return found

    def _system(self, source: str) -> xr.Variable:
        stored = self._views[0].stored[source]
        stated = {key: value for key, value in stored.attrs.items() if key not in FILLS}
        attributes = {"units": "1", "long_name": "coordinate reference system", **stated}
        return xr.Variable((), stored.values, attributes)

    def _check_record_dimension(self) -> None:
        """Refuse a mistyped record dimension, which would make one record of each file."""
        wanted, dims = self.record_dimension, set[str]()
        for view in self._views:
            dims |= {dim for name in self.mapping.variables for dim in view.dims(view.sources[name])}
            if view.single and (name := view.unnamed()):
                raise BuildError(
                    f"{view.path}: the axes of '{name}' have no names; give it `dims:` in the mapping, one "
                    f"name for each axis, '{wanted}' among them"
                )
        if wanted not in dims and (hint := nearest(wanted, dims)):
            raise BuildError(f"No file has the record dimension '{wanted}'.{hint} Found: {listing(dims)}.")

    def _read(self, number: int, name: str, records: slice) -> np.ndarray:
        """Return records of a view as the store holds them, without NaN where the mapping expects none."""
        view, spec = self._views[number], self._specs[name]
        if name == LENGTH and self.mapping.varying:
            count = len(range(view.records)[records])
            return np.full(count, self._lengths[number], np.int32)
        values = view.read(name, records, spec.dims)
        turned = self._coordinates.turned[number]
        values = values[tuple(slice(None, None, -1 if dim in turned else 1) for dim in spec.dims)]
        floats = values.dtype.kind in "fc"
        known = floats and not self.mapping.variables[name].missing
        unknown = np.isnan(values) if known else np.zeros(0)
        if unknown.any():
            record = int(np.argwhere(unknown)[0][0]) + records.indices(view.records)[0]
            raise BuildError(
                f"{view.path}: '{name}': NaN at record {record} of the file ({int(unknown.sum())} in all), a "
                "number expected everywhere; fill it in, or say `missing: true` for it in the mapping"
            )
        return padded(cast(spec, values), spec)

    def _group_numbers(self, keeps_whole: str) -> np.ndarray:
        if keeps_whole == "none":
            return np.arange(self.records())
        if keeps_whole not in self.mapping.variables:
            choices = self.mapping.variables
            raise BuildError(
                f"keeps_whole: '{keeps_whole}' is no variable of the mapping."
                f"{nearest(keeps_whole, choices)} Variables: {listing(choices)}; or none."
            )
        views = range(len(self._views))
        values = np.concatenate([self._read(view, keeps_whole, slice(None)) for view in views])
        if values.ndim != 1:
            raise BuildError(
                f"keeps_whole: '{keeps_whole}' has shape {values.shape}, expected one value a record."
            )
        return np.unique(values, return_inverse=True)[1]
