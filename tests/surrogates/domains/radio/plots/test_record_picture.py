"""The picture that `surrogates data plot` draws of a radio store."""

import numpy as np
import xarray as xr

from surrogates.core.registry import resolve
from surrogates.domains.radio.plots.maps import draw_record


def record() -> xr.Dataset:
    """A wall from west to east, and a transmitter south of it that looks west."""
    building = np.zeros((8, 8), np.float32)
    building[4] = 10.0
    gain = np.where(building > 0, np.nan, np.linspace(-120, -60, 64).reshape(8, 8)).astype(np.float32)
    grid = ("y", "x")
    return xr.Dataset(
        {
            "building_height": (grid, building),
            "terrain_height": (grid, np.full((8, 8), 3.0, np.float32)),
            "path_gain": (grid, gain),
            "path_gain_directional": (grid, gain - 5.0),
            "transmitter_position": ("enu", np.array([16.0, 6.0, 21.5], np.float32)),
            "transmitter_azimuth": ((), np.float32(1.5 * np.pi)),
            "city": ((), np.int8(1), {"flag_values": [0, 1], "flag_meanings": "munich etoile"}),
        },
        coords={"y": 2.0 + 4.0 * np.arange(8), "x": 2.0 + 4.0 * np.arange(8)},
    )


def test_recipe_has_its_own_picture() -> None:
    assert resolve("record_plots", "radio/urban") is draw_record


def test_picture_shows_heights_and_both_maps_with_the_transmitter_north_up() -> None:
    figure = draw_record(record())
    heights, iso, directional, *bars = figure.axes
    assert "etoile, transmitter 21.5 m" in heights.get_title()
    assert [bar.get_ylabel() for bar in bars] == ["altitude of ground and roofs, m", "path gain, dB"]
    for axes in (heights, iso, directional):
        south, north = axes.get_ylim()
        assert south < north
        np.testing.assert_allclose(axes.lines[-1].get_xydata(), [[16.0, 6.0]])
    assert not iso.texts
    (arrow,) = directional.texts
    assert arrow.xy[0] < 16.0


def test_map_without_any_hit_can_be_drawn() -> None:
    empty = record()
    for name in ("path_gain", "path_gain_directional"):
        empty[name] = xr.full_like(empty[name], np.nan)
    draw_record(empty).canvas.draw()
