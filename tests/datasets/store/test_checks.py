import numpy as np
import pytest
import xarray as xr

from datasets.store.checks import check, check_split, check_values
from datasets.store.errors import ContractError
from datasets.store.specs import DECIBEL, VariableSpec

GAIN = VariableSpec(
    name="path_gain", dims=("sample", "y", "x"), shape=(2, 3), units=DECIBEL, maximum=0, minimum=-200
)
HEIGHT = VariableSpec(name="height", dims=("y", "x"), shape=(2, 3), units="m", missing=True)


def fields(values: np.ndarray | None = None, **attributes: str) -> xr.Dataset:
    values = np.full((4, 2, 3), -80.0) if values is None else values
    return xr.Dataset(
        {
            "path_gain": (("sample", "y", "x"), values, {"units": "dB"} | attributes),
            "height": (("y", "x"), np.zeros((2, 3)), {"units": "m"}),
        },
        coords={"x": np.arange(3.0)},
    )


def test_dimensions_are_transposed_types_cast_and_coordinates_kept() -> None:
    ds = check(fields().transpose("x", "sample", "y"), [GAIN, HEIGHT])
    assert ds.path_gain.dims == ("sample", "y", "x")
    assert ds.path_gain.dtype == np.float32
    assert ds.path_gain.attrs["units"] == DECIBEL
    assert "x" in ds.path_gain.coords


def test_convertible_units_are_converted() -> None:
    ds = fields()
    ds["height"] = ds.height + 0.25
    ds.height.attrs["units"] = "km"
    ds.path_gain.values[:] = 1e-9
    ds.path_gain.attrs["units"] = "1"
    checked = check(ds, [GAIN, HEIGHT])
    np.testing.assert_allclose(checked.height, 250)
    np.testing.assert_allclose(checked.path_gain, -90, rtol=1e-5)


def test_spans_of_time_are_numbers_with_units() -> None:
    period = VariableSpec(name="period", dims=("sample",), shape=(), units="min", missing=True)
    spans = np.array([30, 90, "NaT"], "timedelta64[s]")
    checked = check(xr.Dataset({"period": ("sample", spans)}), [period])
    np.testing.assert_allclose(checked.period, [0.5, 1.5, np.nan])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array(["1", "2"]), "holds text, expected float32 numbers; if it holds numbers say"),
        (np.array([1.0, None], dtype=object), r"holds object values, .* ds\['period'\].astype\('float32'\)"),
        (np.array(["2026-01-01"], "M8[s]"), "holds dates, expected float32 numbers"),
    ],
)
def test_what_are_no_numbers_is_said(values: np.ndarray, message: str) -> None:
    period = VariableSpec(name="period", dims=("sample",), shape=(), units="min")
    with pytest.raises(ContractError, match=message):
        check(xr.Dataset({"period": ("sample", values, {"units": "s"})}), [period])


def test_the_input_is_left_alone() -> None:
    ds = fields()
    before = ds.copy(deep=True)
    check(ds, [GAIN, HEIGHT])
    xr.testing.assert_identical(ds, before)


def changed(**variables: object) -> xr.Dataset:
    return fields().assign(variables)


NAN = np.full((4, 2, 3), -80.0)
NAN[2, 1, 0] = np.nan
HIGH = np.full((4, 2, 3), -80.0)
HIGH[3, 0, 2] = 5


@pytest.mark.parametrize(
    ("ds", "message"),
    [
        (fields().drop_vars("path_gain"), r"'path_gain' is missing; found \['height'\]"),
        (fields().rename(path_gain="pathgain"), "'path_gain' is missing.*rename 'pathgain'"),
        (fields().rename(x="lon"), r"dimensions \(sample, y, lon\), expected \(sample, y, x\)"),
        (fields().isel(sample=0), r"dimensions \(y, x\), expected \(sample, y, x\).*expand_dims"),
        (fields().isel(x=slice(2)), "2 cells along 'x', expected 3"),
        (fields(units="m"), "'path_gain': units 'm' cannot be converted"),
        (fields(units="furlongish"), "'path_gain': units 'furlongish' are not UDUNITS"),
        (fields(NAN), r"NaN at record 2, cell \[1, 0\] \(1 in all\).*missing=True"),
        (fields(HIGH), r"5 above the limit 0 .* at record 3, cell \[0, 2\]"),
        (fields(np.full((4, 2, 3), np.inf)), "infinite"),
        (fields(np.full((4, 2, 3), 1j)), "complex128 values, expected float32"),
        (changed(height=(("y", "x"), np.zeros((2, 3)))), "'height' has no units, expected 'm'"),
    ],
)
def test_each_problem_names_variable_found_and_expected(ds: xr.Dataset, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check(ds, [GAIN, HEIGHT])


def test_nan_passes_where_it_may_be_missing() -> None:
    ds = fields()
    ds.height.values[0, 0] = np.nan
    assert np.isnan(check(ds, [HEIGHT]).height.values[0, 0])


def test_integers_must_stay_whole() -> None:
    city = VariableSpec(name="city", dims=("sample",), shape=(), dtype="int32")
    assert check(xr.Dataset({"city": ("sample", [1.0, 2.0])}), [city]).city.dtype == np.int32
    with pytest.raises(ContractError, match="'city': float64 values do not fit int32"):
        check(xr.Dataset({"city": ("sample", [1.0, 2.5])}), [city])


def test_rounding_to_float32_does_not_break_a_limit() -> None:
    spec = VariableSpec(name="a", dims=("sample",), shape=(), maximum=0.1)
    check_values(spec, np.full(1, 0.1, np.float32))
    with pytest.raises(ContractError, match="above the limit"):
        check_values(spec, np.full(1, 0.1001, np.float32))


def test_the_record_number_counts_from_the_row() -> None:
    spec = VariableSpec(name="a", dims=("sample", "x"), shape=(2,))
    with pytest.raises(ContractError, match=r"record 65, cell \[0\]"):
        check_values(spec, np.array([[0, 0], [np.nan, 0]], np.float32), first_record=64)


def test_a_split_that_tears_a_group_apart_is_refused() -> None:
    groups = np.array([0, 0, 1, 1, 2])
    check_split("split", np.array([0, -1, 2, 2, 1], np.int8), groups, "city")
    with pytest.raises(ContractError, match=r"each city whole, but city 1 is in \['train', 'test'\]"):
        check_split("split", np.array([0, 0, 2, 0, 1], np.int8), groups, "city")
