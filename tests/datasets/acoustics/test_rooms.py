"""The recipe `acoustics/rooms`: what a store holds, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.acoustics.rooms import Rooms
from datasets.factory.build import build
from datasets.factory.find import recipe_of
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from physics.waves.rooms.exact import rigid_box
from physics.waves.rooms.pulse import gaussians
from surrogates.core.errors import ConfigError
from tests.physics.waves.rooms.examples import SHARED, published
from tests.physics.waves.rooms.test_meshes import SIDES, corners, exported, gmsh
from tests.physics.waves.rooms.test_wall_files import POLES

SMALL = {"source_grid": 2, "validation_sources": 2, "extrapolation_sources": 2, "points": 50}


def built(folder: Path, **given: Any) -> xr.Dataset:
    url = str(folder / "rooms.zarr")
    build(Rooms.make(SMALL | given), url, workers=0, progress=False)
    assert verify(url, progress=False).ok
    return xr.open_zarr(url).load()


def test_the_defaults_are_the_published_setting_in_two_dimensions() -> None:
    recipe = Rooms.make({})
    room, placed = recipe.scene.room, recipe.placed
    assert room.air.shape == (28, 28) and room.size == pytest.approx((2.0, 2.0))
    assert recipe.wall_impedance == 7400 and recipe.highest_frequency == 400
    assert len(recipe.clock.times) == 28 and recipe.clock.times[-1] == pytest.approx(0.012)
    training = placed.positions[placed.subsets == 0]
    assert len(training) == 81 and training.min() == 0.5 and training.max() == 1.5
    assert [(placed.subsets == code).sum() for code in (1, 2, 3)] == [10, 5, 5]


def test_a_cube_is_one_key_away() -> None:
    recipe = Rooms.make({"shape": "cube"})
    assert recipe.scene.room.air.shape == (28, 28, 28)
    assert (recipe.placed.subsets == 0).sum() == 125


@pytest.mark.parametrize("shape", ["rectangle", "cube"])
def test_fields_of_a_rigid_box_are_those_of_the_cosine_series(shape: str, tmp_path: Path) -> None:
    ds = built(tmp_path, shape=shape, walls={"all": "rigid"}, fields="all", cells_per_wavelength=14)
    axes = ["x", "y", "z"][: ds.sizes["axis"]]
    field = ds.sound_pressure_field.transpose("sample", "time", *axes)
    expected = rigid_box(field[:, 0].values, ds.room_size.values, ds.time.values)
    assert np.linalg.norm(field - expected) < 0.03 * np.linalg.norm(expected)
    pulse = gaussians([ds[axis].values for axis in axes], ds.source_position.values, float(ds.pulse_width))
    np.testing.assert_allclose(field[:, 0], pulse, atol=1e-6)


@pytest.mark.parametrize(("own", "size"), [(False, (1.2, 0.8)), (True, (1.2, 0.8)), (False, (0.9, 1.2, 0.7))])
def test_points_and_receivers_are_values_of_the_field(own: bool, size: tuple, tmp_path: Path) -> None:
    shape = "rectangle" if len(size) == 2 else "cube"
    ds = built(tmp_path, shape=shape, size=size, fields="all", own_points=own)
    axes = ["x", "y", "z"][: len(size)]
    assert ds.point_time.dims == (("sample", "point") if own else ("point",))
    where = {axis: ds[f"point_{axis}"] for axis in axes} | {"time": ds.point_time}
    found = ds.sound_pressure_field.sel(where, method="nearest")
    np.testing.assert_array_equal(found.transpose("sample", "point"), ds.sound_pressure)
    for name, values in where.items():  # at centres of cells and instants of samples
        assert np.abs(ds[name].sel({name: values}, method="nearest") - values).max() < 1e-6
    there = {axis: ds.receiver_position.sel(axis=axis) for axis in axes}
    heard = ds.sound_pressure_field.sel(there, method="nearest").transpose("sample", "receiver", "time")
    np.testing.assert_array_equal(heard, ds.receiver_pressure)
    if own:
        assert len(np.unique(ds.point_x[:, 0])) > 1


def test_the_branch_sees_the_pulse_from_wall_to_wall(tmp_path: Path) -> None:
    ds = built(tmp_path, size=(2.0, 1.5))
    assert ds.initial_pressure.dims == ("sample", "branch_y", "branch_x")
    assert (ds.branch_x[0], ds.branch_x[-1], ds.branch_y[-1]) == (0.0, 2.0, 1.5)
    assert np.diff(ds.branch_x).max() <= 343 / 400 / 2
    distance = sum((ds[f"branch_{axis}"] - ds.source_position.sel(axis=axis)) ** 2 for axis in "xy")
    expected = np.exp(-distance / ds.pulse_width**2).transpose(*ds.initial_pressure.dims)
    np.testing.assert_allclose(ds.initial_pressure, expected, atol=1e-6)


def test_only_held_out_records_have_the_whole_field(tmp_path: Path) -> None:
    ds = built(tmp_path)
    training = (ds.split == 0).values
    assert np.isnan(ds.sound_pressure_field[training]).all()
    assert not np.isnan(ds.sound_pressure_field[~training]).any()
    assert not np.isnan(ds.sound_pressure).any()


def test_a_store_may_be_without_fields(tmp_path: Path) -> None:
    assert "sound_pressure_field" not in built(tmp_path, fields="none")


def test_splits_tell_interpolation_from_extrapolation(tmp_path: Path) -> None:
    ds = built(tmp_path)
    inside = ((ds.source_position >= 0.5) & (ds.source_position <= 1.5)).all("axis").values
    assert inside[ds.split.values >= 0].all()
    beyond = ds.split_extrapolation.values == 2
    assert beyond.sum() == 2 and not inside[beyond].any() and (ds.split.values[beyond] == -1).all()
    assert (ds.split_extrapolation.values[ds.split.values == 0] == 0).all()
    assert set(Rooms.make(SMALL | {"extrapolation_sources": 0}).splits()[0].labels) == {0, 1, 2}


def test_impedance_and_size_differ_from_record_to_record(tmp_path: Path) -> None:
    ds = built(
        tmp_path, size=((1.0, 2.0), 1.5), wall_impedance=(1000.0, 50000.0), rooms_per_source=3, fields="all"
    )
    assert ds.sizes["sample"] == 3 * (4 + 2 + 5 + 2)
    assert len(np.unique(ds.wall_impedance)) == ds.sizes["sample"]
    assert ds.wall_impedance.min() >= 1000 and ds.wall_impedance.max() <= 50000
    assert ((ds.room_size.sel(axis="x") >= 0.99) & (ds.room_size.sel(axis="x") <= 2.0)).all()
    side = float(ds.x[1] - ds.x[0])
    counted = ds.air.any("y").sum("x") * side
    np.testing.assert_allclose(counted, ds.room_size.sel(axis="x"), rtol=1e-5)
    assert (np.isnan(ds.sound_pressure_field).all("time") == ~ds.air).all()
    for source in range(0, ds.sizes["sample"], 3):  # three rooms of one source lie in one subset
        assert len(np.unique(ds.split[source : source + 3])) == 1
        assert len(np.unique(ds.source_position[source : source + 3], axis=0)) == 1


def test_softer_walls_leave_less_energy(tmp_path: Path) -> None:
    ds = built(tmp_path, wall_impedance=(2000.0, 50000.0), rooms_per_source=6, source_grid=1, duration=0.04)
    late = (ds.receiver_pressure[..., -8:].astype(float) ** 2).mean(("receiver", "time"))
    first = slice(0, 6)
    order = np.argsort(ds.wall_impedance.values[first])
    assert (np.diff(late.values[first][order]) > 0).all()


@pytest.mark.parametrize(
    ("given", "solid"),
    [
        ({"shape": "l_shape", "size": (3.0, 3.0)}, 0.25),
        ({"shape": "l_shape"}, 0.25),
        ({"shape": "furnished", "size": (3.0, 3.0)}, 0.2 * 0.3 + 0.1 * 0.4 + 0.2 * 0.15),
        ({"shape": "furnished"}, (0.2 * 0.3 + 0.1 * 0.4) * 0.9 + 0.2 * 0.15 * 0.4),
        ({"shape": "dome", "size": (6.0, 3.0)}, 1 - np.pi / 4),
        ({"shape": "dome"}, 1 - np.pi / 6),
    ],
)
def test_shapes_have_their_volume(given: dict, solid: float) -> None:
    recipe = Rooms.make(SMALL | given | {"highest_frequency": 300.0})
    assert (~recipe.scene.room.air).mean() == pytest.approx(solid, abs=0.025)
    assert (recipe.placed.subsets == 2).sum() == 5
    if given["shape"] == "dome":
        room = recipe.scene.room
        shell = 2 * np.pi * 9 if room.air.ndim == 3 else np.pi * 3
        assert room.area(1) * room.walls[1].direct == pytest.approx(shell / 7400)


def test_too_few_samples_for_the_highest_frequency_are_remarked() -> None:
    assert not [line for line in Rooms.make(SMALL).remarks() if "alias" in line]
    (told,) = [line for line in Rooms.make(SMALL | {"duration": 0.05}).remarks() if "alias" in line]
    assert told.startswith("one sample in 0.001852 s is less than two in a period of 400 Hz")
    for enough in (41, None):
        recipe = Rooms.make(SMALL | {"duration": 0.05, "time_samples": enough})
        assert not [line for line in recipe.remarks() if "alias" in line]


def test_groups_of_walls_may_be_of_other_materials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.dat").write_text(POLES, encoding="utf-8")
    recipe = Rooms.make(SMALL | {"walls": {"y_low": "layer.dat", "x_high": "1e4", "all": "rigid"}})
    names, walls = recipe.scene.groups, recipe.scene.room.walls
    told = dict(zip(names, walls, strict=True))
    assert len(told["y_low"].blocks) == 4
    assert told["x_high"].direct == pytest.approx(1e-4)
    assert told["y_high"].direct == told["inside"].direct == 0.0


def test_a_store_of_files_is_verified_and_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    gmsh(tmp_path / "files/box.msh")
    (tmp_path / "files/layer.dat").write_text(POLES, encoding="utf-8")
    given = {"mesh": "files/box.msh", "walls": {"doors": "files/layer.dat", "plaster": 5000.0}}
    ds = built(tmp_path, **given, highest_frequency=300.0)
    assert ds.wall_group.values.tolist() == ["plaster", "doors"]
    assert "files" not in str(ds.attrs["recipe_config"]).replace('"files": [', "")
    monkeypatch.chdir(tmp_path / "files")
    assert recipe_of(open_store("../rooms.zarr")).config()["mesh"] == "box.msh"
    (tmp_path / "files/layer.dat").write_text(POLES.replace("20.81", "20.82"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"layer\.dat.* has changed"):
        recipe_of(open_store("../rooms.zarr"))


def test_a_table_of_absorption_gives_its_mean_up_to_the_highest_frequency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '{"center_freqs": [125, 250, 500], "absorption": {"a": {"brick": {"coeffs": [0.1, 0.3, 0.9]}}}}'
    (tmp_path / "table.json").write_text(text, encoding="utf-8")
    recipe = Rooms.make(SMALL | {"walls": {"all": "table.json:brick"}})
    assert recipe.scene.room.walls[0].absorption(200.0) == pytest.approx(0.2)


TABLE_IN_THE_MIDDLE = {"furniture": ((0.9, 0.9, 1.1, 1.1),), "test_sources": ((0.7, 0.7),)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"test_sources": ((2.5, 1.0),)}, r"test source \(2\.5, 1\) m lies outside the room"),
        (TABLE_IN_THE_MIDDLE | {"test_sources": ((1.0, 1.0),)}, "test source .* in a wall or in furniture"),
        (TABLE_IN_THE_MIDDLE | {"receivers": ((1.0, 1.0),)}, "receiver .* in a wall or in furniture"),
        ({"receivers": ((1.0, -1.0),)}, "receiver .* outside the room"),
        ({"receivers": ((1.0, 1.0, 1.0),)}, "receivers: .* 2 coordinates"),
        ({"time_step": 5e-4}, "time_step: .* Courant number"),
        ({"time_step": 1.3e-4}, "no multiple"),
        ({"source_region": ((0.5, 3.0), (0.5, 1.5))}, "source_region=.* inside the room"),
        ({"source_region": ((np.nan, 1.5), (0.5, 1.5))}, "source_region=.* inside the room"),
        ({"source_region": ((0.5, 1.5),)}, "source_region: 1 bounds found, 2 expected"),
        ({"source_region": ((0.0, 2.0), (0.0, 2.0))}, "next to no air.*extrapolation_sources=0"),
        ({"source_grid": (3, 3, 3)}, "source_grid: .* 2 numbers"),
        ({"size": (2.0,)}, "size: 1 lengths found, 2 expected"),
        ({"size": ((2.0, 1.0), 2.0)}, "size: .* low to high"),
        ({"shape": "l_shape", "size": ((1.0, 2.0), 2.0)}, "empty rectangle or cube"),
        ({"shape": "dome", "size": (6.0, 6.0, 2.0)}, "half a ball"),
        ({"wall_impedance": (1e3, 1e4), "walls": {"all": "rigid"}}, "leave out `walls`"),
        ({"walls": {"flor": 7400.0}}, "walls: the room has no 'flor'"),
        ({"walls": {"all": -5.0}}, "walls"),
        ({"walls": {"all": "none.dat"}}, r"No file matches 'none\.dat'"),
        ({"mesh": "none.msh"}, r"No file matches 'none\.msh'"),
        ({"points": 10**6}, "points: 1000000 found, at most 21952"),
        ({"furniture": ((0.9, 0.9, 0.91, 0.91),)}, "furniture 0: .* no centre of a cell"),
        ({"furniture": ((0.9, 0.9),)}, "furniture 0: .* 4 numbers expected"),
        ({"wall_impedance": -5.0}, "'wall_impedance' should be greater than 0 or a valid tuple, found -5.0"),
        ({"walls": {"all": 0.0}}, r"'walls\.all' should be greater than 0 or a valid string, found 0\.0"),
        ({"duration": 1e9}, "duration: 1e.09 s of 400 Hz .* shorten it"),
        ({"highest_frequency": 1e9}, "cells found, 1073741824 at most .* lower highest frequency"),
    ],
)
def test_bad_input_is_refused_in_one_line(given: dict, message: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=message) as caught:
        Rooms.make(SMALL | given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wall", "mesh", "message"),
    [
        (POLES.replace("20.81", "-20.81"), SIDES, "not passive"),
        (POLES, SIDES[1:], r"room\.json is open"),
    ],
)
def test_active_walls_and_open_meshes_are_refused(
    wall: str, mesh: np.ndarray, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exported(tmp_path / "room.json", {"plaster": (corners((0, 0, 0), (2, 2, 2)), mesh)})
    (tmp_path / "layer.dat").write_text(wall, encoding="utf-8")
    with pytest.raises((ConfigError, ValueError), match=message):
        Rooms.make(SMALL | {"mesh": "room.json", "walls": {"all": "layer.dat"}})


@published
@pytest.mark.slow
def test_the_published_bedroom_at_500_hz_end_to_end(tmp_path: Path) -> None:
    given = {
        "mesh": str(SHARED / "bedroom_1000hz.msh"),
        "walls": {"all": str(SHARED / "freq_dep_lr.dat")},
        "highest_frequency": 500.0,
        "cells_per_wavelength": 10,
        "duration": 0.03,
        "time_samples": None,
        "receivers": ((0.5, 1.7, 0.5), (1.0, 1.7, 1.0)),
    }
    ds = built(tmp_path, **given)
    assert ds.room_size.values.tolist() == pytest.approx([4.0, 2.7, 3.0])
    assert ds.sizes["time"] == 31
    test = ds.isel(sample=ds.split.values == 2)
    # Without the mean, which this wall holds: it is rigid at the lowest frequencies.
    energy = test.sound_pressure_field.astype(float).var(("x", "y", "z"))
    early, late = energy.isel(time=slice(6, 12)).mean("time"), energy.isel(time=slice(-6, None)).mean("time")
    assert (late < 0.85 * early).all()
    assert (np.abs(test.receiver_pressure).max("time") > 0.01).all()
