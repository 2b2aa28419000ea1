"""Losses count what was observed and nothing else."""

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

RNG = torch.Generator()


def spec(name, **changes):
    return VariableSpec(name=name, dims=("sample", "x"), shape=(5,), **changes)


A, B, C = spec("a"), spec("b", missing=True), spec("c")
PLAIN = Context.of([A], [B, C])
INSIDE = Context.of([A], [B, C], spec("inside", dtype="bool"))
AREA = Context.of([A], [B, C], VariableSpec(name="area", dims=("x",), shape=(5,)))


@pytest.fixture
def pipeline():
    torch.manual_seed(0)
    return made({"name": "point"})


def made(head):
    config = PipelineConfig(inputs=[A], targets=[B, C], network={"name": "mlp", "width": 8}, head=head)
    return Pipeline(config)


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(1)
    return {name: torch.randn(3, 5, generator=rng) for name in "abc"}


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        ("mse", lambda e: e**2),
        ("mae", lambda e: e.abs()),
        ("huber", lambda e: torch.where(e.abs() < 1, e**2 / 2, e.abs() - 0.5)),
    ],
)
def test_loss_is_the_mean_of_its_formula_over_observed_cells(batch, loss, formula):
    pipeline = made({"name": "point", "loss": loss})
    batch["b"][0, 2] = torch.nan
    value, parts = Regression(PLAIN)(pipeline, batch, RNG)
    answer = pipeline(batch)
    seen = batch["b"].isfinite()
    b = formula(answer["b"] - batch["b"])[seen].mean()
    c = formula(answer["c"] - batch["c"]).mean()
    torch.testing.assert_close(value, (b + c) / 2)
    torch.testing.assert_close(parts, {"b": b.detach(), "c": c.detach()})


def test_missing_targets_leave_the_gradient_finite(pipeline, batch):
    batch["b"][:] = torch.nan
    value, _ = Regression(PLAIN)(pipeline, batch, RNG)
    value.backward()
    assert all(p.grad.isfinite().all() for p in pipeline.parameters())


def test_mask_hides_cells_from_loss_and_gradient(pipeline, batch):
    batch["inside"] = torch.ones(3, 5, dtype=torch.bool)
    batch["inside"][:, 3:] = False
    hidden = {**batch, "b": batch["b"].clone(), "c": batch["c"].clone()}
    hidden["b"][:, 3:], hidden["c"][:, 3:] = 1e6, torch.inf
    objective = Regression(INSIDE)
    torch.testing.assert_close(objective(pipeline, batch, RNG)[0], objective(pipeline, hidden, RNG)[0])


def test_mask_may_be_a_weight_shared_by_all_records(pipeline, batch):
    batch["area"] = torch.tensor([1.0, 2.0, 0.0, 0.0, 0.0])
    value, _ = Regression(AREA)(pipeline, batch, RNG)
    answer = pipeline(batch)
    error = torch.stack([(answer[n] - batch[n]) ** 2 for n in "bc"])
    torch.testing.assert_close(value, ((error[..., 0] + 2 * error[..., 1]) / 3).mean())


def test_weights_favour_a_target(pipeline, batch):
    value, parts = Regression(PLAIN, weights={"c": 3.0})(pipeline, batch, RNG)
    torch.testing.assert_close(value.detach(), (parts["b"] + 3 * parts["c"]) / 4)


def test_weight_of_an_unknown_target_is_answered(pipeline, batch):
    with pytest.raises(ConfigError, match="'d' is not a target"):
        Regression(PLAIN, weights={"d": 1.0})(pipeline, batch, RNG)


def test_network_that_changes_the_grid_is_named(pipeline, batch):
    pipeline.network = torch.nn.Conv1d(1, 2, 3)
    with pytest.raises(ConfigError, match=r"answered \(3, 2, 3\) for targets of shape \(3, 2, 5\)"):
        Regression(PLAIN)(pipeline, batch, RNG)


def gaussian_of(beta=0.5):
    torch.manual_seed(0)
    pipeline = made({"name": "gaussian", "beta": beta})
    pipeline.target_normaliser.scale.copy_(torch.tensor([2.0, 5.0]))
    return pipeline


@pytest.fixture
def gaussian():
    return gaussian_of()


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_gaussian_loss_is_torchs_likelihood_over_observed_cells(batch, beta):
    gaussian = gaussian_of(beta)
    batch["b"][0, 2] = torch.nan
    value, parts = Regression(PLAIN)(gaussian, batch, RNG)
    answer = gaussian(batch)
    for name, scale in (("b", 2.0), ("c", 5.0)):
        seen = batch[name].isfinite()
        mean, deviation = answer[name][seen] / scale, answer[f"{name}_standard_deviation"][seen] / scale
        target = batch[name][seen] / scale
        expected = torch.nn.functional.gaussian_nll_loss(mean, target, deviation**2)
        torch.testing.assert_close(parts[name], expected.detach())
    torch.testing.assert_close(value.detach(), (parts["b"] + parts["c"]) / 2)


def test_beta_of_one_moves_the_mean_as_the_squared_error_does(batch):
    gaussian = gaussian_of(beta=1.0)

    def gradient(loss):
        gaussian.zero_grad()
        loss.backward()
        return gaussian.network.layers[-1].bias.grad[:2].clone()  # of the means

    features = gaussian.features(batch)
    mean, _ = gaussian.head.mean_and_log_variance(gaussian.normalised(features))
    target = gaussian.normalised_targets(batch, features)
    squared = gradient(0.5 * (mean - target).square().mean())
    torch.testing.assert_close(gradient(Regression(PLAIN)(gaussian, batch, RNG)[0]), squared)


def test_gaussian_loss_hides_masked_and_missing_cells_from_its_gradient(gaussian, batch):
    batch["inside"] = torch.ones(3, 5, dtype=torch.bool)
    batch["inside"][:, 3:] = False
    hidden = {**batch, "b": batch["b"].clone(), "c": batch["c"].clone()}
    hidden["b"][:, 3:], hidden["c"][:, 3:] = torch.nan, torch.inf
    objective = Regression(INSIDE)
    value, _ = objective(gaussian, hidden, RNG)
    torch.testing.assert_close(objective(gaussian, batch, RNG)[0], value)
    value.backward()
    assert all(p.grad.isfinite().all() for p in gaussian.parameters())


def test_far_outliers_leave_the_gaussian_loss_finite(gaussian, batch):
    batch["c"][0, 0] = 1e6
    value, _ = Regression(PLAIN)(gaussian, batch, RNG)
    value.backward()
    assert value.isfinite()
    assert all(p.grad.isfinite().all() for p in gaussian.parameters())


def test_a_beta_outside_zero_and_one_is_refused():
    with pytest.raises(ConfigError, match="'beta' should be less than or equal to 1, found 2"):
        made({"name": "gaussian", "beta": 2.0})
