"""The recipe `radio/osm`: the records of `radio/urban` from any map, and where its heights came from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.recipe import generators
from datasets.factory.verify import verify
from datasets.radio.extracts import Extracts
from datasets.radio.urban import Urban
from datasets.store.checks import check_split
from surrogates.cli.main import main
from tests.datasets.radio.maps import EXTRACTS, OsmMap, real, square, write_geojson

SMALL = {
    "samples": 6,
    "transmitters_per_window": 2,
    "window_size": 64.0,
    "cell_size": 4.0,
    "rays": 20_000,
    "rays_test": 30_000,
    "depth": 2,
    "repeat_share": 0.34,
    "clearance": (2.0, 3.0),
}


def draw(path: Path) -> Path:
    """A street of five blocks with a courtyard, a tower and houses without a height."""
    osm_map = OsmMap()
    for number in range(5):
        west = 70.0 * number
        ring, court = osm_map.way(square(west, 0, 40)), osm_map.way(square(west + 10, 10, 20))
        osm_map.relation([ring], [court], {"building": "yes", "building:levels": "4"})
        osm_map.way(square(west, 50, 14), {"building": "house"})
    osm_map.way(square(300, 50, 14), {"building": "tower", "height": "80 m"})
    return osm_map.write(path)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("maps") / "Market street.osm")


@pytest.fixture(scope="module")
def store(street: Path) -> str:
    url = str(street.parent / "street.zarr")
    build(Extracts.make({"osm_file": str(street), **SMALL}), url, workers=0, progress=False)
    return url


def test_variables_dimensions_and_units_are_those_of_the_cities(store: str) -> None:
    changes = {"window_size": 64.0, "cities": ["etoile"], "test_cities": [], "test_samples": 0}
    cities = {spec.name: spec for spec in Urban.make(changes).specs()}
    ours = {spec.name: spec for spec in Extracts.make({"osm_file": _file_of(store), **SMALL}).specs()}
    assert ours.keys() == cities.keys()
    for name, spec in cities.items():
        same = {"attributes": {}, "long_name": ""}
        assert ours[name].model_copy(update=same) == spec.model_copy(update=same), name
    assert not set(ours["city"].attributes["flag_values"]) & set(cities["city"].attributes["flag_values"])


def _file_of(store: str) -> str:
    return str(next(Path(store).parent.glob("*.osm")))


def test_records_hold_the_heights_of_the_map_over_flat_ground(store: str) -> None:
    ds = xr.open_zarr(store)
    assert not ds.terrain_height.values.any()
    assert set(np.unique(ds.building_height.values)) <= {0.0, 14.0, 80.0, *(3.5 * n for n in range(1, 16))}
    assert (ds.building_height.values == 14.0).any()
    np.testing.assert_array_equal(np.isfinite(ds.path_gain.values), ds.hit.values)
    assert 0.2 < float(ds.hit.mean()) < 1.0


def test_carrier_and_receivers_are_stored_as_in_the_cities(store: str) -> None:
    theirs, ours = Urban().shared(), xr.open_zarr(store)
    for name, value in (("frequency", 3.66e9), ("receiver_height", 2.0)):
        assert float(ours[name]) == float(theirs[name]) == value
        assert ours[name].attrs["units"] == theirs[name].attrs["units"]


def test_windows_are_placed_on_earth(store: str) -> None:
    ds = xr.open_zarr(store)
    assert set(ds.window_epsg.values) == {32635}
    assert (ds.window_west % 1 == 0).all()
    assert ((ds.window_west > 385_000) & (ds.window_west < 386_000)).all()
    assert ((ds.window_south > 6_671_000) & (ds.window_south < 6_673_000)).all()


def test_subsets_share_no_ground(store: str) -> None:
    ds = xr.open_zarr(store)
    assert ds.split.attrs["keeps_whole"] == "window_group"
    check_split("split", ds.split.values, ds.window_group.values, "window_group")
    assert set(ds.split.values) == {0, 1, 2}


def test_table_names_every_building_with_its_height_and_the_source_of_it(store: str) -> None:
    ds = xr.open_zarr(store)
    sources = dict(enumerate(ds.building_height_source.attrs["flag_meanings"].split()))
    rows = {
        key: (sources[int(source)], float(top))
        for key, source, top in zip(
            ds.building_key.values, ds.building_height_source.values, ds.building_top.values, strict=True
        )
    }
    assert (
        sorted(source for source, _ in rows.values()) == ["building:levels"] * 5 + ["height"] + ["random"] * 5
    )
    assert {top for source, top in rows.values() if source == "building:levels"} == {14.0}
    assert [top for source, top in rows.values() if source == "height"] == [80.0]
    assert all(
        key.startswith("relation/") for key, (source, _) in rows.items() if source == "building:levels"
    )


def test_store_names_its_file_by_content_and_its_licence(store: str) -> None:
    attributes = xr.open_zarr(store).attrs
    file = Path(_file_of(store))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads(attributes["recipe_config"])["osm_file"] == [{"path": file.name, "sha256": digest}]
    assert "(c) OpenStreetMap contributors, ODbL 1.0" in attributes["license"]
    assert {"osmium", "shapely", "pyproj", "sionna-rt"} <= json.loads(attributes["software"]).keys()
    assert str(file.parent) not in json.dumps(attributes)
    assert json.loads(attributes["left_out"])["buildings of Market_street"] == {"total": 11}


def test_store_verifies_and_a_unit_simulated_again_is_the_same(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(store).parent)
    report = verify(store, resimulate=1, progress=False)
    assert report.ok
    assert report.resimulated[0].answer == "same"


def test_build_says_the_share_of_heights_by_source_and_so_does_info(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"{key}={json.dumps(value)}" for key, value in SMALL.items()]
    with pytest.raises(SystemExit):
        main(["data", "build", "radio/osm", f"osm_file={_file_of(store)}", f"out={store}", *words])
    said = capsys.readouterr().out
    assert "Market_street: 11 buildings; heights by source: 9.1% height, 0.0% building:height, 45.5% " in said
    assert "3 windows of 64 m: 1 training, 1 validation, 1 test" in said
    with pytest.raises(SystemExit):
        main(["data", "info", store])
    assert "building_height_source: 9.1% height" in capsys.readouterr().out


def test_extract_smaller_than_the_window_is_said_and_centred(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "hut.geojson", [(square(0, 0, 30), {"height": 9})])
    recipe = Extracts.make({"osm_file": str(path), "built_share": 0})
    assert "hut covers 30 m x 30 m, less than the window of 512 m, which is centred on it" in recipe.remarks()
    (placed,) = recipe.windows()
    building, _ = recipe.rasters_of(placed)
    rows, columns = np.nonzero(building)
    assert (rows.mean(), columns.mean()) == pytest.approx((63.5, 63.5), abs=0.6)
    assert recipe.attributes()["license"].startswith("unspecified")


def test_what_is_not_built_is_counted_said_and_refused_beyond_the_share(tmp_path: Path) -> None:
    footprints = [(square(60.0 * number, 0, 30), {"building": "yes", "height": 9}) for number in range(18)]
    footprints += [(square(0, 60, 30), {"building": "yes", "location": "underground"})]
    path = write_geojson(tmp_path / "a.geojson", footprints)
    content = json.loads(path.read_text())
    point = {"type": "Point", "coordinates": [24.94, 60.17]}
    content["features"] += [{"type": "Feature", "properties": {"building": "yes"}, "geometry": point}]
    path.write_text(json.dumps(content))
    buildings, heights = Extracts.make({"osm_file": str(path)}).left_out()
    assert buildings.remark() == (
        "2 of 20 buildings of a left out: 1 drawn as a point or a line, 1 below the ground"
    )
    assert heights.remark() == ""
    with pytest.raises(BuildError, match=r"1 of 19 buildings of a \(5.3%\) .*`most_left_out=0.06`"):
        buildings.require_few()
    Extracts.make({"osm_file": str(path), "most_left_out": 0.06}).left_out()[0].require_few()


def test_heights_that_cannot_be_read_are_said_with_the_commonest(tmp_path: Path) -> None:
    footprints = [(square(60.0 * number, 0, 30), {"height": 9}) for number in range(18)]
    footprints += [
        (square(60.0 * number, 60, 30), {"height": text}) for number, text in enumerate(["tall"] * 2)
    ]
    recipe = Extracts.make({"osm_file": str(write_geojson(tmp_path / "a.geojson", footprints))})
    _, heights = recipe.left_out()
    assert heights.remark() == (
        "2 of 20 heights of a left out: 2 in words that cannot be read (such as 'height=tall')"
    )
    with pytest.raises(BuildError, match=r"2 of 20 heights of a \(10.0%\)"):
        heights.require_few()


def test_columns_are_keys_and_what_looks_like_a_height_is_said(tmp_path: Path) -> None:
    footprints = [(square(60.0 * number, 0, 30), {"BLDG_HT": 100, "floors": 3}) for number in range(3)]
    path = write_geojson(tmp_path / "a.geojson", footprints)
    recipe = Extracts.make(
        {"osm_file": str(path), "height_property": "BLDG_HT", "height_unit": "ft", "built_share": 0}
    )
    assert recipe.shared()["building_top"].values.tolist() == [pytest.approx(30.48)] * 3
    said = "a: not read, but like heights: floors (3); take one as `height_property=` or `levels_property=`"
    assert said in recipe.remarks()


def test_several_files_become_one_store_and_keep_their_names(tmp_path: Path, street: Path) -> None:
    hut = write_geojson(tmp_path / "hut.geojson", [(square(2000, 0, 30), {"height": 9})])
    recipe = Extracts.make({"osm_file": [str(street), str(hut)], **SMALL, "samples": None})
    assert list(recipe.city_codes()) == ["Market_street", "hut"]
    assert {placed.city for placed in recipe.windows()} == {"Market_street", "hut"}
    hut_unit = next(unit for unit, placed in enumerate(recipe.windows()) if placed.city == "hut")
    indices = np.arange(2) + 2 * hut_unit
    arrays = recipe.simulate(indices, generators(recipe.seed, indices))
    assert set(arrays["city"]) == {recipe.city_codes()["hut"]}
    assert arrays["building_height"].max() == 9.0
    assert len(set(recipe.shared()["building_city"].values)) == 2


def test_two_extracts_of_the_same_ground_are_refused(tmp_path: Path, street: Path) -> None:
    other = shutil.copy(street, tmp_path / "again.osm")
    recipe = Extracts.make({"osm_file": [str(street), str(other)], **SMALL})
    with pytest.raises(ValueError, match="Market_street and again cover the same ground"):
        recipe.prepare()


def test_two_extracts_of_the_same_ground_in_two_zones_are_refused(tmp_path: Path) -> None:
    def village(name: str, west: float, east: float) -> str:
        features = []
        for left in (west, 29.9995, east):
            ring = [[left, 60.0], [left + 1e-3, 60.0], [left + 1e-3, 60.001], [left, 60.001], [left, 60.0]]
            polygon = {"type": "Polygon", "coordinates": [ring]}
            features.append({"type": "Feature", "properties": {"height": 9}, "geometry": polygon})
        (tmp_path / name).write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return str(tmp_path / name)

    files = [village("west.geojson", 29.97, 29.99), village("east.geojson", 30.01, 30.03)]
    with pytest.raises(ValueError, match="west and east cover the same ground"):
        Extracts.make({"osm_file": files, "built_share": 0}).prepare()


def test_build_does_not_go_on_with_a_file_that_has_changed(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.osm")
    recipe = Extracts.make({"osm_file": str(path), **SMALL})
    path.write_text(path.read_text().replace("80 m", "90 m"))
    with pytest.raises(BuildError, match=r"'a\.osm' in .* has changed since the import began"):
        recipe.prepare()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"osm_file": "nowhere.osm"}, "No file matches 'nowhere.osm'"),
        ({"osm_file": []}, "osm_file"),
        ({"samples": 7}, "samples=7 is not a multiple of 2 transmitters a window"),
        ({"window_size": 66.0}, "no multiple of cell_size"),
        ({"osm_fil": "a"}, "osm_file"),
    ],
)
def test_parameters_that_do_not_fit_are_named(changes: dict, said: str, street: Path) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Extracts.make({"osm_file": str(street), **SMALL} | changes)
    assert "\n" not in str(error.value)


def test_bad_map_is_refused_in_one_line_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.osm.pbf").write_bytes(b"\x00 no extract")
    with pytest.raises(SystemExit) as stop:
        main(
            [
                "data",
                "build",
                "radio/osm",
                f"osm_file={tmp_path / 'cut.osm.pbf'}",
                f"out={tmp_path / 'a.zarr'}",
            ]
        )
    assert stop.value.code == 2
    assert "is no whole OSM file" in capsys.readouterr().err
    assert not (tmp_path / "a.zarr").exists()


@pytest.mark.parametrize(("name", "windows"), [("Helsinki", 3), ("test", 16), (list(EXTRACTS)[2], 1)])
def test_every_real_extract_can_be_built_with_the_defaults(name: str, windows: int) -> None:
    recipe = Extracts.make({"osm_file": str(real(name))})
    recipe.prepare()
    assert len(recipe.windows()) == windows
    assert recipe.records() == 4 * windows
    assert recipe.remarks()[0].startswith(name)
    building, _ = recipe.rasters_of(recipe.windows()[0])
    assert (building > 0).mean() > 0.01
