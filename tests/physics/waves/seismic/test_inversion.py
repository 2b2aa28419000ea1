"""Refinement: it comes nearer to the truth, alone and deterministic, and skips what was not recorded."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from physics.waves.seismic import inversion, propagator
from physics.waves.seismic.inversion import CORNERS, lowpassed, misfit_of, refine, smoothed, stages_of
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.wavelet import ricker_at
from tests.physics.waves.seismic.models import SMALL, faulted, layered, relative_l2

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


def test_low_pass_keeps_what_lies_below_the_corner_and_removes_what_lies_above() -> None:
    times = torch.arange(500, dtype=torch.float64)[None, :, None] * 2e-3
    window = torch.hann_window(500, periodic=False, dtype=torch.float64)[None, :, None]
    low, high = (window * torch.sin(2 * torch.pi * frequency * times) for frequency in (4.0, 30.0))
    passed = lowpassed(low + high, 10.0, 2e-3)
    torch.testing.assert_close(passed, low, atol=0.01, rtol=0)
    halved = lowpassed(window * torch.sin(2 * torch.pi * 10.0 * times), 10.0, 2e-3)
    assert halved.abs().max() == pytest.approx(0.5, abs=0.02)


def test_low_passed_gathers_are_those_of_a_low_passed_source(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = replace(SMALL, steps=700)

    def delayed(frequency: float, step: float, steps: int) -> np.ndarray:
        return ricker_at(np.arange(steps) * step, frequency, 0.25)

    def low(frequency: float, step: float, steps: int) -> np.ndarray:
        wavelet = torch.from_numpy(delayed(frequency, step, steps))
        return lowpassed(wavelet[None, :, None], 10.0, step)[0, :, 0].numpy()

    found = []
    for source in (delayed, low):
        monkeypatch.setattr(propagator, "ricker", source)
        found.append(simulate(TRUTH[:1], survey)[0])
    filtered = lowpassed(torch.from_numpy(found[0]), 10.0, survey.time_step).numpy()
    assert relative_l2(filtered, found[1]) < 0.02
    assert relative_l2(found[0], found[1]) > 0.5


def test_steps_are_divided_evenly_among_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    own = inversion._Descent._misfits

    def noted(self: inversion._Descent, velocity: torch.Tensor, corner: float | None) -> object:
        asked.append(corner)
        return own(self, velocity, corner)

    monkeypatch.setattr(inversion._Descent, "_misfits", noted)
    refine(START[:1], OBSERVED[:1], SURVEY, 6, frequencies=(8.0, 16.0))
    # The start, then the start of each stage and its trials.
    assert asked == [None, *[8.0] * 3, *[16.0] * 3, *[None] * 3]


def test_stage_of_low_frequencies_leaves_less_of_them_in_the_residual_and_more_of_the_others() -> None:
    def misfits_after(corner: float | None) -> tuple[float, float]:
        recorded = torch.from_numpy(OBSERVED[0])
        descent = inversion._Descent(recorded, SURVEY, (1500.0, 4500.0), 0.0, lambda: None, [math.inf])
        start = torch.from_numpy(START[0]).float()
        found = descent._descend(start, inversion.Stage(6, corner, (1.5, 4.0)), 20.0)
        return tuple(each.item() for each in descent._misfits(found, 8.0))

    (low, whole), (low_of_all, whole_of_all) = misfits_after(8.0), misfits_after(None)
    assert low < 0.7 * low_of_all
    assert whole > 1.3 * whole_of_all


def test_wide_smoothing_makes_a_smooth_change_and_a_stage_may_have_its_own() -> None:
    def roughness(smoothing: object) -> float:
        change = refine(START[:1], OBSERVED[:1], SURVEY, 4, frequencies=(), smoothing=smoothing).velocity[0]
        change = change - START[0]
        return float(np.linalg.norm(np.diff(change, 2, axis=0)) / np.linalg.norm(change))

    assert roughness((5.0, 8.0)) < 2 / 5.0**2 < roughness((1.0, 2.0))
    stages = stages_of(9, (5.0, 10.0), ((4.0, 8.0), (2.0, 4.0), (1.0, 2.0)), SURVEY)
    assert [each.smoothing for each in stages] == [(4.0, 8.0), (2.0, 4.0), (1.0, 2.0)]
    assert [each.last for each in stages] == [3, 6, 9]


def test_staged_refinement_gives_the_same_bits_twice() -> None:
    once, again = (refine(START, OBSERVED, SURVEY, 4) for _ in range(2))
    np.testing.assert_array_equal(once.velocity, again.velocity)
    np.testing.assert_array_equal(once.misfit, again.misfit)


def test_stages_of_a_source_follow_its_frequency() -> None:
    low, high = (stages_of(6, None, (1.0, 1.0), replace(SURVEY, frequency=f)) for f in (15.0, 24.0))
    assert [each.corner for each in low] == [*(share * 15.0 for share in CORNERS), None]
    assert [each.corner for each in high] == [*(share * 24.0 for share in CORNERS), None]


def test_refinement_stops_where_the_noise_explains_what_is_left() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=OBSERVED[:1].shape) * OBSERVED[:1].std()
    noisy = OBSERVED[:1] + 0.3 * noise
    level = 1.05 * np.linalg.norm(0.3 * noise) / np.linalg.norm(noisy)
    stopped = refine(START[:1], noisy, SURVEY, 10, frequencies=(), noise=[level]).misfit[0]
    went_on = refine(START[:1], noisy, SURVEY, 10, frequencies=()).misfit[0]
    within = stopped <= level
    assert not within[0] and within[-1]
    np.testing.assert_array_equal(stopped[within], stopped[within][0])
    np.testing.assert_array_equal(stopped[~within], went_on[~within])
    assert went_on[-1] < stopped[-1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"frequencies": (5, 200)}, r"frequencies: \[5.0, 200.0\] Hz found, growing .*, 125 Hz, expe"),
        ({"frequencies": (10, 5)}, r"frequencies: \[10.0, 5.0\] Hz found, growing"),
        ({"frequencies": (5, 5)}, r"frequencies: \[5.0, 5.0\] Hz found, growing"),
        ({"frequencies": (-5, 5)}, r"frequencies: \[-5.0, 5.0\] Hz found, growing"),
        ({"frequencies": (np.nan,)}, r"frequencies: \[nan\] Hz found, growing"),
        ({"frequencies": (5,), "smoothing": ((1, 4), (2, 8))}, "smoothing: .* that does not grow; give such"),
        ({"frequencies": (5, 9), "smoothing": ((1, 4),) * 2}, "smoothing: .* one for each of the 3 stages"),
        ({"smoothing": (-1, 4)}, r"smoothing: \[-1.0, 4.0\] found, cells .*, 0 or more"),
        ({"smoothing": 3.0}, "smoothing: 3.0 found, cells"),
        ({"noise": [0.1] * 3}, "noise: .* one for each of the 2 models expected"),
        ({"noise": 1.0}, "noise: 1.0 found, one number"),
    ],
)
def test_keys_that_mean_nothing_are_refused_in_one_line(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}") as refused:
        refine(START, OBSERVED, SURVEY, 1, **keys)
    assert "\n" not in str(refused.value)
