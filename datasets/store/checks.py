"""The handshake: compare names, dimensions, shapes, units, types and ranges; nothing else does."""

import difflib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from datasets.store import units
from datasets.store.errors import ContractError
from datasets.store.specs import SPLIT_NAMES, VariableSpec


def check(
    ds: xr.Dataset,
    specs: Sequence[VariableSpec],
    *,
    record_dimension: str | None = None,
    first_record: int = 0,
) -> xr.Dataset:
    """Compare a data set with specifications; return it with dimensions, units and types as specified.

    Parameters
    ----------
    ds
        Must hold every specified variable; others pass through untouched.
    specs
        What is expected.
    record_dimension
        The dimension whose length is free; when None, that of each specification with one more dimension
        than its `shape`.
    first_record
        Number of the first record, for messages about a slice of a larger data set.

    Raises
    ------
    ContractError
        Names the variable, what was found, what was expected and what to do.
    """
    require_plain_index(ds)
    return ds.assign({spec.name: _checked(ds, spec, record_dimension, first_record) for spec in specs})


def require_plain_index(ds: xr.Dataset) -> None:
    """Refuse a dimension of stacked labels, of which records have no single coordinate.

    Raises
    ------
    ContractError
        Names the dimension and its levels.
    """
    for dim in map(str, ds.dims):
        index = ds.indexes.get(dim)
        if index is not None and index.nlevels > 1:
            levels = ", ".join(map(str, index.names))
            raise ContractError(
                f"dimension {dim!r} has a MultiIndex ({levels}), expected plain labels; say "
                f"ds.reset_index({dim!r})"
            )


def _checked(
    ds: xr.Dataset, spec: VariableSpec, record_dimension: str | None, first_record: int
) -> xr.DataArray:
    if spec.name not in ds.variables:
        raise ContractError(missing(ds, spec))
    array = ds[spec.name]
    if set(array.dims) != set(spec.dims):
        raise ContractError(
            f"variable {spec.name!r}: dimensions {_tuple(array.dims)}, expected {_tuple(spec.dims)}; "
            "rename, select or expand_dims the data set accordingly"
        )
    array = array.transpose(*spec.dims)
    _check_sizes(array, spec, record_dimension)
    values = cast(spec, in_units(spec, *_numbers(array, spec)))
    check_values(spec, values, first_record=first_record, has_records=len(spec.dims) > len(spec.shape))
    attributes = array.attrs | {"units": spec.units}
    return xr.DataArray(values, dims=spec.dims, coords=array.coords, attrs=attributes)


def _numbers(array: xr.DataArray, spec: VariableSpec) -> tuple[np.ndarray, str | None]:
    """Return numbers and their units; spans of time, which xarray makes of some, count in seconds."""
    values, found = array.values, array.attrs.get("units")
    if values.dtype.kind == "m":
        return values / np.timedelta64(1, "s"), "s"
    if values.dtype.kind not in "biufc":
        what = {"M": "dates", "U": "text", "S": "text"}.get(values.dtype.kind, f"{values.dtype} values")
        raise ContractError(
            f"variable {spec.name!r} holds {what}, expected {spec.dtype} numbers; if it holds numbers say "
            f"ds[{spec.name!r}].astype({spec.dtype!r})"
        )
    return values, found


def _tuple(names: Sequence[object]) -> str:
    return "(" + ", ".join(map(str, names)) + ")"


def missing(ds: xr.Dataset, spec: VariableSpec) -> str:
    """Return the message about a missing variable, with those that exist."""
    near = difflib.get_close_matches(spec.name, [str(name) for name in ds.variables], n=1)
    hint = f"; rename {near[0]!r}?" if near else ""
    return f"variable {spec.name!r} is missing; found {sorted(map(str, ds.data_vars))}{hint}"


def _check_sizes(array: xr.DataArray, spec: VariableSpec, record_dimension: str | None) -> None:
    free = spec.dims[: len(spec.dims) - len(spec.shape)]
    for name, expected in zip(spec.dims[len(free) :], spec.shape, strict=True):
        if name in spec.any_length:
            continue
        if name != record_dimension and array.sizes[name] != expected:
            raise ContractError(
                f"variable {spec.name!r}: {array.sizes[name]} cells along {name!r}, expected {expected}; "
                "crop or interpolate it to the expected grid"
            )


