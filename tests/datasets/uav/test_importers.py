"""Folders of logs become stores of tracks that know their files."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build, resume
from datasets.factory.errors import BuildError
from datasets.factory.find import importer_names
from datasets.factory.verify import verify
from datasets.store.checks import check_split
from datasets.store.layout import open_store
from datasets.uav.importers import BagFlights, CsvFlights, UlogFlights
from datasets.uav.variables import FAMILIES
from surrogates.cli.main import main
from tests.datasets.uav.logs import OF_ROS1, OF_ROS2, write_bag1, write_bag2, write_ulog

QUATERNION = (0.0, 0.0, 0.6, 0.8)


def write_csv(path: Path, start: float, duration: float, *, pause: float = 0.0, turned: bool = False) -> None:
    """2 m/s to the east at 50 Hz, with a pause in the middle, and perhaps an attitude."""
    stamps = np.round(np.arange(0, duration, 0.02), 3)
    stamps += pause * (stamps > duration / 2)
    quaternion = ", " + ", ".join(map(str, QUATERNION)) if turned else ""
    header = "timestamp,tx,ty,tz" + (",qx,qy,qz,qw" if turned else "")
    rows = [f"{start + t:.3f}, {2 * t:.5f}, 1.0, 5.0{quaternion}" for t in stamps]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten circles with a pause of a second, and two figures of eight with an attitude."""
    root = tmp_path_factory.mktemp("logs")
    for number in range(10):
        write_csv(root / f"C{number}.csv", 100.0 * number, 8 + 0.1 * number, pause=1.0)
    for number in range(2):
        write_csv(root / f"more/I{number}.csv", 100.0 * number, 4, turned=True)
    write_csv(root / "short.csv", 0, 1)
    return root


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[str]:
    url = str(folder.parent / "flights.zarr")
    families = "families={'C*': circle, 'more/*': lemniscate}"
    assert run("uav/csv", folder, families, f"out={url}", "workers=0", "--no-progress") == 0
    yield url
    shutil.rmtree(url)


def run(name: str, *words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["data", "import", name, *map(str, words)])
    return int(stop.value.code or 0)


def test_each_track_between_gaps_is_a_record_of_the_contract(store: str) -> None:
    ds = xr.open_zarr(store)
    assert ds.sizes["trajectory"] == 22
    assert ds.position.dims == ("trajectory", "time", "axis")
    assert list(ds.axis.values) == ["x", "y", "z"]
    np.testing.assert_allclose(ds.time.values, 0.1 * np.arange(ds.sizes["time"]))
    np.testing.assert_array_equal(ds.flight.values, [*np.repeat(np.arange(10), 2), 10, 11])
    np.testing.assert_allclose(ds.start_time.values[:4], [0, 5.02, 100, 105.06], atol=1e-9)
    assert list(ds.recording.values[[0, 10, 12]]) == ["C0.csv", "more/I0.csv", "short.csv"]
    for record in range(22):
        length = int(ds.length[record])
        assert np.isnan(ds.position[record, length:].values).all()
        start = ds.position[record, 0, 0].values
        expected = start + 0.2 * np.arange(length)
        np.testing.assert_allclose(ds.position[record, :length, 0].values, expected, atol=1e-4)
    assert "velocity" not in ds
    assert verify(store, progress=False).ok


def test_attitude_is_there_where_a_file_has_it(store: str) -> None:
    attitude = xr.open_zarr(store).attitude.values
    assert np.isnan(attitude[:20]).all()
    np.testing.assert_allclose(attitude[20, :39], np.tile([0.8, 0, 0, 0.6], (39, 1)), atol=1e-6)


def test_families_follow_the_names_of_the_files(store: str) -> None:
    families = xr.open_zarr(store).family
    assert [FAMILIES[number] for number in families.values] == ["circle"] * 20 + ["lemniscate"] * 2
    assert families.attrs["flag_meanings"].split()[1] == "circle"


