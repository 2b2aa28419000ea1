"""What the attributes of a variable mean for its values: packing, missing values, units, calendar (CF).

References
----------
CF Conventions 1.11, section 2.5.1 (missing data), 3.1 (units), 4.4 (time), 8.1 (packed data), appendix A.
NetCDF User's Guide, appendix A: `_FillValue`, `_Unsigned`, `valid_range`.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from datasets.factory.errors import BuildError
from datasets.factory.metadata_checks import wrong_units
from datasets.store.clocks import calendar_of, is_clock
from datasets.store.errors import ContractError
from datasets.store.units import convert, difference

FILLS = ("_FillValue", "missing_value")
PACKING = ("scale_factor", "add_offset")
LIMITS = ("valid_range", "valid_min", "valid_max")
KEPT = (
    "axis", "calendar", "cell_measures", "cell_methods", "comment", "compress", "flag_masks", "flag_meanings",
    "flag_values", "leap_month", "leap_year", "month_lengths", "positive", "topology", "units_metadata",
)  # fmt: skip
"""Attributes that a store keeps as they are."""


def decoded(variable: xr.Variable, where: str) -> xr.Variable:
    """Return the values that a stored variable stands for: unpacked, NaN where missing, text as text.

    Parameters
    ----------
    variable
        As `datasets.factory.opening.open_files` returns it, or a part of that.
    where
        File and variable, for messages.

    Returns
    -------
    xr.Variable
        Whole numbers stay whole numbers unless they are packed or some are missing. Of the attributes those
        that the values have used up are gone.

    Raises
    ------
    BuildError
        When the values are no numbers, bools or text, or an attribute says nothing that can be applied.
    """
    _require_plain(variable, where)
    numbers = {key: _numbers(variable, key, where) for key in (*FILLS, *PACKING, *LIMITS)}
    whole = variable.dtype.kind in "iu" and not any(numbers[key].size for key in PACKING)
    stored = variable.copy(deep=False)
    stored.attrs = {key: value for key, value in variable.attrs.items() if key not in LIMITS}
    for key in FILLS:
        stored.attrs.pop(key, None)
        fills = _of_type(numbers[key], variable.dtype)
        if fills.size and not whole:
            stored.attrs[key] = fills if fills.size > 1 else fills[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)
        try:
            found = xr.conventions.decode_cf_variable(
                "variable", stored, decode_times=False, decode_timedelta=False
            )
            values = np.asarray(found.values)
        except (ValueError, TypeError) as error:
            raise BuildError(f"{where} cannot be decoded: {str(error).splitlines()[0]}") from None
    missing = _outside(variable, values, numbers, where)
    if whole:
        missing |= np.isin(
            variable.values, np.concatenate([_of_type(numbers[key], variable.dtype) for key in FILLS])
        )
    if missing.any():
        values = np.where(missing, np.nan, values)
    if values.dtype.kind in "SO":
        values = _text(values, where)
    return xr.Variable(found.dims, values, found.attrs)


def in_units(variable: xr.Variable, units: str, where: str) -> np.ndarray:
    """Return decoded values in other units; values without units are taken to be in these.

    Dates are converted in their own calendar, and differences of temperatures (`units_metadata` of CF 1.11)
    without the offset between the scales.
    """
    values = np.asarray(variable.values)
    if variable.attrs.get("units") is None:
        return values
    require_units(variable.attrs, where)
    stated, wanted = str(variable.attrs["units"]), units
    try:
        if "difference" in str(variable.attrs.get("units_metadata", "")) and stated != units:
            stated, wanted = difference(stated), difference(units)
        if is_clock(stated) and values.dtype.kind == "f":
            values = values.astype(np.float64)
        calendar = variable.attrs.get("calendar") if is_clock(stated) else None
        return convert(values, stated, wanted, None if calendar is None else str(calendar).lower())
    except ContractError as error:
        raise BuildError(
            f"{where}: {error}; correct its attributes in the file, or the units in the mapping"
        ) from None


def require_units(attributes: Mapping[Any, Any], where: str) -> None:
    """Refuse units that mean nothing, and dates that no calendar holds."""
    if wrong := wrong_units(attributes):
        raise BuildError(f"{where}: {wrong}; correct it in the file")


def require_same_calendar(found: Mapping[Any, Any], expected: Mapping[Any, Any], where: str) -> None:
    """Refuse dates of another calendar: the same number is another day there."""
    if calendar_of(found) != calendar_of(expected):
        raise BuildError(
            f"{where} has the calendar '{calendar_of(found)}', expected '{calendar_of(expected)}' as in the "
            "first file; convert it by xarray's `convert_calendar`, or import the files into two stores"
        )


def kept_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the attributes that a store keeps, as JSON holds them."""
    return {key: _plain(attributes[key]) for key in KEPT if key in attributes}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _require_plain(variable: xr.Variable, where: str) -> None:
    dtype = variable.dtype
    if dtype.names:
        raise BuildError(
            f"{where} holds records of {', '.join(dtype.names)}, expected numbers; save each of them as an "
            "array of its own"
        )
    if dtype.kind == "V" or str(variable.attrs.get("MATLAB_class", "")) in (
        "char",
        "cell",
        "struct",
        "string",
    ):
        what = variable.attrs.get("MATLAB_class", dtype)
        raise BuildError(
            f"{where} holds values of type {what}, expected numbers; leave it out of the mapping"
        )


