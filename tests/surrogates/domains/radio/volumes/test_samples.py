"""Samples at points become samples of a volume, or are refused in one line."""

from __future__ import annotations

import math

import numpy as np
import pytest

from surrogates.domains.radio.volumes.samples import gridded

HEIGHTS = np.array([1.5, 12.0])
BUILDING = np.zeros((4, 5))
BUILDING[1, 2] = 8.0


def put(quantity: str, *samples: tuple[float, float, float, float]) -> np.ndarray:
    """Samples are east, north, height and value."""
    table = np.array(samples)
    return gridded(quantity, table[:, :3], table[:, 3], BUILDING, HEIGHTS, 10.0)


def test_samples_of_a_cell_are_averaged_and_others_are_unknown() -> None:
    found = put("path_gain", (41.0, 8.0, 1.5, -90.0), (48.0, 2.0, 1.8, -94.0), (25.0, 15.0, 12.0, -80.0))
    assert found.shape == (2, 4, 5)
    assert (found[0, 0, 4], found[1, 1, 2]) == (-92.0, -80.0)
    assert np.isfinite(found).sum() == 2


def test_azimuths_on_both_sides_of_north_average_to_north() -> None:
    found = put("azimuth_of_arrival", (1.0, 1.0, 1.5, 0.1), (2.0, 2.0, 1.5, 2 * math.pi - 0.1))
    assert min(found[0, 0, 0], 2 * math.pi - found[0, 0, 0]) < 1e-9


@pytest.mark.parametrize(
    ("quantity", "sample", "said"),
    [
        (
            "path_gain",
            (51.0, 1.0, 1.5, -90.0),
            r"outside of the grid, the first at \(51, 1, 1.5\) m; expected 50",
        ),
        ("path_gain", (-1.0, 1.0, 1.5, -90.0), "outside of the grid"),
        ("path_gain", (1.0, 1.0, -3.0, -90.0), "on no plane, .* within 0.5 m of the planes at 1.5, 12 m"),
        ("path_gain", (1.0, 1.0, 5.0, -90.0), "on no plane"),
        ("path_gain", (25.0, 15.0, 1.5, -90.0), "1 of 1 samples of 'path_gain' lie inside a building"),
        ("azimuth_of_arrival", (1.0, 1.0, 1.5, 350.0), "expected radians from 0 to 6.2832"),
        ("zenith_of_arrival", (1.0, 1.0, 1.5, 90.0), "expected radians from 0 to 3.1416"),
    ],
)
def test_sample_that_belongs_to_no_cell_is_refused(quantity: str, sample: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        put(quantity, sample)
