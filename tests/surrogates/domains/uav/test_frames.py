"""Tracks along the course: what moves and turns with a flight."""

import math

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

ABOUT = {"units": "m", "attributes": {"step": 0.1, "window_dimension": "time"}}
PAST = VariableSpec(name="position", dims=("trajectory", "time", "axis"), shape=(21, 3), **ABOUT)
AHEAD = VariableSpec(name="position_forecast", dims=("trajectory", "horizon", "axis"), shape=(10, 3), **ABOUT)


def pipeline(network="mlp", **transform):
    return Pipeline(
        PipelineConfig(
            inputs=[PAST],
            targets=[AHEAD],
            transform={"name": "uav/course", "flatten": network == "mlp", **transform},
            network={"name": network, "width": 16, "depth": 1},
            record_dimension="trajectory",
            head={"name": "gaussian"},
        )
    )


def flights(count=5, seed=0):
    noise = torch.randn(count, 31, 3, generator=torch.Generator().manual_seed(seed))
    way = (0.4 * torch.tensor([1.0, 0.5, 0.1]) + 0.1 * noise).cumsum(1)
    return {"position": way[:, :21], "position_forecast": way[:, 21:]}


def turned(track, angle):
    cosine, sine = math.cos(angle), math.sin(angle)
    east, north, up = track.unbind(-1)
    return torch.stack([cosine * east - sine * north, sine * east + cosine * north, up], -1)


@pytest.mark.parametrize("network", ["mlp", "gru_state"])
def test_what_the_network_should_answer_leads_back_to_the_track(network):
    made, batch = pipeline(network), flights()
    made.fit_normalisers([batch])
    wanted = made.normalised_targets(batch, made.features(batch))
    made.normalised = lambda features: torch.cat([wanted, torch.zeros_like(wanted)], dim=1)
    torch.testing.assert_close(made(batch)["position_forecast"], batch["position_forecast"])


@pytest.mark.parametrize("network", ["mlp", "gru_state"])
@pytest.mark.parametrize("angle", [0.7, math.pi, -2.0])
def test_a_flight_that_is_moved_and_turned_is_predicted_alike(network, angle):
    made, batch = pipeline(network), flights()
    made.fit_normalisers([batch])
    there = torch.tensor([16.0, -8.0, 4.0])
    here = made(batch)
    moved = made({"position": turned(batch["position"], angle) + there})
    expected = turned(here["position_forecast"], angle) + there
    torch.testing.assert_close(moved["position_forecast"], expected, rtol=0, atol=2e-4)
    name = "position_forecast_standard_deviation"
    torch.testing.assert_close(moved[name][..., 2], here[name][..., 2], rtol=1e-3, atol=1e-4)
    whole = [each[name][..., :2].square().sum(-1) for each in (moved, here)]  # the trace does not turn
    torch.testing.assert_close(*whole, rtol=1e-3, atol=1e-5)


def test_deviations_east_and_north_are_those_of_turned_samples():
    made, batch = pipeline(), flights(count=1)
    link = made.features(batch).link
    spread = torch.tensor([2.0, 0.5, 1.0]).repeat(10)[None]
    samples = spread * torch.randn(100_000, 30, generator=torch.Generator().manual_seed(3))
    found = link.decode(samples).std(0)
    torch.testing.assert_close(link.deviation(spread)[0], found, rtol=0.02, atol=0)


def test_an_untrained_correction_of_nothing_is_a_constant_velocity():
    made = pipeline()
    made.normalised = lambda features: torch.zeros(1, 60)
    line = torch.arange(31.0)[None, :, None] * torch.tensor([0.3, -0.2, 0.1])
    answer = made({"position": line[:, :21]})["position_forecast"]
    torch.testing.assert_close(answer, line[:, 21:], rtol=1e-5, atol=1e-5)


