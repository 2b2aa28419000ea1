"""The Ricker wavelet: where it peaks, how long it lasts, and its spectrum."""

import numpy as np

from physics.waves.seismic.wavelet import peak_time, ricker


def test_wavelet_of_openfwi_lasts_147_samples_around_its_peak_at_sample_73() -> None:
    wavelet = ricker(15.0, 1e-3, 1000)
    assert wavelet.argmax() == 73
    assert wavelet[73] == 1.0
    assert wavelet[146] != 0.0
    assert not wavelet[147:].any()
    np.testing.assert_allclose(wavelet[:147], wavelet[146::-1], atol=1e-12)


def test_spectrum_peaks_at_the_frequency() -> None:
    for frequency in (5.0, 15.0, 25.0):
        spectrum = np.abs(np.fft.rfft(ricker(frequency, 1e-3, 10_000)))
        assert np.fft.rfftfreq(10_000, 1e-3)[spectrum.argmax()] == np.float64(frequency)


def test_wavelet_follows_rickers_formula_between_its_ends() -> None:
    time = np.arange(100) * 1e-3 - peak_time(15.0, 1e-3)
    squared = (np.pi * 15.0 * time) ** 2
    np.testing.assert_allclose(ricker(15.0, 1e-3, 100), (1 - 2 * squared) * np.exp(-squared))
