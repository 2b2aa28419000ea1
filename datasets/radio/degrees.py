"""Positions in degrees: how logs write them, and what they mean where they lie far from where they should."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Degrees = NDArray[np.float64]
_PART = r"(\d+(?:[.,]\d+)?)"
_MINUTES = "'\u2032\u2019"
_SECONDS = '"\u2033\u201d'
_WRITTEN = re.compile(
    rf"([NSEW])?\s*([+-])?\s*{_PART}\s*(?:(?:[°º:\s]|d|deg)\s*(?:{_PART}\s*(?:(?:[{_MINUTES}:\s]|m|min)\s*"
    rf"(?:{_PART}\s*(?:[{_SECONDS}]|''|s|sec)?)?)?)?)?\s*([NSEW])?",
    re.IGNORECASE,
)
FAR = 10_000.0
"""Distance from the window, m, beyond which a single reading is taken to be written in another way."""


def degrees_of(texts: Sequence[str], axis: str) -> Degrees:
    """Return the degrees that texts say, (n,); NaN where one says none.

    Parameters
    ----------
    texts
        Decimal degrees, or degrees, minutes and seconds, with or without a letter of the hemisphere:
        ``48.137``, ``48,137 N``, ``48°08'13.2"N``, ``N 48 08.22``, ``48:08:13.2``.
    axis
        Letters of the two hemispheres, the positive one first: ``NS`` or ``EW``.
    """
    return np.array([_degrees(text, axis) for text in texts], dtype=np.float64)


def _degrees(text: str, axis: str) -> float:
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return np.nan
    before, sign, *parts, after = found.groups()
    letters = ((before or "") + (after or "")).upper()
    if len(letters) > 1 or letters not in axis or (letters and sign):
        return np.nan
    whole, minutes, seconds = (float((part or "0").replace(",", ".")) for part in parts)
    broken = [part for part, smaller in pairwise(parts) if smaller and not part.isdigit()]
    if broken or minutes >= 60.0 or seconds >= 60.0:
        return np.nan
    negative = sign == "-" or (letters == axis[1] and bool(letters))
    return (-1.0 if negative else 1.0) * (whole + minutes / 60.0 + seconds / 3600.0)


class Writing(NamedTuple):
    """Another way to write positions.

    Attributes
    ----------
    cause
        What the positions are, for a message.
    advice
        What to do about it.
    degrees
        Returns the latitude and longitude that two columns mean.
    whole
        Whether a file is written so as a whole: then most of its readings have to fit.
    """

    cause: str
    advice: str
    degrees: Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]
    whole: bool = False


def _minutes(values: Degrees, hundreds: float) -> Degrees:
    """Return degrees of numbers whose digits are degrees, then minutes: ddmm.mmmm (100) or dd.mmmm (1)."""
    whole = np.trunc(values / hundreds)
    return whole + (values - whole * hundreds) * (100.0 / hundreds) / 60.0


def _scaled(scale: float, name: str) -> Writing:
    advice = f"divide them by {scale:.15g}"
    return Writing(f"the positions are in {name}", advice, lambda a, o: (a / scale, o / scale), True)


WRITINGS = (
    Writing(
        "latitude and longitude are swapped",
        "name the columns the other way round by `columns:`",
        lambda a, o: (o, a),
    ),
    Writing("the longitude counts from 0 to 360 degrees", "subtract 360", lambda a, o: (a, o - 360.0)),
    Writing("the longitude has the wrong sign (west is negative)", "change the sign", lambda a, o: (a, -o)),
    Writing("the latitude has the wrong sign (south is negative)", "change the sign", lambda a, o: (-a, o)),
    Writing(
        "latitude and longitude have the wrong signs (south and west are negative)",
        "change the signs",
        lambda a, o: (-a, -o),
    ),
    Writing(
        "the positions are degrees and minutes (ddmm.mmmm, as in NMEA)",
        "write decimal degrees",
        lambda a, o: (_minutes(a, 100.0), _minutes(o, 100.0)),
        True,
    ),
    Writing(
        "the positions are degrees and minutes (dd.mmmm)",
        "write decimal degrees",
        lambda a, o: (_minutes(a, 1.0), _minutes(o, 1.0)),
        True,
    ),
    _scaled(1e5, "1e-5 degrees"),
    _scaled(1e6, "microdegrees"),
    _scaled(1e7, "1e-7 degrees"),
    _scaled(3600.0, "seconds of arc"),
    _scaled(3.6e6, "milliseconds of arc"),
    _scaled(np.pi / 180.0, "radians"),
)


def writing_of(
    latitude: Degrees, longitude: Degrees, distance: Callable[[Degrees, Degrees], Degrees]
) -> tuple[Writing, NDArray[np.bool_]] | None:
    """Find out how positions are written that do not lie in a window as degrees, but do so otherwise.

    Parameters
    ----------
    latitude, longitude
        As they were read, (n,).
    distance
        Returns how far from the window positions in degrees lie, m, (n,); 0 inside it.

    Returns
    -------
    writing, which
        How they are written, and which readings are, (n,); None if no other way explains them.
    """
    given = distance(latitude, longitude)
    for writing in WRITINGS:
        fits = (given > FAR) & (distance(*writing.degrees(latitude, longitude)) == 0.0)
        if writing.whole:
            fits = (given > 0.0) & (distance(*writing.degrees(latitude, longitude)) == 0.0)
        if fits.any() and (not writing.whole or 2 * fits.sum() > fits.size):
            return writing, fits
    return None
