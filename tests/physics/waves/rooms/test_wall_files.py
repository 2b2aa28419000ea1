import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from physics.waves.rooms.wall_files import read_absorption, read_circuits, read_poles, read_wall
from tests.physics.waves.rooms.examples import POROUS, SHARED, published

POLES = """6 2 2
-0.050895081885
-0.077041464455
20.818242042787
90.154065142216
8.742655724467
11.882538133263
1409.174615247421
2996.397333914219
5143.978228028025
11865.834708151424
-13398.796374805785
-62639.178065321037
0.0
-----
sigma = 10000
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "wall.dat"
    path.write_text(text, encoding="utf-8")
    return path


def circuits(folder: Path, values: list[list[float]], name: str = "DEF") -> Path:
    path = folder / "wall.h5"
    with h5py.File(path, "w") as file:
        file[name] = np.array(values)
    return path


def test_poles_are_read_in_their_order(tmp_path: Path) -> None:
    wall = read_wall(write(tmp_path, POLES))
    assert (wall.direct, wall.blocks, wall.name) == (0.0, POROUS.blocks, "wall.dat")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6 2 2\n1\n2\n", "2 coefficients found, 13 expected .* complete the file"),
        ("1 1 0\n" + "1\n" * 7, "coefficients for 3 angles of incidence found, a wall of extended reaction"),
        ("6 2 1\n1\n", "6 poles are not 2 real ones and 1 pairs"),
        ("one two three", "numbers of all poles"),
        ("", "numbers of all poles"),
        (POLES.replace("20.81", "-20.81"), r"wall\.dat is not passive: it gives energy at"),
        (POLES.replace("1409.17", "-1409.17"), "grows without end"),
    ],
)
def test_bad_files_of_poles_are_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_poles(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_circuits_are_read(tmp_path: Path) -> None:
    wall = read_wall(circuits(tmp_path, [[0.5, 34.0, 4749.0], [0.9, 126.0, 35135.0]]))
    assert 0.05 < wall.absorption(31.0) < 0.3


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        ([[1.0, 2.0]], "DEF", r"\(circuits, 3\) expected, found \(1, 2\)"),
        ([[1.0, 2.0, 3.0]], "other", "a dataset DEF"),
        ([[1.0, -2.0, 3.0]], "DEF", "would not be passive"),
    ],
)
def test_bad_circuits_are_refused(values: list, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_circuits(circuits(tmp_path, values, name))


def test_a_file_that_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wall.h5").write_text("no", encoding="utf-8")
    with pytest.raises(ValueError, match=r"wall\.h5 is no HDF5 file"):
        read_circuits(tmp_path / "wall.h5")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.dat .* or \.h5"):
        read_wall(tmp_path / "wall.txt")


def table(folder: Path, coefficients: list[float]) -> Path:
    path = folder / "table.json"
    material = {"brick": {"description": "bricks", "coeffs": coefficients}}
    path.write_text(json.dumps({"center_freqs": [125, 250, 500], "absorption": {"hard": material}}))
    return path


def test_a_material_of_a_table_is_read(tmp_path: Path) -> None:
    bands, shares = read_absorption(table(tmp_path, [0.1, 0.2]), "brick")
    assert (bands.tolist(), shares.tolist()) == ([125.0, 250.0], [0.1, 0.2])


def test_tables_are_refused_for_what_they_lack(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no material 'brik'; some it has: brick"):
        read_absorption(table(tmp_path, [0.1]), "brik")
    with pytest.raises(ValueError, match="passive wall absorbs no more"):
        read_absorption(table(tmp_path, [0.1, 1.2]), "brick")
    (tmp_path / "table.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="center_freqs and absorption"):
        read_absorption(tmp_path / "table.json", "brick")


@published
def test_published_poles_and_circuits_are_passive() -> None:
    for name in ("freq_dep_lr.dat", "LRDATA14.dat"):
        read_wall(SHARED / name)
    files = sorted((SHARED / "pffdtd_materials").glob("*.h5"))
    assert len(files) == 14
    for path in files:
        shares = read_wall(path).absorption(np.geomspace(20, 16000, 50))
        assert (shares > 0).all() and (shares < 1).all()
    bands, shares = read_absorption(SHARED / "pra_materials.json", "brickwork")
    assert (bands[0], shares[0]) == (125.0, 0.01)


@published
def test_the_published_wall_of_extended_reaction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"for 91 angles of incidence found, a wall of ext[^\n]*$"):
        read_wall(SHARED / "ERDATA14.dat")
