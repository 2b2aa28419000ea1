"""Forecasts of windows: what the network sees and answers, and how several horizons follow each other."""

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.normaliser import Whitening
from surrogates.learning.objectives import Forecast, Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import Rollout, answered, targets_of_one_step

STEP = 0.5


def specs(horizon=3, length=5, name="place"):
    about = {"units": "m", "attributes": {"step": STEP, "window_dimension": "time"}}
    past = VariableSpec(name=name, dims=("walk", "time", "axis"), shape=(length, 2), **about)
    ahead = VariableSpec(
        name=f"{name}_forecast",
        dims=("walk", "horizon", "axis"),
        shape=(horizon, 2),
        units="m",
        attributes={"step": STEP, "window_dimension": "horizon"},
    )
    return past, ahead


def pipeline(values="absolute", horizon=3, head="point", normalisation="standard", **network):
    past, ahead = specs(horizon)
    return Pipeline(
        PipelineConfig(
            inputs=[past],
            targets=[ahead],
            transform={"name": "windows", "values": values},
            network=network or {"name": "lstm", "width": 8, "depth": 1},
            record_dimension="walk",
            head=head if isinstance(head, dict) else {"name": head},
            normalisation=normalisation,
        )
    )


def walks(count=6, length=5, horizon=3, seed=0):
    steps = torch.randn(count, length + horizon, 2, generator=torch.Generator().manual_seed(seed))
    places = steps.cumsum(1)
    return {"place": places[:, :length], "place_forecast": places[:, length:]}


@pytest.mark.parametrize("values", ["absolute", "relative", "rates"])
def test_what_the_network_should_answer_leads_back_to_the_targets(values):
    made, batch = pipeline(values), walks()
    made.fit_normalisers([batch])
    features = made.features(batch)
    wanted = made.normalised_targets(batch, features)
    made.normalised = lambda features: wanted
    torch.testing.assert_close(made(batch)["place_forecast"], batch["place_forecast"])


def test_rates_are_differences_per_second_and_one_fewer():
    made, batch = pipeline("rates"), walks()
    channels = made.features(batch).channels
    torch.testing.assert_close(channels, (batch["place"].diff(dim=1) / STEP).transpose(1, 2))


@pytest.mark.parametrize(("values", "first"), [("relative", -4.0), ("rates", 2.0)])
def test_inputs_that_do_not_move_are_repeated_as_they_are(values, first):
    past, ahead = specs()
    mass = VariableSpec(name="mass", dims=("walk",), shape=(), units="kg")
    made = Pipeline(
        PipelineConfig(
            inputs=[past, mass],
            targets=[ahead],
            transform={"name": "windows", "values": values},
            network={"name": "lstm"},
            record_dimension="walk",
        )
    )
    line = torch.arange(5.0)[None, :, None].expand(1, 5, 2)
    channels = made.features({"place": line, "mass": torch.tensor([3.0])}).channels
    assert (channels[0, 2] == 3.0).all() and channels[0, 0, 0] == first
    assert made.transform.offset_free == ["place"]


