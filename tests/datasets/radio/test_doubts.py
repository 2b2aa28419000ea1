"""What in a drive test contradicts its site."""

from pathlib import Path

import numpy as np
import pytest

from datasets.radio.doubts import doubt_of_buildings
from tests.datasets.radio.drives import CORNER, MAST, RSRP, Drive, position, row, text


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def test_a_drive_that_fits_its_site_is_not_doubted(drive: Drive) -> None:
    assert drive.said(text()).warnings == []


def test_readings_behind_the_antenna_are_doubted(drive: Drive) -> None:
    (warning,) = drive.said(text(), cells={"101": MAST | {"azimuth_deg": 210.0}}).warnings
    assert "readings of '101' are" in warning
    assert "dB stronger behind the antenna than before it" in warning


@pytest.mark.parametrize(("change", "much"), [(55.0, "more"), (-20.0, "less")])
def test_levels_that_no_antenna_gives_are_doubted(drive: Drive, change: float, much: str) -> None:
    carrier = {"frequency_hz": 2.6e10 if change > 0 else 4.5e8}
    log = text(line=lambda number: f"{position(number)},{max(RSRP[number] + change, -150)}")
    (warning,) = drive.said(log, cells={"101": MAST | carrier}).warnings
    assert f"much {much} than the 0 to 40 dBm" in warning


def test_several_cells_with_mixed_readings_are_one_line(drive: Drive) -> None:
    log = text("lat,lon,RSRP,pci,LTE: Band", lambda n: f"{row(n)},{101 + n % 2},{'B3' if n % 3 else 'B20'}")
    columns = {"latitude": "lat", "longitude": "lon", "rsrp": "RSRP", "cell": "pci"}
    warning = drive.said(log, columns=columns, cells={101: MAST, 102: MAST}).warnings[0]
    assert "cell '101' holds readings of several bands (as do 1 other cells)" in warning
    assert '`where: {"LTE: Band": B3}`' in warning


def streets(*, turned: bool) -> tuple[np.ndarray, np.ndarray]:
    """Houses in the south, and a drive that keeps to the streets between them."""
    heights = np.zeros((64, 64))
    heights[2:30, ::2] = 12.0
    measured = np.zeros((64, 64), bool)
    measured[2:30, 1::4] = True
    measured[40:50, ::3] = True
    return (heights[::-1] if turned else heights), measured


def test_a_raster_upside_down_is_doubted() -> None:
    heights, measured = streets(turned=False)
    assert doubt_of_buildings(heights, measured) == []
    (warning,) = doubt_of_buildings(*streets(turned=True))
    assert "of the measured cells lie in buildings; is the raster upside down" in warning


def test_buildings_under_most_readings_are_doubted() -> None:
    heights, measured = np.full((64, 64), 9.0), np.ones((64, 64), bool)
    (warning,) = doubt_of_buildings(heights, measured)
    assert "100% of the measured cells lie in buildings; are the buildings those of this window?" in warning


def test_towers_everywhere_are_doubted() -> None:
    heights, measured = streets(turned=False)
    (warning,) = doubt_of_buildings(heights * 20.0, measured)
    assert "half of the built cells are higher than 240 m; are the heights in feet or centimetres?" in warning


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"south_west": [CORNER[1], CORNER[0]]}, "has the longitude first"),
        (
            {"south_west": None, "north_west": CORNER},
            "Then give `south_west:`",
        ),
        ({"cells": {"101": MAST | {"longitude": -MAST["longitude"]}}}, "the longitude has the wrong sign"),
        ({"south_west": [139.7, 35.6]}, "found [139.7, 35.6]; write the latitude first"),
        ({"cells": {"101": MAST | {"frequency_hz": 1815}}}, "found 1815; if that is MHz, write 1.815e+9"),
        ({"cells": {"101": MAST | {"frequency_hz": 3.5}}}, "found 3.5; if that is GHz, write 3.5e+9"),
        ({"cells": {"101": MAST | {"tilt": 3}}}, "unknown key 'cells.101.tilt'. Valid keys: azimuth_deg"),
        ({"buildings": None}, "give `buildings=`, the heights of the buildings"),
    ],
)
def test_a_site_file_that_is_wrong_is_told_why(drive: Drive, changes: dict, hint: str) -> None:
    assert hint in drive.refused(text(), **changes)


def test_what_is_left_out_is_the_cause_if_no_reading_remains(drive: Drive) -> None:
    log = text("lat,lon,RSRP,a,b", lambda number: f"{row(number)},{number % 2},{number % 2}")
    message = drive.refused(log, where={"a": 0, "b": 1})
    assert (
        "no reading of cell '101' inside the window (300 of 300 readings left out: 150 of another a"
        in message
    )
    blank = text(line=lambda number: row(number) if number < 10 else f"{position(number)},")
    assert "290 of 300 readings (96.7%) cannot be used: 290 without RSRP" in drive.refused(blank)
