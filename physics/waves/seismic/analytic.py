"""Gathers over a medium of one velocity, in closed form."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import hankel1

from physics.waves.seismic.survey import Survey
from physics.waves.seismic.wavelet import peak_time, ricker, ricker_at

LENGTH = 4096  # samples of the spectrum of a source
NODES = 64
"""Of the quadrature; the integrand is a Ricker wavelet, stretched, and 64 nodes give about ten digits."""


def homogeneous_gather(velocity: float, survey: Survey) -> np.ndarray:
    """Return the gathers over an unbounded medium of one velocity.

    The equation is ``p_tt = c^2 (laplacian(p) + s(t) dx^2 delta)``: a simulation adds its source to one cell,
    which is ``dx^2`` times a point source. Its answer in two dimensions is the convolution of the source with
    ``H(t - r/c) / (2 pi sqrt(t^2 - r^2/c^2))``; with ``t' = r/c cosh(u)`` the root goes away::

        p(r, t) = dx^2 / (2 pi) integral over u > 0 of s(t - r/c cosh(u))

    A simulation's sample is the field *after* the step that took in the source of its time, so sample i is
    the field at (i + 1) steps.

    Parameters
    ----------
    velocity
        m/s.
    survey
        Where and when was shot and recorded.

    Returns
    -------
    (shot, sample, receiver) float64 array

    Raises
    ------
    ValueError
        If a receiver stands at a source, where the field is infinite, or the medium has a free surface.

    References
    ----------
    P. M. Morse, H. Feshbach, "Methods of theoretical physics", McGraw-Hill 1953, section 7.3.
    """
    if survey.free_surface:
        raise ValueError("survey: free_surface=True found, an unbounded medium expected")
    aside = np.subtract.outer(survey.source_columns, survey.receiver_columns)
    distance = survey.spacing * np.hypot(aside, survey.source_row - survey.receiver_row)
    if not distance.all():
        raise ValueError(
            "survey: a receiver stands at a source, where the field is infinite; leave it out or move it"
        )
    peak = peak_time(survey.frequency, survey.time_step)
    time = (survey.times + survey.time_step)[None, :, None]
    delay = (distance / velocity)[:, None, :]
    # The source acts from 0 to twice its peak, which bounds the integral from both sides.
    first, last = (np.arccosh(np.maximum(bound / delay, 1)) for bound in (time - 2 * peak, time))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    total = np.zeros(np.broadcast_shapes(first.shape, last.shape))
    for node, weight in zip(nodes, weights, strict=True):
        u = first + (last - first) * (node + 1) / 2
        total += weight * ricker_at(time - delay * np.cosh(u), survey.frequency, peak)
    return survey.spacing**2 / (2 * math.pi) * total * (last - first) / 2


def dispersion(velocity: float, survey: Survey, distance: float) -> float:
    """Return the relative L2 error of a trace over a medium of one velocity due to the grid only.

    On the grid, a wave of angular frequency w that runs along the line has the wave number k of::

        4 sin^2(w dt / 2) / dt^2 = c^2 (5/2 - 8/3 cos(k h) + 1/6 cos(2 k h)) / h^2

    instead of w / c. The difference is that of the field, ``H0(k r)`` for ``H0(w r / c)``, weighted with the
    spectrum of the source.

    Parameters
    ----------
    velocity
        m/s.
    survey
        Its spacing, time step and frequency.
    distance
        Of the receiver, m.
    """
    step, h = survey.time_step, survey.spacing
    spectrum = np.abs(np.fft.rfft(ricker(survey.frequency, step, LENGTH)))
    strong = spectrum > 1e-3 * spectrum.max()
    strong[0] = False
    rates, weights = 2 * np.pi * np.fft.rfftfreq(LENGTH, step)[strong], spectrum[strong] ** 2

    def excess(k: float, rate: float) -> float:
        laplacian = (5 / 2 - 8 / 3 * np.cos(k * h) + np.cos(2 * k * h) / 6) / h**2
        return float(velocity**2 * laplacian - (2 / step * np.sin(rate * step / 2)) ** 2)

    numbers = np.array([brentq(excess, 1e-9, 2.5 / h, args=(rate,)) for rate in rates])
    exact = hankel1(0, rates / velocity * distance)
    error = hankel1(0, numbers * distance) - exact
    return float(np.sqrt(np.sum(weights * np.abs(error) ** 2) / np.sum(weights * np.abs(exact) ** 2)))
