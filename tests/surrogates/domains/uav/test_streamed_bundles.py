"""What a stream answers is what the bundle answers, of whatever kind it is."""

import numpy as np
import pytest
import torch
import xarray as xr

from surrogates.domains.uav import TrajectoryPredictor
from surrogates.inference.bundle import save_ensemble
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import load

KINDS = [("absolute", "max_norm", 20), ("relative", "standard", 20), ("rates", "whitening", 21)]


def flight(count: int) -> tuple[np.ndarray, np.ndarray]:
    time = np.arange(count) * 0.1
    return time, np.stack([10 * np.sin(0.5 * time), 8 * np.cos(0.7 * time), 5 + 0.3 * time], axis=1)


def windows_of(positions: np.ndarray, history: int) -> xr.Dataset:
    found = np.lib.stride_tricks.sliding_window_view(positions, history, axis=0).transpose(0, 2, 1)
    return xr.Dataset(
        {"position": (("trajectory", "time", "axis"), found.astype(np.float32), {"units": "m"})}
    )


@pytest.mark.parametrize(("values", "normalisation", "history"), KINDS)
def test_a_stream_of_regular_stamps_is_answered_like_its_windows(
    tmp_path, save_forecast, values, normalisation, history
):
    folder = save_forecast(tmp_path / "bundle", values, normalisation, history)
    predictor = TrajectoryPredictor(folder)
    times, positions = flight(50)
    found = [predictor.push(*each) for each in zip(times, positions, strict=True)]
    assert [each is None for each in found] == [True] * (history - 1) + [False] * (51 - history)
    expected = load(folder, "cpu").predict(windows_of(positions, history))["position_forecast"].values
    assert np.abs(expected[0] - expected[-1]).max() > 1e-2
    streamed = np.stack([each.position for each in found[history - 1 :]])
    np.testing.assert_allclose(streamed, expected, atol=2e-4)


def test_models_of_velocity_do_not_mind_where_they_fly(tmp_path, save_forecast):
    history = 21
    folder = save_forecast(tmp_path / "bundle", "rates", "whitening", history)
    here, there = TrajectoryPredictor(folder), TrajectoryPredictor(folder)
    far = np.array([500_000.0, 5_400_000.0, 300.0])
    for time, position in zip(*flight(30), strict=True):
        near, away = here.push(time, position), there.push(time, position + far)
    np.testing.assert_allclose(away.position - far, near.position, atol=1e-5)


@pytest.mark.parametrize(("values", "normalisation", "history"), KINDS)
def test_answers_move_along_where_the_transform_says_so(
    tmp_path, save_forecast, values, normalisation, history
):
    bundle = load(save_forecast(tmp_path / "bundle", values, normalisation, history), "cpu").bundle
    flown = torch.as_tensor(flight(history)[1], dtype=torch.float32)[None]
    far = torch.tensor([256.0, -512.0, 128.0])  # their sums with short numbers lose little in float32
    here, there = (bundle.ask({"position": each})["position_forecast"] for each in (flown, flown + far))
    moves = torch.allclose(there - far, here, rtol=0.0, atol=5e-3)
    assert ("position" in bundle.pipeline.transform.offset_free) == moves


def test_models_of_position_warn_outside_their_range(tmp_path, save_forecast):
    predictor = TrajectoryPredictor(save_forecast(tmp_path / "bundle", "absolute", "max_norm", 20))
    with pytest.warns(OutOfRangeWarning, match="outside its training range of -50 to 50 m"):
        for time, position in zip(*flight(20), strict=True):
            predictor.push(time, position + 60.0)


def test_gaussian_models_ensembles_and_rollouts_stream(tmp_path, save_forecast):
    folders = [
        save_forecast(tmp_path / str(seed), "relative", "standard", 20, seed, head={"name": "gaussian"})
        for seed in (0, 1)
    ]
    joint = save_ensemble(tmp_path / "both", folders)
    times, positions = flight(20)
    answers = {}
    for folder in (*folders, joint):
        predictor = TrajectoryPredictor(folder)
        answers[folder.name] = [predictor.push(*each) for each in zip(times, positions, strict=True)][-1]
    middle = (answers["0"].position + answers["1"].position) / 2
    np.testing.assert_allclose(answers["both"].position, middle, atol=1e-4)
    assert (answers["both"].standard_deviation > 0).all()
    assert answers["both"].standard_deviation.shape == (10, 3)
    long = TrajectoryPredictor(save_forecast(tmp_path / "long", "relative", "standard", 20, steps=3))
    assert long.horizon == 30
    found = [long.push(*each) for each in zip(times, positions, strict=True)][-1]
    np.testing.assert_allclose(found.times, times[-1] + 0.1 * np.arange(1, 31))
    assert found.position.shape == (30, 3)
