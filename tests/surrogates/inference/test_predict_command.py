"""`surrogates predict` writes what `Surrogate.predict` returns, and refuses in one line."""

import signal
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr

import surrogates
from datasets.factory.build import build, finalise
from datasets.store.errors import ContractError
from surrogates.cli.main import main
from surrogates.inference.bundle import update_calibration
from surrogates.inference.source import open_inputs
from surrogates.learning.conformal import Calibration
from tests.toy import Oscillator


def run(*words: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main(["predict", *map(str, words)])
    return stop.value.code


@pytest.mark.parametrize("ends", [".nc", ".zarr"])
def test_a_file_in_gives_the_prediction_out(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, ends: str
) -> None:
    source, output = tmp_path / f"in{ends}", tmp_path / "new" / f"out{ends}"
    inputs.to_netcdf(source) if ends == ".nc" else inputs.to_zarr(source)
    assert not run(bundle, source, output, "--device", "cpu")
    written = xr.open_dataset(output) if ends == ".nc" else xr.open_zarr(output, chunks=None)
    expected = surrogates.load(bundle, device="cpu").predict(inputs)
    xr.testing.assert_allclose(written.load(), expected, rtol=1e-6)
    assert written["gain"].attrs["units"] == expected["gain"].attrs["units"]


@pytest.mark.parametrize("version", [2, 3])
def test_inputs_may_lie_at_a_url(bundle: Path, inputs: xr.Dataset, tmp_path: Path, version: int) -> None:
    url = f"memory://inputs{version}.zarr"
    inputs.drop_encoding().to_zarr(url, zarr_format=version, mode="w", consolidated=True)
    assert not run(bundle, url, tmp_path / "out.zarr", "--device", "cpu")
    expected = surrogates.load(bundle, device="cpu").predict(inputs)
    xr.testing.assert_allclose(xr.open_zarr(tmp_path / "out.zarr").load(), expected, rtol=1e-6)


@pytest.mark.parametrize("place", ["", "memory://"])
def test_a_store_whose_build_has_not_ended_is_no_input(place: str, tmp_path: Path) -> None:
    url = place + str(tmp_path / "begun.zarr").lstrip("/" if place else "")
    build(Oscillator(), url, workers=0, slice=(1, 3), progress=False)
    with pytest.raises(ContractError, match=r"has 1 of 3 shard rows; `surrogates data info .*` says how"):
        open_inputs(url)
    for number in (2, 3):
        build(Oscillator(), url, workers=0, slice=(number, 3), progress=False)
    whole = finalise(url).dataset()
    xr.testing.assert_identical(open_inputs(url).load(), whole.load())
    part = f"{url}.part.zarr"
    whole[["stiffness"]].isel(sample=slice(2)).drop_encoding().drop_attrs().assign_attrs(
        format_version=whole.attrs["format_version"]
    ).to_zarr(part, zarr_format=3)
    if place:
        assert open_inputs(part).sizes == {"sample": 2}


def test_odd_names_are_paths(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inputs.to_netcdf("in.nc")
    for name in ("a:b #1", "~x=[1,2]"):
        (tmp_path / "in.nc").rename(tmp_path / f"{name}.nc")
        assert not run(bundle, f"{name}.nc", f"{name}.zarr", "--device", "cpu")
        assert (tmp_path / f"{name}.zarr").is_dir()
        (tmp_path / f"{name}.nc").rename(tmp_path / "in.nc")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("memory://no.zarr", "out.zarr"), "nothing lies at memory://no.zarr; check the address"),
        (("memory://bare.zarr", "out.zarr"), "memory://bare.zarr shows no variables: its server lists no"),
        (("http://localhost:1/in.zarr", "out.zarr"), "http://localhost:1/in.zarr cannot be read (ClientConn"),
        (("http://localhost:1/in.csv", "out.zarr"), "the input is in.csv; expected a name that ends in .nc"),
        (("in.nc", "memory://out.zarr"), "the output is memory://out.zarr, which ends with this command"),
        (("in.nc", "foo://bucket/out.zarr"), "foo://bucket/out.zarr begins with 'foo://', a protocol that"),
        (("in.nc", "gs://bucket/out.nc"), 'pip install "sciml-surrogates[gcs]"'),
        (("in.nc", "out.nc", "--geotiff", "s3://b/map.tif"), "s3://b/map.tif is a URL; expected a path on"),
    ],
)
def test_what_a_url_lacks_is_one_line(
    bundle: Path,
    inputs: xr.Dataset,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
    capsys,
    monkeypatch,
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.chdir(tmp_path)
    inputs.to_netcdf("in.nc")
    xr.Dataset().to_zarr("memory://bare.zarr", mode="w", consolidated=False)
    assert run(bundle, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != bundle.name) == ["in.nc"]


def test_a_bundle_at_a_url_that_does_not_answer_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.nc").touch()
    assert run("http://127.0.0.1:1/bundle", tmp_path / "in.nc", tmp_path / "out.nc") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "http://127.0.0.1:1/bundle/bundle.yaml cannot be read (ClientConnectorError" in line


def test_a_signal_leaves_nothing_half_written(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    inputs.to_zarr(tmp_path / "in.zarr")
    monkeypatch.setattr(
        "surrogates.inference.sinks.consolidate", lambda _: signal.raise_signal(signal.SIGTERM)
    )
    words = (bundle, tmp_path / "in.zarr", tmp_path / "my out.zarr")
    assert run(*words) == 143
    command = f"surrogates predict {words[0]} {words[1]} '{words[2]}'"
    assert capsys.readouterr().err == f"stopped by SIGTERM; begin again with: {command}\n"
    assert not list(tmp_path.glob("*my out*")) and not list(tmp_path.glob(".*my out*"))


def test_intervals_are_written_too(bundle: Path, inputs: xr.Dataset, tmp_path: Path) -> None:
    table = Calibration(scores=[1.0, 2.0], shares=[0.5, 1.0], count=100, blocks=100)
    update_calibration(bundle, {"gain": table})
    inputs.to_netcdf(tmp_path / "in.nc")
    assert not run(bundle, tmp_path / "in.nc", tmp_path / "out.nc", "--interval", 0.9)
    written = xr.open_dataset(tmp_path / "out.nc")
    assert set(written.data_vars) == {"gain", "gain_lower", "gain_upper"}


def test_an_extrapolation_is_said_on_stderr(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs["power"][0] = 99
    inputs.to_netcdf(tmp_path / "in.nc")
    assert not run(bundle, tmp_path / "in.nc", tmp_path / "out.nc")
    assert "warning: power is 99 W, outside its training range" in capsys.readouterr().err


def test_maps_go_out_as_geotiff_where_the_user_says(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs.to_netcdf(tmp_path / "in.nc")
    place = ("--crs", "EPSG:32617", "--origin", 500000, 4000000)
    assert not run(bundle, tmp_path / "in.nc", "--geotiff", tmp_path / "map.tif", "--record", 3, *place)
    expected = surrogates.load(bundle, device="cpu").predict(inputs).gain[3]
    with rasterio.open(tmp_path / "map.tif") as file:
        np.testing.assert_allclose(file.read(1)[::-1], expected, rtol=1e-5)
        assert (file.crs.to_epsg(), file.units) == (32617, ("dB",))
    assert not run(bundle, tmp_path / "in.nc", tmp_path / "o.nc", "--geotiff", tmp_path / "all.tif", *place)
    assert len(list(tmp_path.glob("all_*.tif"))) == 7 and (tmp_path / "o.nc").exists()
    capsys.readouterr()
    assert run(bundle, tmp_path / "in.nc", "--geotiff", tmp_path / "lost.tif") == 2
    assert "give --crs EPSG:CODE --origin EAST NORTH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to write; give an OUTPUT that ends in .nc or .zarr, or --geotiff FILE.tif"),
        (("--geotiff", "map.png"), "--geotiff is map.png; expected a name that ends in .tif"),
        (("out.nc", "--record", 7), "--record is 7, but the input has 7 of 'sample', counted from 0"),
    ],
)
def test_a_mistake_in_the_options_is_one_line(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, words, message, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs.to_netcdf(tmp_path / "in.nc")
    assert run(bundle, tmp_path / "in.nc", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("fault", ["units", "dims", "no input", "no bundle", "suffix", "exists"])
def test_a_mistake_is_one_line_and_leaves_no_output(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if fault == "units":
        inputs["height"].attrs["units"] = "kg"
    elif fault == "dims":
        inputs = inputs.rename(x="column")
    inputs.to_netcdf(tmp_path / "in.nc")
    source = tmp_path / ("no.nc" if fault == "no input" else "in.nc")
    output = tmp_path / ("in.nc" if fault == "exists" else "out.txt" if fault == "suffix" else "out.nc")
    before = sorted(tmp_path.iterdir())
    assert run(tmp_path / "nothing" if fault == "no bundle" else bundle, source, output) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert sorted(tmp_path.iterdir()) == before
