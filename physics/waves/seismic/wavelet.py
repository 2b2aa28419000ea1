"""What a source sends out."""

import math

import numpy as np


def ricker(frequency: float, time_step: float, steps: int) -> np.ndarray:
    """Return a Ricker wavelet of amplitude 1, centred in its support, and zero afterwards.

    Its support has ``2 floor(2.2 / (frequency time_step) / 2) + 1`` samples: 147 with the peak at sample 73
    for 15 Hz and 1 ms.

    Parameters
    ----------
    frequency
        Peak of the spectrum, Hz.
    time_step
        s.
    steps
        Samples to return; a support that is longer is cut.

    Returns
    -------
    (steps,) float64 array

    References
    ----------
    The wavelet of FD2.8 (KAUST CSIM), of which the forward code of OpenFWI is a translation.
    """
    half = math.floor(2.2 / (frequency * time_step) / 2)
    phase = (math.pi * frequency * time_step * (np.arange(steps) - half)) ** 2
    return np.where(np.arange(steps) <= 2 * half, (1 - 2 * phase) * np.exp(-phase), 0.0)
