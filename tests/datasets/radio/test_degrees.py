"""Positions as logs write them."""

import numpy as np
import pytest

from datasets.radio.degrees import degrees_of, writing_of

AT = 48.0 + 8.0 / 60.0 + 13.2 / 3600.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48.137", 48.137),
        ("48,137", 48.137),
        ("-33.5", -33.5),
        ("48.137 N", 48.137),
        ("48,137N", 48.137),
        ("S 33.5", -33.5),
        ("33°30'S", -33.5),
        ("48°08'13.2\"N", AT),
        ("48\u00ba 08\u2032 13.2\u2033 N", AT),
        ("N 48 08 13.2", AT),
        ("48:08:13.2", AT),
        ("-48:08:13.2", -AT),
        ("48d08m13.2s", AT),
        ("48°08.22'", AT),
        ("48.137°", 48.137),
        ("", None),
        ("nan", None),
        ("no fix", None),
        ("48.137 E", None),  # of a latitude
        ("-33.5 S", None),  # which of the two?
        ("N 48.1 S", None),
        ("48 61 00", None),
        ("48.5 30", None),
        ("48_137", None),
    ],
)
def test_latitudes_are_read_in_every_common_spelling(text: str, expected: float | None) -> None:
    (found,) = degrees_of([text], "NS")
    assert np.isnan(found) if expected is None else found == pytest.approx(expected, abs=1e-12)


def test_longitudes_have_their_own_letters() -> None:
    found = degrees_of(["11.5 E", "11.5W", "11.5 N"], "EW")
    np.testing.assert_array_equal(found, [11.5, -11.5, np.nan])


def box(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Distance from a window around 34 degrees south, 58.4 degrees west, m."""
    away = np.hypot(latitude + 34.0, longitude + 58.4)
    inside = (away < 0.01) & (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 180.0)
    return np.where(inside, 0.0, 1e5 * away)


@pytest.mark.parametrize(
    ("latitude", "longitude", "cause"),
    [
        (-58.4, -34.0, "swapped"),
        (-34.0, 301.6, "0 to 360"),
        (-34.0, 58.4, "the longitude has the wrong sign"),
        (34.0, -58.4, "the latitude has the wrong sign"),
        (34.0, 58.4, "latitude and longitude have the wrong signs"),
        (-3400.0, -5824.0, "ddmm.mmmm"),
        (-34.0, -58.24, "dd.mmmm"),
        (-3.40e6, -5.84e6, "1e-5 degrees"),
        (-34.0e6, -58.4e6, "microdegrees"),
        (-34.0e7, -58.4e7, "1e-7 degrees"),
        (-34.0 * 3600.0, -58.4 * 3600.0, "seconds of arc"),
        (np.radians(-34.0), np.radians(-58.4), "radians"),
    ],
)
def test_positions_written_otherwise_are_recognised(latitude: float, longitude: float, cause: str) -> None:
    found = writing_of(np.array([latitude]), np.array([longitude]), box)
    assert found is not None
    writing, which = found
    assert cause in writing.cause
    assert which.tolist() == [True]


def test_positions_that_lie_elsewhere_are_not_explained_away() -> None:
    # The drive passes where its window would lie, were it written in degrees and minutes.
    latitude, longitude = np.full(5, -34.0), np.array([-58.4, -58.4, -58.4, -58.24, -58.2])
    assert writing_of(latitude, longitude, box) is None
