"""The antennas of a site: what a user states of them, and where they stand in its window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from datasets.factory.errors import BuildError
from datasets.radio.degrees import writing_of
from datasets.radio.placing import distance
from datasets.radio.site_window import SiteWindow


class Antenna(BaseModel):
    """A cell of the site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: float = Field(ge=-90, le=90, description="Degrees north, WGS84.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east, WGS84.")
    height: float = Field(gt=0, le=1000, description="Above the ground, m.")
    azimuth_deg: float = Field(ge=-360, le=360, description="Boresight, degrees clockwise from north.")
    frequency_hz: float = Field(ge=1e8, le=1e11, description="Carrier frequency, Hz.")

    @field_validator("frequency_hz", mode="before")
    @classmethod
    def _in_hertz(cls, given: object) -> object:
        """Say what megahertz or gigahertz are in hertz."""
        number = given if isinstance(given, int | float) else 0.0
        for scale, unit in ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz")):
            if not 1e8 <= number <= 1e11 and 4e8 <= number * scale <= 1e11:
                mantissa, exponent = f"{number * scale:e}".split("e+")
                hertz = f"{float(mantissa):g}e+{int(exponent)}"
                raise ValueError(f"expected Hz, found {number:g}; if that is {unit}, write {hertz}")
        return given


def antenna_at(
    name: str, latitude: float, longitude: float, window: SiteWindow, others: Mapping[str, SiteWindow]
) -> tuple[float, float]:
    """Return how far east and north of the window's corner an antenna stands, m.

    Parameters
    ----------
    name
        Name of its cell.
    latitude, longitude
        Degrees.
    window
        The window.
    others
        Windows that may have been meant, by what was then done wrong.

    Raises
    ------
    BuildError
        When it stands outside.
    """
    a, o = np.array([latitude]), np.array([longitude])
    east, north = window.local(a, o)
    if window.holds(east, north)[0]:
        return float(east[0]), float(north[0])
    advice = "correct its position or the window"
    if writing := writing_of(a, o, lambda a, o: distance(window, a, o)):
        advice = f"{writing[0].cause}: correct `cells: {{{name}: ...}}`"
    for cause, other in others.items():
        if distance(other, a, o)[0] == 0.0:
            advice = cause
    raise BuildError(
        f"the antenna of cell '{name}' lies {east[0]:.0f} m east and {north[0]:.0f} m north of the window's "
        f"south-west corner, outside its {window.size:g} m; {advice}"
    )


def other_windows(
    corner: tuple[float, float], crs: str | None, size: float, cell: float, *, northern: bool
) -> dict[str, SiteWindow]:
    """Return the windows that may have been meant, by what to do then; see `antenna_at`."""
    key, other = ("north_west", "south_west") if northern else ("south_west", "north_west")
    meant = f"is the corner the {other.replace('_', '-')} one? Then give `{other}:`"
    found = {meant: SiteWindow.at(corner, crs, size, cell, northern=not northern)}
    latitude, longitude = corner
    if abs(longitude) <= 80.0:  # where UTM ends
        meant = f"`{key}:` or this position has the longitude first; write both as latitude, longitude"
        found[meant] = SiteWindow.at((longitude, latitude), crs, size, cell, northern=northern)
    return found
