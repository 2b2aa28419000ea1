"""Specifications of a store's variables and splits: name, dimensions, units, valid range, meaning."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from datasets.store.errors import ContractError

Attributes = dict[str, Any]  # what a JSON object holds

DECIBEL = "0.1 lg(re 1)"
DECIBEL_MILLIWATT = "0.1 lg(re 1 mW)"

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLIT_NAMES = {-1: "unused", TRAIN: "train", VALIDATION: "validation", TEST: "test"}

_ATTRIBUTES = (
    "units", "long_name", "standard_name", "display_units", "valid_min", "valid_max",
    "missing", "repeatability", "statistics_axes", "statistics_mask",
)  # fmt: skip


class VariableSpec(BaseModel):
    """One variable of a store.

    Attributes
    ----------
    dims, shape
        Dimension names, the record dimension first for record variables; `shape` leaves the record axis out.
    units, display_units
        UDUNITS string (`"1"` when dimensionless), and how people write them, e.g. `"dB"`.
    missing
        Whether NaN (not observed, not reached) may occur.
    minimum, maximum
        Valid range in `units`, both ends included.
    statistics_axes, statistics_mask
        Dimensions along which the statistics stay apart, and the bool variable of the cells that count.
    repeatability
        0 when a second simulation is bit-identical, else the absolute tolerance in `units`.
    any_length
        Dimensions of a trained network's inputs and targets whose length was only that of training: it takes
        any other. A store has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    units: str = "1"
    long_name: str = ""
    standard_name: str | None = None
    dtype: str = "float32"
    missing: bool = False
    minimum: float | None = None
    maximum: float | None = None
    statistics_axes: tuple[str, ...] = ()
    statistics_mask: str | None = None
    repeatability: float = Field(default=0.0, ge=0)
    display_units: str | None = None
    any_length: tuple[str, ...] = ()
    attributes: dict[str, JsonValue] = {}

    @field_validator("dtype")
    @classmethod
    def _native_dtype(cls, value: str) -> str:
        try:
            dtype = np.dtype(value)
        except TypeError:
            raise ValueError(f"dtype {value!r} is not a NumPy type, such as 'float32' or 'bool'") from None
        if dtype.kind not in "biufc":
            raise ValueError(f"dtype {value!r} is not a number or bool; text belongs to the shared tables")
        return dtype.name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.dims) - len(self.shape) not in (0, 1):
            raise ValueError(
                f"variable {self.name!r}: shape {self.shape} has {len(self.shape)} axes for the dimensions "
                f"{self.dims}; leave out the record axis only"
            )
        if unknown := set(self.statistics_axes) - set(self.dims):
            raise ValueError(
                f"variable {self.name!r}: statistics_axes {sorted(unknown)} are not among {self.dims}"
            )
        if unknown := set(self.any_length) - set(self.dims):
            raise ValueError(
                f"variable {self.name!r}: any_length {sorted(unknown)} are not among {self.dims}"
            )
        if (self.minimum, self.maximum) != (None, None) and np.dtype(self.dtype).kind == "c":
            raise ValueError(
                f"variable {self.name!r}: {self.dtype} has no order, so no minimum or maximum can be "
                "checked; leave them out"
            )
        if self.missing and np.dtype(self.dtype).kind not in "fc":
            raise ValueError(
                f"variable {self.name!r}: {self.dtype} has no NaN, so `missing` needs a float dtype"
            )
        return self

    def kept(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return names and lengths of the dimensions along which the statistics of a record stay apart."""
        sizes = dict(zip(self.dims[-len(self.shape) :] if self.shape else (), self.shape, strict=True))
        names = tuple(name for name in sizes if name in self.statistics_axes)
        return names, tuple(sizes[name] for name in names)

    def to_attributes(self) -> Attributes:
        """Return the array attributes that `from_attributes` reads back: plain numbers and text."""
        values: Attributes = {
            "units": self.units,
            "long_name": self.long_name or self.name.replace("_", " "),
            "standard_name": self.standard_name,
            "display_units": self.display_units,
            "valid_min": self.minimum,
            "valid_max": self.maximum,
            "missing": "NaN" if self.missing else None,
            "repeatability": self.repeatability,
            "statistics_axes": " ".join(self.statistics_axes) or None,
            "statistics_mask": self.statistics_mask,
        }
        return self.attributes | {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_attributes(
        cls,
        name: str,
        dims: Sequence[str],
        shape: Sequence[int],
        dtype: str,
        attributes: Attributes,
    ) -> "VariableSpec":
        """Rebuild the specification of a stored array (`shape` without the record axis)."""
        known = {key: attributes[key] for key in _ATTRIBUTES if key in attributes}
        return cls.model_validate(
            {
                "name": name,
                "dims": tuple(dims),
                "shape": tuple(shape),
                "dtype": dtype,
                "minimum": known.pop("valid_min", None),
                "maximum": known.pop("valid_max", None),
                "missing": known.pop("missing", None) is not None,
                "statistics_axes": tuple(str(known.pop("statistics_axes", "")).split()),
                "attributes": {key: value for key, value in attributes.items() if key not in _ATTRIBUTES},
                **known,
            }
        )


def _as_labels(value: object) -> np.ndarray:
    labels = np.asarray(value)
    if labels.ndim != 1 or labels.dtype.kind not in "biu":
        raise ContractError(
            f"split labels must be one integer per record, found {labels.dtype} {labels.shape}"
        )
    if unknown := set(np.unique(labels).tolist()) - set(SPLIT_NAMES):
        raise ContractError(f"split labels must be among {SPLIT_NAMES}, found {sorted(unknown)}")
    return labels.astype(np.int8)


class Split(BaseModel):
    """A named division of the records: 0 train, 1 validation, 2 test, -1 unused.

    `keeps_whole` names what never lies in two subsets (`"city"`, `"family"`, `"year"`, ... or `"none"`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str = "split"
    labels: Annotated[np.ndarray, BeforeValidator(_as_labels)]
    keeps_whole: str
    description: str = ""

    @classmethod
    def all_test(cls, records: int, description: str) -> Self:
        """Return the split of records that are there to be scored only."""
        return cls(labels=np.full(records, TEST), keeps_whole="none", description=description)

    def to_attributes(self) -> Attributes:
        """Return the CF flag attributes of the split variable."""
        used = [value for value in SPLIT_NAMES if value >= 0 or (self.labels == value).any()]
        return {
            "units": "1",
            "long_name": self.description or "subset of each record",
            "flag_values": list(used),
            "flag_meanings": " ".join(SPLIT_NAMES[value] for value in used),
            "keeps_whole": self.keeps_whole,
        }
