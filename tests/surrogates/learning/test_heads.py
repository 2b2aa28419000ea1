"""Heads: losses against closed forms, and answers as one object in physical units."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.answers import Answer, GaussianAnswer, QuantileAnswer
from surrogates.learning.heads import Point, Quantiles
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def spec(name, **changes):
    return VariableSpec(name=name, dims=("sample", "x"), shape=(5,), **changes)


def pipeline(head, **changes):
    torch.manual_seed(0)
    network = {"name": "mlp", "width": 8}
    config = {"inputs": [spec("a")], "targets": [spec("b")], "network": network, "head": head, **changes}
    return Pipeline(PipelineConfig(**config))


def test_the_pinball_loss_is_least_at_the_quantiles():
    values = torch.linspace(-3, 3, 2001)[None, None]
    outputs = torch.zeros(1, 5, 1, requires_grad=True)
    head = Quantiles(LEVELS)
    optimiser = torch.optim.Adam([outputs], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        head.loss(outputs.expand(1, 5, 2001), values).mean().backward()
        optimiser.step()
    expected = torch.quantile(values.flatten(), torch.tensor(LEVELS))
    torch.testing.assert_close(outputs.detach().flatten(), expected, rtol=0, atol=0.05)


def test_quantiles_come_in_order_and_in_the_units_of_the_target():
    made = pipeline({"name": "quantiles", "levels": LEVELS})
    made.target_normaliser.mean.fill_(10.0)
    made.target_normaliser.scale.fill_(3.0)
    batch = {"a": torch.randn(4, 5)}
    answer = made(batch)
    raw = made.normalised(made.features(batch)) * 3.0 + 10.0
    assert set(answer) == {"b", "b_quantile", "quantile"}
    torch.testing.assert_close(answer["b_quantile"], raw.sort(dim=1).values)
    torch.testing.assert_close(answer["b"], answer["b_quantile"][:, 2])
    torch.testing.assert_close(answer["quantile"], torch.tensor(LEVELS))


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.5,), (0.5, 0.1, 0.9), (0.0, 0.5, 1.0)])
def test_levels_that_make_no_quantiles_are_refused(levels):
    with pytest.raises(ConfigError, match=r"ascending numbers between 0 and 1"):
        Quantiles(levels)


def test_quantiles_do_not_pass_through_whitening():
    made = pipeline({"name": "quantiles"}, normalisation="whitening")
    with pytest.raises(ConfigError, match=r"take the head 'gaussian'"):
        made({"a": torch.randn(4, 5)})


def test_a_gaussian_answer_has_the_quantiles_and_draws_of_its_distribution():
    answer = GaussianAnswer(torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 0.5))
    expected = norm(2.0, 0.5).ppf([0.1, 0.5, 0.9])
    np.testing.assert_allclose(answer.quantiles([0.1, 0.5, 0.9]).flatten(), expected, rtol=1e-6)
    drawn = answer.draws(20_000, torch.Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(0.5, rel=0.02)


def test_a_quantile_answer_has_the_moments_and_draws_of_its_straight_quantile_function():
    """The quantiles of a uniform distribution on [0, 1], level beyond the outermost ones."""
    values = torch.tensor(LEVELS).view(5, 1, 1, 1)
    answer = QuantileAnswer(LEVELS, values)
    drawn = answer.draws(50_000, torch.Generator().manual_seed(0)).flatten()
    assert float(answer.mean) == pytest.approx(0.5)
    assert float(answer.deviation) == pytest.approx(float(drawn.std()), rel=0.02)
    np.testing.assert_allclose(answer.quantiles([0.1, 0.6, 0.99]).flatten(), [0.1, 0.6, 0.95], atol=1e-6)


def test_a_point_answer_says_which_heads_have_what_it_lacks():
    for ask in (lambda a: a.quantiles([0.5]), lambda a: a.draws(1, torch.Generator())):
        with pytest.raises(ConfigError, match=r"task\.head=gaussian or quantiles"):
            ask(Answer(torch.zeros(1, 1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dtype": "int8", "attributes": {"flag_values": [0, 1], "flag_meanings": "x y"}},
            "'a' has numbers that stand for something else",
        ),
        ({"dtype": "int64"}, "'a' is int64, which float32 does not hold"),
    ],
)
def test_what_loses_its_meaning_in_a_cast_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        pipeline({"name": "point"}, inputs=[spec("a", **changes)])
    with pytest.raises(ConfigError, match=message):
        pipeline({"name": "point"}, inputs=[spec("b")], targets=[spec("a", **changes)])


def test_a_head_that_extends_point_keeps_its_own_loss():
    class Strict(Point):
        def loss(self, outputs, target, past=None):
            return 100.0 * super().loss(outputs, target)

    made, batch = pipeline({"name": "point"}), {"a": torch.randn(4, 5), "b": torch.randn(4, 5)}
    objective, rng = Regression(made.context), torch.Generator()
    plain, _ = objective(made, batch, rng)
    made.head = Strict()
    torch.testing.assert_close(objective(made, batch, rng)[0], 100.0 * plain)
