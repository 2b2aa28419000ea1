"""Fields from their own samples, on any grid with coordinates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.evaluation.kriging import Lengths, krige, universal_krige
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

NAMES = ("sample_mean", "inverse_distance", "nearest_samples", "ordinary_kriging")


def context(*shape: int, step: float = 2.0, units: str = "km", **more: object) -> Context:
    """Temperatures on a grid of 1 to 3 dimensions, and samples of them."""
    dims = ("record", *("z", "y", "x")[-len(shape) :])
    target = VariableSpec(name="warmth", dims=dims, shape=shape, units="K")
    samples = target.model_copy(update={"name": "warmth_samples", "missing": True})
    shared = {
        dim: xr.DataArray(step * np.arange(size), dims=dim, attrs={"units": units})
        for dim, size in zip(dims[1:], shape, strict=True)
    }
    return Context.of([samples], [target], shared=shared, record_dimension="record", **more)


def sampled(field: torch.Tensor, share: float, seed: int = 0) -> torch.Tensor:
    chosen = torch.rand(field.shape, generator=torch.Generator().manual_seed(seed)) < share
    return torch.where(chosen, field, torch.nan)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(40,), (12, 10), (6, 5, 4)])
def test_any_grid_is_filled_with_a_deviation(name: str, shape: tuple[int, ...]) -> None:
    field = 280.0 + torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    answer = Baseline.build({"name": name}, context(*shape)).fit([])({"warmth_samples": sampled(field, 0.3)})
    assert set(answer) == {"warmth", "warmth_standard_deviation"}
    for value in answer.values():
        assert value.shape == field.shape
        assert value.isfinite().all()
    assert (answer["warmth"] - 280.0).abs().max() < 5.0


@pytest.mark.parametrize("name", ["inverse_distance", "ordinary_kriging"])
def test_samples_are_answered_as_they_are(name: str) -> None:
    y, x = np.mgrid[:12, :10] / 4.0
    field = torch.from_numpy(np.sin(x) + np.cos(y))[None].float()
    samples = sampled(field, 0.4)
    answer = Baseline.build({"name": name}, context(12, 10))({"warmth_samples": samples})["warmth"]
    known = samples.isfinite()
    torch.testing.assert_close(answer[known], field[known], rtol=0, atol=2e-2)


def test_one_nearest_sample_is_the_sample_itself() -> None:
    samples = torch.full((1, 10), torch.nan)
    samples[0, 2], samples[0, 8] = 1.0, 5.0
    answer = Baseline.build({"name": "nearest_samples", "k": 1}, context(10))({"warmth_samples": samples})
    assert (
        answer["warmth"][0].tolist() == [1.0] * 5 + [1.0] + [5.0] * 4 or answer["warmth"][0, 6:].eq(5).all()
    )
    assert answer["warmth"][0, :5].eq(1).all()


@pytest.mark.parametrize("name", NAMES)
def test_directions_are_filled_across_north(name: str) -> None:
    """All samples lie within 30 degrees of north; a mean of their angles would point south."""
    grid = context(12, 10)
    circular = {"units": "degree", "attributes": {"topology": "circular"}}
    target, samples = (spec.model_copy(update=circular) for spec in (*grid.targets, *grid.inputs))
    apart = 15 * torch.randn(1, 12, 10, generator=torch.Generator().manual_seed(3)).clamp(-2, 2)
    given = {"warmth_samples": sampled(apart % 360, 0.3)}
    made = Baseline.build({"name": name}, replace(grid, inputs=(samples,), targets=(target,)))
    answer = made(given)
    assert ((answer["warmth"] + 180) % 360 - 180).abs().max() < 31
    assert answer["warmth"].min() >= 0 and answer["warmth"].max() < 360
    assert 5 < float(answer["warmth_standard_deviation"].mean()) < 25
    turned = made({"warmth_samples": (given["warmth_samples"] + 90) % 360})
    off = (turned["warmth"] - answer["warmth"] - 90 + 180) % 360 - 180
    assert off.abs().max() < (1e-3 if name != "ordinary_kriging" else 5.0)
    with pytest.raises(ConfigError, match="'warmth' is a direction and 'heat' is none"):
        both = (target, grid.targets[0].model_copy(update={"name": "heat"}))
        Baseline.build({"name": name, "samples": "warmth_samples"}, replace(grid, targets=both))


def test_the_mean_of_the_samples_and_their_spread() -> None:
    samples = torch.full((1, 10), torch.nan)
    samples[0, :3] = torch.tensor([-90.0, -100.0, -110.0])
    answer = Baseline.build({"name": "sample_mean"}, context(10))({"warmth_samples": samples})
    assert (answer["warmth"] == -100.0).all()
    assert answer["warmth_standard_deviation"].numpy() == pytest.approx(np.full((1, 10), np.sqrt(200 / 3)))


@pytest.mark.parametrize("name", NAMES)
def test_units_and_steps_of_the_coordinates_change_nothing(name: str) -> None:
    field = torch.randn(1, 12, 10, generator=torch.Generator().manual_seed(2)).cumsum(1).cumsum(2)
    given = {"warmth_samples": sampled(field, 0.3)}
    near, far = (
        Baseline.build({"name": name}, context(12, 10, step=step, units=units))(given)["warmth"]
        for step, units in ((2.0, "km"), (3000.0, "m"))
    )
    torch.testing.assert_close(near, far, rtol=0, atol=2e-2)


def test_what_cannot_be_filled_is_refused_in_one_line() -> None:
    plain = context(12, 10)
    with pytest.raises(ConfigError, match=r"0 have missing values .* one expected; name it"):
        Baseline.build({"name": "inverse_distance"}, Context.of([], plain.targets, shared=plain.shared))
    with pytest.raises(ConfigError, match="has no coordinate"):
        Baseline.build({"name": "inverse_distance"}, Context.of(plain.inputs, plain.targets))
    empty = torch.full((1, 12, 10), torch.nan)
    with pytest.raises(ValueError, match="at least one measured cell"):
        Baseline.build({"name": "inverse_distance"}, plain)({"warmth_samples": empty})


def hand_solved(
    known: np.ndarray, values: np.ndarray, asked: np.ndarray, drift: tuple, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve the system of universal kriging with Lagrange multipliers, Cressie 1993, (3.4.2)."""
    sill, length, nugget = parameters

    def covariance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
        return sill * np.exp(-np.linalg.norm(one[:, None] - two[None], axis=-1) / length)

    design, towards = (np.column_stack([np.ones(len(each)), each]) for each in drift)
    n, p = design.shape
    system = np.zeros((n + p, n + p))
    system[:n, :n] = covariance(known, known) + nugget * np.eye(n)
    system[:n, n:], system[n:, :n] = design, design.T
    right = np.concatenate([covariance(known, asked), towards.T])
    weights = np.linalg.solve(system, right)
    mean = weights[:n].T @ values
    variance = sill + nugget - (weights * right).sum(0)
    return mean, np.sqrt(variance)


