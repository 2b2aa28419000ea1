"""Sound pressure in closed form: a rigid box, and a pulse before its first reflection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.fft import dctn, idctn

from physics.waves.rooms.air import AIR, Air


def rigid_box(
    initial: np.ndarray, size: Sequence[float], times: np.ndarray | Sequence[float], air: Air = AIR
) -> np.ndarray:
    """Return the pressure in a rigid box after initial pressures at rest, by its cosine series.

    Each mode of the angular frequency ``c pi |m / L|`` swings by itself. The modes are those of the cells, so
    nothing is lost in time, and of space only what the cells do not hold.

    Parameters
    ----------
    initial : (..., nx, ny[, nz]) array
        Pressure at the centres of even cells, Pa.
    size
        Lengths of the box along these axes, m.
    times : (samples,)
        s.
    air
        Speed of sound.

    Returns
    -------
    (..., samples, nx, ny[, nz]) float64 array
        Pa.

    References
    ----------
    H. Kuttruff, "Room acoustics", 6th ed., CRC Press 2016, section 3.2.
    """
    axes = tuple(range(-len(size), 0))
    amplitudes = dctn(np.asarray(initial, float), axes=axes)
    numbers = np.meshgrid(
        *(np.arange(count) / length for count, length in zip(initial.shape[-len(size) :], size, strict=True)),
        indexing="ij",
    )
    rates = air.speed * np.pi * np.sqrt(sum(number**2 for number in numbers))
    fields = [idctn(amplitudes * np.cos(rates * time), axes=axes) for time in times]
    return np.stack(fields, axis=-1 - len(size))


def modes(size: Sequence[float], highest: float, air: Air = AIR) -> np.ndarray:
    """Return the frequencies of the modes of a rigid box up to a frequency (Hz), sorted, without 0 Hz."""
    counts = [range(int(2 * highest * length / air.speed) + 1) for length in size]
    found = [
        air.speed / 2 * float(np.hypot.reduce(np.array(each) / np.array(size))) for each in product(*counts)
    ]
    return np.sort([frequency for frequency in found if 0 < frequency <= highest])


def free_pulse(
    distance: np.ndarray | float, times: np.ndarray | float, width: float, air: Air = AIR
) -> np.ndarray:
    """Return a pulse ``exp(-r^2 / width^2)`` that spreads in free space in three dimensions, Pa.

    ``r p(r, t) = [(r - ct) f(r - ct) + (r + ct) f(r + ct)] / 2`` with f the pulse.

    Parameters
    ----------
    distance
        From the centre, m, above 0.
    times
        s; broadcasts against the distances.
    width
        m.
    air
        Speed of sound.

    References
    ----------
    P. M. Morse, K. U. Ingard, "Theoretical acoustics", Princeton 1986, section 7.1.
    """
    r, ct = np.asarray(distance, float), air.speed * np.asarray(times, float)
    inward, outward = r + ct, r - ct
    pulse = [each * np.exp(-((each / width) ** 2)) for each in (outward, inward)]
    return (pulse[0] + pulse[1]) / (2 * r)


def porous_admittance(
    frequency: np.ndarray | Sequence[float], flow_resistivity: float, thickness: float, air: Air = AIR
) -> np.ndarray:
    """Return the admittance of a porous layer on a rigid wall by Miki's model, m/(Pa s), complex.

    Parameters
    ----------
    frequency
        Hz; the model holds for 0.01 to 1 times the flow resistivity.
    flow_resistivity
        N s/m^4.
    thickness
        m.
    air
        The medium.

    References
    ----------
    Y. Miki, "Acoustical properties of porous materials - modifications of Delany-Bazley models", J. Acoust.
    Soc. Jpn. (E) 11 (1990), equations 30 to 37.
    """
    ratio = np.asarray(frequency, float) / flow_resistivity
    impedance = air.impedance * (1 + 0.070 * ratio**-0.632 - 0.107j * ratio**-0.632)
    number = (
        2 * np.pi * np.asarray(frequency) / air.speed * (1 + 0.109 * ratio**-0.618 - 0.160j * ratio**-0.618)
    )
    return 1j * np.tan(number * thickness) / impedance
