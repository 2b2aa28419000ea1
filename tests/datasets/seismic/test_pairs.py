"""Gathers and their velocity models, found by shape and name: layouts that people have on disk."""

from pathlib import Path

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.factory.formats import matching
from datasets.seismic.pairs import NONE, Found, Shapes, find_pairs
from datasets.store.specs import TEST, TRAIN, VALIDATION

SHAPES = Shapes(gathers=(2, 6, 4), models=(4, 4))
LAYOUT = "data1.npy and model1.npy"


def gathers(seed: int = 0, records: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((records, *SHAPES.gathers)).astype(np.float32)


def models(seed: int = 0, records: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1500, 4500, (records, 1, *SHAPES.models)).astype(np.float32)


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, values)


def pairs_in(folder: Path, patterns: tuple[str, str] = ("", "")) -> Found:
    files = [folder] if folder.is_file() else matching(folder, ("**/[!.]*.npy", "**/[!.]*.npz"))
    return find_pairs(folder, files, SHAPES, patterns, LAYOUT)


LAYOUTS = {
    "as published": ("FlatVel_A/data/data{}.npy", "FlatVel_A/model/model{}.npy"),
    "side by side": ("FlatVel_A/data{}.npy", "FlatVel_A/model{}.npy"),
    "faults": ("FlatFault_B/seis{}_1_0.npy", "FlatFault_B/vel{}_1_0.npy"),
    "underscores": ("seis_{}.npy", "vel_{}.npy"),
    "velocity": ("CurveVelA/seismic{}.npy", "CurveVelA/velocity{}.npy"),
    "vmodel": ("CurveVelA/train_data/seismic/seismic{}.npy", "CurveVelA/train_data/vmodel/vmodel{}.npy"),
    "full": ("seismic_full/seismic{}.npy", "vmodel_full/vmodel{}.npy"),
    "labels": ("train_data/{}.npy", "train_label/{}.npy"),
    "twice the suffix": ("FlatVel_A/data/data{}.npy", "FlatVel_A/model/model{}.npy.npy"),
    "in one folder": ("CurveFault_A_seis{}_1_0.npy", "CurveFault_A_vel{}_1_0.npy"),
    "in capitals": ("DATA{}.NPY", "MODEL{}.NPY"),
    "zeros before": ("data0{}.npy", "model{}.npy"),
    "letters": ("X_{}.npy", "y_{}.npy"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_files_belong_together_whose_names_differ_in_the_kind_alone(name: str, tmp_path: Path) -> None:
    for number in (9, 10):
        for pattern, values in zip(LAYOUTS[name], (gathers(number), models(number)), strict=True):
            save(tmp_path / pattern.format(number), values)
    found = pairs_in(tmp_path)
    assert len(found.pairs) == 2
    for pair, number in zip(found.pairs, (9, 10), strict=True):
        assert pair.models is not None
        np.testing.assert_array_equal(SHAPES.record(pair.gathers, 2), gathers(number)[2])
        np.testing.assert_array_equal(SHAPES.record(pair.models, 2), models(number)[2, 0])


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("FlatVel_A/data1.npy", "flatvel-a"),
        ("curvevel-B/data1.npy", "curvevel-b"),
        ("CurveFaultA/train_data/data1.npy", "curvefault-a"),
        ("Style_B/data1.npy", "style-b"),
        ("FLATFAULT_A/data1.npy", "flatfault-a"),
        ("CurveFault_B_seis2_1_0.npy", "curvefault-b"),
        ("flat fault b/data1.npy", "flatfault-b"),
        ("salt/data1.npy", "salt"),
        ("style_all/data1.npy", "unknown"),
        ("FlatVel/data1.npy", "unknown"),
    ],
)
def test_family_is_read_from_names_however_it_is_written(name: str, family: str, tmp_path: Path) -> None:
    save(tmp_path / name, gathers())
    assert [pair.family for pair in pairs_in(tmp_path, ("", NONE)).pairs] == [family]


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("train_data/data1.npy", TRAIN),
        ("valid/data1.npy", VALIDATION),
        ("test_data/data1.npy", TEST),
        ("data_val1.npy", VALIDATION),
        ("latest/data1.npy", -1),
        ("train_and_test/data1.npy", -1),
    ],
)
def test_subset_is_read_from_names(name: str, stated: int, tmp_path: Path) -> None:
    save(tmp_path / name, gathers())
    assert [pair.stated for pair in pairs_in(tmp_path, ("", NONE)).pairs] == [stated]


def test_patterns_name_files_of_any_name(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / f"run{number}" / f"pressure-{number}.npy", gathers(number))
        save(tmp_path / f"run{number}" / f"c{number}true.npy", models(number))
        save(tmp_path / f"run{number}" / f"c{number}start.npy", models(number + 10))
    found = pairs_in(tmp_path, ("pressure-*.npy", "c*true.npy"))
    assert [len(found.pairs), found.files] == [2, 6]
    assert found.chosen["not named by `gathers` or `models`"] == 2
    for pair, number in zip(found.pairs, (1, 2), strict=True):
        np.testing.assert_array_equal(SHAPES.record(pair.models, 1), models(number)[1, 0])