def test_universal_kriging_is_the_solution_of_its_system(monkeypatch: pytest.MonkeyPatch) -> None:
    from surrogates.evaluation import kriging

    rng = np.random.default_rng(3)
    known, asked = rng.uniform(0, 100, (40, 2)), rng.uniform(0, 200, (25, 2))
    drift = (
        np.column_stack([known[:, 0], known[:, 1] ** 2]),
        np.column_stack([asked[:, 0], asked[:, 1] ** 2]),
    )
    values = 5.0 + 0.3 * known[:, 0] + 0.01 * known[:, 1] ** 2 + rng.normal(size=40)
    fitted = []
    plain = kriging.most_likely
    monkeypatch.setattr(
        kriging, "most_likely", lambda *a, **k: (fitted.append(plain(*a, **k)), fitted[-1])[1]
    )
    answer = universal_krige(known, values, asked, Lengths(5.0, 100.0, (10.0, 50.0)), drift)
    sill, length, nugget = np.exp(fitted[0].kernel_.theta)
    parameters = np.array([sill * values.var(), length, nugget * values.var()])
    mean, deviation = hand_solved(known, values, asked, drift, parameters)
    np.testing.assert_allclose(answer.mean, mean, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(answer.deviation, deviation, rtol=2e-2)


def test_a_linear_drift_is_carried_beyond_the_samples_where_simple_kriging_returns_to_its_mean() -> None:
    rng = np.random.default_rng(4)
    known, asked = rng.uniform(0, 10, (30, 1)), np.array([[30.0]])
    values = 2.0 + 3.0 * known[:, 0]
    lengths = Lengths(0.5, 5.0, (1.0, 3.0))
    with_drift = universal_krige(known, values, asked, lengths, (known, asked))
    without = krige(known, values - values.mean(), asked, lengths)
    assert with_drift.mean[0] == pytest.approx(92.0, abs=0.1)
    assert abs(without.mean[0]) < 20.0


def test_a_drift_that_the_samples_do_not_vary_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    known, asked = rng.uniform(0, 10, (20, 2)), rng.uniform(0, 10, (5, 2))
    values = rng.normal(size=20)
    lengths = Lengths(0.5, 5.0, (1.0, 3.0))
    plain = universal_krige(known, values, asked, lengths)
    constant = universal_krige(
        known, values, asked, lengths, (np.full((20, 1), 7.0), rng.normal(size=(5, 1)))
    )
    np.testing.assert_allclose(plain.mean, constant.mean, atol=1e-4)
