"""Where a measured map lies on Earth."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS, Geod

from datasets.factory.errors import BuildError
from datasets.radio.site_window import SiteWindow, building_heights

CORNER = (48.137, 11.575)


def window(**changes) -> SiteWindow:
    options = {"corner": CORNER, "crs": None, "size": 128.0, "cell": 4.0, "northern": False} | changes
    return SiteWindow.at(**options)


def test_a_window_stands_on_its_south_west_corner_or_hangs_from_its_north_west_one() -> None:
    for northern, expected in ((False, 0.0), (True, 128.0)):
        east, north = window(northern=northern).local(*np.array(CORNER)[:, None])
        assert east[0] == pytest.approx(0.0, abs=1e-6)
        assert north[0] == pytest.approx(expected, abs=1e-6)


def test_distances_on_the_map_are_those_on_the_ground() -> None:
    longitude, latitude, _ = Geod(ellps="WGS84").fwd(CORNER[1], CORNER[0], 37.0, 100.0)
    east, north = window().local(np.array([latitude]), np.array([longitude]))
    assert np.hypot(east, north)[0] == pytest.approx(100.0, rel=1e-3)  # the scale of UTM is off by 4e-4


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 212.0, -90.0])
def test_an_azimuth_from_true_north_points_the_same_way_on_the_map(azimuth: float) -> None:
    latitude, longitude = 64.0, 11.9  # near the edge of a zone, where the two norths are 2.6 degrees apart
    plane = window(corner=(latitude, longitude))
    there = Geod(ellps="WGS84").fwd(longitude, latitude, azimuth, 50.0)
    east, north = plane.local(np.array([there[1]]), np.array([there[0]]))
    expected = np.arctan2(east[0], north[0]) % (2 * np.pi)
    found = plane.grid_azimuth(latitude, longitude, azimuth)
    assert np.angle(np.exp(1j * (found - expected))) == pytest.approx(0.0, abs=1e-4)
    assert 0.0 <= found < 2 * np.pi


@pytest.mark.parametrize(
    ("corner", "code"), [((48.1, 11.6), 32632), ((-33.9, 151.2), 32756), ((0.1, -180.0), 32601)]
)
def test_the_plane_is_the_utm_zone_of_the_corner(corner: tuple[float, float], code: int) -> None:
    found = window(corner=corner)
    assert found.crs == f"EPSG:{code}"
    assert CRS(found.tables()["crs"].attrs["crs_wkt"]).to_epsg() == code


@pytest.mark.parametrize(("crs", "hint"), [("EPSG:4326", "not a plane in metres"), ("EPSG:9", "is unknown")])
def test_another_system_is_refused(crs: str, hint: str) -> None:
    with pytest.raises(BuildError, match=hint):
        window(crs=crs)


def test_the_first_row_of_a_raster_is_the_northernmost(tmp_path: Path) -> None:
    heights = np.zeros((32, 32))
    heights[0, 3] = 12.0
    np.save(tmp_path / "heights.npy", heights)
    found = building_heights(tmp_path / "heights.npy", window())
    assert found[31, 3] == 12.0
    assert found.sum() == 12.0


@pytest.mark.parametrize(
    ("heights", "hint"),
    [
        (np.zeros((32, 31)), r"shape \(32, 31\), expected heights in m of shape \(32, 32\)"),
        (np.full((32, 32), -1.0), "negative or NaN"),
        (np.full((32, 32), np.nan), "negative or NaN"),
        (np.zeros((32, 32), complex), "complex128"),
    ],
)
def test_a_raster_that_does_not_fit_is_refused(tmp_path: Path, heights: np.ndarray, hint: str) -> None:
    np.save(tmp_path / "heights.npy", heights)
    with pytest.raises(BuildError, match=hint):
        building_heights(tmp_path / "heights.npy", window())


def test_a_raster_of_python_objects_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "heights.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BuildError, match="holds Python objects"):
        building_heights(tmp_path / "heights.npy", window())


def write_block(path: Path, place: SiteWindow) -> None:
    """A building 18 m high over the cells 2 to 5 eastwards and 10 to 11 northwards."""
    east, north = np.array([8.0, 24.0, 24.0, 8.0, 8.0]), np.array([40.0, 40.0, 48.0, 48.0, 40.0])
    degrees = place._transformer.transform(place.west + east, place.south + north, direction="INVERSE")
    geometry = {"type": "Polygon", "coordinates": [np.column_stack(degrees).tolist()]}
    feature = {"type": "Feature", "properties": {"building": "yes", "height": "18"}, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


@pytest.mark.parametrize("crs", [None, "EPSG:25833"])
def test_footprints_of_a_map_stand_where_they_stand_on_earth(tmp_path: Path, crs: str | None) -> None:
    place = window(crs=crs)
    write_block(tmp_path / "map.geojson", place)
    heights = building_heights(tmp_path / "map.geojson", place)
    expected = np.zeros((32, 32))
    expected[10:12, 2:6] = 18.0
    np.testing.assert_array_equal(heights, expected)


def test_a_map_of_another_place_is_refused(tmp_path: Path) -> None:
    write_block(tmp_path / "map.geojson", window(corner=(48.2, 11.575)))
    with pytest.raises(BuildError, match="has no building in the window"):
        building_heights(tmp_path / "map.geojson", window())
