"""A drive past one antenna: its readings as text, and what the importer makes of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from datasets.radio.drive_test import DriveTest
from datasets.radio.site_window import SiteWindow

CORNER = (48.137, 11.575)
SIDE, READINGS = 256.0, 300
WINDOW = SiteWindow.at(CORNER, None, SIDE, 4.0, northern=False)
_RNG = np.random.default_rng(0)
EAST, NORTH = _RNG.uniform(4.0, SIDE - 4.0, (2, READINGS))


def degrees(east: Any, north: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of positions in the window."""
    longitude, latitude = WINDOW._transformer.transform(
        WINDOW.west + np.asarray(east), WINDOW.south + np.asarray(north), direction="INVERSE"
    )
    return np.asarray(latitude), np.asarray(longitude)


LATITUDE, LONGITUDE = degrees(EAST, NORTH)
_MAST = tuple(float(each[0]) for each in degrees([SIDE / 2], [SIDE / 2]))
MAST = dict(zip(("latitude", "longitude"), _MAST, strict=True)) | {
    "height": 20.0,
    "azimuth_deg": 30.0,
    "frequency_hz": 1.815e9,
}
_DISTANCE = np.hypot(np.hypot(EAST - SIDE / 2, NORTH - SIDE / 2), 20.0)
_OFF = (np.degrees(np.arctan2(EAST - SIDE / 2, NORTH - SIDE / 2)) - 30.0 + 180.0) % 360.0 - 180.0
RSRP = np.round(-45.0 - 22.0 * np.log10(_DISTANCE) - np.minimum(25.0, 12.0 * (_OFF / 65.0) ** 2))
"""dBm, whole numbers between -125 and -70."""


def stamp(number: int) -> str:
    return f"2024-06-01 12:{number // 60:02d}:{number % 60:02d}"


def position(number: int) -> str:
    return f"{LATITUDE[number]:.8f},{LONGITUDE[number]:.8f}"


def row(number: int) -> str:
    return f"{position(number)},{RSRP[number]:.0f}"


def text(
    header: str = "lat,lon,RSRP",
    line: Callable[[int], str] = row,
    numbers: Iterable[int] = range(READINGS),
) -> str:
    """Return a log: its header, and a line for each reading."""
    return "\n".join([header, *(line(number) for number in numbers)]) + "\n"


class Said(NamedTuple):
    """What an import finds: mean of the first map, number of readings, warnings, what is left out."""

    mean: float
    readings: int
    warnings: list[str]
    left_out: dict[str, int]


class Drive:
    """A site in a folder, with keys that fit the columns of `text`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        np.save(folder / "heights.npy", np.zeros((64, 64)))

    def recipe(self, log: str | bytes, **changes: Any) -> DriveTest:
        path = self.folder / "drive.csv"
        path.write_bytes(log.encode() if isinstance(log, str) else log)
        return DriveTest.make(
            {
                "site": "Marienplatz",
                "south_west": list(CORNER),
                "window_size": SIDE,
                "columns": {"latitude": "lat", "longitude": "lon", "rsrp": "RSRP"},
                "cells": {"101": MAST},
                "measurements": str(path),
                "buildings": str(self.folder / "heights.npy"),
            }
            | changes
        )

    def said(self, log: str | bytes, **changes: Any) -> Said:
        """Import a log as a build does before it writes."""
        recipe = self.recipe(log, **changes)
        recipe.prepare()
        (counts,) = recipe.left_out()
        counts.require_few()
        first = recipe._measurements[0]
        warnings = [line.removeprefix("warning: ") for line in recipe.remarks() if "warning: " in line]
        assert not any("\n" in line for line in warnings)
        found = {cause.partition(" (first")[0]: count for cause, count in counts.counts().items()}
        total = found.pop("total")
        readings = sum(int(each.readings.sum()) for each in recipe._measurements)
        assert readings == total - sum(found.values())
        return Said(float(np.nanmean(first.rsrp)), readings, warnings, found)

    def refused(self, log: str | bytes, **changes: Any) -> str:
        """Return the one line that says why nothing is imported."""
        with pytest.raises(ValueError) as caught:
            self.said(log, **changes)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{self.folder}/", "")
