"""Which readings lie in the window of a site, and why others do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.radio.degrees import Degrees, writing_of
from datasets.radio.sieve import Mask, Sieve
from datasets.radio.site_window import SiteWindow


def distance(window: SiteWindow, latitude: Degrees, longitude: Degrees) -> NDArray[np.float64]:
    """Return how far from the window positions lie, m, (n,): 0 inside, infinite where they are no degrees."""
    east, north = window.local(latitude, longitude)
    with np.errstate(invalid="ignore"):
        beyond = np.hypot(
            np.maximum(0.0, np.maximum(-east, east - window.size)),
            np.maximum(0.0, np.maximum(-north, north - window.size)),
        )
        found = np.where(window.holds(east, north), 0.0, np.maximum(beyond, 1e-6))
        degrees = (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 180.0)
    return np.where(degrees & np.isfinite(found), found, np.inf)


def leave_outside(
    sieve: Sieve,
    latitude: Degrees,
    longitude: Degrees,
    window: SiteWindow,
    *,
    wanted: bool,
    most: float,
) -> None:
    """Leave out the readings outside the window.

    Parameters
    ----------
    sieve
        The readings that are looked at.
    latitude, longitude
        Degrees, (n,).
    window
        The window.
    wanted
        Whether a key says that they may be left out.
    most
        Largest share of them.

    Raises
    ------
    BuildError
        When they are written in another way, when they are not to be left out, and when they are too many.
    """
    rows, kept = sieve.rows, np.flatnonzero(sieve.kept)
    latitude, longitude = latitude[kept], longitude[kept]
    away = distance(window, latitude, longitude)
    if not (away > 0.0).any():
        return
    where = f"of {kept.size} readings lie outside the window, such as"

    def shown(which: Mask) -> str:
        first = int(np.flatnonzero(which)[0])
        return f"{rows.brief(int(kept[first]))} at {latitude[first]:.6f}, {longitude[first]:.6f}"

    if explained := writing_of(latitude, longitude, lambda a, o: distance(window, a, o)):
        writing, which = explained
        raise BuildError(
            f"{rows}: {which.sum()} {where} {shown(which)}: {writing.cause}, and so read they lie inside; "
            f"{writing.advice}"
        )
    if 2 * window.holds(longitude - window.west, latitude - window.south).sum() > kept.size:
        raise BuildError(
            f"{rows}, {shown(away > 0.0)}: the positions are metres of the plane {window.crs}, expected "
            "degrees; write latitude and longitude"
        )
    no_degrees = (np.abs(latitude) > 90.0) | (np.abs(longitude) > 180.0)
    if 2 * no_degrees.sum() > kept.size:
        raise BuildError(
            f"{rows}, {shown(no_degrees)}: expected degrees of latitude and longitude within +-90 and +-180 "
            f"({no_degrees.sum()} such lines); are the columns others, or the positions in metres?"
        )
    every = np.zeros(len(sieve.kept), dtype=bool)
    every[kept[no_degrees]] = True
    sieve.leave_out(every, "with a position beyond +-90, +-180 degrees")
    outside = (away > 0.0) & ~no_degrees
    if not outside.any():
        return
    if outside.all() or not wanted:
        first = int(np.flatnonzero(outside)[0])
        east, north = window.local(latitude[[first]], longitude[[first]])
        advice = "correct the window" if outside.all() else "correct the window, or `leave_out: [outside]`"
        raise BuildError(
            f"{rows}: {outside.sum()} {where} {shown(outside)}, {east[0]:.0f} m east and {north[0]:.0f} m "
            f"north of its south-west corner, where 0 to {window.size:g} m are covered; {advice}"
        )
    share = outside.sum() / (~no_degrees).sum()
    if share > most:
        raise BuildError(
            f"{rows}: {outside.sum()} {where} {shown(outside)} ({share:.1%}), at most {most:.0%} expected; "
            f"is the window where the readings are? Then allow them by `most_outside={_above(share)}`"
        )
    every[:] = False
    every[kept[outside]] = True
    sieve.leave_out(every, "outside the window", chosen=True)


def _above(share: float) -> str:
    """Return a share that allows this one, rounded up to percents."""
    return f"{min(1.0, -(-share * 100 // 1) / 100):g}"
