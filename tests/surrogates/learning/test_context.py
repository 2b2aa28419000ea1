"""Numbers come from the data, in the units a piece asks for; what a configuration states has to agree."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context, Scalar, Spacing, facts_of

FREQUENCY, CELL = Scalar("Hz", slack=0.03), Spacing("m", ("y", "x"))


def scalar(value: float, units: str = "MHz") -> xr.DataArray:
    return xr.DataArray(value, attrs={"units": units})


def along(values: Any, units: str = "m") -> xr.DataArray:
    return xr.DataArray(np.asarray(values), dims="x", attrs={"units": units})


def data(**shared: xr.DataArray) -> Context:
    return Context.of([], [], shared=shared, source="maps.zarr")


def fact(context: Context, name: str, about: Scalar | Spacing, **stated: float) -> float:
    return facts_of({name: about}, context, stated, "transform 'ray'")[name]


def test_a_field_is_returned_in_the_units_asked_for() -> None:
    field = data(height=along([1.0, 2.5], "km")).field("height", "m")
    assert field is not None and field.dtype == np.float64
    np.testing.assert_allclose(field, [1000.0, 2500.0], rtol=1e-12)
    assert data().field("height", "m") is None


@pytest.mark.parametrize(
    ("units", "message"), [("s", "'height' of maps.zarr: .*s.*m"), ("", "'height' of maps.zarr has no units")]
)
def test_units_that_do_not_convert_are_refused(units: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        data(height=along([1.0, 2.5], units)).field("height", "m")
    assert "\n" not in str(caught.value)


def test_what_has_no_single_value_is_refused_when_it_is_read() -> None:
    context = Context.of([], [], unlike={"frequency": "is not the same in a.zarr and b.zarr"})
    assert context.field("height", "m") is None
    with pytest.raises(ConfigError, match=r"'frequency' is not the same in a.zarr and b.zarr; train on them"):
        fact(context, "frequency", FREQUENCY, frequency=1e9)


def test_a_scalar_is_read_in_the_units_of_its_fact() -> None:
    assert fact(data(frequency=scalar(3660.0)), "frequency", FREQUENCY) == 3.66e9
    with pytest.raises(
        ConfigError, match=r"'frequency' of maps.zarr has the shape \(2,\); expected a scalar"
    ):
        fact(data(frequency=along([1.0, 2.0], "Hz")), "frequency", FREQUENCY)
    with pytest.raises(ConfigError, match=r"'frequency' of maps.zarr is nan; expected a number"):
        fact(data(frequency=scalar(np.nan)), "frequency", FREQUENCY)


def test_a_stated_value_that_agrees_changes_nothing() -> None:
    assert (
        fact(data(frequency=scalar(3660.0)), "frequency", FREQUENCY, frequency=3.66e9 * (1 + 1e-8)) == 3.66e9
    )


@pytest.mark.parametrize("by", ["node", "task"])
def test_a_stated_value_that_contradicts_the_data_is_refused_with_both(by: str) -> None:
    context, stated = data(frequency=scalar(3660.0)), {"frequency": 3.5e9}
    if by == "task":
        context, stated = Context.of([], [], shared=context.shared, source="maps.zarr", stated=stated), {}
    with pytest.raises(ConfigError) as caught:
        fact(context, "frequency", FREQUENCY, **stated)
    assert str(caught.value) == (
        "transform 'ray': frequency is 3.5e+09 Hz, but maps.zarr has 3.66e+09 Hz; leave it out"
    )


@pytest.mark.parametrize(
    ("about", "told"), [(FREQUENCY, "no 'number'"), (CELL, "no coordinates x, y")], ids=["scalar", "spacing"]
)
def test_what_the_data_do_not_tell_is_answered_with_how_to_say_it(about: Scalar | Spacing, told: str) -> None:
    with pytest.raises(
        ConfigError, match=f"transform 'ray' needs number in {about.units}, .*{told}"
    ) as caught:
        fact(data(), "number", about)
    assert "say task.shared.number=VALUE" in str(caught.value) and "\n" not in str(caught.value)


def test_what_the_data_do_not_tell_is_taken_from_the_configuration() -> None:
    assert fact(Context.of([], [], stated={"frequency": 2e9}), "frequency", FREQUENCY) == 2e9
    assert fact(data(), "frequency", FREQUENCY, frequency=3) == 3.0


@pytest.mark.parametrize("value", [True, "3.5e9", float("nan"), float("inf")])
def test_what_is_stated_is_a_number(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"frequency is .*; expected a number"):
        fact(data(), "frequency", FREQUENCY, frequency=value)


def test_a_spacing_is_the_step_of_its_coordinates() -> None:
    context = data(y=along(0.004 * np.arange(5), "km"), x=along(100.0 + 4.0 * np.arange(7, dtype=np.float32)))
    assert fact(context, "cell", CELL) == 4.0
    assert fact(data(x=along([0, 4, 8])), "cell", Spacing("m", ("x",))) == 4.0


def test_a_spacing_needs_all_its_coordinates_and_two_places_of_each() -> None:
    x = along([0.0, 4.0])
    for context in (data(x=x), data(x=x, y=along([0.0]))):
        with pytest.raises(ConfigError, match=r"needs cell in m, .*task\.shared\.cell=VALUE"):
            fact(context, "cell", CELL)
        assert fact(context, "cell", CELL, cell=4.0) == 4.0


@pytest.mark.parametrize("places", [[0.0, 4.0, 9.0], [0.0, -4.0, -8.0], [0.0, 4.0, 0.0], [1.0, 1.0, 1.0]])
def test_uneven_and_falling_coordinates_are_refused(places: list[float]) -> None:
    context = data(y=along([0.0, 4.0, 8.0]), x=along(places))
    steps = np.diff(places)
    with pytest.raises(ConfigError) as caught:
        fact(context, "cell", CELL)
    assert str(caught.value) == (
        f"'cell': the coordinate 'x' of maps.zarr has steps from {steps.min():g} to {steps.max():g} m; "
        "expected even, growing ones"
    )


def test_unequal_steps_are_refused_with_each() -> None:
    context = data(y=along([0.0, 4.0, 8.0]), x=along([0.0, 5.0, 10.0]))
    with pytest.raises(
        ConfigError, match=r"'cell' of maps.zarr: steps of 4 m along y, 5 m along x found, equal"
    ):
        fact(context, "cell", CELL)


def test_a_context_holds_the_specs_of_its_variables_beside_others() -> None:
    a, b, mask, other = (VariableSpec(name=name, dims=("sample",), shape=()) for name in "abmo")
    context = Context.of([a], [b], mask, specs={"o": other})
    assert (context.input_names, context.target_names, context.mask_name) == (["a"], ["b"], "m")
    assert context.specs == {"a": a, "b": b, "m": mask, "o": other}
    turned = context.between([b], [a])
    assert (turned.input_names, turned.target_names, turned.mask_name) == (["b"], ["a"], None)
    assert turned.specs == context.specs


def test_a_node_that_contradicts_what_is_stated_for_all_is_refused() -> None:
    context = Context((), (), stated={"frequency": 3e9})
    assert facts_of({"frequency": FREQUENCY}, context, {"frequency": 3e9}, "a piece") == {"frequency": 3e9}
    with pytest.raises(ConfigError, match=r"frequency is 2e\+09, but task\.shared\.frequency is 3e\+09"):
        facts_of({"frequency": FREQUENCY}, context, {"frequency": 2e9}, "a piece")
