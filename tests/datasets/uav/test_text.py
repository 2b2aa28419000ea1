"""CSV, TUM and EuRoC are read as they are published; what does not fit is named with its line."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.uav.text import Columns, read_csv, read_tum

PUBLISHED = "timestamp,tx,ty,tz\n0.00, -0.02083, -0.01705, -0.00246\n0.10, 0.02960, -0.09095, -0.03805\n"
EUROC = (
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], "
    "v_RS_R_x [m s^-1], v_RS_R_y [m s^-1], v_RS_R_z [m s^-1], b_w_RS_S_x [rad s^-1]\n"
    "1403636580838555648,4.688319,-1.786938,0.783338,0.534108,-0.153029,-0.827383,-0.082152,-0.02,0.03,0.04,1\n"
    "1403636580843555648,4.688177,-1.786770,0.787350,0.534640,-0.152990,-0.826976,-0.082863,-0.03,0.04,0.80,1\n"
)
TUM = "# ground truth\n# timestamp tx ty tz qx qy qz qw\n1.5 1 2 3 0.1 0.2 0.3 0.9\n\n1.6 4 5 6 0 0 0 1\n"


def written(folder: Path, text: str, name: str = "flight.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_spaces_after_commas_and_a_missing_quaternion_are_the_published_layout(tmp_path: Path) -> None:
    (flight,) = read_csv(written(tmp_path, PUBLISHED))
    np.testing.assert_array_equal(flight.stamps, [0.0, 0.1])
    np.testing.assert_array_equal(flight.position[1], [0.0296, -0.09095, -0.03805])
    assert flight.attitude is flight.velocity is None
    assert flight.at(1) == f"{tmp_path}/flight.csv, line 3"


def test_quaternion_comes_scalar_first_and_other_columns_are_not_read(tmp_path: Path) -> None:
    text = "mode,timestamp,tx,ty,tz,qx,qy,qz,qw\nAUTO,0,1,2,3,0.1,0.2,0.3,0.9\nAUTO,1,1,2,3,0.1,0.2,0.3,0.9\n"
    (flight,) = read_csv(written(tmp_path, "\ufeff" + text))
    assert flight.attitude is not None
    np.testing.assert_array_equal(flight.attitude[0], [0.9, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_columns_and_unit_of_time_are_the_users(tmp_path: Path, unit: str, factor: int) -> None:
    rows = "".join(f"{1_700_000_000 * factor + factor * i // 10},{i},0,0,5,6,7\n" for i in range(3))
    path = written(tmp_path, f"time,x,y,z,u,v,w\n{rows}")
    names = {"timestamp": "time", "tx": "x", "ty": "y", "tz": "z", "vx": "u", "vy": "v", "vz": "w"}
    (flight,) = read_csv(path, columns=Columns(**names), time_unit=unit)
    expected = 1.7e9 + np.array([0, 0.1, 0.2]) if factor > 1 else 1.7e9 + np.zeros(3)
    np.testing.assert_allclose(flight.stamps, expected, rtol=0, atol=3e-7)
    assert flight.velocity is not None
    np.testing.assert_array_equal(flight.velocity[0], [5, 6, 7])


def test_archive_is_read_by_name_without_unpacking(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("circle_2.txt", "circle_1.txt"):
        written(inside, PUBLISHED.replace("-0.02083", name[7]), name)
    written(inside, "not a flight", "README.md")
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for name in ("circle_2.txt", "circle_1.txt", "README.md"):
            archive.add(inside / name, arcname=f"random/{name}")
    before = sorted(tmp_path.rglob("*"))
    flights = read_csv(tmp_path / "all.tar.gz")
    assert [flight.source.split("all.tar.gz/")[1] for flight in flights] == [
        "random/circle_1.txt", "random/circle_2.txt",
    ]  # fmt: skip
    assert [flight.position[0, 0] for flight in flights] == [1.0, 2.0]
    assert sorted(tmp_path.rglob("*")) == before


def test_tum_passes_over_comments(tmp_path: Path) -> None:
    (flight,) = read_tum(written(tmp_path, TUM, "groundtruth.txt"))
    np.testing.assert_array_equal(flight.stamps, [1.5, 1.6])
    np.testing.assert_array_equal(flight.position, [[1, 2, 3], [4, 5, 6]])
    assert flight.attitude is not None
    np.testing.assert_array_equal(flight.attitude[0], [0.9, 0.1, 0.2, 0.3])
    assert flight.at(1).endswith("line 5")


def test_euroc_has_nanoseconds_scalar_first_and_a_velocity(tmp_path: Path) -> None:
    (flight,) = read_tum(written(tmp_path, EUROC))
    np.testing.assert_allclose(np.diff(flight.stamps), 0.005, atol=3e-7)
    np.testing.assert_array_equal(flight.position[0], [4.688319, -1.786938, 0.783338])
    assert flight.attitude is not None
    assert flight.velocity is not None
    np.testing.assert_array_equal(flight.attitude[0], [0.534108, -0.153029, -0.827383, -0.082152])
    np.testing.assert_array_equal(flight.velocity[1], [-0.03, 0.04, 0.8])
    poses = "\n".join(",".join(line.split(",")[:8]) for line in EUROC.splitlines())
    assert read_tum(written(tmp_path, poses))[0].velocity is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; expected a header line with timestamp, tx, ty, tz"),
        ("timestamp,tx,ty,tz\n", "has a header but no sample"),
        (
            PUBLISHED.replace("tx", "t_x"),
            "has no column 'tx'. Did you mean 't_x'. It has t_x, timestamp, ty, tz",
        ),
        (PUBLISHED.replace("timestamp", "time"), "`columns: {timestamp: ...}`"),
        (PUBLISHED.partition("\n")[2], "is the header line missing"),
        (TUM.splitlines()[2], "is the header line missing? .* TUM's layout, which uav/tum reads"),
        (EUROC, "is in EuRoC's layout .*; uav/tum reads such files"),
        (PUBLISHED.replace("0.02960", "here"), "line 3: tx is 'here', expected a number"),
        ("timestamp,tx,ty,tz,qx,qy,qz\n0,1,2,3,0,0,0\n", "has no column 'qw'"),
        (PUBLISHED + '0.2,"' + 200_000 * "x", "line 4: 200,005 characters found"),
    ],
)
def test_csv_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BuildError, match=said.replace("{", r"\{").replace("?", r"\?")):
        read_csv(written(tmp_path, text))


def test_column_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="has no column 'q_w'"):
        read_csv(written(tmp_path, PUBLISHED), columns=Columns(qw="q_w"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing\n", "holds no sample; expected lines of timestamp tx ty tz qx qy qz qw"),
        (PUBLISHED, "names its columns timestamp, tx, ty, tz, .*; uav/csv reads tables"),
        (TUM.replace("1.6 4", "1.6 four"), "line 5: tx is 'four', expected a number"),
        (
            "1.5 1 2 0 0 0 1\n1.6 1 2 0 0 0 1\n",
            "holds 7 values a line, expected 8 .* or the first 4; name its",
        ),
        (TUM.replace(" 0 0 0 1", " 0 0 0 1 7"), "line 5: 9 cells found, expected 8"),
    ],
)
def test_tum_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        read_tum(written(tmp_path, text))


def test_archive_that_is_cut_or_without_flights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"no")
    with pytest.raises(BuildError, match="cannot be read as a tar archive"):
        read_csv(path)
    path.write_bytes(gzip.compress(PUBLISHED.encode()))
    with pytest.raises(BuildError, match=r"is a file packed by gzip without .*; unpack it first") as caught:
        read_csv(path)
    assert "ReadError" not in str(caught.value)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(written(tmp_path, "x", "notes.md"), arcname="notes.md")
    with pytest.raises(BuildError, match=r"holds no file that ends in .csv or .txt or .tum, found notes.md"):
        read_csv(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_text_are_read(encoding: str, tmp_path: Path) -> None:
    named = {"encoding": encoding} if encoding == "cp1252" else {}
    header, *rows = PUBLISHED.splitlines()
    content = "\r\n".join([f"Höhe,{header}", *(f"ä,{row}" for row in rows)])
    plain, odd = tmp_path / "plain.csv", tmp_path / "odd.csv"
    plain.write_text(content, encoding="utf-8")
    odd.write_text(content, encoding=encoding)
    (expected,), (found,) = read_csv(plain), read_csv(odd, **named)
    np.testing.assert_array_equal(found.position, expected.position)
    np.testing.assert_array_equal(found.numbers, expected.numbers)


def test_text_in_latin_1_is_read_with_a_remark_or_names_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(PUBLISHED.replace("tz\n", "tz,Höhe\n", 1), encoding="latin-1")
    (flight,) = read_csv(path)
    assert flight.remarks[0].endswith(
        "is no UTF-8; the text is read as cp1252, the only encoding in use that fits"
    )
    path.write_text(PUBLISHED.replace("tz\n", "tz,año\n", 1), encoding="latin-1")
    with pytest.raises(BuildError, match=r"a\.csv, line 1: the byte 0xf1 .* such as `encoding=cp1252`"):
        read_csv(path)
