"""What a recorder makes of a flight: its clock hesitates, its stamps are a little off, its positions drift.

Logs of flights rarely carry the vehicle's own clock. A simulator that falls behind real time, a companion
computer whose clock is corrected against the autopilot's, and samples that wait for a bus all do the same to
a track: stamps run on while the vehicle's time stands, so that a step of a log is less than one of flight.
And what is logged is an estimate, whose error wanders slowly, more in height than across. Some recorders
sample more slowly than ten times a second, some filter what they log, some logs were smoothed afterwards, and
some are noisy. This module draws such clocks, errors and recorders. Their parameters are broad and fitted to
no recording.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.interpolate import CubicHermiteSpline, interp1d
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter, lfiltic

from datasets.uav.interpolation import at_times
from datasets.uav.variables import STEP


def draw_clock(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return vehicle times of the samples of a hesitant recorder, s, ascending from 0.

    Holds of 20 to 120 ms come every 0.4 to 4 s, nearly periodic in some recordings and at random in others;
    beside them stamps jitter by up to 6 ms (standard deviation), and every other one is up to 5 ms late.

    Parameters
    ----------
    samples
        Number of samples, `STEP` apart on the recorder's clock.
    rng
        Generator of the record.
    """
    stamps = np.arange(samples) * STEP
    period, hold = np.exp(rng.uniform(np.log(0.4), np.log(4.0))), rng.uniform(0.02, 0.12)
    spread = rng.choice([0.02, 0.2, 1.0])
    count = int(stamps[-1] / period * 2) + 10
    gaps = np.where(
        spread == 1.0, rng.exponential(period, count), period * (1 + spread * rng.uniform(-1, 1, count))
    )
    begins = np.cumsum(np.maximum(gaps, hold)) - rng.uniform(0.0, period)
    held = np.clip(stamps[:, None] - begins, 0.0, hold).sum(axis=1)
    jitter = rng.uniform(0.0, 0.006) * rng.standard_normal(samples)
    late = rng.uniform(0.0, 0.005) * (np.arange(samples) % 2)
    times = np.maximum.accumulate(stamps - held + jitter + late)
    return np.clip(times - times[0], 0.0, stamps[-1])


def draw_drift(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return the error of an estimated position, m, shape (samples, 3).

    An Ornstein-Uhlenbeck process on each axis: standard deviations of up to 3 cm across and 6 cm in height,
    correlation times of 0.5 to 4 s.

    Parameters
    ----------
    samples
        Number of samples, `STEP` apart.
    rng
        Generator of the record.
    """
    deviation = np.array([1.0, 1.0, 2.0]) * rng.uniform(0.0, 0.03)
    kept = np.exp(-STEP / np.exp(rng.uniform(np.log(0.5), np.log(4.0), 3)))
    draws = rng.standard_normal((samples, 3))
    draws[1:] *= np.sqrt(1.0 - kept**2)
    error = np.stack([lfilter([1.0], [1.0, -k], draws[:, axis]) for axis, k in enumerate(kept)], axis=1)
    return deviation * error


def recorded(track: Mapping[str, np.ndarray], times: np.ndarray) -> dict[str, np.ndarray]:
    """Return a track as sampled at other instants.

    Parameters
    ----------
    track
        Arrays (samples, components), `STEP` apart on the vehicle's clock, with `position` (m) and `velocity`
        (m/s).
    times
        Vehicle times of the new samples, s, within those of the track.

    Returns
    -------
    dict
        Positions by the cubic that has the track's positions and velocities; setpoints hold until the next,
        as the importers of logs have it; the others by straight lines, quaternions normalised again.
    """
    clock = STEP * np.arange(len(track["position"]), dtype=np.float64)
    found = {}
    for name, values in track.items():
        if name == "position":
            found[name] = CubicHermiteSpline(clock, values, track["velocity"], axis=0)(times)
        elif name == "position_setpoint":
            found[name] = at_times(name, clock, values, times)
        else:
            found[name] = interp1d(clock, values, axis=0)(times)
    if "attitude" in found:
        found["attitude"] = found["attitude"] / np.linalg.norm(found["attitude"], axis=1, keepdims=True)
    return found


def logged(position: np.ndarray, recorder: str, rng: np.random.Generator) -> np.ndarray:
    """Return the positions that a recorder of a kind logs, m, shape (samples, 3).

    Parameters
    ----------
    position
        What it is given, m, shape (samples, 3), `STEP` apart.
    recorder
        One of `datasets.uav.variables.RECORDERS`: `direct` logs what it is given; `slow` samples 3 to 8 times
        a second, with straight lines between; `filtered` follows with a lag of 0.05 to 0.4 s; `smoothed` is
        averaged over past and future, with a Gaussian of 0.1 to 0.4 s; `noisy` adds white noise with a
        standard deviation of 1 to 8 cm.
    rng
        Generator of the record.
    """
    return _RECORDERS[recorder](position, rng)


def _direct(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return position


def _slow(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    clock = STEP * np.arange(len(position))
    period = 1.0 / rng.uniform(3.0, 8.0)
    # One sample before the first and one behind the last, which hold the ends.
    times = period * np.arange(-1, int(clock[-1] / period) + 3) + rng.uniform(0.0, period)
    times = np.clip(times, 0.0, clock[-1])
    sampled = np.stack([np.interp(times, clock, axis) for axis in position.T])
    return np.stack([np.interp(clock, times, axis) for axis in sampled], axis=1)


def _filtered(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kept = np.exp(-STEP / np.exp(rng.uniform(np.log(0.05), np.log(0.4))))
    taps = [1.0 - kept], [1.0, -kept]
    return np.stack([lfilter(*taps, axis, zi=lfiltic(*taps, [axis[0]]))[0] for axis in position.T], axis=1)


def _smoothed(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return gaussian_filter1d(position, rng.uniform(0.1, 0.4) / STEP, axis=0, mode="nearest")


def _noisy(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return position + np.exp(rng.uniform(np.log(0.01), np.log(0.08))) * rng.standard_normal(position.shape)


_RECORDERS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "direct": _direct,
    "slow": _slow,
    "filtered": _filtered,
    "smoothed": _smoothed,
    "noisy": _noisy,
}