def test_split_keeps_flights_whole(store: str) -> None:
    ds = xr.open_zarr(store)
    assert ds.split.attrs["keeps_whole"] == "flight"
    check_split("split", ds.split.values, ds.flight.values, "flight")
    assert set(ds.split.values) == {0, 1, 2}


def test_all_flights_can_be_a_test_set(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = tmp_path / "test.zarr"
    words = (folder / "C1.csv", "family=circle", "test=1.0", f"out={url}", "workers=0", "--no-progress")
    assert run("uav/csv", *words) == 2
    assert "for a store that is only scored give validation=0 and test=1" in capsys.readouterr().err
    assert run("uav/csv", *words, "validation=0") == 0
    ds = xr.open_zarr(url)
    assert list(ds.split.values) == [2, 2]
    assert list(ds.family.values) == [1, 1]
    assert list(ds.recording.values) == ["C1.csv"]


def test_store_knows_the_content_of_its_files_and_nothing_of_the_machine(store: str, folder: Path) -> None:
    config = json.loads(open_store(store).attributes["recipe_config"])
    sources = {source["path"]: source["sha256"] for source in config["sources"]}
    assert sources["more/I0.csv"] == hashlib.sha256((folder / "more/I0.csv").read_bytes()).hexdigest()
    assert len(sources) == 13
    assert str(folder) not in json.dumps(xr.open_zarr(store).attrs)


def test_import_goes_on_in_the_folder_of_its_files_and_refuses_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(tmp_path / "half.zarr")
    recipe = CsvFlights.make({"folder": str(folder), "columns": {"qx": "qx"}})

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CsvFlights, "simulate", stop)
        build(recipe, url, workers=0, progress=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BuildError, match=r"The source 'C0.csv' is not in .*Run the command in the folder"):
        resume(url, workers=0, progress=False)
    changed = shutil.copytree(folder, tmp_path / "changed")
    write_csv(changed / "C3.csv", 0, 9)
    monkeypatch.chdir(changed)
    with pytest.raises(BuildError, match=r"The source 'C3.csv' in .* has changed since the import began"):
        resume(url, workers=0, progress=False)
    monkeypatch.chdir(folder)
    resume(url, workers=0, progress=False)
    assert verify(url, resimulate=1, progress=False).resimulated[0].answer == "same"


@pytest.mark.parametrize("archived", [False, True])
def test_a_flight_that_is_there_twice_is_refused(archived: bool, tmp_path: Path) -> None:
    for number in range(3):
        write_csv(tmp_path / f"all/{number}.csv", 100.0 * number, 5)
    (tmp_path / "best").mkdir()
    if archived:
        with tarfile.open(tmp_path / "best/all.tar", "w") as archive:
            archive.add(tmp_path / "all/1.csv", arcname="1.csv")
    else:
        shutil.copy(tmp_path / "all/1.csv", tmp_path / "best/best.csv")
    again = "best/all.tar/1.csv" if archived else "best/best.csv"
    with pytest.raises(BuildError, match=f"'{again}' holds the same flight as 'all/1.csv'"):
        CsvFlights.make({"folder": str(tmp_path)}).records()
    assert CsvFlights.make({"folder": str(tmp_path), "files": "all/*.csv"}).records() == 3


def test_user_reads_what_was_left_out(folder: Path) -> None:
    assert CsvFlights.make({"folder": str(folder)}).remarks() == [
        "13 flights, 22 tracks, 935 samples of 0.1 s (longest 45)",
        "without a track of 3 s in motion: 1 of 13 flights, such as short.csv",
    ]


def test_samples_are_counted_by_why_they_are_in_no_track(folder: Path) -> None:
    (found,) = CsvFlights.make({"folder": str(folder)}).left_out()
    assert found.counts() == {"total": 4675, "in no track (at rest, or in one shorter than 3 s)": 50}
    assert found.few()
    (found,) = CsvFlights.make({"folder": str(folder), "min_duration": 0.5}).left_out()
    assert found.counts() == {"total": 4675}


