"""Time from a date means the same in every calendar and however xarray shows it."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.clocks import calendar_of, durations, is_clock, undecodable


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day", "julian"])
def test_dates_of_every_calendar_and_raw_numbers_have_the_same_steps(calendar: str) -> None:
    about = {"units": "hours since 1900-02-27", "calendar": calendar}
    raw = xr.Dataset(coords={"time": ("time", [0.0, 24, 48, 96], about)})
    numbers, units = durations(raw.time)
    seconds, decoded_units = durations(xr.decode_cf(raw).time)
    assert (units, decoded_units) == ("hours", "s")
    np.testing.assert_array_equal(np.diff(numbers) * 3600, np.diff(seconds))


def test_what_is_no_clock_stays_as_it_is() -> None:
    for values, units in ((np.array([1, 2]), "m"), (np.array(["a", "b"], dtype=object), "")):
        found, said = durations(xr.DataArray(values, attrs={"units": units} if units else {}))
        assert found.tolist() == values.tolist() and said == units
    assert is_clock("days since 2000-01-01") and not is_clock("days")


@pytest.mark.parametrize(
    ("calendar", "units", "expected"),
    [
        (None, "days since 2000-01-01", "standard"),
        ("Gregorian", "days since 0001-01-01", "standard"),
        ("proleptic_gregorian", "days since 1970-01-01", "standard"),
        ("proleptic_gregorian", "days since 0001-01-01", "proleptic_gregorian"),
        ("365_day", "days since 2000-01-01", "noleap"),
    ],
)
def test_calendars_have_one_name(calendar: str | None, units: str, expected: str) -> None:
    assert calendar_of({"calendar": calendar, "units": units}) == expected


def test_units_that_make_no_dates_are_named() -> None:
    assert undecodable("days since 1850-01-01", "noleap") == ""
    assert undecodable("months since 2000-01-01", "360_day") == ""
    assert "'months since 2000-01-01' make no dates" in undecodable("months since 2000-01-01")
    assert "the calendar 'none'" in undecodable("days since 2000-01-01", "none")
