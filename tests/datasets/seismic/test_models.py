"""The recipe `seismic/models`: files of velocity models as people have them, and the survey over them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.info import info
from datasets.factory.opening import close_files
from datasets.factory.verify import verify
from datasets.seismic.models import VelocityModels
from datasets.seismic.variables import FAMILIES
from datasets.seismic.velocities import resampled
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.core.errors import ConfigError
from tests.datasets.cards import fields

KEYS = {"shots": 2, "steps": 60, "cell": [10, 10]}


def models(count: int = 4, depths: int = 12, laterals: int = 16, seed: int = 0) -> np.ndarray:
    """Velocities that grow with depth, and a little along the line, m/s."""
    z, x = np.mgrid[:depths, :laterals]
    first = np.random.default_rng(seed).uniform(1500, 2500, (count, 1, 1))
    return (first + 50.0 * z + 5.0 * x).astype(np.float32)


def made(folder: Path, **changes: object) -> VelocityModels:
    recipe = VelocityModels.make({"folder": str(folder)} | KEYS | changes)
    recipe.prepare()
    return recipe


def saved(folder: Path, values: np.ndarray, name: str = "models.npy") -> Path:
    np.save(folder / name, values)
    return folder


def velocity_of(recipe: VelocityModels) -> np.ndarray:
    return recipe._stack.read(np.arange(recipe.records()))[0]


def dataset(
    values: np.ndarray, dims: tuple[str, ...] = ("sample", "depth", "lateral"), **attributes: str
) -> xr.Dataset:
    steps = {"depth": 10.0, "lateral": 10.0, "z": 10.0, "x": 10.0}
    axes = {
        dim: (dim, steps[dim] * np.arange(size))
        for dim, size in zip(dims, values.shape, strict=True)
        if dim in steps
    }
    return xr.Dataset({"vp": (dims, values, attributes)}, coords=axes)


def written(folder: Path, ds: xr.Dataset, **how: object) -> None:
    close_files()
    ds.to_netcdf(folder / "a.nc", **how)


def test_store_holds_models_gathers_and_the_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, models())
    saved(tmp_path, models(2), "others.npy")  # beside the file that is imported
    url = str(tmp_path / "store.zarr")
    recipe = made(
        tmp_path / "models.npy",
        shots=[0, 70],
        receivers=5,
        source_depth=20,
        receiver_depth=30,
        free_surface=True,
    )
    build(recipe, url, workers=0, progress=False)
    monkeypatch.chdir(tmp_path)  # a store does not say where its files were
    report = verify(url, resimulate=1, recipe_class=VelocityModels, progress=False)
    assert report.ok, report.problems
    store = xr.open_zarr(url).load()
    np.testing.assert_array_equal(store["velocity_model"], models())
    survey = recipe.survey
    assert (survey.source_columns, survey.source_row, survey.receiver_row) == ((0, 7), 2, 3)
    assert survey.free_surface
    assert store["shot_gather"].attrs["free_surface"] == 1
    np.testing.assert_allclose(store["receiver"], [0, 40, 80, 110, 150])
    np.testing.assert_array_equal(store["shot_gather"], simulate(models(), survey))
    assert info(url).left_out == {"velocity models": {"total": 4}}


def test_defaults_are_the_survey_of_openfwi_and_its_valid_range(tmp_path: Path) -> None:
    recipe = VelocityModels.make({"folder": str(saved(tmp_path, models(1, 70, 70))), "cell": [10, 10]})
    assert recipe.survey == Survey()
    velocity = recipe.specs()[0]
    assert (velocity.minimum, velocity.maximum) == (1500.0, max(4500.0, np.ceil(models(1, 70, 70).max())))


def test_models_are_averaged_over_cells_of_another_side(tmp_path: Path) -> None:
    saved(tmp_path, models(2, 24, 16))
    recipe = made(tmp_path, cell=[5, 10], spacing=10)
    np.testing.assert_allclose(velocity_of(recipe), resampled(models(2, 24, 16), (5, 10), 10), rtol=1e-6)
    with pytest.raises(BuildError, match=r"cells of 5 m x 10 m found, square ones expected; spacing=5 "):
        made(tmp_path, cell=[5, 10])


def test_split_has_its_shares_and_follows_the_seed(tmp_path: Path) -> None:
    saved(tmp_path, models(40))
    splits = [made(tmp_path, validation=0.2, test=0.1, seed=seed).splits()[0].labels for seed in (0, 0, 1)]
    np.testing.assert_array_equal(np.bincount(splits[0]), [28, 8, 4])
    np.testing.assert_array_equal(splits[0], splits[1])
    assert (splits[0] != splits[2]).any()


def test_models_of_a_file_stay_together(tmp_path: Path) -> None:
    for number in range(5):
        saved(tmp_path, models(1 + number % 2, seed=number), f"basin{number}.npy")
    recipe = made(tmp_path, keeps_whole="file", test=0.3, validation=0.2)
    (split,) = recipe.splits()
    groups = recipe._stack.groups[1]
    np.testing.assert_array_equal(groups, [0, 1, 1, 2, 3, 3, 4])
    assert split.keeps_whole == "file"
    assert all(len(set(split.labels[groups == group])) == 1 for group in range(5))
    assert recipe.shared()["group_name"].values.tolist() == [f"basin{number}.npy" for number in range(5)]
    assert recipe.simulate(np.arange(3), [])["group"].tolist() == [0, 1, 1]


def test_a_subset_without_a_model_is_said(tmp_path: Path) -> None:
    saved(tmp_path, models(2))
    assert "no model is drawn for the validation; `validation` is the share" in made(tmp_path).remarks()


def test_records_that_end_too_early_are_said(tmp_path: Path) -> None:
    saved(tmp_path, models())
    assert "end before a wave is back from the bottom" in made(tmp_path, steps=60).remarks()[1]
    assert len(made(tmp_path, steps=600, test=0.3, validation=0.3).remarks()) == 1


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (models() / 1000, {}, r"models.npy, model \d: .* m/s found, velocities in rock .* units='km s-1'\?"),
        (models(), {"units": "km s-1"}, r"velocities in rock expected; with units='m s-1'\?"),
        (models() / 0.3048, {"units": "km s-1"}, r"velocities in rock expected; with units='m s-1'\?"),
        (np.linspace(-1, 1, 768).reshape(4, 12, 16), {}, "are they normalised"),
        (models() * 2.5, {}, "time_step 0.001 s is unstable for"),
        (
            models(),
            {"frequency": 40},
            r"waves of .* cells at .* m/s found, at least 4 .*make `spacing` smaller",
        ),
        (models(), {"cell": None}, r"says nothing of its cells; give cell=\[DEPTH, WIDTH\]"),
        (models(), {"shots": [0, 33]}, "shots: 33 m found, .* multiples of 10 m from 0 to 150 m"),
        (models(), {"receivers": 17}, "receivers=17 found, 1 to 16 expected"),
        (models(), {"source_depth": 130}, "source_depth: 130 m found, .* from 0 to 110 m"),
        (models(), {"keeps_whole": "well"}, "has no variable 'well' with one value for each of its 4 models"),
        (models(), {"variable": "vp"}, "has no array 'vp'.*It has: models"),
        (models()[None, None].repeat(2, 0), {}, "name the file or folder that holds models alone"),
        (models(), {"axes": ["depth", "lateral"]}, r"has 3 axes, axes=\['depth', 'lateral'\] names 2"),
        (np.full((3, 12, 16), np.nan), {}, "no velocity model can be used: 3 with NaN"),
        (np.zeros((0, 12, 16)), {}, "holds 0 values"),
        (np.full((3, 12, 16), 1j), {}, "holds 0 arrays of two or more axes"),
    ],
)
def test_what_does_not_fit_is_one_line_before_any_work(
    values: np.ndarray, changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    saved(tmp_path, values)
    with pytest.raises(ValueError, match=message) as caught:
        made(tmp_path, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "kg"}, "'kg' is no unit of velocity"),
        ({"axes": ["depth", "depth"]}, "each of sample, depth, lateral once expected"),
        ({"time_stride": 12}, "too few for a source of 15 Hz"),
        ({"validation": 0.6, "test": 0.6}, "leave nothing to train on"),
        ({"cell": [0, 10]}, "two positive numbers expected"),
        ({"folder": "nowhere"}, "there is no file or folder nowhere"),
    ],
)
def test_bad_keys_are_one_line(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    saved(tmp_path, models())
    with pytest.raises(ConfigError, match=message) as caught:
        made(**({"folder": tmp_path} | changes))
    assert "\n" not in str(caught.value)


def an_unknown_format(folder: Path) -> None:
    (folder / "models.npy").write_bytes(b"GRIB" + bytes(100))
    with pytest.raises(BuildError, match="is a GRIB file, expected"):
        made(folder)


def several_arrays(folder: Path) -> None:
    np.savez(folder / "all.npz", vp=models(), vs=models() / 2)
    with pytest.raises(
        BuildError, match=r"holds 2 arrays .*\(vp, vs\); name that of the models by `variable`"
    ):
        made(folder)
    np.testing.assert_array_equal(velocity_of(made(folder, variable="vp")), models())


def names_of_dimensions(folder: Path) -> None:
    written(folder, dataset(models().transpose(2, 0, 1), ("x", "realisation", "z")))
    np.testing.assert_array_equal(velocity_of(made(folder)), models())
    written(folder, dataset(models(), ("a", "b", "c")))
    with pytest.raises(
        BuildError, match=r"has the dimensions a, b, c; which is the depth\? .* axes=\[sample, "
    ):
        made(folder)
    np.testing.assert_array_equal(velocity_of(made(folder, axes=["sample", "depth", "lateral"])), models())


def unnamed_axes(folder: Path) -> None:
    saved(folder, models().transpose(0, 2, 1))
    assert "are depth and line exchanged? If so, give their order by `axes`" in made(folder).remarks()[1]
    recipe = made(folder, axes=["sample", "lateral", "depth"])
    np.testing.assert_array_equal(velocity_of(recipe), models())
    assert not any("exchanged" in line for line in recipe.remarks())


def single_axes(folder: Path) -> None:
    saved(folder, models()[:, None])
    np.testing.assert_array_equal(velocity_of(made(folder)), models())
    saved(folder, models()[0])
    np.testing.assert_array_equal(velocity_of(made(folder)), models()[:1])


def types(folder: Path) -> None:
    for dtype in (">f8", "<f4", "int16", ">u2"):
        saved(folder, models().astype(dtype))
        np.testing.assert_array_equal(velocity_of(made(folder)), models().astype(dtype).astype(np.float32))


def stated_units(folder: Path) -> None:
    for stated, factor in (("km/s", 1000.0), ("ft s-1", 0.3048)):
        written(folder, dataset(models() / factor, units=stated))
        np.testing.assert_allclose(velocity_of(made(folder, cell=None)), models(), rtol=1e-5)
    written(folder, dataset(models(), units="m s-1"))
    with pytest.raises(BuildError, match="states 'm s-1', units='km s-1' found; leave it out"):
        made(folder, units="km s-1")
    written(folder, dataset(models(), units="km s-1"))
    with pytest.raises(BuildError, match=r"correct `units` in the file to 'm s-1'$"):
        made(folder)
    written(folder, dataset(models(), units="kg m-3"))
    with pytest.raises(BuildError, match=r"cannot be converted .*; write velocities in m s-1"):
        made(folder)
    (folder / "a.nc").unlink()
    saved(folder, models() / 1000)
    np.testing.assert_allclose(velocity_of(made(folder, units="km s-1")), models(), rtol=1e-6)


def packed(folder: Path) -> None:
    values = models().round().astype(np.float64)
    values[1, 0, 0] = np.nan
    encoding = {"vp": {"dtype": "int16", "scale_factor": 0.5, "add_offset": 2000.0, "_FillValue": -32768}}
    written(folder, dataset(values), encoding=encoding)
    recipe = made(folder, most_left_out=0.25)
    np.testing.assert_array_equal(velocity_of(recipe), values[[0, 2, 3]])


def counted(cause: str, value: float) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        values = models()
        values[2, 3, 4] = value
        saved(folder, values)
        with pytest.raises(BuildError, match=rf"1 of 4 velocity models .* 1 {cause}; .*most_left_out=0.25"):
            made(folder).left_out()[0].require_few()
        recipe = made(folder, most_left_out=0.25)
        recipe.left_out()[0].require_few()
        assert recipe.left_out()[0].counts() == {"total": 4, cause: 1}
        np.testing.assert_array_equal(velocity_of(recipe), values[[0, 1, 3]])

    return check


def steps_of_axes(folder: Path) -> None:
    written(folder, dataset(models()))
    assert made(folder, cell=None).survey.spacing == 10.0
    with pytest.raises(BuildError, match=r"states cells of 10 m x 10 m, cell=\[20.0, 20.0\] found"):
        made(folder, cell=[20, 20])
    written(folder, dataset(models()).assign_coords(depth=10.0 * np.arange(12)[::-1]))
    with pytest.raises(BuildError, match="'depth' is no regular axis; ascending"):
        made(folder)
    (folder / "a.nc").unlink()
    np.savez(folder / "a.npz", model=models(), z=10.0 * np.arange(12), x=10.0 * np.arange(16))
    assert made(folder, cell=None).survey.spacing == 10.0


def units_of_axes(folder: Path) -> None:
    metres = dataset(models())
    kilometres = {name: (name, metres[name].values / 1000, {"units": "km"}) for name in ("depth", "lateral")}
    written(folder, metres.assign_coords(kilometres))
    assert made(folder, cell=None).survey.spacing == pytest.approx(10.0)


def direction_of_depth(folder: Path) -> None:
    ds = dataset(models())
    for positive in ("down", "up"):
        ds["depth"].attrs["positive"] = positive
        written(folder, ds)
        if positive == "down":
            assert made(folder, cell=None).records() == 4
    with pytest.raises(BuildError, match="axis 'depth' counts upwards"):
        made(folder, cell=None)


def first_value_of_axes(folder: Path) -> None:
    ds = dataset(models())
    ds.assign_coords(depth=ds["depth"] + 500, lateral=ds["lateral"] + 90).to_zarr(
        folder / "a.zarr", consolidated=False
    )
    shared = made(folder / "a.zarr", cell=None).shared()
    assert (float(shared["depth"][0]), float(shared["lateral"][0])) == (0.0, 0.0)


def sizes(folder: Path) -> None:
    saved(folder, models())
    saved(folder, models(2, 12, 18), "other.npy")
    with pytest.raises(
        BuildError, match=r"other\.npy: models of 12 x 18 cells found, 12 x 16 cells as in models\.npy"
    ):
        made(folder)


def variable_that_is_kept_whole(folder: Path) -> None:
    written(folder, dataset(models()).assign(well=("sample", ["b", "a", "b", "c"])))
    recipe = made(folder, keeps_whole="well", test=0.4)
    assert recipe.simulate(np.arange(4), [])["group"].tolist() == [1, 0, 1, 2]
    assert recipe.splits()[0].labels[0] == recipe.splits()[0].labels[2]
    with pytest.raises(BuildError, match=r"has no variable 'wel' with one value .* Did you mean 'well'"):
        made(folder, keeps_whole="wel")


def names_of_files(folder: Path) -> None:
    (folder / "FlatVel_A").mkdir()
    saved(folder / "FlatVel_A", models(), "model1.npy")
    saved(folder / "FlatVel_A", np.zeros(3), "._model1.npy")
    assert {FAMILIES[code] for code in made(folder).simulate(np.arange(2), [])["family"]} == {"flatvel-a"}


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "first bytes": an_unknown_format,
    "names of arrays": several_arrays,
    "names of dimensions": names_of_dimensions,
    "order of axes without names": unnamed_axes,
    "axes of length one": single_axes,
    "type": types,
    "`units` of velocities": stated_units,
    "`scale_factor`, `add_offset`, `_FillValue`": packed,
    "NaN, infinity": counted("with NaN or infinite velocities", np.inf),
    "velocities of 0 or less": counted("with velocities of 0 or less", 0.0),
    "steps of the axes of depth and line": steps_of_axes,
    "`units` of these axes": units_of_axes,
    "`positive` of the axis of depth": direction_of_depth,
    "first value of these axes": first_value_of_axes,
    "size of models": sizes,
    "variable of `keeps_whole`": variable_that_is_kept_whole,
    "names of files and folders": names_of_files,
}


@pytest.mark.parametrize("field", fields("seismic/models"))
def test_fields_of_the_files_are_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)
