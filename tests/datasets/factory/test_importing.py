"""Files of other programs become stores like every other."""

import hashlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from datasets.factory.build import resume
from datasets.factory.errors import BuildError
from datasets.factory.importing import import_generic, recipe_of
from datasets.factory.info import info
from datasets.factory.verify import verify
from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from surrogates.core.errors import ConfigError

TIME = np.linspace(0, 700, 8)


def runs(first: int, number: int) -> xr.Dataset:
    """Runs of a tank: heights in cm over milliseconds, speeds in km/h."""
    rng = np.random.default_rng(first)
    return xr.Dataset(
        {
            "h": (("run", "t"), rng.normal(size=(number, 8)), {"units": "cm"}),
            "v": ("run", np.arange(first, first + number) * 3.6, {"units": "km h-1"}),
            "tank": ("run", np.arange(first, first + number) // 5),
        },
        coords={"t": ("t", TIME, {"units": "ms"})},
    )


def mapping(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Sloshing tank",
        "files": "runs_*.nc",
        "record_dimension": "run",
        "variables": {
            "height": {"source": "h", "units": "m", "long_name": "water height", "role": "target"},
            "speed": {"source": "v", "units": "m s-1", "long_name": "speed", "role": "input"},
            "tank": {"units": "1", "long_name": "tank"},
        },
        "shared": {"time": {"source": "t", "units": "s", "long_name": "time"}},
        "splits": {"split": {"validation": 0.25, "test": 0.25, "keeps_whole": "tank"}},
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for first in (0, 10):
        runs(first, 10).to_netcdf(tmp_path / f"runs_{first:02}.nc", engine="netcdf4")
    return tmp_path


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "tank.yaml"
    path.write_text(yaml.safe_dump(mapping(**changes)))
    return path


def assert_holds_the_runs(url: str) -> None:
    ds, expected = xr.open_zarr(url), xr.concat([runs(0, 10), runs(10, 10)], "run", data_vars="minimal")
    np.testing.assert_allclose(ds.height, expected.h / 100, rtol=1e-6)
    np.testing.assert_allclose(ds.speed, np.arange(20), rtol=1e-6)
    np.testing.assert_allclose(ds.time, TIME / 1000)
    assert ds.height.dims == ("run", "time")
    assert ds.height.attrs["units"] == "m"
    assert verify(url, progress=False).ok


def test_netcdf_files_become_one_store_in_the_units_of_the_mapping(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(folder / "tank.zarr")
    store = import_generic(write(folder), url, workers=0, progress=False)
    assert_holds_the_runs(url)
    assert store.specs["height"].attributes["role"] == "target"
    assert store.attributes["title"] == "Sloshing tank"
    assert np.bincount(store.split()).tolist() == [10, 5, 5]
    monkeypatch.chdir(folder)
    assert verify(url, resimulate=2, progress=False).resimulated[0].answer == "same"


def test_zarr_files_become_one_store(folder: Path) -> None:
    runs(0, 20).to_zarr(folder / "runs.zarr", zarr_format=3, consolidated=False)
    ds = xr.open_zarr(folder / "runs.zarr", consolidated=False)
    url = str(folder / "tank.zarr")
    import_generic(write(folder, files="runs.zarr"), url, workers=0, progress=False)
    np.testing.assert_allclose(xr.open_zarr(url).height, ds.h / 100, rtol=1e-6)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_numpy_files_need_dimension_names_and_are_taken_to_be_in_the_units_named(
    kind: str, folder: Path
) -> None:
    parts = [runs(0, 10), runs(10, 10)]
    if kind == "npz":
        for number, part in enumerate(parts):
            np.savez(folder / f"{number}.npz", h=part.h / 100, v=part.v / 3.6, tank=part.tank, t=TIME / 1000)
    else:
        whole = xr.concat(parts, "run", data_vars="minimal")
        for name, array in {
            "h": whole.h / 100,
            "v": whole.v / 3.6,
            "tank": whole.tank,
            "t": TIME / 1000,
        }.items():
            np.save(folder / f"{name}.npy", array)
    changes = mapping(files=f"*.{kind}")
    for name, dims in {"height": ["run", "time"], "speed": ["run"], "tank": ["run"]}.items():
        changes["variables"][name]["dims"] = dims
    changes["shared"]["time"]["dims"] = ["time"]
    url = str(folder / "tank.zarr")
    import_generic(write(folder, **changes), url, workers=0, progress=False)
    assert_holds_the_runs(url)


def test_files_without_the_record_dimension_are_one_record_each(folder: Path) -> None:
    for number in range(3):
        runs(number, 1).isel(run=0).to_netcdf(folder / f"one_{number}.nc", engine="netcdf4")
    url = str(folder / "tank.zarr")
    import_generic(write(folder, files="one_*.nc", splits={}), url, workers=0, progress=False)
    np.testing.assert_allclose(xr.open_zarr(url).speed, [0, 1, 2], rtol=1e-6)


def test_records_are_split_in_the_asked_proportions_and_the_seed_decides(folder: Path) -> None:
    changes = {"splits": {"split": {"validation": 0.2, "test": 0.1}}}
    store = import_generic(write(folder, **changes), str(folder / "tank.zarr"), workers=0, progress=False)
    assert np.bincount(store.split()).tolist() == [14, 4, 2]


def changed(variable: str, **values: Any) -> dict[str, Any]:
    variables = mapping()["variables"]
    return {"variables": variables | {variable: variables[variable] | values}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            changed("height", source="hh"),
            r"runs_00\.nc has no variable 'hh' \(for 'height'\). Did you mean 'h'",
        ),
        (changed("height", units="kg"), r"runs_00\.nc: 'height': units 'cm' cannot be converted to 'kg'"),
        (changed("height", units="wibble"), "'variables.height.units': units 'wibble' are not UDUNITS"),
        (changed("height", unit="m"), "unknown key 'variables.height.unit'. Did you mean 'units'"),
        (changed("height", dims=["run", "x"]), r"dimensions \('run', 'time'\), the mapping \('run', 'x'\)"),
        (
            {"variables": {"tank": {"units": "1"}, "time": {"source": "t", "units": "s"}}, "shared": {}},
            "expected 'run' first; variables that all records share",
        ),
        ({"files": "walks_*.nc"}, r"No file matches 'walks_\*\.nc'"),
        ({"files": "tank.yaml"}, r"tank\.yaml is a text file, expected a NetCDF"),
        ({"files": []}, "`files:` names no file"),
        ({"record_dimension": "rum", "splits": {}}, "record dimension 'rum'. Did you mean 'run'"),
        (changed("height", dtype="real"), "variable 'height' of the mapping: .*'real' is not a NumPy type"),
        (changed("speed", source="h"), "'h' of the files serves 'height' and 'speed'"),
        ({"splits": {"split": {"validation": 0.6, "test": 0.5}}}, "leave nothing to train on"),
        ({"splits": {"split": {"keeps_whole": "tanks"}}}, "'tanks' is no variable .* Did you mean 'tank'"),
    ],
)
def test_mistakes_are_named_before_anything_is_built(
    changes: dict[str, Any], message: str, folder: Path
) -> None:
    url = folder / "tank.zarr"
    with pytest.raises((BuildError, ConfigError), match=message):
        import_generic(write(folder, **changes), str(url), workers=0, progress=False)
    assert not url.exists()


def test_a_file_with_another_grid_is_named(folder: Path) -> None:
    runs(20, 2).isel(t=slice(5)).to_netcdf(folder / "runs_20.nc", engine="netcdf4")
    with pytest.raises(
        BuildError, match=r"runs_20\.nc: 'height' is .*'time': 5.*all files need the same grid"
    ):
        import_generic(write(folder), str(folder / "tank.zarr"), workers=0, progress=False)


def test_an_import_in_workers_equals_one_without(folder: Path) -> None:
    first = import_generic(write(folder), str(folder / "a.zarr"), workers=0, progress=False)
    second = import_generic(write(folder), str(folder / "b.zarr"), workers=1, progress=False)
    assert first.fingerprint == second.fingerprint
    assert open_store(str(folder / "b.zarr")).is_complete


def climate(calendar: str = "noleap") -> xr.Dataset:
    """Days with a clock, an axis without units and names, and a group number in double precision."""
    time = ("time", np.arange(8.0), {"units": "days since 2000-02-27", "calendar": calendar})
    return xr.Dataset(
        {
            "t2": (("level", "time"), np.arange(16.0).reshape(2, 8), {"units": "degC"}),
            "block": ("time", 16777216.0 + np.arange(8) // 2),
        },
        coords={"time": time, "level": ("level", [1, 2]), "site": ("level", ["a", "b"]), "height": 2.0},
    )


@pytest.mark.parametrize("clock", [None, "time", "day"])
def test_what_an_import_completes_a_verification_accepts(clock: str | None, tmp_path: Path) -> None:
    climate().to_netcdf(tmp_path / "a.nc")
    variables = {"t2": {"units": "K"}, "block": {"units": "1"}}
    if clock:
        variables[clock] = {"source": "time", "units": "hours since 2000-02-27"}
    path = write(
        tmp_path,
        files="a.nc",
        record_dimension="time",
        variables=variables,
        shared={},
        splits={"split": {"validation": 0.25, "test": 0.25, "keeps_whole": "block"}},
    )
    url = str(tmp_path / "a.zarr")
    import_generic(path, url, workers=0, progress=False)
    assert [problem.message for problem in verify(url, progress=False).problems] == []
    ds = xr.open_zarr(url)
    assert ds.t2.dims == ("time", "level")
    assert str(ds.time.values[3]) == "2000-03-02 00:00:00"  # without the 29th
    assert (ds.level.attrs["units"], ds.level.attrs["long_name"]) == ("1", "level")
    assert (
        "days since 2000-02-27" in {variable.encoding.get("units") for variable in ds.coords.values()}
        or clock
    )
    described = info(url)
    assert "level" in described.shared


def test_names_that_attributes_could_not_list_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    climate().to_netcdf(tmp_path / "a.nc")
    variables = {"air temperature": {"source": "t2", "units": "K"}}
    path = write(tmp_path, files="a.nc", record_dimension="time", variables=variables, shared={}, splits={})
    with pytest.raises(
        ContractError, match=r"\['air temperature'\] are empty or hold a '/'.*write `_` instead"
    ):
        import_generic(path, str(tmp_path / "a.zarr"), workers=0, progress=False)
    assert not (tmp_path / "a.zarr").exists()


def test_a_missing_value_is_answered_with_the_file_and_what_to_do(tmp_path: Path) -> None:
    ds = climate()
    ds.t2[1, 5] = np.nan
    ds.to_netcdf(tmp_path / "a.nc")
    variables = {"t2": {"units": "K"}}
    path = write(tmp_path, files="a.nc", record_dimension="time", variables=variables, shared={}, splits={})
    with pytest.raises(BuildError) as caught:
        import_generic(path, str(tmp_path / "a.zarr"), workers=0, progress=False)
    for said in (
        "a.nc: 't2': NaN at record 5 of the file (1 in all)",
        "`missing: true`",
        "give another `out=`",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GRIB\0\0\0\2", r"is a GRIB file, .*engine='cfgrib'\)\.to_netcdf\("),
        (b"a,b\n1,2\n", r"is a text file, .*pd\.read_csv\("),
        (b"\x1f\x8b\x08", "packed by gzip, .*unpack it first"),
        (b"MATLAB 5.0 MAT-file", "MATLAB file of version 5, .*'-v7.3'"),
        (b"\x89HDF\r\n\x1a\n cut", r"a\.nc cannot be read .*fetch it again"),
    ],
)
def test_files_of_other_formats_are_answered_with_a_way_to_convert_them(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(BuildError, match=message):
        import_generic(write(tmp_path, files="a.nc"), str(tmp_path / "a.zarr"), workers=0, progress=False)


def test_the_units_of_a_dimensionless_variable_may_be_the_number_one(folder: Path) -> None:
    path = write(folder, **changed("tank", units=1))
    assert import_generic(path, str(folder / "a.zarr"), workers=0, progress=False).specs["tank"].units == "1"


def test_patterns_may_climb_be_absolute_and_lie_in_folders_of_any_name(folder: Path) -> None:
    inner = folder / "runs [2] é"
    inner.mkdir()
    path = inner / "tank.yaml"
    for files in ("../runs_*.nc", str(folder / "runs_*.nc"), ["../runs_00.nc", "../**/runs_10.nc"]):
        path.write_text(yaml.safe_dump(mapping(files=files)))
        store = import_generic(path, str(folder / "a.zarr"), workers=0, progress=False)
        assert store.records == 20  # and the same store each time
    (folder / "runs_00.nc").rename(inner / "runs[0].nc")
    path.write_text(yaml.safe_dump(mapping(files="runs[0].nc")))
    assert import_generic(path, str(folder / "b.zarr"), workers=0, progress=False).records == 10


def test_a_store_names_its_sources_by_content_and_not_by_machine(folder: Path) -> None:
    url = str(folder / "tank.zarr")
    store = import_generic(write(folder), url, workers=0, progress=False)
    config = json.loads(store.attributes["recipe_config"])
    content = (folder / "runs_00.nc").read_bytes()
    assert config["sources"][0] == {"path": "runs_00.nc", "sha256": hashlib.sha256(content).hexdigest()}
    texts = [path.read_text() for path in Path(url).rglob("zarr.json")]
    assert not [text for text in texts if str(folder) in text]


def test_an_import_does_not_go_on_with_sources_that_have_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    url, first = str(folder / "tank.zarr"), runs(0, 10)
    broken = first.copy(deep=True)
    broken["v"][7] = np.nan
    broken.to_netcdf(folder / "runs_00.nc", engine="netcdf4")
    with pytest.raises(BuildError, match="'speed': NaN at record 7"):
        import_generic(write(folder), url, workers=0, progress=False)
    with pytest.raises(BuildError, match=r"'runs_00\.nc' is not in .*Run the command in the folder of the"):
        resume(url, workers=0, progress=False)
    first.to_netcdf(folder / "runs_00.nc", engine="netcdf4")
    monkeypatch.chdir(folder)
    with pytest.raises(BuildError, match=r"'runs_00\.nc' in .* has changed since the import began"):
        resume(url, workers=0, progress=False)
    with pytest.raises(BuildError, match=r"holds other data: sources\[0\]\.sha256="):
        import_generic(write(folder), url, workers=0, progress=False)


class Closed(SimpleHTTPRequestHandler):
    """A server that lists no folders, as many that hold data."""

    def list_directory(self, path: Any) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bare.zarr", "403.*; a store of a server that lists no folders needs consolidated metadata"),
        ("nothing.zarr", "nothing lies at .*/nothing.zarr; check the address"),
    ],
)
def test_a_store_that_a_server_does_not_show_is_told_from_one_without_the_variable(
    tmp_path: Path, name: str, said: str
) -> None:
    runs(0, 3).to_zarr(tmp_path / "bare.zarr", consolidated=False)
    handler = partial(Closed, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        with pytest.raises(BuildError, match=said) as caught:
            recipe_of(mapping(files=url)).prepare()
        server.shutdown()
    assert "\n" not in str(caught.value)