def test_folders_that_a_star_stands_for_may_differ_in_the_kind(tmp_path: Path) -> None:
    for family in ("FlatVel_A", "FlatVel_B"):
        save(tmp_path / "train" / family / "data" / "p1.npy", gathers())
        save(tmp_path / "train" / family / "model" / "c1.npy", models())
    save(tmp_path / "test" / "p1.npy", gathers())
    assert len(pairs_in(tmp_path, ("train/**/p*.npy", "train/**/c*.npy")).pairs) == 2
    assert len(pairs_in(tmp_path / "train", ("p*.npy", "c*.npy")).pairs) == 2


def test_one_archive_may_hold_both(tmp_path: Path) -> None:
    for number in (1, 2):
        np.savez_compressed(
            tmp_path / f"FlatVel_A_{number}.npz", seis=gathers(number), vel=models(number), dt=0.001
        )
    found = pairs_in(tmp_path)
    assert [pair.family for pair in found.pairs] == ["flatvel-a"] * 2
    for pair, number in zip(found.pairs, (1, 2), strict=True):
        np.testing.assert_array_equal(SHAPES.record(pair.gathers, 2), gathers(number)[2])
        np.testing.assert_array_equal(SHAPES.record(pair.models, 2), models(number)[2, 0])


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_axes_of_gathers_are_told_apart_by_their_sizes(order: tuple[int, ...], tmp_path: Path) -> None:
    save(tmp_path / "data1.npy", gathers().transpose(0, *(1 + axis for axis in order)))
    save(tmp_path / "model1.npy", models())
    (pair,) = pairs_in(tmp_path).pairs
    np.testing.assert_array_equal(SHAPES.record(pair.gathers, 1), gathers()[1])


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (1, 4, 4), (4, 4)])
def test_a_single_record_may_lack_axes(shape: tuple[int, ...], tmp_path: Path) -> None:
    save(tmp_path / "data1.npy", gathers()[0])
    save(tmp_path / "model1.npy", models()[0].reshape(shape))
    (pair,) = pairs_in(tmp_path).pairs
    assert pair.models is not None
    assert [SHAPES.records(each.shape) for each in (pair.gathers, pair.models)] == [1, 1]
    np.testing.assert_array_equal(SHAPES.record(pair.gathers, 0), gathers()[0])
    np.testing.assert_array_equal(SHAPES.record(pair.models, 0), models()[0, 0])


@pytest.mark.parametrize("given", ["data/data2.npy", "model/model2.npy", "data"])
def test_the_partner_of_a_file_or_of_a_folder_of_one_kind_lies_beside_it(given: str, tmp_path: Path) -> None:
    numbers = (2,) if given.endswith("npy") else (1, 2)
    for number in (1, 2):
        save(tmp_path / "FlatVel_A" / "data" / f"data{number}.npy", gathers(number))
        save(tmp_path / "FlatVel_A" / "model" / f"model{number}.npy", models(number))
    found = pairs_in(tmp_path / "FlatVel_A" / given)
    assert [pair.gathers.path.name for pair in found.pairs] == [f"data{number}.npy" for number in numbers]
    assert [pair.family for pair in found.pairs] == ["flatvel-a"] * len(numbers)


def test_other_arrays_are_counted(tmp_path: Path) -> None:
    save(tmp_path / "data1.npy", gathers())
    save(tmp_path / "model1.npy", models())
    save(tmp_path / "mean.npy", np.zeros((2, 2)))
    save(tmp_path / "._data1.npy", np.zeros(3))
    found = pairs_in(tmp_path)
    assert found.files == 3
    assert found.causes == {"of another shape, such as (2, 2) in mean.npy": 1}


@pytest.mark.parametrize(
    ("files", "patterns", "message"),
    [
        ({"data1.npy": gathers()}, ("", ""), "data1.npy has no partner with velocity models; expected"),
        (
            {f"{number}.npy": gathers() for number in range(3)},
            ("", ""),
            "like 3 of 3 files of gathers; .* models=none",
        ),
        ({"vel1.npy": models()}, ("", ""), "has no partner with gathers; .* import seismic/models"),
        (
            {"data1.npy": gathers(), "model1.npy": models(), "velocity1.npy": models()},
            ("", ""),
            "are both velocity models of the same name; .* name the files by `gathers` and `models`",
        ),
        (
            {"data1.npy": gathers(), "model1.npy": models(), "model2.npy": models()},
            ("", ""),
            "model2.npy has no partner with gathers",
        ),
        (
            {"data1.npy": np.zeros((3, 2, 5, 5), np.float16), "model1.npy": models()},
            ("", ""),
            r"data1.npy: float16 of shape \(3, 2, 5, 5\) found, gathers of shape \(records, 2, 6, 4\) or ",
        ),
        ({"data1.npy": gathers().astype(np.int8)}, ("", NONE), "type int8 found, floats expected"),
        ({"data1.npy": gathers()}, ("seis*.npy", "vel*.npy"), "holds no file that `gathers` names"),
        (
            {"data1.npy": gathers(), "model1.npy": models()},
            ("model*.npy", "data*.npy"),
            "are `gathers` and `models` swapped",
        ),
    ],
)
def test_what_cannot_be_paired_is_one_line_with_the_cause(
    files: dict[str, np.ndarray], patterns: tuple[str, str], message: str, tmp_path: Path
) -> None:
    for name, values in files.items():
        save(tmp_path / name, values)
    with pytest.raises(BuildError, match=message) as caught:
        pairs_in(tmp_path, patterns)
    assert "\n" not in str(caught.value)
