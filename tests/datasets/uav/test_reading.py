"""One function reads a log of any kind; published flights come through it unchanged."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.uav.reading import read_flight
from datasets.uav.text import Columns, read_csv
from datasets.uav.tracks import resampled
from tests.datasets.uav.logs import OF_ROS1, OF_ROS2, write_bag1, write_bag2, write_ulog

SHARED = Path(os.environ.get("SURROGATES_UAV_DATA", "../shared/data/uav"))
published = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the published flights are not at {SHARED}")
POSES = [(1.0, (0, 0, 5)), (1.1, (1, 0, 5))]
EUROC = "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z []\n"


def write(kind: str, folder: Path) -> Path:
    path = folder / kind
    match kind:
        case "a.bag":
            return write_bag1(path, [("/pose", t, OF_ROS1.pose_stamped(t, p)) for t, p in POSES])
        case "folder":
            return write_bag2(path, [("/pose", t, OF_ROS2.pose_stamped(t, p)) for t, p in POSES])
        case "a.ulg":
            fields = dict.fromkeys(("x", "y", "z"), "float")
            rows = [(t, float(n), float(e), float(-u)) for t, (e, n, u) in POSES]
            return write_ulog(path, {"vehicle_local_position": (fields, rows)})
        case "tum.txt":
            lines = [f"{t} {e} {n} {u} 0 0 0 1" for t, (e, n, u) in POSES]
        case "euroc.csv":
            lines = [EUROC.strip(), *(f"{round(t * 1e9)},{e},{n},{u},1,0,0,0" for t, (e, n, u) in POSES)]
        case _:
            lines = ["timestamp,tx,ty,tz", *(f"{t}, {e}, {n}, {u}" for t, (e, n, u) in POSES)]
    if not kind.endswith(".tar.gz"):
        path.write_text("\n".join(lines))
        return path
    with tarfile.open(path, "w:gz") as archive:
        archive.add(write("plain.csv", folder), arcname="plain.csv")
    return path


@pytest.mark.parametrize(
    "kind", ["a.bag", "folder", "a.ulg", "tum.txt", "euroc.csv", "plain.csv", "plain.txt", "one.tar.gz"]
)
def test_reader_follows_from_the_file(kind: str, tmp_path: Path) -> None:
    flight = read_flight(write(kind, tmp_path))
    np.testing.assert_allclose(flight.stamps, [1.0, 1.1])
    np.testing.assert_allclose(flight.position, [[0, 0, 5], [1, 0, 5]])


def test_options_may_be_text(tmp_path: Path) -> None:
    assert len(read_flight(write("a.ulg", tmp_path), instance="0").stamps) == 2
    with pytest.raises(BuildError, match=r"a.ulg: instance is 'last'. Input should be a valid integer"):
        read_flight(tmp_path / "a.ulg", instance="last")
    with pytest.raises(BuildError, match=r"a.bag: frame is 'up'. Input should be 'enu', 'ned', "):
        read_flight(write("a.bag", tmp_path), frame="up")


@pytest.mark.parametrize("kind", ["a.bag", "a.ulg", "tum.txt", "euroc.csv", "plain.csv", "one.tar.gz"])
def test_wrong_suffix_does_not_matter(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path).rename(tmp_path / "flight.dat")
    np.testing.assert_allclose(read_flight(path).position, [[0, 0, 5], [1, 0, 5]])


def test_options_reach_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ms,x,y,z\n0,0,0,0\n100,1,0,0\n")
    flight = read_flight(path, columns=Columns(timestamp="ms", tx="x", ty="y", tz="z"), time_unit="ms")
    np.testing.assert_allclose(flight.stamps, [0, 0.1])


@pytest.mark.parametrize(
    ("kind", "options", "known"),
    [
        ("plain.csv", {"topic": "/a"}, "columns, decimal, encoding, frame, most_bytes, separator, time_unit"),
        ("a.bag", {"time_unit": "ms"}, "child, clock, frame, most_bytes, parent, topic, twist"),
        ("tum.txt", {"frame": "ned"}, "decimal, encoding, most_bytes, separator, time_unit"),
        ("a.ulg", {"topic": "/a"}, "instance"),
    ],
)
def test_option_of_another_kind_of_log_is_refused(
    kind: str, options: dict[str, str], known: str, tmp_path: Path
) -> None:
    (name,) = options
    with pytest.raises(BuildError, match=f"{kind} cannot be read with {name}; options of .*: {known};"):
        read_flight(write(kind, tmp_path), **options)


def test_what_is_no_flight_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="there is no log"):
        read_flight(tmp_path / "a.csv")
    with pytest.raises(BuildError, match=r"is a folder without metadata\.yaml, expected a log"):
        read_flight(tmp_path)
    (tmp_path / "a.dat").write_bytes(b"\x00\x01")
    with pytest.raises(BuildError, match=r"a\.dat is empty or of an unknown format, expected a log"):
        read_flight(tmp_path / "a.dat")
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(BuildError, match=r"a\.npy is a NumPy array .* read by generic, .*seismic/section"):
        read_flight(tmp_path / "a.npy")
    with tarfile.open(tmp_path / "two.tar", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.add(write("plain.csv", tmp_path), arcname=name)
    with pytest.raises(BuildError, match="holds 2 flights, expected one"):
        read_flight(tmp_path / "two.tar")
    (tmp_path / "a.csv").write_text("timestamp,tx,ty,tz\n0,0,0,0\nnan,1,1,1\n")
    with pytest.raises(BuildError, match=r"holds 1 samples .* \(left out: 1 without a stamp\)"):
        read_flight(tmp_path / "a.csv")


def test_log_of_which_much_cannot_be_used_is_refused(tmp_path: Path) -> None:
    rows = [f"{0.1 * row:.1f},{row},0,{'' if row % 10 else 5}" for row in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["timestamp,tx,ty,tz", *rows]), encoding="utf-8")
    with pytest.raises(
        BuildError, match=r"a\.csv: 36 of 40 samples left out: 36 without a position; at most"
    ):
        read_flight(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0,0,0,5,0,0,0,1\n0.1,1,0,5,0,0,0,1\n", True),  # TUM with commas
        ("timestamp tx ty tz\n0 0 0 5\n0.1 1 0 5\n", False),  # CSV with spaces
        ("#timestamp,tx,ty,tz\n0,0,0,5\n0.1,1,0,5\n", False),
        ("timestamp;tx;ty;tz\n0;0;0;5\n0,1;1;0;5\n", False),
    ],
)
def test_header_tells_csv_from_tum_whatever_separates_columns(text: str, kept: bool, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    flight = read_flight(tmp_path / "a.txt")
    np.testing.assert_array_equal(flight.position, [[0, 0, 5], [1, 0, 5]])
    assert (flight.attitude is not None) == kept


@published
@pytest.mark.parametrize(("names", "windows"), [(("C1", "C2", "C3"), 3402), (("I1", "I2"), 2292)])
def test_published_gazebo_flights_give_as_many_windows_as_the_published_evaluation(
    names: tuple[str, ...], windows: int
) -> None:
    found = 0
    for name in names:
        flight = read_flight(SHARED / f"gazebo/{name}_df_resampled.csv")
        (track,) = resampled(flight)
        np.testing.assert_allclose(track.position, flight.position, atol=1e-9)
        assert track.values["attitude"].shape == (len(flight.stamps), 4)
        found += len(track.position) - 29  # 20 past, 10 ahead
    assert found == windows


@published
def test_published_archive_holds_a_hundred_lines_and_a_hundred_circles() -> None:
    flights = read_csv(SHARED / "synthetic/lines_circles_100ms.tar.gz")
    circles = [resampled(flight) for flight in flights if "/circle_" in flight.source]
    assert (len(flights), len(circles)) == (200, 100)
    assert sum(len(track.position) - 29 for (track,) in circles) == 27269
