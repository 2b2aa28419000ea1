"""Coordinates that count time from a date, such as `hours since 1900-01-01`, in any calendar of CF."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import cftime
import numpy as np
import xarray as xr

SINCE = " since "
STANDARD = ("standard", "gregorian", "proleptic_gregorian")
SAME = {"365_day": "noleap", "366_day": "all_leap"}
"""Calendars of CF that have two names."""


def is_clock(units: object) -> bool:
    """Tell whether units count time from a date."""
    return SINCE in str(units)


def calendar_of(attributes: Mapping[Any, Any]) -> str:
    """Return the calendar that attributes state, under one name; CF's default is `standard`.

    The proleptic Gregorian calendar is the standard one where time counts from a date after 1582.
    """
    calendar = str(attributes.get("calendar") or STANDARD[0]).strip().lower()
    if calendar == "gregorian":
        return STANDARD[0]
    year = re.search(rf"{SINCE}(\d+)-", str(attributes.get("units", "")))
    if calendar in STANDARD and year and int(year[1]) > 1582:
        return STANDARD[0]
    return SAME.get(calendar, calendar)


def undecodable(units: str, calendar: str | None = None) -> str:
    """Return why units that count from a date cannot be turned into dates; nothing if they can.

    Months and years have no fixed length, except in a calendar of twelve equal months.
    """
    attributes = {"units": units} | ({"calendar": calendar} if calendar else {})
    try:
        xr.decode_cf(xr.Dataset({"clock": ("clock", [0], attributes)}))
    except (ValueError, OverflowError):
        stated = f"units {units!r}" + (f" with the calendar {calendar!r}" if calendar else "")
        return (
            f"{stated} make no dates, expected such as 'days since 2000-01-01' with a calendar of CF (months "
            "and years have no fixed length)"
        )
    return ""


def durations(coordinate: xr.DataArray | xr.Variable) -> tuple[np.ndarray, str]:
    """Return a coordinate as numbers whose differences are durations, and the units of these.

    Dates count in seconds from the first, whichever calendar or time zone they are in; `hours since ...` in
    hours. A coordinate that is no clock is returned as it is.

    Parameters
    ----------
    coordinate
        Along one dimension.
    """
    values, units = np.asarray(coordinate.values), str(coordinate.attrs.get("units", ""))
    if values.dtype.kind in "mM":
        return (values - values[:1]) / np.timedelta64(1, "s"), "s"
    if values.dtype.kind == "O" and values.size and isinstance(values.flat[0], datetime | cftime.datetime):
        seconds = [(each - values.flat[0]).total_seconds() for each in values.flat]
        return np.reshape(np.array(seconds, dtype=np.float64), values.shape), "s"
    return values, units.partition(SINCE)[0] if is_clock(units) else units
