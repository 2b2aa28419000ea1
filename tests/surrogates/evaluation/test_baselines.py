"""Generic baselines recover what they are made for."""

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

A = VariableSpec(name="a", dims=("sample", "component"), shape=(3,))
B, SPEED = (VariableSpec(name=name, dims=("sample",), shape=()) for name in ("b", "speed"))
FIELD = VariableSpec(name="field", dims=("sample", "y", "x"), shape=(2, 2))
CONTEXT = Context.of([A, B], [SPEED, FIELD])


def data(count: int = 60) -> Batch:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (count, 3)), rng.normal(5, 100, count)
    speed = a @ [1.0, -2.0, 0.5] + 0.01 * b + 3
    field = np.stack([a[:, 0], a[:, 0] + b, b, -b], axis=1).reshape(count, 2, 2)
    return {
        k: torch.from_numpy(np.asarray(v, np.float32))
        for k, v in {"a": a, "b": b, "speed": speed, "field": field}.items()
    }


def split(values: Batch, size: int) -> list[Batch]:
    return [{k: v[i : i + size] for k, v in values.items()} for i in range(0, len(values["a"]), size)]


def test_ridge_recovers_a_linear_map_of_all_inputs() -> None:
    baseline = Baseline.build({"name": "ridge", "alpha": 1e-6}, CONTEXT).fit(split(data(), 16))
    prediction = baseline(data())
    assert prediction["speed"].shape == (60,)
    assert prediction["field"].shape == (60, 2, 2)
    torch.testing.assert_close(prediction["field"], data()["field"], atol=1e-3, rtol=1e-4)


def test_one_neighbour_returns_the_training_example_itself() -> None:
    baseline = Baseline.build({"name": "nearest_neighbours", "k": 1}, CONTEXT).fit(split(data(), 16))
    torch.testing.assert_close(baseline(data())["speed"], data()["speed"])


def test_more_neighbours_than_examples_become_the_mean() -> None:
    baseline = Baseline.build({"name": "nearest_neighbours", "k": 500}, CONTEXT).fit([data()])
    torch.testing.assert_close(baseline(data())["speed"][0], data()["speed"].mean())


def test_the_mean_leaves_unknown_cells_out() -> None:
    values = data()
    values["field"][0, 0, 0] = float("nan")
    values["field"][:, 1, 1] = float("nan")
    mean = Baseline.build({"name": "mean"}, CONTEXT).fit(split(values, 7))(values)
    assert mean["field"].shape == (60, 2, 2)
    torch.testing.assert_close(mean["field"][5, 0, 0], values["field"][1:, 0, 0].mean())
    torch.testing.assert_close(mean["field"][0, 1, 1], values["field"].nanmean())


def test_a_missing_input_is_named() -> None:
    baseline = Baseline.build({"name": "ridge"}, CONTEXT).fit([data()])
    with pytest.raises(ValueError, match=r"\['b'\] are not in the batch"):
        baseline({"a": torch.zeros(2, 3)})


def test_no_training_examples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no training examples"):
        Baseline.build({"name": "ridge"}, CONTEXT).fit([])


@pytest.mark.parametrize("name", ["mean", "nearest_neighbours", "ridge"])
def test_cells_outside_the_mask_teach_nothing(name: str) -> None:
    """What lies there, be it absurd, changes no prediction."""
    inside = VariableSpec(name="inside", dims=("sample", "y", "x"), shape=(2, 2), dtype="bool")
    context = Context.of([A], [FIELD], inside)
    values = data() | {"inside": torch.rand(60, 2, 2, generator=torch.Generator().manual_seed(0)) < 0.7}
    absurd = values | {"field": values["field"].where(values["inside"], 1e6)}
    one, two = (Baseline.build({"name": name}, context).fit([batch]) for batch in (values, absurd))
    torch.testing.assert_close(one(values)["field"], two(values)["field"], rtol=0, atol=0)


def test_persistence_repeats_the_last_step_in_front_of_other_axes() -> None:
    past = VariableSpec(name="past", dims=("sample", "antenna", "time", "band"), shape=(2, 5, 3))
    ahead = VariableSpec(name="ahead", dims=("sample", "antenna", "horizon", "other_band"), shape=(2, 4, 3))
    baseline = Baseline.build({"name": "persistence"}, Context.of([past, A], [ahead]))
    values = torch.randn(6, 2, 5, 3, generator=torch.Generator().manual_seed(0))
    answer = baseline({"past": values, "a": torch.zeros(6, 3)})["ahead"]
    torch.testing.assert_close(answer, values[:, :, 4:].expand(-1, -1, 4, -1))


def test_persistence_learns_how_far_off_it_is_at_each_step_of_complex_values_too() -> None:
    past = VariableSpec(name="wave", dims=("sample", "time"), shape=(5,), dtype="complex64")
    ahead = VariableSpec(name="wave_forecast", dims=("sample", "horizon"), shape=(3,), dtype="complex64")
    batch = {"wave": torch.zeros(2, 5, dtype=torch.complex64)}
    batch["wave_forecast"] = torch.tensor([[1.0, 2.0j, 3.0 + 4.0j], [1.0j, -2.0, 0.0]])
    answer = Baseline.build({"name": "persistence"}, Context.of([past], [ahead])).fit([batch])(batch)
    expected = torch.tensor([1.0, 2.0, 12.5**0.5]).expand(2, 3)
    torch.testing.assert_close(answer["wave_forecast_standard_deviation"], expected)


def test_persistence_errs_the_shorter_way_round() -> None:
    circular = {"units": "degree", "attributes": {"topology": "circular"}}
    past = VariableSpec(name="wind", dims=("sample", "history"), shape=(2,), **circular)
    ahead = VariableSpec(name="wind_forecast", dims=("sample", "horizon"), shape=(1,), **circular)
    batch = {"wind": torch.tensor([[90.0, 350.0]] * 2), "wind_forecast": torch.tensor([[10.0], [330.0]])}
    answer = Baseline.build({"name": "persistence"}, Context.of([past], [ahead])).fit([batch])(batch)
    assert (answer["wind_forecast"] == 350).all()
    torch.testing.assert_close(answer["wind_forecast_standard_deviation"], torch.full((2, 1), 20.0))


def test_persistence_refuses_what_continues_no_past() -> None:
    with pytest.raises(ConfigError, match=r"'speed' has the dimensions .* expected 'horizon'"):
        Baseline.build({"name": "persistence"}, CONTEXT)
    ahead = VariableSpec(name="ahead", dims=("sample", "horizon"), shape=(4,))
    with pytest.raises(ConfigError, match=r"past of 'ahead'.* is not clear"):
        Baseline.build({"name": "persistence"}, Context.of([B, FIELD], [ahead]))
    kelvin = VariableSpec(name="kelvin", dims=("sample", "time"), shape=(5,), units="K")
    with pytest.raises(ConfigError, match=r"past of 'ahead'.* is not clear"):
        Baseline.build({"name": "persistence"}, Context.of([kelvin], [ahead]))
    wave = VariableSpec(name="wave", dims=("sample", "time"), shape=(5,), dtype="complex64")
    with pytest.raises(ConfigError, match=r"past of 'ahead'.* is not clear"):
        Baseline.build({"name": "persistence"}, Context.of([wave], [ahead]))
