"""Import of drive tests."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from datasets.factory.build import build
from datasets.radio.drive_test import DriveTest
from datasets.radio.site_window import SiteWindow
from datasets.store.layout import open_store
from surrogates.cli.main import main

ROOT = Path(__file__).parents[3]
DUKE = ROOT.parent / "shared" / "data" / "radio" / "duke"
CORNER = [48.137, 11.575]
ANTENNA = {"height": 20.0, "azimuth_deg": 30.0, "frequency_hz": "3.5e9"}


def degrees(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of positions in the window."""
    plane = SiteWindow.at((CORNER[0], CORNER[1]), None, 128.0, 4.0, northern=False)
    longitude, latitude = plane._transformer.transform(
        plane.west + np.asarray(east), plane.south + np.asarray(north), direction="INVERSE"
    )
    return latitude, longitude


@pytest.fixture
def walk(tmp_path: Path) -> dict[str, Any]:
    """Settings and files of a walk with two phones past two antennas: 30 cells each, one under a roof."""
    heights = np.zeros((32, 32))
    heights[::-1][10, 10] = 9.0
    np.save(tmp_path / "heights.npy", heights)
    lines = ["lat,lon,rsrp,pci,phone"]
    for pci in "AB":
        for phone in ("Pixel", "Samsung"):
            latitude, longitude = degrees(4.0 * np.arange(1, 31) + 1.0, np.full(30, 42.0))
            lines += [
                f"{a:.9f},{o:.9f},{-80 - n},{pci},{phone}"
                for n, (a, o) in enumerate(zip(latitude, longitude, strict=True))
            ]
    (tmp_path / "walk.csv").write_text("\n".join(lines) + "\n")
    latitude, longitude = degrees(np.array([60.0]), np.array([70.0]))
    antenna = {"latitude": float(latitude[0]), "longitude": float(longitude[0]), **ANTENNA}
    return {
        "site": "Marienplatz",
        "south_west": CORNER,
        "window_size": 128,
        "columns": {"latitude": "lat", "longitude": "lon", "rsrp": "rsrp", "cell": "pci", "device": "phone"},
        "cells": {"A": antenna, "B": antenna | {"azimuth_deg": 210.0}},
        "measurements": str(tmp_path / "walk.csv"),
        "buildings": str(tmp_path / "heights.npy"),
    }


def imported(settings: dict[str, Any], folder: Path, name: str = "walk.zarr", workers: int = 0) -> Any:
    recipe = DriveTest.make(settings)
    return build(recipe, str(folder / name), workers=workers, progress=False)


def refused(settings: dict[str, Any], folder: Path) -> str:
    """Return the one line that says why nothing was imported."""
    with pytest.raises(ValueError) as caught:
        imported(settings, folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "walk.zarr" / "rsrp").exists()
    return str(caught.value)


def rewrite(settings: dict[str, Any], old: str, new: str, count: int = -1) -> None:
    path = Path(settings["measurements"])
    path.write_text(path.read_text().replace(old, new, count))


def test_each_cell_and_device_is_a_record_on_a_map_that_ascends_northwards(
    walk: dict[str, Any], tmp_path: Path
) -> None:
    dataset = imported(walk, tmp_path).dataset()
    assert dataset["measurement"].values.tolist() == ["A Pixel", "A Samsung", "B Pixel", "B Samsung"]
    rsrp = dataset["rsrp"].values
    np.testing.assert_allclose(rsrp[0, 10, 1:31], -80.0 - np.arange(30))
    assert np.isfinite(rsrp).sum() == 4 * 30
    assert (dataset["readings"].values.sum((1, 2)) == 30).all()
    assert dataset["building_height"].values[0, 10, 10] == 9.0
    np.testing.assert_allclose(dataset["transmitter_position"].values[0], [60.0, 70.0, 20.0], atol=1e-3)
    assert np.degrees(dataset["transmitter_azimuth"].values[2]) == pytest.approx(210.0, abs=2.0)
    assert (dataset["frequency"].values == 3.5e9).all()
    assert (dataset["split"].values == 2).all()
    assert dataset["rsrp"].attrs["units"] == "0.1 lg(re 1 mW)"


def test_buildings_that_nobody_knows_are_open_ground_and_said(walk: dict[str, Any], tmp_path: Path) -> None:
    recipe = DriveTest.make(walk | {"buildings": "none"})
    assert any("no buildings are known" in line for line in recipe.remarks())
    dataset = build(recipe, str(tmp_path / "open.zarr"), workers=0, progress=False).dataset()
    assert (dataset["building_height"] == 0).all()
    known = imported(walk, tmp_path).dataset()
    np.testing.assert_array_equal(dataset["rsrp"], known["rsrp"])


