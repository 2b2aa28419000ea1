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
from datasets.seismic.traces import open_traces
from surrogates.core.errors import ConfigError
from tests.datasets.seismic.files import spread, write_segy
from tests.datasets.seismic.segy_bytes import (
    RECEIVERS,
    SHOTS,
    amplitudes,
    change,
    gathers,
    recipe,
    write_line,
)

SHARED = Path(os.environ.get("SURROGATES_SEISMIC_DATA", "../shared/data/seismic"))
MARINE = SHARED / "mobil_avo_gather_60x1000.npy"


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
    line = read_line(open_traces(tmp_path / "line.sgy"))
    np.testing.assert_allclose(line.shots, SHOTS, atol=0.02)
    np.testing.assert_allclose(line.receivers, np.tile(RECEIVERS, (3, 1)), atol=0.02)


def test_a_recording_that_begins_late_has_its_times(tmp_path: Path) -> None:
    standing(tmp_path / "line.sgy", gathers(), delay=100)
    np.testing.assert_allclose(
        read_line(open_traces(tmp_path / "line.sgy")).times, 0.1 + 0.004 * np.arange(40)
    )


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
        ("bent", "trace 21: its receiver at (25, 30) m lies 24."),
        ("uneven", "a receiver 17.5 m behind the one before found, 12.5 m as between most expected"),
        ("missing", "8 traces of the shot at 100 m (trace 19 and following) found, 9 of most others"),
        ("no places", "coordinates in bytes 81-88 of the trace headers expected"),
        ("neither", "neither stand still nor keep their distance"),
        ("no step", "one positive number expected; state it in s, such as `sample_interval=0.004`"),
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
        ("cut", "26 whole traces of 40 samples and 323 bytes of another found; the file is cut off"),
        ("empty", "0 bytes found, at least the 3600 of the headers of a SEG-Y file expected"),
        ("headers", "holds headers and no traces"),
        ("text", r"is a text file, expected a SEG-Y file; such files are read by .*uav/csv"),
        ("page", r"is a web page, expected a SEG-Y file; no recipe reads such files"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, damage: str, said: str) -> None:
    path = tmp_path / "line.sgy"
    standing(path, gathers())
    contents = {
        "cut": path.read_bytes()[:-77],
        "empty": b"",
        "headers": path.read_bytes()[:3600],
        "text": b"no SEG-Y",
        "page": b"<!DOCTYPE html><html>Not found",
    }
    path.write_bytes(contents[damage])
    with pytest.raises(BuildError, match=said):
        SegyGathers.make({"folder": str(path)}).prepare()


def test_nan_names_the_trace_and_its_shot_can_be_left_out(tmp_path: Path) -> None:
    values = gathers()
    values[1, 5, 0] = np.nan
    standing(tmp_path / "line.sgy", values)
    change(tmp_path / "line.sgy", trace={9: np.repeat([1, 2, 3], 9)})
    with pytest.raises(BuildError, match=r"line.sgy, trace 10: NaN .*`leave_out=\{9: 2\}`"):
        imported(tmp_path, tmp_path / "store.zarr")
    made = recipe(tmp_path, leave_out={9: 2})
    np.testing.assert_array_equal(amplitudes(made)[0], gathers()[[0, 2]])
    assert made.left_out()[0].remark() == "9 of 27 traces left out: 9 by leave_out (bytes 9-12)"


def test_dead_traces_are_missing_in_the_store_and_counted(tmp_path: Path) -> None:
    path = write_line(tmp_path / "line.sgy", trace={29: 1 + (np.arange(27) == 13)})
    store = imported(path, tmp_path / "store.zarr")
    expected = gathers()
    expected[1, :, 4] = np.nan
    np.testing.assert_array_equal(store["shot_gather"][0], expected)
    assert "dead (trace identification 2), stored as NaN" in store.attrs["left_out"]


def test_too_many_dead_traces_are_refused_unless_asked_for(tmp_path: Path) -> None:
    path = write_line(tmp_path / "line.sgy", trace={29: 1 + (np.arange(27) < 3)})
    with pytest.raises(BuildError, match=r"3 of 27 traces .*`most_left_out=0.12`"):
        recipe(path).left_out()[0].require_few()
    recipe(path, most_left_out=0.12).left_out()[0].require_few()


