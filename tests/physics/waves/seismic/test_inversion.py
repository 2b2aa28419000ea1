"""Refinement: it comes nearer to the truth, alone and deterministic, and skips what was not recorded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from physics.waves.seismic.inversion import misfit_of, refine, smoothed
from physics.waves.seismic.propagator import simulate
from tests.physics.waves.seismic.models import SMALL, faulted, layered

SURVEY = replace(SMALL, steps=240, time_stride=4)
TRUTH = np.stack([layered(), faulted()])
START = np.stack([gaussian_filter(model, 2.0) + 60.0 for model in TRUTH])
OBSERVED = simulate(TRUTH, SURVEY)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_refinement_comes_nearer_to_the_gathers_and_to_the_truth() -> None:
    steps: list[None] = []
    refined = refine(START, OBSERVED, SURVEY, 12, progress=lambda: steps.append(None))
    assert len(steps) == 24
    assert refined.velocity.dtype == np.float32
    assert refined.misfit.shape == (2, 13)
    assert (refined.misfit[:, -1] < 0.5 * refined.misfit[:, 0]).all()
    before, after = (np.abs(model - TRUTH).mean((1, 2)) for model in (START, refined.velocity))
    assert (after < 0.97 * before).all()


def test_history_holds_the_misfit_of_the_start_and_of_the_answer() -> None:
    refined = refine(START[:1], OBSERVED[:1], SURVEY, 2)
    for velocity, found in ((START[:1], refined.misfit[0, 0]), (refined.velocity, refined.misfit[0, -1])):
        difference = simulate(velocity, SURVEY) - OBSERVED[:1]
        assert found == pytest.approx(np.linalg.norm(difference) / np.linalg.norm(OBSERVED[:1]), rel=1e-4)


def test_no_step_only_cuts_the_start_to_the_bounds() -> None:
    refined = refine(START, OBSERVED, SURVEY, 0, bounds=(2000.0, 3000.0))
    np.testing.assert_array_equal(refined.velocity, np.clip(START, 2000.0, 3000.0).astype(np.float32))
    assert refined.misfit.shape == (2, 1)


@pytest.mark.parametrize("steps", [-2, 2.0, True])
def test_steps_that_cannot_be_counted_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"^steps is {steps}; expected a whole number"):
        refine(START, OBSERVED, SURVEY, steps)


def test_answer_stays_within_the_bounds_and_depends_on_no_neighbour() -> None:
    together = refine(START, OBSERVED, SURVEY, 3, step_size=200.0, bounds=(1900.0, 3500.0))
    assert together.velocity.min() == 1900.0
    assert together.velocity.max() == 3500.0
    alone = refine(START[1:], OBSERVED[1:], SURVEY, 3, step_size=200.0, bounds=(1900.0, 3500.0))
    np.testing.assert_array_equal(alone.velocity[0], together.velocity[1])
    np.testing.assert_array_equal(alone.misfit[0], together.misfit[1])


def test_what_was_not_recorded_does_not_count() -> None:
    missing = OBSERVED[:1].copy()
    missing[:, :, :, 10:20] = np.nan
    assert refine(TRUTH[:1], missing, SURVEY, 0).misfit[0, 0] < 1e-4
    wrong = np.nan_to_num(missing)
    assert refine(TRUTH[:1], wrong, SURVEY, 0).misfit[0, 0] > 0.1
    refined = refine(START[:1], missing, SURVEY, 3)
    assert refined.misfit[0, -1] < refined.misfit[0, 0]
    assert np.isfinite(refined.velocity).all()


def test_misfit_is_relative() -> None:
    observed = torch.tensor([3.0, 4.0, torch.nan])
    assert misfit_of(torch.tensor([3.0, 4.0, 9.0]), observed) == 0.0
    assert misfit_of(torch.tensor([0.0, 0.0, 9.0]), observed) == 1.0


def test_smoothing_is_a_gaussian_that_the_edges_reflect() -> None:
    field = np.random.default_rng(1).normal(size=(30, 40))
    expected = gaussian_filter(field, (1.0, 3.0), mode="reflect", truncate=8.0)
    np.testing.assert_allclose(smoothed(torch.tensor(field), (1.0, 3.0)), expected, atol=1e-10)
    np.testing.assert_array_equal(smoothed(torch.tensor(field), (0.0, 0.0)), field)


@pytest.mark.parametrize(
    ("gathers", "message"),
    [
        (OBSERVED[:, :2], r"shape \(2, 2, 60, 40\) found, .* = \(2, 3, 60, 40\) of the survey expected"),
        (OBSERVED[:, :, ::2], r"shape \(2, 3, 30, 40\) found"),
        (np.where(OBSERVED > 5, np.inf, OBSERVED), "infinite values found; write NaN where nothing was"),
        (OBSERVED * np.array([1, 0])[:, None, None, None], "nothing but zero or NaN found in model 1"),
    ],
)
def test_gathers_that_do_not_fit_are_refused(gathers: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"^gathers: {message}"):
        refine(START, gathers, SURVEY, 1)