def test_height_of_the_phones_is_that_of_the_settings_or_that_of_a_hand(
    walk: dict[str, Any], tmp_path: Path
) -> None:
    car = imported(walk | {"receiver_height": 2.2}, tmp_path, "car.zarr").dataset()
    hand = imported(walk, tmp_path).dataset()
    assert [float(each["receiver_height"]) for each in (car, hand)] == [2.2, 1.5]
    assert hand["receiver_height"].attrs["units"] == "m"


def test_geometry_is_described_as_in_the_ray_traced_maps(walk: dict[str, Any], tmp_path: Path) -> None:
    from datasets.radio.urban import Urban

    theirs = {spec.name: spec for spec in Urban(window_size=128.0).specs()}
    ours = imported(walk, tmp_path).specs
    for name in ("building_height", "terrain_height", "transmitter_position", "transmitter_azimuth"):
        assert ours[name] == theirs[name]


def test_the_import_depends_on_neither_workers_nor_the_order_of_lines(
    walk: dict[str, Any], tmp_path: Path
) -> None:
    one = imported(walk, tmp_path, "one.zarr").dataset()
    head, *lines = Path(walk["measurements"]).read_text().splitlines()
    Path(walk["measurements"]).write_text("\n".join([head, *lines[::-1]]) + "\n")
    two = imported(walk, tmp_path, "two.zarr", workers=1).dataset()
    np.testing.assert_array_equal(one["rsrp"].values, two["rsrp"].values)
    assert one["measurement"].values.tolist() == two["measurement"].values.tolist()


def test_the_store_says_where_on_earth_its_window_lies(walk: dict[str, Any], tmp_path: Path) -> None:
    dataset = imported(walk, tmp_path).dataset()
    assert dataset["crs"].attrs["long_name"].endswith("UTM zone 32N")
    expected = SiteWindow.at((CORNER[0], CORNER[1]), None, 128.0, 4.0, northern=False)
    assert dataset["window_west"].values.tolist() == [expected.west]
    assert dataset["window_south"].values.tolist() == [expected.south]


def test_readings_outside_the_window_are_counted_shown_and_left_out_on_request(
    walk: dict[str, Any], tmp_path: Path
) -> None:
    rewrite(walk, "lat,lon,rsrp,pci,phone\n", "lat,lon,rsrp,pci,phone\n48.2,11.575,-99,A,Pixel\n")
    message = refused(walk, tmp_path)
    assert "1 of 121 readings lie outside the window, such as line 2 at 48.200000, 11.575000" in message
    assert "`leave_out: [outside]`" in message
    store = imported(walk | {"leave_out": ["outside"]}, tmp_path)
    assert store.dataset()["readings"].values.sum() == 120


def test_a_reading_just_west_of_the_window_is_outside_of_it(walk: dict[str, Any], tmp_path: Path) -> None:
    latitude, longitude = degrees(np.array([-1.0]), np.array([42.0]))
    line = f"{latitude[0]:.9f},{longitude[0]:.9f},-60,A,Pixel\n"
    rewrite(walk, "lat,lon,rsrp,pci,phone\n", f"lat,lon,rsrp,pci,phone\n{line}")
    assert "1 of 121 readings lie outside" in refused(walk, tmp_path)


def test_swapped_coordinates_are_recognised(walk: dict[str, Any], tmp_path: Path) -> None:
    rewrite(walk, "lat,lon", "lon,lat")
    message = refused(walk | {"leave_out": ["outside"]}, tmp_path)
    assert "120 of 120 readings lie outside" in message
    assert "latitude and longitude are swapped" in message


def test_two_antennas_need_a_column_that_tells_them_apart(walk: dict[str, Any], tmp_path: Path) -> None:
    walk["columns"] = {key: name for key, name in walk["columns"].items() if key != "cell"}
    message = refused(walk, tmp_path)
    assert "the site has 2 antennas (A, B), but no column tells which one a reading is of" in message
    del walk["cells"]["B"]
    assert imported(walk, tmp_path).dataset()["measurement"].values.tolist() == ["A Pixel", "A Samsung"]


def test_too_few_cells_are_refused_with_the_number_needed(walk: dict[str, Any], tmp_path: Path) -> None:
    lines = Path(walk["measurements"]).read_text().splitlines()
    Path(walk["measurements"]).write_text("\n".join(lines[:111]) + "\n")
    message = refused(walk, tmp_path)
    assert "'B Samsung' has 20 readings in 19 outdoor cells, at least 20 are needed" in message


