"""The wavelet of a source."""

import math

import numpy as np


def ricker(frequency: float, time_step: float, steps: int) -> np.ndarray:
    """Return a sampled Ricker wavelet of amplitude 1: 147 samples around sample 73 for 15 Hz and 1 ms.

    Parameters
    ----------
    frequency
        Peak of the spectrum, Hz.
    time_step
        s.
    steps
        Samples to return; a wavelet that is longer is cut.

    Returns
    -------
    (steps,) float64 array

    References
    ----------
    The wavelet of FD2.8 (KAUST CSIM), of which the forward code of OpenFWI is a translation.
    """
    return ricker_at(np.arange(steps) * time_step, frequency, peak_time(frequency, time_step))


def peak_time(frequency: float, time_step: float) -> float:
    """Return when the sampled wavelet has its peak, s: 1.1 periods, on a whole step."""
    return math.floor(2.2 / (frequency * time_step) / 2) * time_step


def ricker_at(times: np.ndarray, frequency: float, peak: float) -> np.ndarray:
    """Return the wavelet with its peak at `peak` (s), which is zero before 0 and after twice the peak."""
    phase = (math.pi * frequency * (times - peak)) ** 2
    return np.where((times >= 0) & (times <= 2 * peak), (1 - 2 * phase) * np.exp(-phase), 0.0)