def test_files_of_one_shot_each_are_joined_by_their_receivers(tmp_path: Path) -> None:
    for name, shot in (("c.sgy", 0.0), ("a.sgy", 100.0), ("b.sgy", 55.0)):
        sources, receivers = spread(np.array([shot]), RECEIVERS)
        write_segy(tmp_path / name, np.full((9, 40), shot), sources, receivers)
    made = recipe(tmp_path)
    np.testing.assert_allclose(made.shared()["shot"], SHOTS)
    np.testing.assert_array_equal(amplitudes(made)[0, :, 0, 0], SHOTS)
    assert "files with the same receivers are joined (records: 1)" in made.remarks()[0]


def test_files_that_repeat_a_spread_stay_records_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number, (name, north) in enumerate((("a", 0.0), ("b", 500.0), ("c", 0.0))):
        moved, (sources, receivers) = np.array([0.0, north]), spread(SHOTS, RECEIVERS)
        write_segy(tmp_path / f"{name}.sgy", np.full((27, 40), number), sources + moved, receivers + moved)
    np.testing.assert_array_equal(amplitudes(recipe(tmp_path))[:, 0, 0, 0], [0, 1, 2])


def test_files_of_two_lines_become_two_records(tmp_path: Path) -> None:
    for name, shot, east in (("a", 0.0, 0.0), ("b", 55.0, 500.0), ("c", 55.0, 0.0), ("d", 0.0, 500.0)):
        sources, receivers = spread(np.array([shot]), RECEIVERS)
        turned = [places[:, ::-1] + [east, 0.0] for places in (sources, receivers)]
        write_segy(tmp_path / f"{name}.sgy", np.full((9, 40), east + shot), *turned)
    np.testing.assert_array_equal(amplitudes(recipe(tmp_path))[:, :, 0, 0], [[0.0, 55.0], [500.0, 555.0]])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"trace": {109: 100}}, "b.sgy has other sampling times than .*a.sgy"),
        ({"file": {3257: 2}}, "b.sgy has other impulse polarity than .*a.sgy"),
    ],
)
def test_files_of_one_spread_with_other_samples_are_not_joined(
    tmp_path: Path, words: dict[str, dict[int, int]], said: str
) -> None:
    write_line(tmp_path / "a.sgy", shots=SHOTS[:1])
    write_line(tmp_path / "b.sgy", shots=SHOTS[1:], **words)  # type: ignore[arg-type]
    with pytest.raises(BuildError, match=said):
        recipe(tmp_path)


def test_a_shot_in_two_files_of_a_spread_is_refused(tmp_path: Path) -> None:
    for name, shots in (("a.sgy", SHOTS), ("b.sgy", SHOTS[:1])):
        write_line(tmp_path / name, shots=shots)
    with pytest.raises(BuildError, match=r"a.sgy and .*b.sgy both hold a shot at 0 m of one spread"):
        recipe(tmp_path)


@pytest.mark.parametrize(
    ("words", "said", "key", "shots"),
    [
        (
            {73: 0, 9: np.repeat([4, 5, 6], 9)},
            r"field record 4 and 5 .*`leave_out=\{9: 5\}`",
            {9: [5, 6]},
            [0],
        ),
        (
            {29: np.where(np.arange(27) == 20, 6, 1), 17: np.repeat([4, 5, 6], 9)},
            r"8 traces of the shot at 100 m .*`leave_out=\{17: 6\}`",
            {17: 6},
            [0, 1],
        ),
    ],
)
def test_advice_to_leave_traces_out_helps(
    tmp_path: Path, words: dict[int, object], said: str, key: dict[int, object], shots: list[int]
) -> None:
    path = write_line(tmp_path / "line.sgy", trace=words)  # type: ignore[arg-type]
    with pytest.raises(BuildError, match=said):
        recipe(path)
    np.testing.assert_array_equal(amplitudes(recipe(path, leave_out=key))[0], gathers()[shots])


def test_sources_without_coordinates_are_named(tmp_path: Path) -> None:
    path = write_line(tmp_path / "line.sgy", trace={73: 0, 77: 0, 85: 600_000})
    with pytest.raises(BuildError, match=r"no coordinates of sources found \(bytes 73-80"):
        recipe(path)


def test_a_byte_outside_of_the_header_is_refused() -> None:
    with pytest.raises(ConfigError, match="240 is no byte of a trace header"):
        SegyGathers.make({"folder": ".", "listing": "x", "leave_out": {240: 1}})


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
