"""The importer of SEG-Y: files become the gathers they were written from, and odd geometry is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.verify import verify
from datasets.seismic.lines import read_line
from datasets.seismic.segy import SegyGathers
from surrogates.core.errors import ConfigError
from tests.datasets.seismic.files import spread, write_segy

SHARED = Path(os.environ.get("SURROGATES_SEISMIC_DATA", "../shared/data/seismic"))
MARINE = SHARED / "mobil_avo_gather_60x1000.npy"
SHOTS, RECEIVERS = np.array([0.0, 55.0, 100.0]), np.arange(0.0, 101.0, 12.5)


def gathers(shots: int = 3, receivers: int = 9, samples: int = 40) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((shots, samples, receivers)).astype(np.float32)


def standing(path: Path, values: np.ndarray, order: np.ndarray | None = None, **more: object) -> None:
    """Write gathers of receivers that stand still, their traces in some order."""
    sources, receivers = spread(SHOTS, RECEIVERS)
    traces = values.swapaxes(1, 2).reshape(len(sources), -1)
    order = np.arange(len(traces)) if order is None else order
    write_segy(path, traces[order], sources[order], receivers[order], **more)  # type: ignore[arg-type]


def imported(place: Path, url: Path) -> xr.Dataset:
    build(SegyGathers.make({"folder": str(place)}), str(url), workers=0, progress=False)
    assert verify(str(url), progress=False).ok
    return xr.open_zarr(url).load()


def test_standing_receivers_make_a_record_of_a_file(tmp_path: Path) -> None:
    for number in (1, 2):
        standing(tmp_path / f"line{number}.sgy", number * gathers())
    store = imported(tmp_path, tmp_path / "store.zarr")
    np.testing.assert_array_equal(store["shot_gather"], np.stack([gathers(), 2 * gathers()]))
    np.testing.assert_allclose(store["shot"], SHOTS)
    np.testing.assert_allclose(store["receiver"], RECEIVERS)
    np.testing.assert_allclose(store["time"], 0.004 * np.arange(40))
    assert store["split"].values.tolist() == [2, 2]


def test_order_of_traces_does_not_matter(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(1).permutation(27)
    standing(tmp_path / "line.sgy", gathers(), shuffled)
    np.testing.assert_array_equal(imported(tmp_path, tmp_path / "store.zarr")["shot_gather"][0], gathers())


def test_towed_receivers_make_a_record_of_each_shot(tmp_path: Path) -> None:
    shots, offsets = 50.0 * np.arange(3), -100.0 - 25.0 * np.arange(9)
    sources = np.repeat(shots, 9)
    places = [np.stack([along, np.zeros(27)], axis=1) for along in (sources, sources + np.tile(offsets, 3))]
    write_segy(tmp_path / "streamer.sgy", gathers().swapaxes(1, 2).reshape(27, -1), *places)
    store = imported(tmp_path / "streamer.sgy", tmp_path / "store.zarr")
    np.testing.assert_array_equal(store["shot_gather"][:, 0], gathers()[:, :, ::-1])
    np.testing.assert_allclose(store["receiver"], offsets[::-1])
    np.testing.assert_allclose(store["shot"], [0.0])
    np.testing.assert_allclose(np.diff(store["line_position"]), 50.0)


def test_a_line_may_run_in_any_direction_and_scalars_scale(tmp_path: Path) -> None:
    sources, receivers = spread(SHOTS, RECEIVERS)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    traces = gathers().swapaxes(1, 2).reshape(27, -1)
    write_segy(
        tmp_path / "line.sgy", traces, sources @ turn + [5e5, 6e6], receivers @ turn + [5e5, 6e6], scalar=-100
    )
    line = read_line(tmp_path / "line.sgy")
    np.testing.assert_allclose(line.shots, SHOTS, atol=0.02)
    np.testing.assert_allclose(line.receivers, np.tile(RECEIVERS, (3, 1)), atol=0.02)


def test_a_recording_that_begins_late_has_its_times(tmp_path: Path) -> None:
    standing(tmp_path / "line.sgy", gathers(), delay=100)
    np.testing.assert_allclose(read_line(tmp_path / "line.sgy").times, 0.1 + 0.004 * np.arange(40))


def odd(path: Path, how: str) -> None:
    sources, receivers = spread(SHOTS, RECEIVERS)
    traces = gathers().swapaxes(1, 2).reshape(27, -1)
    more: dict[str, object] = {}
    match how:
        case "bent":
            receivers[20:, 1] += 30.0
        case "uneven":
            receivers[receivers[:, 0] == 25.0, 0] = 30.0
        case "missing":
            sources, receivers, traces = sources[:-1], receivers[:-1], traces[:-1]
        case "no places":
            receivers[:] = 0.0
        case "neither":
            receivers[9:18, 0] += 40.0
        case "no step":
            more["step"] = 0.0
    write_segy(path, traces, sources, receivers, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("bent", "a straight line expected"),
        ("uneven", "even spacing expected"),
        ("missing", "8 traces of the shot at (100.0, 0.0) m found, 9 of others"),
        ("no places", "coordinates in GroupX and GroupY"),
        ("neither", "neither stand still nor keep their distance"),
        ("no step", "one positive number expected"),
    ],
)
def test_odd_geometry_is_refused_in_one_line(tmp_path: Path, how: str, message: str) -> None:
    odd(tmp_path / "line.sgy", how)
    recipe = SegyGathers.make({"folder": str(tmp_path)})
    with pytest.raises(BuildError) as caught:
        recipe.prepare()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_of_two_geometries_are_refused(tmp_path: Path) -> None:
    standing(tmp_path / "a.sgy", gathers())
    standing(tmp_path / "b.sgy", gathers(), step=0.002)
    with pytest.raises(BuildError, match=r"b.sgy has other sampling times than"):
        SegyGathers.make({"folder": str(tmp_path)}).prepare()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("cut", "is no whole SEG-Y file"),
        ("text", r"is a text file, expected a SEG-Y file; such files are read by .*uav/csv"),
        ("page", r"is a web page, expected a SEG-Y file; no recipe reads such files"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, damage: str, said: str) -> None:
    path = tmp_path / "line.sgy"
    standing(path, gathers())
    contents = {
        "cut": path.read_bytes()[:-77],
        "text": b"no SEG-Y",
        "page": b"<!DOCTYPE html><html>Not found",
    }
    path.write_bytes(contents[damage])
    with pytest.raises(BuildError, match=said):
        SegyGathers.make({"folder": str(path)}).prepare()


def test_nan_names_the_trace(tmp_path: Path) -> None:
    values = gathers()
    values[1, 5, 0] = np.nan
    standing(tmp_path / "line.sgy", values)
    with pytest.raises(BuildError, match=r"line.sgy, trace 10: NaN"):
        imported(tmp_path, tmp_path / "store.zarr")


def test_an_empty_folder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SEG-Y files"):
        SegyGathers.make({"folder": str(tmp_path)})


@pytest.mark.skipif(not MARINE.is_file(), reason=f"the marine gather is not at {MARINE}")
def test_a_real_marine_gather_survives_the_way_through_segy(tmp_path: Path) -> None:
    recorded = np.load(MARINE)
    offsets = np.stack([-262.0 - 25.0 * np.arange(60), np.zeros(60)], axis=1)
    write_segy(tmp_path / "mobil.sgy", recorded, np.zeros((60, 2)), offsets)
    store = imported(tmp_path, tmp_path / "store.zarr")
    assert dict(store.sizes) == {"sample": 1, "shot": 1, "time": 1000, "receiver": 60}
    np.testing.assert_array_equal(store["shot_gather"][0, 0].T, recorded[::-1])
    onset = np.abs(store["shot_gather"][0, 0].values).argmax(axis=0)
    assert onset[-10:].mean() < onset[:10].mean()  # near receivers hear the shot first
