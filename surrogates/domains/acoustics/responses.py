"""Impulse responses of a surrogate, and what is heard in its room while source and listener move."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.signal import resample_poly

from datasets.store.errors import ContractError
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.names import SPACE, TIME
from surrogates.domains.acoustics.room import TrainedRoom
from surrogates.domains.acoustics.signals import (
    Signal,
    band_limited,
    convolve_moving,
    fade_out,
    partitions,
    read_signal,
    require_sound_file,
    write_signal,
)
from surrogates.inference.surrogate import Surrogate

OVERSAMPLING = 4.0
"""Samples of a response in a period of the highest frequency."""

Positions = np.ndarray | list[float] | tuple[float, ...]


def impulse_response(
    surrogate: Surrogate,
    source: Positions,
    receiver: Positions,
    times: np.ndarray | None = None,
    **given: float,
) -> xr.DataArray:
    """Return the sound pressure at receivers after a pulse of 1 Pa of sources.

    The pulse is that of the training data, so that the response reaches to its highest frequency.

    Parameters
    ----------
    surrogate
        Of `sound_pressure` at points.
    source, receiver
        Positions, (axes,) or (count, axes), m.
    times : (time,)
        s; by default four in a period of the highest frequency, up to the end of training.
    **given
        Other inputs of the surrogate, such as `wall_impedance`.

    Returns
    -------
    xr.DataArray
        Pa, with the dimensions `source`, `receiver` and `time`, the first two only where several were given,
        and the positions as coordinates `source_x`, ...

    Raises
    ------
    ContractError
        For positions outside the room, of another shape or NaN, and times that are negative or NaN.

    Warns
    -----
    OutOfRangeWarning
        When a position or a time lies outside those of training.
    """
    room = TrainedRoom.of(surrogate)
    sources, receivers = room.positions(source, "source"), room.positions(receiver, "receiver")
    times = _times(room) if times is None else np.asarray(times, float)
    if times.ndim != 1 or not times.size or not np.isfinite(times).all() or (times < 0).any():
        raise ContractError(f"times: shape {times.shape} found, (time,) from 0 s on, without NaN, expected")
    points = _points(receivers, times)
    pressure = room.pressure(sources, points, **given).reshape(len(sources), len(receivers), len(times))
    found = xr.DataArray(
        pressure,
        dims=("source", "receiver", TIME),
        coords={
            TIME: (TIME, times, {"units": "s", "long_name": "time since the pulse"}),
            **{
                f"{what}_{axis}": (what, places[:, number], {"units": "m"})
                for what, places in (("source", sources), ("receiver", receivers))
                for number, axis in enumerate(SPACE[: room.axes])
            },
        },
        name="impulse_response",
        attrs={"units": "Pa", "long_name": "sound pressure after a pulse of 1 Pa"},
    )
    single = {name: 0 for name, each in (("source", source), ("receiver", receiver)) if np.ndim(each) == 1}
    return found.isel(single)


def move(
    surrogate: Surrogate,
    source_path: Positions,
    receiver_path: Positions,
    signal: str | Path | Signal,
    *,
    rate: int = 44_100,
    interval: float = 0.02,
    out: str | Path | None = None,
    **given: float,
) -> xr.DataArray:
    """Return what a listener hears of a signal while source and listener move.

    The signal is convolved in partitions, each with the impulse response of the positions at its time.
    Doppler shifts follow, as far as positions change little in an interval.

    Parameters
    ----------
    surrogate
        Of `sound_pressure` at points.
    source_path, receiver_path
        A resting position (axes,), or positions (count, axes) at even times from the beginning of the signal
        to its end, between which it moves straight; m.
    signal
        A sound file, or samples with their rate, Hz.
    rate
        Samples per second of the answer; a signal of another rate is resampled.
    interval
        Time between two impulse responses, s.
    out
        Sound file to write, with its peak 1 dB below full scale.
    **given
        Other inputs of the surrogate, such as `wall_impedance`.

    Returns
    -------
    xr.DataArray
        Along `time`, Pa s times the signal; `rate` among its attributes.

    Raises
    ------
    ContractError
        For positions outside the room, of another shape or NaN.
    ConfigError
        For a signal that cannot be read, a file that cannot be written, and a rate too low for the highest
        frequency.

    Warns
    -----
    SignalWarning
        When the signal is resampled, mixed, or has energy above the highest frequency, which is left out.
    OutOfRangeWarning
        When a position lies outside those of training.
    """
    room = TrainedRoom.of(surrogate)
    if out is not None:
        require_sound_file(out)
    paths = [room.positions(source_path, "source_path"), room.positions(receiver_path, "receiver_path")]
    if rate < 2 * room.highest_frequency or not 0 < interval < np.inf:
        raise ConfigError(
            f"rate {rate} Hz and interval {interval!r} s found; at least {2 * room.highest_frequency:g} Hz, "
            "twice the highest frequency, and a positive interval expected"
        )
    samples = band_limited(read_signal(signal, rate), rate, room.highest_frequency)
    hop = max(1, round(interval * rate))
    centres = partitions(len(samples), hop) / max(1, len(samples) - 1)
    sources, receivers = (along(path, centres) for path in paths)
    heard = convolve_moving(samples, _responses(room, sources, receivers, rate, given), hop) / rate
    if out is not None:
        write_signal(out, heard, rate)
    return xr.DataArray(
        heard,
        dims=(TIME,),
        coords={TIME: (TIME, np.arange(len(heard)) / rate, {"units": "s"})},
        name="sound",
        attrs={"units": "Pa s", "long_name": "signal in the room", "rate": rate},
    )


def _times(room: TrainedRoom, step: float | None = None) -> np.ndarray:
    step = 1 / (OVERSAMPLING * room.highest_frequency) if step is None else step
    return step * np.arange(int(room.duration / step + 1e-6) + 1)


def _points(receivers: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return every receiver at every time, (receivers * times, axes + 1)."""
    places = np.repeat(receivers, len(times), axis=0)
    return np.column_stack([places, np.tile(times, len(receivers))])


def along(path: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the positions at some shares of a path, (share, axes)."""
    if len(path) == 1:
        return np.repeat(path, len(shares), axis=0)
    known = np.linspace(0, 1, len(path))
    return np.column_stack([np.interp(shares, known, axis) for axis in path.T])


def _responses(
    room: TrainedRoom, sources: np.ndarray, receivers: np.ndarray, rate: int, given: dict[str, float]
) -> Iterator[np.ndarray]:
    """Give the response of each pair of positions at a rate, faded out at its end."""
    up = max(1, int(rate / (OVERSAMPLING * room.highest_frequency)))
    times = _times(room, up / rate)
    fade = fade_out(len(times))
    last: tuple[np.ndarray, np.ndarray] | None = None
    for source, receiver in zip(sources, receivers, strict=True):
        pair = np.concatenate([source, receiver])
        if last is None or (pair != last[0]).any():
            pressure = room.pressure(source[None], _points(receiver[None], times), **given)[0]
            last = pair, np.asarray(resample_poly(pressure * fade, up, 1))
        yield last[1]