def in_units(spec: VariableSpec, values: np.ndarray, found: str | None) -> np.ndarray:
    """Convert values to the specified units; without units only a dimensionless variable passes."""
    if found is None:
        if spec.units == "1":
            return values
        raise ContractError(
            f"variable {spec.name!r} has no units, expected {spec.units!r}; set its attribute `units` to "
            "those it is in (they are converted when possible)"
        )
    try:
        return units.convert(values, found, spec.units)
    except ContractError as error:
        raise ContractError(f"variable {spec.name!r}: {error}") from None


def cast(spec: VariableSpec, values: np.ndarray) -> np.ndarray:
    """Return values in the specified type.

    A loss of imaginary parts or fractions is refused, and real numbers where complex ones are expected: they
    are moduli, or one of two parts.
    """
    wanted = np.dtype(spec.dtype)
    if values.dtype == wanted:
        return values
    if values.dtype.kind not in "biufc" or (values.dtype.kind == "c" and wanted.kind != "c"):
        raise ContractError(f"variable {spec.name!r}: {values.dtype} values, expected {wanted}")
    if wanted.kind == "c" and values.dtype.kind != "c":
        raise ContractError(
            f"variable {spec.name!r}: {values.dtype} values, which are real, expected {wanted}; give real "
            f"and imaginary part as one complex number, or say .astype({str(wanted)!r}) if the latter is 0"
        )
    if wanted.kind in "fc":
        return values.astype(wanted)
    with np.errstate(invalid="ignore"):
        converted = values.astype(wanted)
    if not np.array_equal(converted, values):
        raise ContractError(
            f"variable {spec.name!r}: {values.dtype} values do not fit {wanted}; round or mask them first"
        )
    return converted


def check_values(
    spec: VariableSpec, values: np.ndarray, *, first_record: int = 0, has_records: bool = True
) -> None:
    """Refuse infinite values, NaN where none is allowed, and values outside the valid range.

    `first_record` is the record number of `values[0]`, so that the message names the record.
    """

    def refuse(bad: np.ndarray, found: str, what: str) -> None:
        index = np.argwhere(bad)[0].tolist()
        where = f"record {first_record + index[0]}, cell {index[1:]}" if has_records else f"cell {index}"
        raise ContractError(f"variable {spec.name!r}: {found} at {where} ({int(bad.sum())} in all); {what}")

    if values.dtype.kind in "fc":
        finite = np.isfinite(values)
        if not finite.all():
            unknown = np.isnan(values)
            if not spec.missing and unknown.any():
                refuse(
                    unknown,
                    "NaN",
                    "its specification has missing=False, so fill in a number, or set missing=True in a data "
                    "set of your own",
                )
            if not (finite | unknown).all():
                refuse(~(finite | unknown), "an infinite value", "write NaN where nothing was observed")
    if values.dtype.kind in "fiu":
        _check_range(spec, values, refuse)


def _check_range(spec: VariableSpec, values: np.ndarray, refuse: object) -> None:
    slack = 4 * float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0
    for limit, sign, side in ((spec.minimum, 1.0, "below"), (spec.maximum, -1.0, "above")):
        if limit is None:
            continue
        bad = sign * values < sign * limit - slack * abs(limit)
        if bad.any():
            worst = values[bad][0]
            assert callable(refuse)
            refuse(
                bad,
                f"{worst:g} {side} the limit {limit:g} {units.display(spec.units)}".rstrip(),
                "check the values and their units",
            )


def check_split(name: str, labels: np.ndarray, groups: np.ndarray, keeps_whole: str) -> None:
    """Refuse a split that tears a group apart (a city, a family, a year, ...).

    Parameters
    ----------
    labels
        Split label of each record (-1 is unused and may occur anywhere).
    groups
        Group number of each record.
    """
    pairs = np.unique(np.stack([groups[labels >= 0], labels[labels >= 0].astype(groups.dtype)]), axis=1)
    numbers, counts = np.unique(pairs[0], return_counts=True)
    if (counts > 1).any():
        torn = numbers[counts > 1][0]
        subsets = [SPLIT_NAMES[int(label)] for label in pairs[1][pairs[0] == torn]]
        raise ContractError(
            f"split {name!r} must keep each {keeps_whole} whole, but {keeps_whole} {torn} is in {subsets}"
        )
