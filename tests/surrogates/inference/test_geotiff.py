"""A GeoTIFF lies where the map lies: north up, a known value at the right latitude and longitude."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import rioxarray
import xarray as xr

from surrogates.inference.geotiff import Frame, frame_of, write_geotiff, write_geotiffs

WEST, SOUTH, EPSG = 690_000.0, 3_985_000.0, 32617  # Durham, North Carolina
CELL = 4.0


@pytest.fixture
def prediction() -> xr.Dataset:
    """Two maps; each value names its record, row and column."""
    record, row, column = np.ogrid[:2, :5, :7]
    gain = (-100.0 * (record + 1) - row - column / 10).astype(np.float32)
    gain[0, 0, 0] = np.nan
    deviation = np.full_like(gain, 3.0)
    about = {"units": "0.1 lg(re 1)", "long_name": "path gain"}
    return xr.Dataset(
        {
            "path_gain": (("sample", "y", "x"), gain, about),
            "path_gain_standard_deviation": (("sample", "y", "x"), deviation, {"units": "0.1 lg(re 1)"}),
        },
        coords={"y": CELL * (np.arange(5) + 0.5), "x": CELL * (np.arange(7) + 0.5)},
    )


@pytest.fixture
def store(prediction: xr.Dataset) -> xr.Dataset:
    """What a store keeps: the second record lies in the second window of a table."""
    return xr.Dataset(
        {
            "window": ("sample", [1, 0], {"instance_dimension": "windows"}),
            "window_west": ("windows", [WEST + 512, WEST]),
            "window_south": ("windows", [SOUTH + 512, SOUTH]),
            "window_epsg": ("windows", [EPSG, EPSG]),
        },
        coords={"y": prediction.y, "x": prediction.x},
    )


def at(path: Path, latitude: float, longitude: float) -> float:
    """Value of the first band at a place on Earth, as a GIS finds it."""
    with rasterio.open(path) as file:
        transform = pyproj.Transformer.from_crs("EPSG:4326", file.crs, always_xy=True)
        (values,) = file.sample([transform.transform(longitude, latitude)])
    return float(values[0])


def test_known_value_lies_at_its_latitude_and_longitude(prediction, store, tmp_path):
    frame = frame_of(store, "x", "sample", 0)
    path = write_geotiff(prediction.isel(sample=0), tmp_path / "map.tif", frame)
    degrees = pyproj.Transformer.from_crs(EPSG, "EPSG:4326", always_xy=True)
    for row, column in ((1, 2), (4, 6), (4, 0)):
        longitude, latitude = degrees.transform(WEST + CELL * (column + 0.5), SOUTH + CELL * (row + 0.5))
        assert 35 < latitude < 37 and -80 < longitude < -78
        assert at(path, latitude, longitude) == pytest.approx(-100 - row - column / 10)


def test_the_mask_of_cells_without_a_value_lies_in_the_file(prediction, store, tmp_path):
    path = write_geotiff(prediction.isel(sample=0), tmp_path / "map.tif", frame_of(store, "x", "sample", 0))
    assert [each.name for each in tmp_path.iterdir()] == ["map.tif"]
    with rasterio.open(path) as file:
        assert rasterio.enums.MaskFlags.per_dataset in file.mask_flag_enums[0]
        mask = file.read_masks(2) > 0
        assert np.isnan(file.nodata)
    assert not mask[-1, 0]  # the south-west corner
    assert mask.sum() == mask.size - 1


def test_file_is_north_up_with_units_names_and_nan(prediction, store, tmp_path):
    path = write_geotiff(prediction.isel(sample=0), tmp_path / "map.tif", frame_of(store, "x", "sample", 0))
    with rasterio.open(path) as file:
        assert file.transform == rasterio.Affine(CELL, 0, WEST, 0, -CELL, SOUTH + 5 * CELL)
        assert file.crs.to_epsg() == EPSG
        assert file.descriptions == ("path gain", "path_gain_standard_deviation")
        assert file.units == ("dB", "dB")
        assert np.isnan(file.nodata) and np.isnan(file.read(1)[-1, 0])
    back = rioxarray.open_rasterio(path, masked=True).sortby("y")
    np.testing.assert_array_equal(back.x, WEST + prediction.x)
    np.testing.assert_array_equal(back.y, SOUTH + prediction.y)
    np.testing.assert_array_equal(back.sel(band=1), prediction.path_gain[0])


def test_several_records_make_several_files(prediction, store, tmp_path):
    frames = [frame_of(store, "x", "sample", record) for record in (0, 1)]
    paths = write_geotiffs(prediction, tmp_path / "map.tif", frames, "sample")
    assert [path.name for path in paths] == ["map_0.tif", "map_1.tif"]
    with rasterio.open(paths[1]) as file:
        assert (file.bounds.left, file.bounds.bottom) == (WEST + 512, SOUTH + 512)
        assert file.read(1)[-1, 0] == -200


def test_reference_system_comes_from_the_grid_mapping(store):
    mapping = {"crs_wkt": pyproj.CRS.from_epsg(32633).to_wkt()}
    store = store.drop_vars("window_epsg").assign(crs=((), 0, mapping))
    assert frame_of(store, "x", "sample", 1).crs.to_epsg() == 32633


def test_projected_and_geographic_coordinates_need_no_corner():
    x = xr.DataArray([1.0, 2.0], dims="x", attrs={"standard_name": "projection_x_coordinate"})
    mapping = {"crs_wkt": pyproj.CRS.from_epsg(EPSG).to_wkt()}
    ds = xr.Dataset({"crs": ((), 0, mapping)}, coords={"x": x})
    assert frame_of(ds, "x", "sample", 0) == Frame(pyproj.CRS.from_epsg(EPSG))
    degrees = xr.Dataset(coords={"longitude": [7.0, 8.0]})
    assert frame_of(degrees, "longitude", "sample", 0).crs.to_epsg() == 4326


def test_user_says_where_a_map_lies(store):
    bare = store[["y", "x"]]
    frame = frame_of(bare, "x", "sample", 0, "EPSG:25833", (391_000.0, 5_818_000.0))
    assert (frame.crs.to_epsg(), frame.east, frame.north) == (25833, 391_000.0, 5_818_000.0)


def test_what_is_missing_is_said_with_how_to_give_it(store, prediction, tmp_path):
    local = 'ENGCRS["origin of a scene",EDATUM["origin"],CS[Cartesian,2],AXIS["e",east],AXIS["n",north],'
    local += 'LENGTHUNIT["metre",1]]'
    how = r"give --crs EPSG:CODE --origin EAST NORTH"
    with pytest.raises(ValueError, match=f"no coordinate reference system .*{how}"):
        frame_of(store.drop_vars("window_epsg"), "x", "sample", 0)
    scene = store.drop_vars("window_epsg").assign(crs=((), 0, {"crs_wkt": local}))
    with pytest.raises(ValueError, match=f"'origin of a scene', is not tied to the Earth; {how}"):
        frame_of(scene, "x", "sample", 0)
    with pytest.raises(ValueError, match=f"no window_west and window_south; {how}"):
        frame_of(store[["y", "x"]], "x", "sample", 0, "EPSG:32617")
    with pytest.raises(ValueError, match=r"'EPSG:1' is unknown to PROJ; give e.g. EPSG:32617"):
        frame_of(store, "x", "sample", 0, "EPSG:1")
    uneven = prediction.isel(sample=0, x=[0, 1, 4])
    with pytest.raises(ValueError, match="coordinate 'x' is not evenly spaced"):
        write_geotiff(uneven, tmp_path / "map.tif", Frame(pyproj.CRS.from_epsg(EPSG)))
    with pytest.raises(ValueError, match="found sample beside y and x"):
        write_geotiff(prediction, tmp_path / "map.tif", Frame(pyproj.CRS.from_epsg(EPSG)))
    assert not list(tmp_path.iterdir())
