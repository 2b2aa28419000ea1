"""Baselines between training records: exact where they have to be, honest outside the hull."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.interpolation import OutsideHullWarning
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from tests.silence import no_warnings

SOURCE = VariableSpec(name="source", dims=("sample", "axis"), shape=(3,), units="m")
RATE = VariableSpec(name="rate", dims=("sample",), shape=(), units="s-1")
MAP = VariableSpec(name="map", dims=("sample", "y", "x"), shape=(8, 8))
FIELD = VariableSpec(name="field", dims=("sample", "point"), shape=(2,))
X = VariableSpec(name="x", dims=("point",), shape=(2,), units="m")
METHODS = ("nearest_record", "linear_interpolation", "cubic_interpolation")


def records(source: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> Batch:
    """Records whose two points have values that follow from the source."""
    field = np.stack([of(source), 2 - of(source)], axis=1)
    values = {"source": source, "field": field, "x": np.array([0.0, 1.0])}
    return {name: torch.as_tensor(value, dtype=torch.float32) for name, value in values.items()}


def fitted(name: str, batch: Batch, **arguments) -> Baseline:
    context = Context.of([SOURCE, X], [FIELD])
    return Baseline.build({"name": name, **arguments}, context).fit([batch])


def linear(source: np.ndarray) -> np.ndarray:
    return source @ [1.0, -2.0, 0.5] + 3.0


def drawn(count: int, seed: int = 0, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (count, 3))


@pytest.mark.parametrize("name", METHODS)
def test_training_records_are_answered_as_they_are(name: str) -> None:
    batch = records(drawn(30), lambda s: np.sin(5 * s).sum(1))
    with no_warnings():  # the hull's corners are inside
        found = fitted(name, batch)(batch)["field"]
    torch.testing.assert_close(found, batch["field"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["linear_interpolation", "cubic_interpolation"])
def test_interpolation_is_exact_for_linear_fields(name: str) -> None:
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    baseline = fitted(name, records(np.concatenate([corners, drawn(20)]), linear))
    inside = records(drawn(10, seed=1, low=0.1, high=0.9), linear)
    torch.testing.assert_close(baseline(inside)["field"], inside["field"], rtol=1e-4, atol=1e-4)


def test_cubic_interpolation_beats_linear_on_a_wave_and_linear_beats_the_nearest() -> None:
    def wave(source: np.ndarray) -> np.ndarray:
        return np.cos(3 * source).prod(1)

    axis = np.linspace(0, 1, 6)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    asked = records(drawn(40, seed=2), wave)
    errors = [
        float((fitted(name, records(grid, wave))(asked)["field"] - asked["field"]).square().mean().sqrt())
        for name in METHODS
    ]
    assert errors[0] > 2 * errors[1] > 8 * errors[2]


def test_cubic_interpolation_over_one_number_is_a_natural_spline() -> None:
    context = Context.of([RATE], [FIELD])
    rate, asked = np.array([0.0, 1.0, 2.5, 4.0, 7.0]), np.linspace(0, 7, 30)
    batch = {
        "rate": torch.as_tensor(rate),
        "field": torch.as_tensor(np.stack([rate**3, np.sin(rate)], axis=1)),
    }
    baseline = Baseline.build({"name": "cubic_interpolation"}, context).fit([batch])
    found = baseline({"rate": torch.as_tensor(asked)})["field"]
    for point, values in enumerate(batch["field"].T.numpy()):
        expected = CubicSpline(rate, values, bc_type="natural")(asked)
        np.testing.assert_allclose(found[:, point], expected, rtol=1e-4, atol=1e-3)


def test_linear_interpolation_over_one_number_is_that_of_numpy() -> None:
    rate, asked = np.array([4.0, 0.0, 1.0, 2.5, 7.0]), np.linspace(0, 7, 30)
    batch = {
        "rate": torch.as_tensor(rate),
        "field": torch.as_tensor(np.stack([rate**3, np.sin(rate)], axis=1)),
    }
    baseline = Baseline.build({"name": "linear_interpolation"}, Context.of([RATE], [FIELD])).fit([batch])
    order = np.argsort(rate)
    expected = np.interp(asked, rate[order], batch["field"][order, 0].numpy())
    np.testing.assert_allclose(baseline({"rate": torch.as_tensor(asked)})["field"][:, 0], expected, rtol=1e-5)


def test_the_nearest_record_is_the_one_at_the_smallest_distance() -> None:
    source = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    baseline = fitted("nearest_record", records(source, linear))
    asked = records(np.array([[0.8, 0.1, 0.0], [0.1, 0.2, 0.7]]), linear)
    torch.testing.assert_close(baseline(asked)["field"], records(source[[1, 3]], linear)["field"])


@pytest.mark.parametrize("name", METHODS)
def test_records_outside_the_hull_get_the_nearest_one_and_a_warning(name: str) -> None:
    batch = records(drawn(30), linear)
    asked = records(np.array([[0.5, 0.5, 0.5], [5.0, 0.5, 0.5]]), linear)
    baseline, near = fitted(name, batch), fitted("nearest_record", batch)
    with pytest.warns(OutsideHullWarning, match=r"1 of 2 records lie outside the convex hull.*source"):
        found = baseline(asked)["field"]
    with pytest.warns(OutsideHullWarning):
        torch.testing.assert_close(found[1], near(asked)["field"][1])


@pytest.mark.parametrize("name", METHODS)
def test_numbers_that_never_vary_do_not_count_but_leaving_them_warns(name: str) -> None:
    plane = drawn(30) * [1, 1, 0] + [0, 0, 1.5]
    baseline = fitted(name, records(plane, linear))
    with no_warnings():
        baseline(records(np.array([[0.5, 0.5, 1.5]]), linear))
    with pytest.warns(OutsideHullWarning):
        baseline(records(np.array([[0.5, 0.5, 1.6]]), linear))


@pytest.mark.parametrize("name", METHODS)
def test_records_with_equal_parameters_are_averaged(name: str) -> None:
    batch = records(np.concatenate([drawn(20)] * 2), linear)
    batch["field"][:20] += 2.0
    found = fitted(name, batch)({"source": batch["source"], "x": batch["x"]})["field"]
    torch.testing.assert_close(found[:20], batch["field"][:20] - 1.0, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["linear_interpolation", "cubic_interpolation"])
def test_records_on_one_line_are_refused_in_one_line(name: str) -> None:
    line = np.linspace(0, 1, 9)[:, None] * [1.0, 2.0, 3.0]
    with pytest.raises(ConfigError, match=r"9 training records [^\n]*span no volume in 3 dim[^\n]*$"):
        fitted(name, records(line, linear))


def test_equal_records_are_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"9 training records have the same source[^\n]*vary$"):
        fitted("nearest_record", records(np.ones((9, 3)), linear))


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        ([SOURCE, MAP], {}, r"map, source hold 67 numbers.*1 to 6 expected"),
        ([SOURCE, MAP], {"parameters": ("sauce",)}, r"'sauce' is not an input.*source"),
        ([X], {}, r"none hold 0 numbers"),
        (
            [SOURCE, X.model_copy(update={"dims": ("sample", "point")})],
            {},
            r"x: each record has points of its own",
        ),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(inputs, arguments, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Baseline.build({"name": "nearest_record", **arguments}, Context.of(inputs, [FIELD]))


def test_named_parameters_leave_fields_aside() -> None:
    context = Context.of([SOURCE, MAP], [FIELD])
    batch = records(drawn(20), linear) | {"map": torch.randn(20, 8, 8)}
    node = {"name": "nearest_record", "parameters": ("source",)}
    torch.testing.assert_close(Baseline.build(node, context).fit([batch])(batch)["field"], batch["field"])