def _numbers(variable: xr.Variable, key: str, where: str) -> np.ndarray:
    """Return the numbers of an attribute; none where it is absent."""
    if key not in variable.attrs or variable.dtype.kind in "SUO":
        return np.empty(0)
    value = np.atleast_1d(variable.attrs[key])
    if value.dtype.kind not in "biufc":
        raise BuildError(
            f"{where}: its attribute {key} is {variable.attrs[key]!r}, expected a number; correct it in the "
            "file"
        )
    return value


def _of_type(fills: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return missing values in the type of the data; one that the type cannot hold marks nothing."""
    if dtype.kind not in "iu":
        return fills.astype(dtype) if dtype.kind in "fc" else fills
    signed = np.dtype(f"i{dtype.itemsize}"), np.dtype(f"u{dtype.itemsize}")
    held = []
    for fill in fills:
        for each in (dtype, *signed):  # `_Unsigned` data state them in either sign
            info = np.iinfo(each)
            if np.isfinite(fill) and fill == int(fill) and info.min <= fill <= info.max:
                held.append(np.array(int(fill)).astype(each).view(dtype))
                break
    return np.array(held, dtype=dtype)


def _outside(
    variable: xr.Variable, values: np.ndarray, numbers: Mapping[str, np.ndarray], where: str
) -> np.ndarray:
    """Return which values lie outside the valid range; of packed data it may be that of the packed ones."""
    low, high = _ends(numbers, where)
    if values.dtype.kind not in "iuf":
        return np.zeros(values.shape, dtype=bool)
    if variable.dtype.kind in "iu" and np.concatenate([low, high]).dtype.kind in "iu":  # of what is stored
        values = np.asarray(variable.values)
        if str(variable.attrs.get("_Unsigned", "")).lower() == "true":
            values = values.view(f"u{values.dtype.itemsize}")
            low, high = (_of_type(each, values.dtype) for each in (low, high))
    outside = np.zeros(values.shape, dtype=bool)
    for limit in low:
        outside |= values < limit
    for limit in high:
        outside |= values > limit
    return outside


def _ends(numbers: Mapping[str, np.ndarray], where: str) -> tuple[np.ndarray, np.ndarray]:
    both = numbers["valid_range"]
    if both.size not in (0, 2):
        raise BuildError(f"{where}: its attribute valid_range has {both.size} numbers, expected two")
    low, high = (
        np.concatenate([both[:1], numbers["valid_min"]]),
        np.concatenate([both[1:], numbers["valid_max"]]),
    )
    return (both[:1], both[1:]) if both.size else (low, high)


def _text(values: np.ndarray, where: str) -> np.ndarray:
    try:
        texts = [each.decode("utf-8") if isinstance(each, bytes) else each for each in values.ravel()]
    except UnicodeDecodeError as error:
        raise BuildError(f"{where} holds text that is not UTF-8 ({error.reason}); write it again") from None
    return np.array(texts, dtype=object).reshape(values.shape)
