"""A Gaussian process over a few numbers of each record."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.gaussian_process import LeftOutWarning
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from tests.silence import no_warnings

NUMBERS = VariableSpec(name="numbers", dims=("sample", "number"), shape=(2,))
FIELD = VariableSpec(name="field", dims=("sample", "x"), shape=(30,))
LEVEL = VariableSpec(name="level", dims=("sample",), shape=())
DEVIATION = "field_standard_deviation"


def records(count: int, seed: int, noise: float = 0.0, high: float = 1.0) -> Batch:
    """Waves whose phase and height follow from two numbers."""
    rng = np.random.default_rng(seed)
    numbers = rng.uniform(0.0, high, (count, 2))
    x = np.linspace(0.0, 1.0, 30)
    field = np.sin(3.0 * x + 2.0 * numbers[:, :1]) * (1.0 + numbers[:, 1:])
    values = {"numbers": numbers, "field": field + noise * rng.normal(size=field.shape)}
    values["level"] = np.sin(4.0 * numbers[:, 0]) + numbers[:, 1]
    return {name: torch.as_tensor(value, dtype=torch.float32) for name, value in values.items()}


def fitted(*batches: Batch, target: VariableSpec = FIELD, **arguments: object) -> Baseline:
    context = Context.of([NUMBERS], [target])
    return Baseline.build({"name": "gaussian_process", **arguments}, context).fit(batches)


def test_training_records_are_answered_as_they_are() -> None:
    batch = records(40, 0)
    torch.testing.assert_close(fitted(batch)(batch)["field"], batch["field"], rtol=0, atol=2e-2)


def test_it_beats_cubic_interpolation_of_few_noisy_records() -> None:
    train, test = records(40, 0, noise=0.2), records(60, 1, high=0.9)
    context = Context.of([NUMBERS], [FIELD])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cubic = Baseline.build({"name": "cubic_interpolation"}, context).fit([train])(test)["field"]
    ours = fitted(train)(test)["field"]
    errors = [float((each - test["field"]).square().mean().sqrt()) for each in (ours, cubic)]
    assert errors[0] < 0.6 * errors[1]


def test_one_number_is_the_process_of_scikit_learn() -> None:
    train, test = records(30, 2), records(20, 3)
    answer = fitted(train, target=LEVEL)(test)
    x, y = train["numbers"].double().numpy(), train["level"].double().numpy()
    middle, spread, level, scale = x.mean(0), x.std(0), y.mean(), y.std()
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern([1.0, 1.0], (5e-2, 1e3), nu=2.5)
    plain = GaussianProcessRegressor(
        kernel + WhiteKernel(1e-2, (1e-8, 1e1)), n_restarts_optimizer=5, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain.fit((x - middle) / spread, (y - level) / scale)
    expected = plain.predict((test["numbers"].double().numpy() - middle) / spread)
    np.testing.assert_allclose(answer["level"], level + scale * expected, atol=5e-3)


def test_the_deviation_holds_the_noise_and_grows_away_from_the_records() -> None:
    train, test = records(120, 4, noise=0.3), records(200, 5, noise=0.3)
    baseline = fitted(train)
    answer = baseline(test)
    inside = ((answer["field"] - test["field"]).abs() < 1.645 * answer[DEVIATION]).float().mean()
    assert float(inside) == pytest.approx(0.9, abs=0.05)
    far = baseline({"numbers": torch.full((1, 2), 5.0)})[DEVIATION].mean()
    assert far > 2.0 * answer[DEVIATION].mean()


def test_more_records_than_it_takes_are_said() -> None:
    with pytest.warns(LeftOutWarning, match="from the first 20 of more training records; raise max_examples"):
        fitted(records(30, 0), max_examples=20)
    with pytest.warns(LeftOutWarning):
        fitted(records(20, 0), records(5, 1), max_examples=20)
    with no_warnings():
        fitted(records(20, 0), max_examples=20)


def test_constant_targets_are_answered() -> None:
    batch = records(10, 0)
    batch["field"][:] = 3.0
    answer = fitted(batch)(batch)
    assert (answer["field"] == 3.0).all()
    assert (answer[DEVIATION] == 0.0).all()


def test_whole_fields_are_no_parameters() -> None:
    wide = VariableSpec(name="numbers", dims=("sample", "number"), shape=(64,))
    with pytest.raises(ConfigError, match="hold 64 numbers for each record, 1 to 32 expected"):
        Baseline.build({"name": "gaussian_process"}, Context.of([wide], [FIELD]))