def test_too_many_rows_without_numbers_are_refused_until_the_key_allows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, url = tmp_path / "a.csv", tmp_path / "a.zarr"
    write_csv(path, 0, 8)
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    rows[::10] = [row.split(",")[0] + ",,," for row in rows[::10]]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    words = (path, "family=line", f"out={url}", "workers=0", "--no-progress")
    assert run("uav/csv", *words) == 2
    message = capsys.readouterr().err
    assert "40 of 400 samples (10.0%) cannot be used: 40 without a position" in message
    (key,) = re.findall("`(most_left_out=.*?)`", message)
    assert run("uav/csv", *words, key) == 0
    assert "40 of 400 samples left out: 40 without a position" in capsys.readouterr().out
    stored = json.loads(open_store(str(url)).attributes["left_out"])
    assert stored == {"samples": {"total": 400, "without a position": 40}}


def test_attitudes_can_be_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", 0, 4, turned=True)
    named = {"folder": str(tmp_path)}
    assert "attitude" in {spec.name for spec in CsvFlights.make(named).specs()}
    assert "attitude" not in {spec.name for spec in CsvFlights.make({**named, "attitude": False}).specs()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no file or folder nowhere; expected CSV files with the columns timestamp"),
        (["{folder}", "files=a*.dat"], "holds none of the files of 'uav/csv' (a*.dat); expected CSV files"),
        (
            ["{folder}/short.csv"],
            "no track of 3 s in motion (faster than 0.1 m s-1) among 1 flights",
        ),
        (
            ["{folder}", "family=circel"],
            "there is no family 'circel'. Did you mean 'circle'? Families: circle",
        ),
        (["{folder}", "families={'D*': circle}"], "no file fits 'D*'; the 13 files are C0.csv, C1.csv"),
        (
            ["{folder}", "families={'C*': circle, '*1.csv': line}"],
            "'C1.csv' fits '*1.csv' (line), 'C*' (circle), expected one family",
        ),
        (["{folder}", "time_unit=min"], "'time_unit' should be 's', 'ms', 'us' or 'ns', found 'min'"),
        (["{folder}", "time_unit=us"], "if they are in s, say `time_unit=s`"),
        (["{folder}", "columns={t_x: a}"], "unknown key 'columns.t_x'. Did you mean 'tx'?"),
        (["{folder}", "max_gab=1"], "has no parameter 'max_gab'. Did you mean 'max_gap'?"),
        (["{folder}", "test=0.6", "validation=0.4"], "leave nothing to train on"),
    ],
)
def test_mistake_is_answered_in_one_line(
    words: list[str], said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("{folder}", str(folder)) for word in words]
    assert run("uav/csv", *words, f"out={tmp_path / 'a.zarr'}", "workers=0", "--no-progress") == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error
    assert not (tmp_path / "a.zarr").exists()


def bags(root: Path) -> None:
    times = np.arange(0, 5, 0.05)
    write_bag1(root / "a.bag", [("/odom", t, OF_ROS1.odometry(t, (2 * t, 0, 1))) for t in times])
    write_bag2(root / "b", [("/odom", t, OF_ROS2.odometry(t, (2 * t, 0, 2))) for t in times])
    bag = write_bag2(root / "c", [("/odom", t, OF_ROS2.odometry(t, (2 * t, 0, 3))) for t in times])
    next(bag.glob("*.db3")).rename(root / "d.db3")
    shutil.rmtree(bag)


def logs(root: Path) -> None:
    fields = dict.fromkeys(("x", "y", "z"), "float")
    for number in (1, 2):
        rows = [(t, 0.0, 2 * t, float(-number)) for t in np.arange(0, 5, 0.05)]
        write_ulog(root / f"{number}.ulg", {"vehicle_local_position": (fields, rows)})