def test_an_unknown_device_is_answered_with_the_nearest(walk: dict[str, Any], tmp_path: Path) -> None:
    message = refused(walk | {"devices": ["Pixle"]}, tmp_path)
    assert "no reading of the device 'Pixle'. Did you mean 'Pixel'? Devices: Pixel, Samsung" in message
    store = imported(walk | {"devices": ["Pixel"]}, tmp_path)
    assert store.dataset()["measurement"].values.tolist() == ["A Pixel", "B Pixel"]


def test_cells_that_are_not_described_are_refused_or_left_out(walk: dict[str, Any], tmp_path: Path) -> None:
    del walk["cells"]["B"]
    assert "60 readings of cells that are not described: B (60), where A are" in refused(walk, tmp_path)
    assert imported(walk | {"leave_out": ["other_cells"]}, tmp_path).records == 2


def test_a_described_cell_without_readings_is_refused(walk: dict[str, Any], tmp_path: Path) -> None:
    walk["cells"]["C"] = walk["cells"]["A"]
    assert "has no reading of cell 'C'" in refused(walk, tmp_path)


def test_an_antenna_outside_the_window_is_refused(walk: dict[str, Any], tmp_path: Path) -> None:
    walk["cells"]["B"] = walk["cells"]["B"] | {"latitude": 48.2}
    message = refused(walk, tmp_path)
    assert "the antenna of cell 'B' lies" in message
    assert "7004 m north of the window's south-west corner, outside its 128 m" in message


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"south_west": None}, "give either north_west or south_west"),
        ({"north_west": CORNER}, "give either north_west or south_west"),
        ({"window_size": 130}, "window_size=130 is no multiple of cell_size=4"),
        ({"cellz": {}}, "Did you mean 'cells'?"),
        ({"measurements": "nowhere.csv"}, "No file matches 'nowhere.csv'"),
    ],
)
def test_wrong_settings_are_refused(
    walk: dict[str, Any], tmp_path: Path, changes: dict[str, Any], hint: str
) -> None:
    assert hint in refused(walk | changes, tmp_path)


def test_the_command_takes_a_file_of_settings_and_words_that_win(
    walk: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(walk | {"site": "Odeonsplatz"}))
    words = ["radio/drive_test", str(tmp_path / "site.yaml"), "site=Stachus", f"out={tmp_path / 'walk.zarr'}"]
    with pytest.raises(SystemExit) as stop:
        main(["data", "import", *words])
    assert not stop.value.code
    assert re.search(
        r"A Pixel: \d+ readings in the window, \d+ cells, \d+ of them outdoors", capsys.readouterr().out
    )
    store = open_store(str(tmp_path / "walk.zarr"))
    assert store.attributes["title"] == "Drive test at Stachus"
    assert str(tmp_path) not in json.dumps(store.attributes["recipe_config"])
    with pytest.raises(SystemExit) as stop:
        main(["data", "verify", store.url])
    assert not stop.value.code, capsys.readouterr().out


def test_a_recipe_that_simulates_is_no_importer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["data", "import", "radio/urban"])
    assert stop.value.code == 2
    assert "make its store by `surrogates data build radio/urban`" in capsys.readouterr().err


@pytest.mark.skipif(not DUKE.is_dir(), reason="the Duke measurements are not beside this checkout")
def test_duke_readings_fill_the_cells_that_were_published(tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "conf" / "site" / "duke.yaml").read_text()) | {
        "measurements": str(DUKE / "duke_cbrs_rsrp_cells_A_C.csv"),
        "buildings": str(DUKE / "duke_site1_building_height_128.npy"),
    }
    recipe = DriveTest.make(settings)
    assert not [line for line in recipe.remarks() if "warning" in line]
    store = imported(settings, tmp_path)
    ((cause, count),) = [
        pair for pair in json.loads(store.attributes["left_out"])["readings"].items() if pair[0] != "total"
    ]
    assert (cause, count) == ("outside the window (first: duke_cbrs_rsrp_cells_A_C.csv, line 2)", 5747)
    dataset = store.dataset().load()
    occupied = dataset["readings"].values > 0
    outdoor = occupied & (dataset["building_height"].values <= 0)
    counts = {
        name: (int(every.sum()), int(free.sum()))
        for name, every, free in zip(dataset["measurement"].values, occupied, outdoor, strict=True)
    }
    assert counts["A Samsung"] == (550, 530)  # examples/ml_coverage_map.ipynb of functions-lab/geo2sigmap
    assert counts["A Pixel"][1] == 667
    # The mast stands on a roof, east of the window's middle.
    east, north, _ = dataset["transmitter_position"].values[0]
    assert dataset["building_height"].values[0, int(north // 4), int(east // 4)] == pytest.approx(
        17.0, abs=0.7
    )
