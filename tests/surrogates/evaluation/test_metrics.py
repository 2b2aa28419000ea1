"""Metrics equal their textbook values."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from surrogates.core.build import build
from surrogates.evaluation.metrics import AbsoluteErrorQuantile
from surrogates.learning.context import Context
from surrogates.learning.contract import Metric


def example(count: int = 12, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    target = rng.normal(-110, 15, (count, 3, 4))
    prediction = target + rng.normal(2, 5, target.shape)
    weight = rng.integers(0, 2, target.shape)
    weight[0] = 1
    return tuple(torch.from_numpy(a).float() for a in (prediction, target, weight))


def score(metric: Metric, *parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> float:
    totals: dict[str, np.ndarray] = {}
    for part in parts:
        for name, values in metric.statistics(*part).items():
            totals[name] = totals.get(name, np.float64(0)) + values.numpy().sum(axis=0)
    return float(metric.combine(totals))


def test_relative_l2_is_the_mean_over_examples_of_a_ratio_of_lengths() -> None:
    prediction, target, weight = example()
    lengths = [
        np.linalg.norm((p - t)[w > 0]) / np.linalg.norm(t[w > 0])
        for p, t, w in zip(*(a.double().numpy() for a in (prediction, target, weight)), strict=True)
        if (w > 0).any()
    ]
    metric = build("metrics", {"name": "relative_l2"})
    assert score(metric, (prediction, target, weight)) == pytest.approx(np.mean(lengths))
    silent = torch.zeros_like(target[:1])
    data = [
        torch.cat(pair) for pair in ((prediction, prediction[:1]), (target, silent), (weight, weight[:1]))
    ]
    assert score(metric, tuple(data)) == pytest.approx(np.mean(lengths))


def test_metrics_agree_with_sklearn_and_scipy_on_the_cells_that_count() -> None:
    prediction, target, weight = example()
    counted = weight.bool()
    p, t = prediction[counted].double().numpy(), target[counted].double().numpy()
    data = (prediction, target, weight)
    assert score(build("metrics", {"name": "rmse"}), data) == pytest.approx(root_mean_squared_error(t, p))
    assert score(build("metrics", {"name": "mae"}), data) == pytest.approx(mean_absolute_error(t, p))
    assert score(build("metrics", {"name": "bias"}), data) == pytest.approx((p - t).mean())
    assert score(build("metrics", {"name": "nmse"}), data) == pytest.approx(
        ((p - t) ** 2).sum() / (t**2).sum()
    )
    assert score(build("metrics", {"name": "r2"}), data) == pytest.approx(r2_score(t, p))
    assert score(build("metrics", {"name": "correlation"}), data) == pytest.approx(pearsonr(p, t)[0])


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_quantile_is_within_its_stated_one_percent(quantile: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    error = torch.from_numpy(rng.exponential(scale, (8, 1000)))
    found = score(AbsoluteErrorQuantile(quantile), (error, torch.zeros_like(error), torch.ones_like(error)))
    exact = np.quantile(error.numpy(), quantile, method="inverted_cdf")
    assert found == pytest.approx(exact, rel=0.0101)


def test_a_quantile_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        AbsoluteErrorQuantile(90)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", lambda e, t: np.sqrt((np.abs(e) ** 2).mean())),
        ("mae", lambda e, t: np.abs(e).mean()),
        ("bias", lambda e, t: np.abs(e.mean())),
        ("nmse", lambda e, t: (np.abs(e) ** 2).sum() / (np.abs(t) ** 2).sum()),
        (
            "relative_l2",
            lambda e, t: (np.linalg.norm(e, axis=1) / np.linalg.norm(t, axis=1)).mean(),
        ),
        ("r2", lambda e, t: 1 - (np.abs(e) ** 2).mean() / (np.abs(t - t.mean()) ** 2).mean()),
    ],
)
def test_metrics_of_complex_values_are_of_the_modulus_of_the_error(name, expected):
    rng = np.random.default_rng(0)
    target, error = (rng.normal(size=(6, 5)) + 1j * rng.normal(size=(6, 5)) + 1 for _ in range(2))
    metric = Metric.build({"name": name}, Context.of((), ()))
    tensors = [torch.from_numpy(each) for each in (target + error, target, np.ones((6, 5)))]
    totals = {key: value.numpy().sum(0) for key, value in metric.statistics(*tensors).items()}
    assert float(metric.combine(totals)) == pytest.approx(expected(error, target), rel=1e-9)
