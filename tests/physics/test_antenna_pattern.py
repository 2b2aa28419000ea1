"""Two cuts of an antenna make its gain in every direction."""

import numpy as np
import pytest

from physics.antenna_pattern import relative_gain
from physics.propagation import sector_antenna_gain

ANGLES = np.deg2rad(np.arange(360.0))
WRAPPED = np.arctan2(np.sin(ANGLES), np.cos(ANGLES))
HORIZONTAL = np.minimum(12.0 * (WRAPPED / np.deg2rad(65.0)) ** 2, 30.0)
VERTICAL = np.minimum(12.0 * ((WRAPPED - np.deg2rad(6.0)) / np.deg2rad(10.0)) ** 2, 20.0)


def test_cuts_of_a_standard_panel_give_its_gain() -> None:
    offset, down = np.meshgrid(np.linspace(-3.0, 9.0, 50), np.linspace(-0.5, 0.5, 40))
    expected = sector_antenna_gain(
        offset, down, np.deg2rad(65.0), np.deg2rad(10.0), np.deg2rad(6.0), np.array(30.0), np.array(20.0)
    )
    np.testing.assert_allclose(relative_gain(HORIZONTAL, VERTICAL, offset, down), expected, atol=0.2)


@pytest.mark.parametrize(("offset", "turned"), [(0.0, 4.0), (np.pi / 2, 0.0), (np.pi, -4.0)])
def test_a_mechanical_tilt_lowers_the_beam_in_front_and_lifts_it_behind(offset: float, turned: float) -> None:
    down = np.deg2rad(np.linspace(-20.0, 20.0, 4001))
    gain = relative_gain(HORIZONTAL, VERTICAL, np.full_like(down, offset), down, np.deg2rad(4.0))
    assert np.rad2deg(down[np.argmax(gain)]) == pytest.approx(6.0 + turned, abs=0.02)
