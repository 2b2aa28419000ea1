"""The clock of what a surrogate is asked with is that of training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.grid import check_grid
from surrogates.inference.manifest import Coordinate

SECOND = np.timedelta64(1, "s")
CLOCK = {"time": Coordinate(values=[-0.3, -0.2, -0.1, 0.0], attributes={"units": "s"})}
DATES = np.array(["2023-11", "2023-12", "2024-01", "2024-02", "2024-03", "2024-04"], "M8[M]").astype("M8[ns]")


def window(*dims: str) -> list[VariableSpec]:
    attributes = {"step": 0.1, "window_dimension": "time"}
    return [VariableSpec(name="place", dims=dims, shape=(4,), units="m", attributes=attributes)]


INSIDE, RECORDS = window("flight", "time"), window("example", "time")


def asked(values: object, **attributes: str) -> xr.Dataset:
    return xr.Dataset(coords={"time": ("time", np.asarray(values), attributes)})


@pytest.mark.parametrize(
    "clock",
    [
        asked([7.0, 7.1, 7.2, 7.3], units="s"),
        asked([0.0, 100.0, 200.0, 300.0], units="ms"),
        asked(np.arange(4) * 100 * np.timedelta64(1, "ms")),
        asked(DATES[0] + np.arange(4) * 100 * np.timedelta64(1, "ms")),
        asked([7.0, 7.1, 7.2, 7.3], units="seconds since 1900-01-01", calendar="noleap"),
        xr.decode_cf(asked([7.0, 7.1, 7.2, 7.3], units="seconds since 1900-01-01", calendar="noleap")),
    ],
)
def test_a_clock_of_training_passes_and_one_without_a_sample_does_not(clock: xr.Dataset) -> None:
    check_grid(clock, CLOCK, INSIDE)
    with pytest.raises(ContractError, match="'time' is not even"):
        check_grid(clock.isel(time=[0, 1, 3]), CLOCK, INSIDE)


@pytest.mark.parametrize(
    ("clock", "message"),
    [
        (asked([0.0, 0.1, 1.1, 1.2], units="s"), "'time' is not even: a step of 1 s after 0.1, where 0.1 is"),
        (asked([0.0, 0.1, 1.1], units="s"), "a step of 1 s after 0.1, where 0.1 is"),
        (asked([0.3, 0.2, 0.1, 0.0], units="s"), r"'time' descends from 0.3 to 0 s, .* ds.sortby\('time'\)"),
        (asked([0.0, 0.1, np.nan, 0.3], units="s"), "'time' is not even: NaN found at 2, a number for each"),
        (asked([0.0, 0.1, 0.0, -0.1], units="s"), "a step of 0.1 s after 0, where -0.1 is usual"),
        (asked(np.array([0, 1, 12, 13]) * 100 * np.timedelta64(1, "ms")), "a step of 1.1 s after 0.1"),
        (asked(np.arange(4) * SECOND), "spacing 1 s, expected 0.1 s"),
        (asked([0.0, 0.1, 0.2, 0.3]), "'time' has no units, expected units such as 's'"),
        (asked([0.0, 0.1, 0.2, 0.3], units="m"), "has the units 'm', expected units such as 's'"),
    ],
)
def test_another_clock_is_refused(clock: xr.Dataset, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_grid(clock, CLOCK, INSIDE)


def test_months_are_even_and_a_missing_one_is_not() -> None:
    month = 30.5 * 86400
    coordinates = {"time": Coordinate(values=(month * np.arange(4)).tolist(), attributes={"units": "s"})}
    check_grid(asked(DATES), coordinates, RECORDS)
    with pytest.raises(ContractError, match="is not even"):
        check_grid(asked(DATES), coordinates, INSIDE)
    with pytest.raises(ContractError, match=r"a step of 5.3568e\+06 s after"):
        check_grid(asked(np.delete(DATES, 2)), coordinates, RECORDS)
    with pytest.raises(ContractError, match=r"spacing 86400 s, expected 2.6352e"):
        check_grid(asked(DATES[0] + np.arange(4) * 86400 * SECOND), coordinates, RECORDS)


def test_axes_without_units_that_are_no_window_stay_indices() -> None:
    axis = asked([0, 1, 2, 3])
    check_grid(axis, CLOCK)
    with pytest.raises(ContractError, match="'time'"):
        check_grid(axis, CLOCK, INSIDE)


@pytest.mark.parametrize("cells", [[0.0, 0.1, 5.0, 6.0], [0.1, 0.0, 0.2, 0.3], [0.0, 0.1, np.nan, 0.3]])
def test_an_axis_that_was_even_in_training_has_to_be_even(cells: list[float]) -> None:
    with pytest.raises(
        ContractError, match=r"'time' has 4 cells in steps from .* expected 0.1 s between all"
    ):
        check_grid(asked(cells, units="s"), CLOCK)


def levels(values: list[float], units: str | None = "hPa") -> xr.Dataset:
    return xr.Dataset(coords={"level": ("level", values, {"units": units} if units else {})})


def test_uneven_cells_keep_their_steps_and_their_order() -> None:
    trained = {"level": Coordinate(values=[1000.0, 850.0, 500.0], attributes={"units": "hPa"})}
    for same in (
        levels([1000.0, 850.0, 500.0]),
        levels([1e5, 8.5e4, 5e4], "Pa"),
        levels([1.0, 2.0, 3.0], None),
    ):
        check_grid(same, trained)
    for other in ([500.0, 850.0, 1000.0], [850.0, 1000.0, 500.0], [850.0, 500.0, 250.0]):
        with pytest.raises(ContractError, match=r"'level' is .* hPa, expected cells like 1000, 850, 500 hPa"):
            check_grid(levels(other), trained)
    with pytest.raises(ContractError, match=r"expected \[1000.0, 850.0, 500.0\] in this order; say ds.sel"):
        check_grid(levels([500.0, 850.0, 1000.0], None), trained)


@pytest.mark.parametrize("units", ["hPa", None])
def test_places_of_other_dimensions_are_left_to_the_check_of_dimensions(units: str | None) -> None:
    trained = {
        "level": Coordinate(values=[1000.0, 850.0, 500.0], attributes={"units": units} if units else {})
    }
    about = {"units": units} if units else {}
    check_grid(xr.Dataset(coords={"level": (("y", "x"), np.arange(9.0).reshape(3, 3), about)}), trained)
    check_grid(xr.Dataset(coords={"level": ((), 850.0, about)}), trained)


def test_a_whole_circle_begins_where_it_did_in_training() -> None:
    trained = {"lon": Coordinate(values=[0.0, 90.0, 180.0, 270.0], attributes={"units": "degrees_east"})}

    def circle(values: list[float]) -> xr.Dataset:
        return xr.Dataset(coords={"lon": ("lon", np.array(values), {"units": "degrees_east"})})

    check_grid(circle([0.0, 90.0, -180.0, -90.0]), trained)
    west = circle([-180.0, -90.0, 0.0, 90.0])
    with pytest.raises(
        ContractError, match=r"begins at -180 degrees_east, in training the circle begins at 0"
    ):
        check_grid(west, trained)
    check_grid(west.assign_coords(lon=(west["lon"] - 0) % 360 + 0).sortby("lon"), trained)


@pytest.mark.filterwarnings("ignore:DatetimeIndex.values")  # of xarray
@pytest.mark.parametrize(
    "make", [list, lambda dates: dates, lambda dates: [d.to_pydatetime() for d in dates]]
)
def test_dates_of_a_time_zone_are_a_clock(make: Callable[[pd.DatetimeIndex], Any]) -> None:
    hour = {"time": Coordinate(values=[0.0, 3600.0, 7200.0], attributes={"units": "s"})}
    dates = pd.date_range("2026-03-28 22:00", periods=5, freq="h", tz="Europe/Paris")
    check_grid(xr.Dataset(coords={"time": make(dates[:3])}), hour, INSIDE)
    with pytest.raises(ContractError, match="'time' is not even: a step of 10800 s after 3600"):
        check_grid(xr.Dataset(coords={"time": make(dates[[0, 1, 4]])}), hour, INSIDE)
    with pytest.raises(
        ContractError, match=r"begins with '2026-.*', expected numbers or dates; say ds.assign"
    ):
        check_grid(xr.Dataset(coords={"time": [str(each) for each in dates[:3]]}), hour, INSIDE)


@pytest.mark.parametrize(
    ("trained", "found", "said"),
    [
        (
            [0.0, 4.0, 8.0],
            [8.0, 4.0, 0.0],
            r"'y' descends by 4 m, in training it ascends; say ds.sortby\('y'\)$",
        ),
        (
            [8.0, 4.0, 0.0],
            [0.0, 4.0, 8.0],
            r"in training it descends; say ds.sortby\('y', ascending=False\)$",
        ),
    ],
)
def test_cells_in_the_other_order_are_answered_with_the_order(
    trained: list[float], found: list[float], said: str
) -> None:
    y = {"y": Coordinate(values=trained, attributes={"units": "m"})}
    ds = xr.Dataset(coords={"y": ("y", found, {"units": "m"})})
    with pytest.raises(ContractError, match=said):
        check_grid(ds, y)
    check_grid(ds.sortby("y", ascending=trained[0] < trained[1]), y)


def test_without_a_clock_the_samples_are_taken_as_they_come() -> None:
    bare = xr.Dataset({"place": ("time", np.zeros(4))})
    check_grid(bare, CLOCK, INSIDE)
    with pytest.raises(ContractError, match="'time'"):
        check_grid(bare.assign_coords(time=np.arange(4.0)), CLOCK, INSIDE)


def test_named_cells_in_another_order_are_refused():
    axes = {"axis": Coordinate(values=["x", "y", "z"])}
    check_grid(xr.Dataset(coords={"axis": ["x", "y", "z"]}), axes)
    with pytest.raises(ContractError, match=r"'axis' is \['z', 'y', 'x'\], expected \['x', 'y', 'z'\]"):
        check_grid(xr.Dataset(coords={"axis": ["z", "y", "x"]}), axes)
    with pytest.raises(ContractError, match=r"'axis' is \['z', 'y', 'x'\], expected \['x', 'y', 'z'\]"):
        check_grid(xr.Dataset(coords={"axis": [b"z", b"y", b"x"]}), axes)


def test_cells_of_other_names_are_refused():
    axes = {"axis": Coordinate(values=["east", "north", "up"])}
    with pytest.raises(
        ContractError, match=r"'axis' is \['east', 'north', 'down'\], expected .* as in training"
    ):
        check_grid(xr.Dataset(coords={"axis": ["east", "north", "down"]}), axes)
