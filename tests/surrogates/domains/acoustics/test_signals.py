"""Signals are read, resampled, band-limited and convolved in partitions."""

from pathlib import Path

import numpy as np
import pytest

from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.signals import (
    SignalWarning,
    at_rate,
    band_limited,
    convolve_moving,
    partitions,
    read_signal,
    require_sound_file,
    sweep,
    write_signal,
)
from tests.silence import no_warnings

RATE = 8000


@pytest.mark.parametrize(
    ("samples", "length", "hop"), [(1000, 300, 64), (1000, 37, 400), (63, 200, 64), (1, 5, 3)]
)
def test_partitions_of_one_response_are_plain_convolution(samples: int, length: int, hop: int) -> None:
    rng = np.random.default_rng(0)
    signal, response = rng.normal(size=samples), rng.normal(size=length)
    found = convolve_moving(signal, [response] * len(partitions(samples, hop)), hop)
    np.testing.assert_allclose(found, np.convolve(signal, response), atol=1e-12 * samples)


def test_a_change_of_response_is_cross_faded() -> None:
    signal, hop = np.ones(400), 100
    gains = [1.0, 1.0, 3.0, 3.0, 3.0]
    found = convolve_moving(signal, [np.array([gain]) for gain in gains], hop)
    np.testing.assert_allclose(found[:101], 1.0)
    np.testing.assert_allclose(found[100:201], np.linspace(1.0, 3.0, 101))
    np.testing.assert_allclose(found[200:], 3.0)


def test_no_response_is_refused() -> None:
    with pytest.raises(ValueError, match="none found"):
        convolve_moving(np.ones(4), [], 2)


def test_a_signal_of_another_rate_is_resampled_and_says_so() -> None:
    wave = np.sin(2 * np.pi * 100 * np.arange(4800) / 48000)
    with pytest.warns(SignalWarning, match="48000 samples per second: resampled to 8000"):
        found = read_signal((wave, 48000), RATE)
    assert len(found) == 800
    expected = np.sin(2 * np.pi * 100 * np.arange(800) / RATE)
    np.testing.assert_allclose(found[50:-50], expected[50:-50], atol=2e-3)


def test_channels_are_averaged_and_that_is_said() -> None:
    both = np.stack([np.ones(10), 3 * np.ones(10)], axis=1)
    with pytest.warns(SignalWarning, match="2 channels: their mean"):
        np.testing.assert_allclose(read_signal((both, RATE), RATE), 2.0)


def test_what_lies_above_the_highest_frequency_is_removed_and_told() -> None:
    times = np.arange(8000) / RATE
    low, high = np.sin(2 * np.pi * 200 * times), np.sin(2 * np.pi * 1500 * times)
    with pytest.warns(SignalWarning, match=r"50% of the signal's energy lie above 400 Hz"):
        found = band_limited(low + high, RATE, 400.0)
    np.testing.assert_allclose(found[500:-500], low[500:-500], atol=2e-3)


def test_a_signal_below_the_highest_frequency_stays_and_nothing_is_said() -> None:
    low = np.sin(2 * np.pi * 100 * np.arange(8000) / RATE)
    with no_warnings():
        kept, whole = band_limited(low, RATE, 400.0), band_limited(low, RATE, 4000.0)
    np.testing.assert_allclose(kept[500:-500], low[500:-500], atol=2e-3)
    assert whole is low


def test_written_sound_is_read_again(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    wave = 5 * np.sin(np.arange(1000) / 7)
    write_signal(tmp_path / "wave.wav", wave, RATE)
    found = read_signal(tmp_path / "wave.wav", RATE)
    assert np.abs(found).max() == pytest.approx(10 ** (-1 / 20), abs=1e-4)
    np.testing.assert_allclose(found / np.abs(found).max(), wave / np.abs(wave).max(), atol=1e-4)
    write_signal(tmp_path / "silence.wav", np.zeros(10), RATE)
    assert not read_signal(tmp_path / "silence.wav", RATE).any()


def test_wrong_signals_are_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    (tmp_path / "text.wav").write_text("no sound")
    for given, message in [
        (tmp_path / "none.wav", r"none\.wav: no such file; [^\n]*$"),
        (tmp_path / "text.wav", r"text\.wav: [^\n]*; name a sound file[^\n]*$"),
        ((np.array([1.0, np.nan]), RATE), r"the signal: NaN or infinite samples found[^\n]*$"),
        ((np.array([]), RATE), r"the signal: shape \(0,\) at 8000 Hz found; samples [^\n]*signal$"),
    ]:
        with pytest.raises(ConfigError, match=message):
            read_signal(given, RATE)


def test_a_response_at_a_higher_rate_is_the_band_limited_one() -> None:
    step, high = 1 / 900, 200.0
    times = step * np.arange(90)
    found = at_rate(np.sin(2 * np.pi * high * times), step, RATE)
    asked = np.arange(len(found)) / RATE
    assert asked[-1] == pytest.approx(times[-1], abs=1 / RATE)
    inner = slice(round(0.02 * RATE), round(0.07 * RATE))  # far from what is cut off at the ends
    np.testing.assert_allclose(found[inner], np.sin(2 * np.pi * high * asked)[inner], atol=0.03)
    assert abs(found[-1]) < 1e-3  # faded out


def test_a_sweep_rises_evenly_in_octaves() -> None:
    tone = sweep(100.0, 800.0, 1.5, RATE)
    assert len(tone) == 1.5 * RATE and tone[0] == pytest.approx(0.0, abs=1e-9) and np.abs(tone).max() <= 1
    for middle, frequency in ((0.5, 200.0), (1.0, 400.0)):  # after one and two of three octaves
        part = tone[round((middle - 0.1) * RATE) : round((middle + 0.1) * RATE)]
        crossings = np.flatnonzero(np.diff(np.signbit(part)))
        assert (len(crossings) - 1) / 2 / (np.ptp(crossings) / RATE) == pytest.approx(frequency, rel=0.03)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("heard", r"the ending '' is that of no sound file; take \.wav or \.flac"),
        ("heard.wave", r"the ending '\.wave' is that of no sound file; [^\n]*$"),
        ("none/heard.wav", r"there is no folder [^\n]*none; make it first$"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_in_one_line(
    path: str, message: str, tmp_path: Path
) -> None:
    pytest.importorskip("soundfile")
    with pytest.raises(ConfigError, match=message) as caught:
        require_sound_file(tmp_path / path)
    assert "\n" not in str(caught.value)
    require_sound_file(tmp_path / "heard.FLAC")
