"""Formulas and interpolators."""

import numpy as np
import pytest
import torch

from physics.propagation import friis_path_gain
from surrogates.domains.radio.formulas import FreeSpace, LogDistance, LogDistanceBySight, UrbanMacro
from surrogates.domains.radio.interpolation import interpolate
from surrogates.domains.radio.interpolators import InverseDistance, Kriging, NearestSamples
from surrogates.domains.radio.preparations import DrawSamples
from surrogates.domains.radio.site import Link
from tests.surrogates.domains.radio.conftest import CELL, LINK, context_of


def test_free_space_is_friis_at_the_slant_distance(batch: dict) -> None:
    answer = FreeSpace(context_of("path_gain"), **LINK)(batch)["path_gain"]
    slant = (9.0**2 + 19.0**2 + 10.0**2) ** 0.5
    expected = friis_path_gain(torch.tensor(slant), 3.66e9)
    assert float(answer[0, 12, 17]) == pytest.approx(float(expected), abs=0.1)


def test_directional_target_gets_the_antenna_gain(batch: dict, link: Link) -> None:
    answer = FreeSpace(context_of("path_gain", "path_gain_directional"), **LINK)(batch)
    gain = link.antenna_gain(link.path(batch), batch["transmitter_azimuth"])
    torch.testing.assert_close(answer["path_gain_directional"] - answer["path_gain"], gain, atol=1e-4, rtol=0)


def test_uma_falls_behind_the_wall(batch: dict) -> None:
    answer = UrbanMacro(context_of("path_gain"), **LINK)(batch)["path_gain"]
    assert float(answer[0, 19, 15]) < float(answer[0, 14, 15]) - 5.0


@pytest.mark.parametrize("baseline", [LogDistance, LogDistanceBySight])
def test_distance_laws_recover_their_own_data(batch: dict, link: Link, baseline: type) -> None:
    path = link.path(batch)
    law = -40.0 - 25.0 * torch.log10(path.link.distance)
    if baseline is LogDistanceBySight:
        law = torch.where(path.sight, law, law - 15.0)
    fitted = baseline(context_of("path_gain"), **LINK).fit([{**batch, "path_gain": law}])
    torch.testing.assert_close(fitted(batch)["path_gain"], law, atol=1e-2, rtol=0)


@pytest.mark.parametrize("baseline", [InverseDistance, NearestSamples, Kriging])
def test_interpolators_beat_the_mean_of_the_samples(batch: dict, baseline: type) -> None:
    drawn = DrawSamples(count=80)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    answer = baseline(context_of("path_gain_directional"), CELL)(drawn)["path_gain_directional"]
    truth, scored = batch["path_gain_directional"], drawn["scored"] & batch["path_gain"].isfinite()
    error = (answer - truth)[scored].square().mean()
    assert float(error) < 0.25 * float(truth[scored].var())


def test_interpolation_without_samples_is_refused(batch: dict) -> None:
    empty = {**batch, "path_gain_samples": torch.full_like(batch["path_gain"], torch.nan)}
    with pytest.raises(ValueError, match="at least one measured cell"):
        InverseDistance(context_of("path_gain"), CELL)(empty)


def test_gaussian_process_agrees_with_the_textbook_formula() -> None:
    values = torch.full((2, 6, 5), torch.nan)
    values[0, 1, 1], values[0, 4, 3], values[1, 2, 2] = 3.0, -1.0, 2.0
    mean, deviation = interpolate(values, 4.0, 20.0, 0.3)
    points = np.array([[1, 1], [4, 3]]) * 4.0
    covariance = np.exp(-np.linalg.norm(points[:, None] - points[None], axis=-1) / 20) + 0.3 * np.eye(2)
    towards = np.exp(-np.linalg.norm(points - np.array([[0, 0]]) * 4.0, axis=-1) / 20)
    weights = np.linalg.solve(covariance, towards)
    assert float(mean[0, 0, 0]) == pytest.approx(weights @ [3.0, -1.0], abs=1e-4)
    assert float(deviation[0, 0, 0]) == pytest.approx((1 - weights @ towards) ** 0.5, abs=1e-4)
    assert float(mean[1, 2, 2]) == pytest.approx(2.0 / 1.3, abs=1e-4)


@pytest.mark.parametrize("shape", [(12, 9), (11, 16)])
def test_gaussian_process_agrees_with_the_textbook_formula_in_every_cell(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    values = np.full(shape, np.nan, np.float32)
    values.flat[rng.choice(values.size, 15, replace=False)] = rng.normal(size=15)
    mean, deviation = interpolate(torch.from_numpy(values)[None], 4.0, 40.0, 0.5)
    cells = np.argwhere(np.ones(shape)) * 4.0
    known = np.isfinite(values).ravel()
    covariance = np.exp(-np.linalg.norm(cells[:, None] - cells[known][None], axis=-1) / 40.0)
    weights = covariance @ np.linalg.inv(covariance[known] + 0.5 * np.eye(15))
    np.testing.assert_allclose(mean[0].numpy().ravel(), weights @ values[np.isfinite(values)], atol=1e-4)
    exact = (1.0 - (weights * covariance).sum(1)) ** 0.5
    np.testing.assert_allclose(deviation[0].numpy().ravel(), exact, atol=0.1)
    assert np.abs(deviation[0].numpy().ravel() - exact).mean() < 0.03


def test_map_without_samples_is_zero_and_uncertain() -> None:
    mean, deviation = interpolate(torch.full((1, 4, 4), torch.nan), 4.0, 20.0, 0.3)
    assert not bool(mean.any())
    assert bool((deviation == 1).all())
