"""Scores of predictions once their time has come, against errors known in closed form."""

import numpy as np
import pytest

from surrogates.domains.uav.streaming import TrajectoryPredictor


def stay(past, ahead):
    """Answers the last position, so the error after k steps of a straight flight is k steps long."""
    return {"position_forecast": past[:, -1:] + 0 * ahead}


@pytest.fixture
def flown(make_surrogate):
    """A flight of 5 s at 3, 0 and 4 m/s, predicted to stay where it is."""
    predictor = TrajectoryPredictor(make_surrogate(stay))
    for time in 0.1 * np.arange(51):
        predictor.push(time, time * np.array([3.0, 0.0, 4.0]))
    return predictor.hindsight


def test_errors_of_standing_still_are_those_of_the_speed(flown):
    # at 5 m/s the distance after k steps is 0.5 k m; a third of its square belongs to a coordinate
    steps = np.arange(1, 11)
    mse = np.mean((0.5 * steps) ** 2) / 3
    assert flown.row() == {
        "predictions": 22,  # full from 1.9 s, complete up to 4.0 s
        "abandoned": 0,
        "mse": pytest.approx(mse, rel=1e-5),
        "rmse": pytest.approx(np.sqrt(mse), rel=1e-5),
        "ade": pytest.approx(2.75, rel=1e-5),
        "fde": pytest.approx(5.0, rel=1e-5),
    }
    np.testing.assert_allclose(flown.evaluated[0].distance, 0.5 * steps, rtol=1e-5)


def test_the_truth_of_a_late_stamp_is_interpolated(make_surrogate):
    predictor = TrajectoryPredictor(make_surrogate(stay))
    times = np.r_[0.1 * np.arange(20), 2.23, 2.61, 2.95]  # the horizon of 1.9 s ends at 2.9 s
    for time in times:
        predictor.push(time, (2.0 * time, 0.0, 0.0))
    (only,) = predictor.hindsight.evaluated
    np.testing.assert_allclose(only.truth[:, 0], 2.0 * (1.9 + 0.1 * np.arange(1, 11)), atol=1e-9)


def test_the_dataset_holds_what_was_scored(flown):
    found = flown.dataset()
    assert dict(found.sizes) == {"prediction": 22, "horizon": 10, "axis": 3}
    error = found["position_forecast"] - found["position"]
    assert float(np.sqrt((error**2).mean())) == pytest.approx(flown.rmse)
    assert found.attrs["fde"] == flown.fde
    np.testing.assert_allclose(found["target_time"][:, 0] - found["time"], 0.1)
    assert "position_forecast_standard_deviation" not in found


def test_without_a_score_all_is_nan_and_there_is_no_dataset(make_surrogate):
    hindsight = TrajectoryPredictor(make_surrogate(stay)).hindsight
    assert hindsight.count == 0
    assert np.isnan([hindsight.mse, hindsight.rmse, hindsight.ade, hindsight.fde]).all()
    with pytest.raises(ValueError, match="no prediction of the stream has been scored yet"):
        hindsight.dataset()
