"""What the importer of OpenFWI's files reads of them, row by row of its card, and gathers without models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.info import info
from datasets.factory.verify import verify
from datasets.seismic.openfwi import OpenFWI
from datasets.seismic.variables import FAMILIES
from surrogates.core.errors import ConfigError
from tests.datasets.cards import fields
from tests.datasets.seismic.files import openfwi_arrays

GATHERS, MODELS = openfwi_arrays(0, records=2)
GATHERS = 10 * GATHERS / np.abs(GATHERS).max() * np.float32(4.5)


def made(folder: Path, **changes: object) -> OpenFWI:
    recipe = OpenFWI.make({"folder": str(folder)} | changes)
    recipe.prepare()
    return recipe


def saved(folder: Path, name: str, values: np.ndarray) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return folder


def pair(folder: Path, gathers: np.ndarray = GATHERS, models: np.ndarray = MODELS, number: int = 1) -> Path:
    saved(folder, f"data{number}.npy", gathers)
    return saved(folder, f"model{number}.npy", models)


def read(recipe: OpenFWI) -> dict[str, np.ndarray]:
    return recipe.simulate(np.arange(recipe.records()), [])


def test_gathers_without_models_are_a_test_that_knows_its_files(tmp_path: Path) -> None:
    for name in ("000039dca2", "0001026c8a"):
        saved(tmp_path / "test", f"{name}.npy", GATHERS[0])
    url = str(tmp_path / "store.zarr")
    build(made(tmp_path / "test", models="none", time_stride=8), url, workers=0, progress=False)
    assert verify(url, progress=False).ok
    store = xr.open_zarr(url).load()
    assert "velocity_model" not in store
    assert not {"depth", "lateral"} & set(store.coords)
    assert store["split"].values.tolist() == [2, 2]
    names = store["file_name"].values[store["file"].values].tolist()
    assert sorted(names) == ["000039dca2.npy", "0001026c8a.npy"]
    np.testing.assert_array_equal(store["shot_gather"][0], GATHERS[0, :, ::8])


def test_models_beside_gathers_that_are_asked_for_alone_are_counted(tmp_path: Path) -> None:
    recipe = made(pair(tmp_path), models="none")
    assert recipe.left_out()[0].counts() == {"total": 2, "velocity models (models=none)": 1}
    recipe.left_out()[0].require_few()


def test_subsets_that_folders_state_are_those_of_the_split(tmp_path: Path) -> None:
    for subset in ("train_data", "val_data", "test_data"):
        saved(tmp_path, f"{subset}/seismic/seismic1.npy", GATHERS)
        saved(tmp_path, f"{subset}/vmodel/vmodel1.npy", MODELS)
    split, published = made(tmp_path, family="curvevel-a").splits()
    assert split.labels.tolist() == [2, 2, 0, 0, 1, 1]
    assert set(published.labels.tolist()) == {-1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gathers": "seis*.npy"}, "gathers='seis*.npy' and models='' found, both expected, or models=none"),
        ({"models": "vel*.npy"}, "gathers='' and models='vel*.npy' found, both expected"),
        ({"gathers": "a*_*.npy", "models": "b*.npy"}, "as many stars in both expected"),
        ({"scaled": [1, 1]}, "two different numbers expected"),
        ({"scaled": [0, 1], "units": "km s-1"}, "and no `units` beside it"),
        ({"units": "K"}, "'K' is no unit of velocity"),
    ],
)
def test_keys_that_contradict_each_other_are_one_line(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        made(pair(tmp_path), **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def first_bytes(folder: Path) -> None:
    with (folder / "both.npy").open("wb") as file:
        np.savez(file, seis=GATHERS, vel=MODELS)
    np.testing.assert_array_equal(read(made(folder))["velocity_model"], MODELS[:, 0])
    (folder / "both.npy").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(BuildError, match=r"both\.npy is an HDF5 or NetCDF-4 file, expected data1\.npy"):
        made(folder)


def names(folder: Path) -> None:
    saved(saved(folder, "seis_1.npy", GATHERS), "velocity1.npy", MODELS)
    np.testing.assert_array_equal(read(made(folder))["shot_gather"], GATHERS)
    (folder / "seis_1.npy").rename(folder / "field-1.npy")
    with pytest.raises(BuildError, match=r"has no partner with velocity models.* gathers='"):
        made(folder)
    recipe = made(folder, gathers="field-*.npy", models="velocity*.npy")
    np.testing.assert_array_equal(read(recipe)["shot_gather"], GATHERS)


def family(folder: Path) -> None:
    pair(folder / "CurveFaultB")
    assert {FAMILIES[code] for code in read(made(folder))["family"]} == {"curvefault-b"}
    assert {FAMILIES[code] for code in read(made(folder, family="style-a"))["family"]} == {"style-a"}


def subset(folder: Path) -> None:
    pair(folder / "train")
    pair(folder / "test")
    assert made(folder).splits()[0].labels.tolist() == [2, 2, 0, 0]


def published(folder: Path) -> None:
    pair(folder / "FlatVel_A", number=48)
    pair(folder / "FlatVel_A", number=49)
    saved(folder, "FlatVel_A/seis_50.npy", GATHERS)
    saved(folder, "FlatVel_A/vel_50.npy", MODELS)
    pair(folder / "unknown", number=49)
    assert made(folder).splits()[1].labels.tolist() == [0, 0, 1, 1, -1, -1, -1, -1]


def order_of_gathers(folder: Path) -> None:
    recipe = made(pair(folder, gathers=GATHERS.transpose(0, 1, 3, 2)))
    np.testing.assert_array_equal(read(recipe)["shot_gather"], GATHERS)
    assert any("put in the order (shot, time, receiver)" in line for line in recipe.remarks())


def shape_of_models(folder: Path) -> None:
    np.testing.assert_array_equal(
        read(made(pair(folder, models=MODELS[:, 0])))["velocity_model"], MODELS[:, 0]
    )
    slope = np.broadcast_to(np.linspace(1500, 4500, 70, dtype=np.float32), (2, 70, 70))
    assert any("depth and line exchanged" in line for line in made(pair(folder, models=slope)).remarks())
    assert len(made(pair(folder, models=slope.transpose(0, 2, 1))).remarks()) == 2


def other_shapes(folder: Path) -> None:
    saved(pair(folder), "mean.npy", np.zeros((5, 70)))
    left = made(folder, most_left_out=0.5).left_out()[0]
    assert left.counts() == {"total": 3, "of another shape, such as (5, 70) in mean.npy": 1}
    with pytest.raises(BuildError, match="most_left_out="):
        made(folder).left_out()[0].require_few()
    pair(folder, models=MODELS[..., ::2])
    with pytest.raises(BuildError, match=r"model1\.npy: float32 of shape \(2, 1, 70, 35\) found, gathers of"):
        made(folder)


def number_of_records(folder: Path) -> None:
    with pytest.raises(BuildError, match=r"holds 2 records and .*model1\.npy 1; expected as many"):
        made(pair(folder, models=MODELS[:1]))


def types(folder: Path) -> None:
    for dtype in (">f4", "f8", "f2"):
        recipe = made(pair(folder, GATHERS.astype(dtype), MODELS.astype(dtype)))
        expected = GATHERS.astype(dtype).astype(np.float32)
        np.testing.assert_array_equal(read(recipe)["shot_gather"], expected)
        assert any("half precision" in line for line in recipe.remarks()) == (dtype == "f2")
    whole = MODELS.round().astype("int16")
    np.testing.assert_array_equal(read(made(pair(folder, models=whole)))["velocity_model"], whole[:, 0])
    with pytest.raises(BuildError, match="gathers of type int16 found, floats expected"):
        made(pair(folder, gathers=GATHERS.astype("int16")))


def objects(folder: Path) -> None:
    np.save(pair(folder) / "data1.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BuildError, match=r"holds Python objects"):
        made(folder)


def scale_of_velocities(folder: Path) -> None:
    share = (MODELS.astype(np.float64) - 1500) / 3000
    for values, keys, advice in (
        (
            MODELS / 1000,
            {"units": "km s-1"},
            r"1\.5.* to 4\.\d+ found, 1500 to 4500 m/s .* give units='km s-1'",
        ),
        (share, {"scaled": [0, 1]}, r"normalised: give scaled=\[0, 1\], or \[-1, 1\]"),
        ((2 * share - 1).astype(np.float32), {"scaled": [-1, 1]}, r"normalised: give scaled=\[-1, 1\]"),
        (255 * share, {"scaled": [0, 255]}, r"give their `units`, or as scaled=\[A, B\]"),
    ):
        pair(folder, models=values)
        with pytest.raises(BuildError, match=advice):
            made(folder)
        np.testing.assert_allclose(read(made(folder, **keys))["velocity_model"], MODELS[:, 0], rtol=1e-6)
    with pytest.raises(BuildError, match=r"in m/s: leave out `units` and `scaled`"):
        made(pair(folder), units="km s-1")


def scale_of_pressure(folder: Path) -> None:
    assert not any("peaks at" in line for line in made(pair(folder, np.abs(GATHERS))).remarks())
    for values in (GATHERS / 45, -np.abs(GATHERS)):
        recipe = made(pair(folder, gathers=values))
        assert any("peaks at" in line and "other sign" in line for line in recipe.remarks())
        np.testing.assert_array_equal(read(recipe)["shot_gather"], values)


def not_numbers(folder: Path) -> None:
    gathers = GATHERS.copy()
    gathers[1, 0, 0, 0] = np.inf
    recipe = made(pair(folder, gathers=gathers))
    with pytest.raises(BuildError, match=r"data1\.npy, record 1: NaN or infinite values found"):
        read(recipe)


def taken_for_granted(folder: Path) -> None:
    shared = made(pair(folder)).shared()
    np.testing.assert_allclose(shared["shot"], [0, 170, 340, 520, 690])
    assert float(shared["time"][1]) == 0.001


def hidden(folder: Path) -> None:
    (pair(folder) / "._data1.npy").write_bytes(b"\x00\x05\x16\x07")
    assert made(folder).left_out()[0].counts() == {"total": 2}


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "first bytes": first_bytes,
    "names of files and folders": names,
    "family in names": family,
    "subset in names": subset,
    "numbers in names": published,
    "shape of gathers": order_of_gathers,
    "shape of models": shape_of_models,
    "other shapes": other_shapes,
    "number of records": number_of_records,
    "type": types,
    "Python objects": objects,
    "scale of velocities": scale_of_velocities,
    "scale and sign of pressure": scale_of_pressure,
    "NaN, infinity": not_numbers,
    "cells, time step, source": taken_for_granted,
    "names that begin with a dot": hidden,
}


@pytest.mark.parametrize("field", fields("seismic/openfwi"))
def test_fields_of_the_files_are_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)


def test_counts_of_what_is_left_out_are_stored(tmp_path: Path) -> None:
    saved(pair(tmp_path), "mean.npy", np.zeros(3))
    url = str(tmp_path / "store.zarr")
    build(made(tmp_path, time_stride=8, most_left_out=0.4), url, workers=0, progress=False)
    assert info(url).left_out == {"files": {"total": 3, "of another shape, such as (3,) in mean.npy": 1}}