def trajectories(root: Path) -> None:
    rows = [f"{t:.2f} {2 * t:.3f} 0 1 0 0 0 1" for t in np.arange(0, 5, 0.05)]
    (root / "groundtruth.txt").write_text("\n".join(["# timestamp tx ty tz qx qy qz qw", *rows]))
    euroc = root / "mav0/state_groundtruth_estimate0/data.csv"
    euroc.parent.mkdir(parents=True)
    header = (
        "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z []"
    )
    lines = [f"{round(t * 1e9)},{2 * t:.3f},0,2,1,0,0,0" for t in np.arange(0, 5, 0.05)]
    euroc.write_text("\n".join([header, *lines]))
    (root / "mav0/imu0").mkdir()
    (root / "mav0/imu0/data.csv").write_text("#timestamp [ns],w_RS_S_x [rad s^-1]\n1,2\n")


@pytest.mark.parametrize(
    ("name", "write", "heights"),
    [
        ("uav/rosbag", bags, {"a.bag": 1, "b": 2, "d.db3": 3}),
        ("uav/ulog", logs, {"1.ulg": 1, "2.ulg": 2}),
        (
            "uav/tum",
            trajectories,
            {"groundtruth.txt": 1, "mav0/state_groundtruth_estimate0/data.csv": 2},
        ),
    ],
)
def test_logs_of_every_kind_become_the_same_track(
    name: str, write: Callable[[Path], Any], heights: dict[str, int], tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    write(tmp_path / "logs")
    url = tmp_path / "a.zarr"
    assert run(name, tmp_path / "logs", f"out={url}", "workers=0", "--no-progress") == 0
    ds = xr.open_zarr(url)
    assert dict(zip(ds.recording.values, ds.position[:, 0, 2].values, strict=True)) == heights
    np.testing.assert_allclose(
        ds.position[..., 0].values, np.tile(0.2 * np.arange(50), (len(heights), 1)), atol=1e-5
    )
    assert verify(str(url), progress=False).ok


def test_folder_of_a_bag_of_ros_2_is_one_log(tmp_path: Path) -> None:
    bags(tmp_path)
    url = tmp_path / "a.zarr"
    assert run("uav/rosbag", tmp_path / "b", f"out={url}", "workers=0", "--no-progress") == 0
    assert list(xr.open_zarr(url).recording.values) == ["b"]


def test_keys_of_bags_and_of_logs_of_px4_reach_their_readers(tmp_path: Path) -> None:
    pose = OF_ROS2.pose_stamped
    turned = [("/a", 9 + i / 10, pose(t, (1, 2, 3))) for i, t in enumerate((130.0, 130.1, 1.0, 1.1))]
    turned += [("/b", t, pose(t, (4, 5, 6))) for t in (1.0, 1.1)]
    bag = write_bag2(tmp_path / "bag", turned)
    given = {"folder": str(tmp_path), "files": "**/metadata.yaml"}
    first, second = BagFlights(**given, topic="/a", frame="ned", clock="restarting").read(bag)
    np.testing.assert_array_equal(first.position[0], [2, 1, -3])
    np.testing.assert_allclose(second.stamps, [1.0, 1.1])
    (flight,) = BagFlights(**given, topic="/b", twist="world").read(bag)
    np.testing.assert_array_equal(flight.position[0], [4, 5, 6])
    with pytest.raises(BuildError, match="has no topic of tf/tfMessage"):
        BagFlights(**given, parent="map", child="base_link").read(bag)
    fields = dict.fromkeys(("x", "y", "z"), "float")
    topics = {
        f"vehicle_local_position:{number}": (fields, [(t, float(number), 0.0, 0.0) for t in (1.0, 1.1)])
        for number in range(2)
    }
    log = write_ulog(tmp_path / "a.ulg", topics)
    (flight,) = UlogFlights(folder=str(log), instance=1).read(log)
    np.testing.assert_array_equal(flight.position[0], [0, 1, 0])


def test_importers_are_registered() -> None:
    assert {"uav/csv", "uav/tum", "uav/rosbag", "uav/ulog"} <= set(importer_names())
