"""Measures of exponential decays are those that their formulas give."""

import numpy as np
import pytest
from scipy.signal import welch

from surrogates.domains.acoustics.measures import (
    band_levels,
    clarity,
    definition,
    energy_decay,
    in_band,
    onset,
    reverberation_time,
    spectrum,
)

STEP = 1 / 8000.0


def decaying(seconds: float, duration: float = 2.0, delay: float = 0.0) -> np.ndarray:
    """A pressure whose energy decays by 60 dB in some time, from a delay on."""
    times = STEP * np.arange(round(duration / STEP)) - delay
    return np.where(times >= -1e-12, 10 ** (-3 * times / seconds), 0.0)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.1])
@pytest.mark.parametrize(("begin", "end"), [(-5.0, -35.0), (-5.0, -25.0)])
def test_reverberation_time_of_an_exponential_decay(seconds: float, begin: float, end: float) -> None:
    assert reverberation_time(decaying(seconds), STEP, begin, end) == pytest.approx(seconds, rel=2e-3)


def test_reverberation_time_of_decaying_noise() -> None:
    noise = np.random.default_rng(0).normal(size=(20, 16000)) * decaying(0.6)
    found = reverberation_time(noise, STEP)
    assert found.shape == (20,)
    assert found.mean() == pytest.approx(0.6, rel=0.02)


def test_a_response_that_ends_too_early_has_no_reverberation_time() -> None:
    # 30 dB in the response; a decay of 45 dB is needed.
    assert np.isnan(reverberation_time(decaying(1.0, duration=0.5), STEP))
    assert np.isfinite(reverberation_time(decaying(1.0, duration=0.8), STEP))
    assert np.isnan(reverberation_time(np.zeros(800), STEP))


def test_decay_falls_by_60_decibels_in_the_reverberation_time() -> None:
    decay = energy_decay(decaying(0.4, duration=3.0))
    assert decay[0] == 0.0
    assert decay[round(0.4 / STEP)] == pytest.approx(-60.0, abs=1e-6)
    assert (np.diff(decay[:8000]) < 0).all()


@pytest.mark.parametrize("delay", [0.0, 0.02])
@pytest.mark.parametrize("early", [0.05, 0.08])
def test_clarity_and_definition_of_an_exponential_decay(delay: float, early: float) -> None:
    seconds = 0.7
    late = 10 ** (-6 * early / seconds)  # share of the energy that comes later
    response = decaying(seconds, duration=4.0, delay=delay)
    assert definition(response, STEP, early) == pytest.approx(1 - late, abs=1e-3)
    assert clarity(response, STEP, early) == pytest.approx(10 * np.log10((1 - late) / late), abs=0.03)


def test_two_pulses_have_the_clarity_of_their_energies() -> None:
    response = np.zeros(2000)
    response[100], response[100 + round(0.06 / STEP)] = 1.0, 0.5
    assert onset(response) == 100
    assert clarity(response, STEP) == pytest.approx(10 * np.log10(4.0))
    assert clarity(response, STEP, early=0.08) == np.inf
    assert definition(response, STEP) == pytest.approx(0.8)


@pytest.mark.parametrize("samples", [1000, 1001])
def test_energy_is_the_same_in_time_and_in_frequency(samples: int) -> None:
    response = np.random.default_rng(1).normal(size=(3, samples))
    frequencies, density = spectrum(response, STEP)
    energy = (response**2).sum(-1) * STEP
    np.testing.assert_allclose(density.sum(-1) * frequencies[1], energy, rtol=1e-12)


def test_bands_that_meet_hold_all_energy() -> None:
    response = np.random.default_rng(2).normal(size=4096)
    centres = 4000 / np.sqrt(2) * 2.0 ** -np.arange(12)  # from half of the sampling rate down to 1 Hz
    levels = band_levels(response, STEP, centres)
    frequencies, density = spectrum(response, STEP)
    width, low = frequencies[1], 4000 * 2.0**-12
    share = np.clip((4000 - frequencies) / width + 0.5, 0, 1) - np.clip(
        (low - frequencies) / width + 0.5, 0, 1
    )
    total = 4e-10 * np.sum(10 ** (levels / 10))
    assert total == pytest.approx((density * share).sum() * width, rel=1e-9)
    thirds = band_levels(response, STEP, 1000 * 2.0 ** (np.arange(-1, 2) / 3), per_octave=3)
    whole = band_levels(response, STEP, (1000.0,))
    np.testing.assert_allclose(10 * np.log10(np.sum(10 ** (thirds / 10))), whole[0], atol=1e-9)


def test_a_tone_lies_in_its_band_at_its_level() -> None:
    times = STEP * np.arange(8000)
    tone = np.sin(2 * np.pi * 500 * times)  # mean square 1/2 Pa^2 for one second
    levels = band_levels(tone, STEP, (250.0, 500.0, 1000.0))
    assert levels[1] == pytest.approx(10 * np.log10(0.5 / 4e-10), abs=1e-6)
    assert max(levels[0], levels[2]) < levels[1] - 200


def test_a_band_filter_keeps_its_band_and_its_decay() -> None:
    rng, times = np.random.default_rng(3), STEP * np.arange(32000)
    noise = rng.normal(size=32000)
    frequencies, before = welch(noise, 1 / STEP, nperseg=4096)
    _, after = welch(in_band(noise, STEP, 1000.0), 1 / STEP, nperseg=4096)
    gain = 10 * np.log10(after / before)
    assert np.abs(gain[(frequencies > 800) & (frequencies < 1250)]).max() < 0.5
    assert gain[((frequencies > 20) & (frequencies < 350)) | (frequencies > 2500)].max() < -40
    slow = np.sin(2 * np.pi * 250 * times) * 10 ** (-3 * times / 0.9)
    fast = np.sin(2 * np.pi * 2000 * times) * 10 ** (-3 * times / 0.3)
    assert reverberation_time(in_band(slow + fast, STEP, 250.0), STEP) == pytest.approx(0.9, rel=0.02)
    assert reverberation_time(in_band(slow + fast, STEP, 2000.0), STEP) == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(
    ("response", "step", "message"),
    [
        (np.array([1.0, np.nan]), STEP, r"NaN or infinite values found[^\n]*$"),
        (np.ones(1), STEP, r"shape \(1,\) and time step[^\n]*$"),
        (np.ones(9), 0.0, r"a positive time step expected$"),
    ],
)
def test_wrong_responses_are_refused_in_one_line(response, step, message) -> None:
    for measure in (reverberation_time, clarity, definition, band_levels):
        with pytest.raises(ValueError, match=message):
            measure(response, step)


def test_a_band_above_half_of_the_sampling_rate_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"about 4000 Hz reaches to 5656\.85 Hz; below 4000 Hz[^\n]*$"):
        in_band(np.ones(100), STEP, 4000.0)
