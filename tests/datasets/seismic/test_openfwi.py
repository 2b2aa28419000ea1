"""The importer of OpenFWI's files: layouts, families, the published split, round trips and damaged files."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.verify import verify
from datasets.seismic.openfwi import OpenFWI
from datasets.seismic.variables import FAMILIES
from surrogates.core.errors import ConfigError
from tests.datasets.seismic.files import openfwi_arrays


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of FlatVel-A for training and one for validation, and two of FlatFault-B."""
    for number in (2, 49):
        gathers, models = openfwi_arrays(number)
        for kind, values in (("data", gathers), ("model", models)):
            (tmp_path / "FlatVel_A" / kind).mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / "FlatVel_A" / kind / f"{kind}{number}.npy", values)
    (tmp_path / "FlatFault_B").mkdir()
    for number in (4, 32):
        gathers, models = openfwi_arrays(100 + number, records=2)
        np.save(tmp_path / "FlatFault_B" / f"seis6_1_{number}.npy", gathers)
        np.save(tmp_path / "FlatFault_B" / f"vel6_1_{number}.npy", models)
    return tmp_path


def made(folder: Path, **changes: object) -> OpenFWI:
    recipe = OpenFWI.make({"folder": str(folder)} | changes)
    recipe.prepare()
    return recipe


def test_store_holds_the_numbers_of_the_files_in_their_order(folder: Path, tmp_path: Path) -> None:
    url = str(tmp_path / "store.zarr")
    build(made(folder, time_stride=4), url, workers=0, progress=False)
    assert verify(url, progress=False).ok
    store = xr.open_zarr(url).load()
    faults, vels = (
        [openfwi_arrays(seed, count) for seed in seeds] for seeds, count in (((104, 132), 2), ((2, 49), 3))
    )
    gathers, models = (np.concatenate(each) for each in zip(*faults, *vels, strict=True))
    np.testing.assert_array_equal(store["shot_gather"], gathers[:, :, ::4])
    np.testing.assert_array_equal(store["velocity_model"], models[:, 0])
    names = [FAMILIES[code] for code in store["family"].values]
    assert names == ["flatfault-b"] * 4 + ["flatvel-a"] * 6
    np.testing.assert_allclose(store["time"], 0.004 * np.arange(250))
    np.testing.assert_allclose(store["shot"], [0, 170, 340, 520, 690])


def test_published_validation_files_are_the_test_here(folder: Path) -> None:
    split, published = made(folder, validation=0.3).splits()
    np.testing.assert_array_equal(published.labels, [0, 0, 1, 1, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(split.labels == 2, published.labels == 1)
    assert published.name == "split_published"


def test_without_published_validation_files_a_tenth_is_the_test(tmp_path: Path) -> None:
    gathers, models = openfwi_arrays(0, records=20)
    np.save(tmp_path / "data1.npy", gathers)
    np.save(tmp_path / "model1.npy", models[:, 0:1])
    recipe = made(tmp_path, family="style-a")
    split, _ = recipe.splits()
    np.testing.assert_array_equal(np.bincount(split.labels, minlength=3), [16, 2, 2])
    assert "a tenth of the models is the test" in recipe.remarks()[1]


def test_family_is_unknown_where_no_folder_names_it(tmp_path: Path) -> None:
    gathers, models = openfwi_arrays(0, records=1)
    np.save(tmp_path / "data1.npy", gathers)
    np.save(tmp_path / "model1.npy", models)
    recipe = made(tmp_path)
    assert recipe.remarks()[0] == "1 pairs of files; models: unknown 1"
    assert recipe.splits()[1].labels.tolist() == [-1]


def test_files_are_found_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9):
        gathers, models = openfwi_arrays(number, records=1)
        np.save(tmp_path / f"data{number}.npy", gathers)
        np.save(tmp_path / f"model{number}.npy", models)
    found = made(tmp_path, family="flatvel-b").simulate(np.array([0, 1]), [])
    expected = np.concatenate([openfwi_arrays(number, records=1)[1] for number in (9, 10)])
    np.testing.assert_array_equal(found["velocity_model"], expected[:, 0])


def spoil(folder: Path, how: str) -> None:
    data, model = folder / "FlatVel_A/data/data2.npy", folder / "FlatVel_A/model/model2.npy"
    gathers, models = openfwi_arrays(2)
    match how:
        case "no model":
            model.unlink()
        case "no data":
            data.unlink()
        case "swapped":
            np.save(data, models)
        case "fewer":
            np.save(model, models[:2])
        case "grid":
            np.save(model, models[:, :, ::2])
        case "cut":
            data.write_bytes(data.read_bytes()[:5000])
        case "objects":
            np.save(data, np.array([{}], dtype=object), allow_pickle=True)
        case "nan":
            gathers[1, 2, 3, 4] = np.nan
            np.save(data, gathers)
        case "scaled":
            np.save(model, models / 4500.0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no model", "has no partner"),
        ("no data", "has no partner with gathers"),
        ("swapped", "are gathers and models swapped"),
        ("fewer", "holds 3 records and"),
        ("grid", "expected; is it a file of OpenFWI?"),
        ("cut", "states 4,200,000 bytes (shape (3, 5, 1000, 70)), but holds"),
        ("objects", "holds Python objects"),
    ],
)
def test_unfit_files_are_refused_before_anything_is_read(folder: Path, how: str, message: str) -> None:
    spoil(folder, how)
    with pytest.raises(BuildError) as caught:
        made(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "message"),
    [("nan", "data2.npy, record 1: NaN"), ("scaled", "model2.npy, model 0: 0.33")],
)
def test_bad_numbers_name_the_file_and_the_record(folder: Path, how: str, message: str) -> None:
    spoil(folder, how)
    recipe = made(folder)
    with pytest.raises(BuildError, match=message):
        recipe.simulate(np.arange(recipe.records()), [])


def test_changed_files_are_not_taken_for_the_old_ones(folder: Path) -> None:
    recipe = made(folder)
    np.save(folder / "FlatVel_A/data/data2.npy", openfwi_arrays(2)[0][:1])
    with pytest.raises(BuildError, match="not those that the import began with"):
        recipe.prepare()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "nowhere"}, "there is no file or folder nowhere"),
        ({"family": "flat"}, "family='flat' found"),
        ({"time_stride": 12}, "too few for a source of 15 Hz"),
    ],
)
def test_bad_parameters_are_one_line(folder: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OpenFWI.make({"folder": str(folder)} | changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_such_files_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data1.npy and model1.npy"):
        OpenFWI.make({"folder": str(tmp_path)})
