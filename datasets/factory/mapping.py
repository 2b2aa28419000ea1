"""Description of files to import: names, units, roles, splits."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from datasets.factory.limits import MOST_ARRAY_BYTES, MostBytes
from datasets.store.padding import LENGTH
from datasets.store.specs import Split
from datasets.store.streams import GROUP, stream
from datasets.store.units import parse


def _parsed(units: object) -> object:
    if isinstance(units, str):
        parse(units)
    return "1" if units == 1 else units


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


Units = Annotated[str, BeforeValidator(_parsed)]


class SharedMapping(BaseModel):
    """A variable that all records share, such as a coordinate.

    Attributes
    ----------
    source
        Name in the files; the same name by default.
    units, long_name
        Units in the store: values are converted when the file states others.
    dims
        Dimension names, one for each axis: needed for NumPy files; for other files they must agree.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = None
    units: Units
    long_name: str = ""
    standard_name: str | None = None
    dims: tuple[str, ...] | None = None


class VariableMapping(SharedMapping):
    """A variable that varies from record to record.

    Attributes
    ----------
    dtype
        In the store; that of the files by default, where double precision becomes single.
    missing, minimum, maximum, display_units
        As in `datasets.store.specs.VariableSpec`.
    role
        What the variable is for; kept as an attribute for the reader of the store.
    """

    dtype: str | None = None
    missing: bool = False
    minimum: float | None = None
    maximum: float | None = None
    display_units: str | None = None
    role: Literal["input", "target", "group"] | None = None


class SplitMapping(BaseModel):
    """A random split; whole groups are drawn when ``keeps_whole`` names a variable.

    ``test=1`` with ``validation=0`` makes a store that is there to be scored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    validation: float = Field(0.1, ge=0, lt=1)
    test: float = Field(0.1, ge=0, le=1)
    keeps_whole: str = "none"

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        if self.validation + self.test >= 1 and (self.validation, self.test) != (0, 1):
            raise ValueError(
                f"validation={self.validation} and test={self.test} leave nothing to train on; for a store "
                "that is only scored give validation=0 and test=1"
            )
        return self

    def draw(self, name: str, groups: np.ndarray, seed: int, number: int) -> Split:
        """Return the split of records that belong to numbered groups."""
        order = stream(seed, GROUP, number).permutation(np.unique(groups))
        sizes = np.array([np.count_nonzero(groups == group) for group in order])
        middle = (np.cumsum(sizes) - sizes / 2) / len(groups)
        labels = np.select([middle < self.test, middle < self.test + self.validation], [2, 1], 0)
        label_of = dict(zip(order.tolist(), labels.tolist(), strict=True))
        return Split(
            name=name,
            labels=np.array([label_of[group] for group in groups.tolist()], dtype=np.int8),
            keeps_whole=self.keeps_whole,
            description="drawn at random by the import",
        )


class Mapping(BaseModel):
    """What the variables of some files mean.

    Attributes
    ----------
    record_dimension
        The dimension of the files that counts records. Where no file has it, each file is one record.
    varying
        Dimensions along which files may have different lengths, such as ``[point, triangle]``: records are
        padded, and the variable ``length`` says how many cells along the first are real. Along the first lie
        the rows of tables and the vertices of meshes, of which each file is one record.
    most_bytes
        Most bytes of what is read as a whole: an array of an ``.npz`` file, a chunk of NetCDF, HDF5 or Zarr.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    license: str = "unspecified"
    record_dimension: str = "sample"
    variables: dict[str, VariableMapping] = Field(min_length=1)
    shared: dict[str, SharedMapping] = {}
    splits: dict[str, SplitMapping] = {}
    varying: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    most_bytes: MostBytes = MOST_ARRAY_BYTES

    @model_validator(mode="after")
    def _each_source_once(self) -> Self:
        used: dict[str, str] = {}
        for name, variable in [*self.variables.items(), *self.shared.items()]:
            source = variable.source or name
            if source in used:
                raise ValueError(f"'{source}' of the files serves '{used[source]}' and '{name}'; keep one")
            used[source] = name
        return self

    @model_validator(mode="after")
    def _length_is_free(self) -> Self:
        if self.varying and LENGTH in {*self.variables, *self.shared}:
            raise ValueError(
                f"'{LENGTH}' says how many cells along '{self.varying[0]}' are real; give the variable "
                "another name"
            )
        return self


class MappingFile(Mapping):
    """The mapping file of ``surrogates data import generic``.

    Attributes
    ----------
    files
        Paths or patterns, relative to the mapping: NetCDF, ``.npz`` or Zarr files whose records follow each
        other, or ``.npy`` files with one variable each.
    """

    files: tuple[str, ...] | str