@pytest.mark.parametrize("values", ["relative", "rates"])
def test_an_offset_of_all_values_moves_the_forecast_alone(values):
    made = pipeline(values)
    here = (walks()["place"] * 64).round() / 64  # sums of these with 128 are exact in single precision
    there = here + 128.0
    assert torch.equal(made.features({"place": there}).channels, made.features({"place": here}).channels)
    moved = made({"place": there})["place_forecast"] - made({"place": here})["place_forecast"]
    torch.testing.assert_close(moved, torch.full_like(moved, 128.0), rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", ["max_norm", "whitening"])
def test_normalisations_of_vectors_return_to_the_units(kind):
    made = pipeline(normalisation=kind)
    batch = walks(200)
    batch["place"] = batch["place"] @ torch.tensor([[3.0, 1.0], [0.0, 0.5]]) + 7.0
    made.fit_normalisers(
        [{name: value[:90] for name, value in batch.items()}, {n: v[90:] for n, v in batch.items()}]
    )
    channels = made.features(batch).channels
    inside = made.input_normaliser(channels)
    torch.testing.assert_close(made.input_normaliser.inverse(inside), channels, rtol=1e-4, atol=1e-4)
    rows = inside.transpose(1, 2).reshape(-1, 2)
    if kind == "whitening":
        torch.testing.assert_close(rows.T.cov(correction=0), torch.eye(2), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(rows.mean(0), torch.zeros(2), rtol=0, atol=1e-4)
    else:
        assert rows.norm(dim=1).max() == pytest.approx(1.0)


def test_deviations_of_whitened_components_are_those_of_samples():
    made = pipeline(normalisation="whitening")
    made.fit_normalisers(
        [
            {
                **walks(200),
                "place_forecast": walks(200)["place_forecast"] @ torch.tensor([[3.0, 1.0], [0.0, 0.5]]),
            }
        ]
    )
    spread = torch.tensor([0.5, 2.0]).view(1, 2, 1)
    samples = torch.randn(200_000, 2, 1, generator=torch.Generator().manual_seed(1)) * spread
    found = made.target_normaliser.inverse(samples).std(0)
    torch.testing.assert_close(made.target_normaliser.stretch(spread)[0], found, rtol=0.01, atol=0)


def test_rollout_asks_from_its_own_forecasts():
    made = pipeline("relative", horizon=2)

    def straight(features):  # the last step goes on
        step = -features.channels[..., -2:-1]
        return step * torch.tensor([1.0, 2.0])

    made.normalised = straight
    line = torch.arange(5.0)[None, :, None] * torch.tensor([1.0, -2.0])
    answer = Rollout(steps=3)(made, {"place": line})["place_forecast"]
    expected = torch.arange(5.0, 11.0)[None, :, None] * torch.tensor([1.0, -2.0])
    torch.testing.assert_close(answer, expected)


def test_variances_of_a_rollout_add_up():
    made = pipeline("relative", horizon=2, head="gaussian")
    made.head._normalised = False  # the log variance as it is
    variances = torch.log(torch.tensor([1.0, 4.0])).expand(1, 2, 2)
    made.normalised = lambda features: torch.cat([torch.zeros(1, 2, 2), variances], dim=1)
    answer = Rollout(steps=2)(made, {"place": torch.zeros(1, 5, 2)})
    found = answer["place_forecast_standard_deviation"][0, :, 0].square()
    torch.testing.assert_close(found, torch.tensor([1.0, 4.0, 5.0, 8.0]))


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_a_rollout_covers_what_it_was_trained_on(beta):
    """A walk's variance grows by 1 at each step; errors of the first horizon must not count twice."""
    head = {"name": "gaussian", "beta": beta}
    made, batch = pipeline("relative", horizon=2, head=head), walks(4000, horizon=6)
    made.head._normalised = False  # the log variance as it is
    made.fit_normalisers([batch])
    own = torch.zeros(1, 2, 2, requires_grad=True)  # the best mean is the last known place
    made.normalised = lambda features: torch.cat([torch.zeros(4000, 2, 2), own.expand(4000, 2, 2)], dim=1)
    objective = Forecast(made.context, steps=3)
    optimiser = torch.optim.Adam([own], lr=0.05)
    for _ in range(80):
        optimiser.zero_grad()
        objective(made, batch, torch.Generator())[0].backward()
        optimiser.step()
    answer = Rollout(steps=3)(made, batch)
    deviation = answer["place_forecast_standard_deviation"].detach()
    torch.testing.assert_close(deviation[0, :, 0].square(), torch.arange(1.0, 7.0), rtol=0.1, atol=0)
    inside = (answer["place_forecast"] - batch["place_forecast"]).abs() < 1.645 * deviation
    torch.testing.assert_close(inside.float().mean((0, 2)), torch.full((6,), 0.9), rtol=0, atol=0.02)


@pytest.mark.parametrize("head", ["point", "gaussian"])
@pytest.mark.parametrize("shape", ["target", "grid"])
def test_a_mask_looks_as_far_as_each_step_of_a_rollout(head, shape):
    made, batch = pipeline("relative", horizon=2, head=head), walks(horizon=4)
    batch["valid"] = torch.ones(6, 4, 2) if shape == "target" else torch.ones(6, 4)
    _, ahead = specs(4)
    changes = {"name": "valid"} | ({} if shape == "target" else {"dims": ahead.dims[:2], "shape": (4,)})
    context = Context.of(made.context.inputs, [ahead], ahead.model_copy(update=changes))
    batch["valid"][:, 3] = 0
    wrong = {**batch, "place_forecast": batch["place_forecast"].clone()}
    wrong["place_forecast"][:, 3] = 1e6
    objective = Forecast(context, steps=2)
    first, second = (objective(made, each, torch.Generator())[0] for each in (batch, wrong))
    torch.testing.assert_close(first, second)
    wrong["place_forecast"][:, 2] = 1e6
    assert objective(made, wrong, torch.Generator())[0] > 1e3
    batch["valid"][:, 1] = 0
    batch["place_forecast"][:, 1:] = 1e6
    made.fit_normalisers([batch], mask="valid")
    assert (made.target_normaliser.scale < 10).all()


def test_horizons_of_task_and_pipeline_fit():
    past, ahead = specs(horizon=6)
    (part,) = targets_of_one_step(Rollout(steps=3), [past], [ahead])
    assert part.shape == (2, 2)
    assert answered(Rollout(steps=3), [part]) == [ahead]
    with pytest.raises(ConfigError, match="horizon is 6, which 4 steps"):
        targets_of_one_step(Rollout(steps=4), [past], [ahead])
    with pytest.raises(ConfigError, match="no dimension 'horizon'"):
        targets_of_one_step(Rollout(steps=2), [past], [past])


def test_a_window_that_nothing_moves_on_is_refused():
    past, ahead = specs(horizon=6)
    wind, wind_ahead = specs(horizon=6, name="wind")
    mass = VariableSpec(name="mass", dims=("walk",), shape=(), units="kg")
    for still in (wind, wind_ahead):
        with pytest.raises(ConfigError, match=f"2 steps, but {still.name} of task.inputs would stay"):
            targets_of_one_step(Rollout(steps=2), [past, mass, still], [ahead])
        assert targets_of_one_step(Rollout(), [past, mass, still], [ahead]) == [ahead]
    assert len(targets_of_one_step(Rollout(steps=2), [past, mass, wind], [ahead, wind_ahead])) == 2


def test_loss_of_a_forecast_is_the_mean_over_its_horizons():
    made, batch = pipeline("relative", horizon=2), walks(horizon=4)
    rng = torch.Generator()
    first = {**batch, "place_forecast": batch["place_forecast"][:, :2]}
    answer = made(first)["place_forecast"]
    second = {
        "place": torch.cat([batch["place"], answer], dim=1)[:, -5:],
        "place_forecast": batch["place_forecast"][:, 2:],
    }
    expected = sum(Regression(made.context)(made, part, rng)[0] for part in (first, second)) / 2
    loss, _ = Forecast(made.context, steps=2)(made, batch, rng)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(
        parameter.grad.abs().sum() > 0 for parameter in made.network.parameters() if parameter.ndim > 1
    )


def test_a_network_without_a_horizon_is_answered_with_those_that_have_one():
    made = pipeline(name="gru")
    with pytest.raises(ConfigError, match="takes 'horizon', such as lstm, tcn"):
        Regression(made.context)(made, walks(), torch.Generator())


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_channels_that_follow_from_each_other_are_not_whitened(noise):
    made = Whitening(3)
    first, second = torch.randn(2, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    third = first + second + noise * torch.randn(500, generator=torch.Generator().manual_seed(1))
    made.observe(torch.stack([first, 1e4 * second, third], dim=1))
    with pytest.raises(ConfigError, match=r"one follows from the others.*standard or max_norm"):
        made.finish()


def test_small_units_are_whitened_all_the_same():
    made = Whitening(2)
    rows = torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows *= torch.tensor([1.0, 1e-5])
    made.observe(rows)
    made.finish()
    torch.testing.assert_close(made(rows.float()).T.cov(), torch.eye(2), rtol=0.01, atol=0.01)


def test_rates_need_the_last_known_value():
    past, _ = specs()
    _, other = specs(name="speed")
    with pytest.raises(ConfigError, match="last known speed"):
        Pipeline(
            PipelineConfig(
                inputs=[past],
                targets=[other],
                transform={"name": "windows", "values": "rates"},
                network={"name": "lstm"},
                record_dimension="walk",
            )
        )