def test_a_vehicle_that_stands_has_an_answer():
    made = pipeline()
    answer = made({"position": torch.full((2, 21, 3), 7.0)})
    assert all(value.isfinite().all() for value in answer.values())
    assert (answer["position_forecast_standard_deviation"] > 0).all()


def test_more_steps_than_the_past_has_are_refused():
    with pytest.raises(ConfigError, match="mean_over=21, but 21 samples of the past have 20 steps"):
        pipeline(mean_over=21)


def fallen(network="mlp"):
    """A pipeline that knows gently turning flights, and a batch of them."""
    made, batch = pipeline(network, fall_back=True), flights(count=4000)
    made.fit_normalisers([batch])
    return made, batch


def faster(batch, factor):
    last = batch["position"][:, -1:]
    return {name: factor * (value - last) + last for name, value in batch.items()}


def kinematic(made, past):
    """Shares of the last velocity, written out."""
    ahead = torch.arange(1, 11)[:, None] * (past[:, -1] - past[:, -2])[:, None]
    return past[:, -1:] + made.transform.kinematic.share * ahead


@pytest.mark.parametrize("network", ["mlp", "gru_state"])
def test_far_from_training_the_answer_is_the_kinematic_one(network):
    made, batch = fallen(network)
    far = faster({"position": batch["position"][:5]}, 400.0)
    found = made(far)
    torch.testing.assert_close(
        found["position_forecast"], kinematic(made, far["position"]), rtol=0, atol=1e-2
    )
    deviation = found["position_forecast_standard_deviation"]
    near = made.transform.kinematic.spread.square().sum(-1).sqrt()
    assert (deviation.square().sum(-1).sqrt() > 10 * near).all()


def test_windows_like_those_of_training_get_the_networks_answer():
    made, batch = fallen()
    plain = pipeline()
    plain.load_state_dict(
        {name: value for name, value in made.state_dict().items() if "kinematic" not in name}
    )
    found, expected = made(batch), plain(batch)
    known = made.features(batch).link.kept.flatten() == 1
    assert known.float().mean() > 0.99
    for name in expected:
        torch.testing.assert_close(found[name][known], expected[name][known])


def test_what_is_learned_is_the_same_with_and_without_the_fall_back():
    made, batch = fallen()
    plain = pipeline()
    plain.fit_normalisers([batch])
    for values in (batch, faster(batch, 40.0)):
        features = made.features(values), plain.features(values)
        pairs = zip(features, (made, plain), strict=True)
        found, expected = (each.normalised_targets(values, seen) for seen, each in pairs)
        torch.testing.assert_close(found, expected)


def test_the_shares_of_a_constant_velocity_are_those_of_least_squares():
    still = torch.randn(300, 31, 3, generator=torch.Generator().manual_seed(1)) * 0.01
    steady = (
        0.3
        * torch.arange(31.0)[None, :, None]
        * torch.randn(300, 1, 3, generator=torch.Generator().manual_seed(2))
    )
    shares = []
    for track in (still, steady + still):
        made = pipeline(fall_back=True)
        made.fit_normalisers([{"position": track[:, :21], "position_forecast": track[:, 21:]}])
        shares.append(made.transform.kinematic.share)
    assert shares[0].max() < 0.1  # who only trembles stays
    assert (shares[1] - 1).abs().max() < 0.02


def test_a_falling_back_answer_moves_and_turns_with_the_flight():
    made, batch = fallen()
    between = next(
        each
        for each in (
            faster({"position": batch["position"][:5]}, factor)
            for factor in (8, 10, 12, 15, 20, 25, 30, 40, 50)
        )
        if 0.2 < float(made.features(each).link.kept.mean()) < 0.8
    )
    here = made(between)["position_forecast"]
    there = made({"position": turned(between["position"], 0.7)})["position_forecast"]
    torch.testing.assert_close(there, turned(here, 0.7), rtol=0, atol=5e-3)


def test_a_pipeline_without_it_has_no_more_in_its_state():
    assert not [name for name in pipeline().state_dict() if "kinematic" in name]
