"""Signals that are heard in a room: read, resampled, band-limited, convolved in partitions, written."""

import warnings
from collections.abc import Iterable
from math import ceil, gcd
from pathlib import Path

import numpy as np
from scipy.signal import butter, chirp, oaconvolve, resample_poly, sosfiltfilt

from surrogates.core.errors import ConfigError
from surrogates.core.optional import require
from surrogates.report.sounds import gain

ORDER = 8
"""Of the low-pass filter, which runs forwards and backwards."""
AUDIBLE = 0.01
"""Share of a signal's energy above the highest frequency from which on a warning says so."""
FADED = 0.1
"""Share of a response that is faded out, so that its end is not heard as a click."""
Signal = tuple[np.ndarray, int]
"""Samples, and samples per second."""


class SignalWarning(UserWarning):
    """A signal was changed before it was used."""


def read_signal(given: str | Path | Signal, rate: int) -> np.ndarray:
    """Return the samples of a sound file, or of an array with its rate, in one channel at a rate.

    Parameters
    ----------
    given
        A file that `soundfile` reads, such as WAV or FLAC; or samples (time,) or (time, channel) and their
        rate, Hz.
    rate
        Hz.

    Raises
    ------
    ConfigError
        When there is no such file, it is no sound, or its samples are none or NaN.

    Warns
    -----
    SignalWarning
        When channels are mixed or another rate is resampled.
    """
    if isinstance(given, tuple):
        samples, found, name = np.asarray(given[0], float), int(given[1]), "the signal"
    else:
        soundfile, name = require("soundfile", "Reading sound"), str(given)
        if not Path(given).is_file():
            raise ConfigError(f"{name}: no such file; name a sound file, such as speech.wav")
        try:
            samples, found = soundfile.read(str(given), always_2d=False)
        except soundfile.LibsndfileError as error:
            raise ConfigError(f"{name}: {error}; name a sound file, such as WAV or FLAC") from None
    if samples.ndim not in (1, 2) or samples.size == 0 or found <= 0:
        raise ConfigError(
            f"{name}: shape {samples.shape} at {found} Hz found; samples (time,) or (time, channel) and a "
            "positive rate expected; give another signal"
        )
    if not np.isfinite(samples).all():
        raise ConfigError(f"{name}: NaN or infinite samples found, finite ones expected; repair it")
    if samples.ndim == 2:
        if samples.shape[1] > 1:
            _say(f"{name} has {samples.shape[1]} channels: their mean is taken")
        samples = samples.mean(1)
    if found != rate:
        _say(f"{name} has {found} samples per second: resampled to {rate}")
        common = gcd(found, rate)
        samples = resample_poly(samples, rate // common, found // common)
    return np.asarray(samples)


def band_limited(samples: np.ndarray, rate: int, highest: float) -> np.ndarray:
    """Return a signal without what lies above a frequency.

    Parameters
    ----------
    samples : (time,)
        Signal.
    rate
        Hz.
    highest
        Hz; above half of the rate nothing is to be done.

    Warns
    -----
    SignalWarning
        When more than a hundredth of the energy is lost.
    """
    if highest >= rate / 2:
        return samples
    energy = np.square(np.abs(np.fft.rfft(samples)))
    above = energy[np.fft.rfftfreq(len(samples), 1 / rate) > highest].sum()
    if above > AUDIBLE * energy.sum():
        _say(
            f"{above / energy.sum():.0%} of the signal's energy lie above {highest:g} Hz, the highest "
            "frequency that the surrogate knows: it is heard without them"
        )
    sections = butter(ORDER, highest, fs=rate, output="sos")
    padding = min(len(samples) - 1, 3 * (2 * len(sections) + 1))
    return np.asarray(sosfiltfilt(sections, samples, padlen=padding))


def fade_out(samples: int) -> np.ndarray:
    """Return the factors (samples,) by which a response ends without a click."""
    faded = max(1, ceil(FADED * samples))
    return np.concatenate([np.ones(samples - faded), np.cos(np.linspace(0, np.pi / 2, faded)) ** 2])


def at_rate(response: np.ndarray, time_step: float, rate: int) -> np.ndarray:
    """Return a response at a higher rate, faded out at its end.

    Parameters
    ----------
    response : (time,)
        Without energy above half of its own rate.
    time_step
        Between its samples, s.
    rate
        Hz.

    References
    ----------
    C. E. Shannon, "Communication in the presence of noise", Proc. IRE 37, 1949, equation 7.
    """
    samples = len(response)
    asked = np.arange(int((samples - 1) * time_step * rate + 1e-6) + 1) / (rate * time_step)
    return np.asarray(np.sinc(asked[:, None] - np.arange(samples)) @ (fade_out(samples) * response))


def sweep(low: float, high: float, seconds: float, rate: int) -> np.ndarray:
    """Return a tone that rises evenly in octaves from a frequency to another (Hz), faded in and out."""
    times = np.arange(round(seconds * rate)) / rate
    fade = fade_out(len(times))
    return np.asarray(fade * fade[::-1] * chirp(times, low, seconds, high, method="logarithmic", phi=-90))


def partitions(samples: int, hop: int) -> np.ndarray:
    """Return the centres of the partitions of a signal, in samples, (count,)."""
    return hop * np.arange(-(-samples // hop) + 1)


def convolve_moving(signal: np.ndarray, responses: Iterable[np.ndarray], hop: int) -> np.ndarray:
    """Return a signal convolved with a response that changes.

    The signal is cut into partitions of two hops that overlap by half, weighted by triangles that add to one.
    Each is convolved with its own response by fast Fourier transforms, and all are added.

    Parameters
    ----------
    signal : (time,)
        Samples.
    responses
        Impulse response of the centre of each partition (`partitions`), all of one length.
    hop
        Samples between two centres.

    Returns
    -------
    (time + response - 1,) array

    References
    ----------
    U. Zoelzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley 2011, section 7.1.2 (overlap-add).
    """
    padded = np.concatenate([np.zeros(hop), signal, np.zeros(2 * hop)])
    triangle = 1 - np.abs(np.arange(-hop, hop)) / hop
    heard: np.ndarray | None = None
    length = 0
    for number, response in enumerate(responses):
        if heard is None:
            length = len(response)
            heard = np.zeros(len(padded) + length)
        partition = padded[number * hop : (number + 2) * hop] * triangle
        heard[number * hop : (number + 2) * hop + length - 1] += oaconvolve(partition, response)
    if heard is None:
        raise ValueError("responses: none found, one for each partition expected")
    return heard[hop : hop + len(signal) + length - 1]


def require_sound_file(path: str | Path) -> None:
    """Refuse a file that could not be written, before the work for it is done.

    Raises
    ------
    ConfigError
        When its ending is that of no format of sound, or its folder does not exist.
    """
    soundfile, path = require("soundfile", "Writing sound"), Path(path)
    known = {each.lower() for each in soundfile.available_formats()} - {"raw"}
    if path.suffix.removeprefix(".").lower() not in known:
        raise ConfigError(f"{path}: the ending '{path.suffix}' is that of no sound file; take .wav or .flac")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}; make it first")


def write_signal(path: str | Path, samples: np.ndarray, rate: int) -> None:
    """Write a sound file whose peak lies 1 dB below full scale; a silent signal stays silent.

    Parameters
    ----------
    path
        Its ending says the format, such as `.wav` or `.flac`.
    samples : (time,)
        In any unit.
    rate
        Hz.
    """
    require("soundfile", "Writing sound").write(str(path), gain(samples) * samples, rate)


def _say(message: str) -> None:
    warnings.warn(message, SignalWarning, stacklevel=3)
