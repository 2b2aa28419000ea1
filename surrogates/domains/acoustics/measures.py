"""What is read from an impulse response of a room: decay, reverberation time, clarity, spectrum.

Definitions are those of ISO 3382-1:2009. Responses have the time on their last axis, evenly sampled.
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, sosfilt

START_DECIBELS = -20.0
"""Level below the peak at which the direct sound begins (ISO 3382-1, section 5.3.3 and annex A)."""
ENOUGH_DECIBELS = 5.0
"""By how much a decay must pass the end of the fitted range before the response ends."""
LATEST = 0.9
"""Share of a response up to which its decay is not yet bent by its end."""
REFERENCE = 4e-10
"""Square of 20 uPa, times 1 s: reference of a sound exposure level, Pa^2 s."""
OCTAVES = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Nominal mid-band frequencies, Hz."""


def onset(response: np.ndarray) -> np.ndarray:
    """Return the sample at which the direct sound begins, the first within 20 dB of the peak, shape (...).

    Parameters
    ----------
    response : (..., time)
        Sound pressure, Pa.
    """
    level = np.abs(response)
    return np.asarray(np.argmax(level >= level.max(-1, keepdims=True) * 10 ** (START_DECIBELS / 20), axis=-1))


def energy_decay(response: np.ndarray) -> np.ndarray:
    """Return the energy that is still to come over that of the whole response, dB, shape (..., time).

    References
    ----------
    M. R. Schroeder, "New method of measuring reverberation time", J. Acoust. Soc. Am. 37, 1965.
    """
    remaining = np.cumsum(np.square(response, dtype=float)[..., ::-1], axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(remaining / remaining[..., :1]))


def reverberation_time(
    response: np.ndarray, time_step: float, begin: float = -5.0, end: float = -35.0
) -> np.ndarray:
    """Return the time in which the sound decays by 60 dB, s, shape (...): T30, or T20 with ``end=-25``.

    A line is fitted to the energy decay between two levels. It is NaN where the response is too short: if its
    decay has not passed the lower level by 5 dB at nine tenths of its duration.

    Parameters
    ----------
    response : (..., time)
        Sound pressure, Pa.
    time_step
        s.
    begin, end
        Levels between which the decay is fitted, dB.

    References
    ----------
    ISO 3382-1:2009, sections 3.5 and 5.3.3.
    """
    _require(response, time_step)
    decay = energy_decay(response)
    fitted = (decay <= begin) & (decay >= end)
    times = time_step * np.arange(response.shape[-1])
    count = fitted.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        late = times - np.where(fitted, times, 0.0).sum(-1, keepdims=True) / count[..., None]
        level = np.where(fitted, decay, 0.0)
        slope = (late * level * fitted).sum(-1) / (np.square(late) * fitted).sum(-1)
        found = -60.0 / slope
    last = decay[..., int(LATEST * (response.shape[-1] - 1))]
    return np.where((count > 1) & (last <= end - ENOUGH_DECIBELS), found, np.nan)


def clarity(response: np.ndarray, time_step: float, early: float = 0.05) -> np.ndarray:
    """Return the early over the late energy, dB, shape (...): C50, or C80 with ``early=0.08``.

    Parameters
    ----------
    response : (..., time)
        Sound pressure, Pa.
    time_step
        s.
    early
        Duration of the early sound from the beginning of the direct one, s.

    References
    ----------
    ISO 3382-1:2009, annex A.2.3, equation A.10.
    """
    first, whole = _energies(response, time_step, early)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(first / (whole - first)))


def definition(response: np.ndarray, time_step: float, early: float = 0.05) -> np.ndarray:
    """Return the share of early energy in the whole, shape (...): D50.

    Parameters
    ----------
    response, time_step, early
        As for `clarity`.

    References
    ----------
    ISO 3382-1:2009, annex A.2.3, equation A.11.
    """
    first, whole = _energies(response, time_step, early)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(first / whole)


def spectrum(response: np.ndarray, time_step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies, Hz, and the energy spectral density at them, Pa^2 s/Hz, shape (..., frequency).

    Its integral over the frequencies is the energy of the response, its square integrated over time.
    """
    _require(response, time_step)
    samples = response.shape[-1]
    density = 2 * np.square(np.abs(np.fft.rfft(response, axis=-1))) * time_step**2
    density[..., 0] /= 2
    if samples % 2 == 0:
        density[..., -1] /= 2
    return np.fft.rfftfreq(samples, time_step), density


def band_levels(
    response: np.ndarray, time_step: float, centres: Sequence[float] = OCTAVES, per_octave: int = 1
) -> np.ndarray:
    """Return the sound exposure level in each band, dB re (20 uPa)^2 s, shape (..., band).

    The energy spectral density is integrated between the edges of the bands; of the two frequencies about an
    edge, each stands for half of the interval between them. A band without energy has minus infinity.

    Parameters
    ----------
    response : (..., time)
        Sound pressure, Pa.
    time_step
        s.
    centres
        Mid-band frequencies, Hz.
    per_octave
        Bands in an octave.

    References
    ----------
    IEC 61260-1:2014, section 5 (edges of the bands), with powers of 2.
    """
    frequencies, density = spectrum(response, time_step)
    width = frequencies[1]
    levels = []
    for centre in centres:
        low, high = (centre * 2 ** (side / (2 * per_octave)) for side in (-1, 1))
        share = np.clip((high - frequencies) / width + 0.5, 0, 1) - np.clip(
            (low - frequencies) / width + 0.5, 0, 1
        )
        levels.append((density * share).sum(-1) * width)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(np.stack(levels, axis=-1) / REFERENCE))


def in_band(response: np.ndarray, time_step: float, centre: float, per_octave: int = 1) -> np.ndarray:
    """Return a response filtered to one band, such as to read its reverberation time, shape (..., time).

    Parameters
    ----------
    response : (..., time)
        Sound pressure, Pa.
    time_step
        s.
    centre
        Mid-band frequency, Hz.
    per_octave
        Bands in an octave.

    Raises
    ------
    ValueError
        When the band reaches above half of the sampling rate.
    """
    _require(response, time_step)
    low, high = (centre * 2 ** (side / (2 * per_octave)) for side in (-1, 1))
    if high >= 0.5 / time_step:
        raise ValueError(
            f"the band about {centre:g} Hz reaches to {high:g} Hz; below {0.5 / time_step:g} Hz, half of the "
            "sampling rate, expected; take a lower band"
        )
    return np.asarray(sosfilt(butter(4, (low, high), "band", fs=1 / time_step, output="sos"), response))


def _energies(response: np.ndarray, time_step: float, early: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the early energy from the beginning of the direct sound on, and all energy from there."""
    _require(response, time_step)
    samples = np.arange(response.shape[-1])
    start = onset(response)[..., None]
    square = np.square(response, dtype=float) * (samples >= start)
    share = np.clip(start + early / time_step - samples, 0.0, 1.0)
    return (square * share).sum(-1), square.sum(-1)


def _require(response: np.ndarray, time_step: float) -> None:
    if response.ndim < 1 or response.shape[-1] < 2 or not 0 < time_step < np.inf:
        raise ValueError(
            f"response: shape {response.shape} and time step {time_step!r} s found; (..., time) of 2 samples "
            "at least and a positive time step expected"
        )
    if not np.isfinite(response).all():
        raise ValueError("response: NaN or infinite values found, finite ones expected; leave them out")
