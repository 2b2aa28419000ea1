"""Scenes, windows and height rasters."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from physics.raytracing.scenes import CITIES, Scene, Window, city, extruded_scene, load_city
from physics.raytracing.solver import Settings, trace_path_gain


def test_height_raster_of_a_box_is_exact_at_cell_centres(box_scene: Scene) -> None:
    window = Window(-32.0, -32.0, 64.0, 4.0)
    building, terrain = box_scene.heights(window)
    x, y = np.meshgrid(window.west + window.centres, window.south + window.centres)
    inside = (np.abs(x) < 11.0) & (np.abs(y) < 20.0)
    np.testing.assert_allclose(building, np.where(inside, 15.0, 0.0), atol=1e-3)
    np.testing.assert_allclose(terrain, 0.0, atol=1e-3)


def test_rows_ascend_northwards(box_scene: Scene) -> None:
    building, _ = box_scene.heights(Window(-40.0, 0.0, 64.0, 4.0))  # the box fills the south only
    assert building[:5].max() == pytest.approx(15.0, abs=1e-3)
    assert building[5:].max() == 0.0


def test_ground_ends_where_the_scene_ends(box_scene: Scene) -> None:
    assert np.isnan(box_scene.terrain_altitude(np.array([500.0]), np.array([0.0]))).all()


def test_scene_refuses_terrain_that_it_does_not_have(box_scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"no object \['hills'\]; its objects are \['box', 'ground'\]"):
        Scene(box_scene.radio, ("hills",))


@pytest.mark.parametrize("diffraction", [False, True])
def test_extruded_scene_traces_as_the_same_scene_from_files(
    diffraction: bool, box_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("physics.raytracing.scenes.WALL", 0.3)  # as in the files
    ground = (-200.0, -200.0, 200.0, 200.0)
    extruded = extruded_scene(np.array([shapely.box(-11, -20, 11, 20)]), np.array([15.0]), area=ground)
    window, transmitter = Window(-64.0, -64.0, 128.0, 4.0), np.array([[-40.0, 5.0, 8.0]])
    settings = Settings(rays=200_000, depth=3, diffraction=diffraction)
    ours, theirs = (
        trace_path_gain(scene, window, transmitter, settings, seed=1)[0, 0] for scene in (extruded, box_scene)
    )
    outdoor = box_scene.heights(window)[0] == 0
    error = (ours - theirs)[outdoor & np.isfinite(theirs)]
    assert error.size > (700 if diffraction else 500)
    if diffraction:  # the box in the files has a floor, whose edges take a share of the diffracted rays
        assert np.nanmedian(np.abs(error)) < 0.01
        assert abs(np.nanmean(error)) < 0.3
    else:
        assert np.abs(error).max() < 1e-3


def test_extruded_scene_has_open_courtyards_hanging_parts_and_flat_ground() -> None:
    court = shapely.box(0, 0, 40, 40).difference(shapely.box(10, 10, 30, 30))
    polygons = np.array([court, shapely.box(44, 0, 60, 40)])
    scene = extruded_scene(polygons, np.array([12.0, 300.5]), np.array([0.0, 6.0]), area=(-10, -10, 80, 80))
    building, terrain = scene.heights(Window(-4.0, -4.0, 64.0, 4.0))
    assert terrain.tolist() == np.zeros((16, 16)).tolist()
    expected = [0, 0 + 12, 12, 12, 0, 0, 0, 0, 12, 12, 12, 0, 300.5, 300.5, 300.5, 300.5]
    assert building[5].tolist() == pytest.approx(expected, abs=1e-3)


def test_scene_without_buildings_is_a_plain() -> None:
    scene = extruded_scene(np.empty(0, object), np.empty(0), area=(-50, -50, 50, 50))
    building, terrain = scene.heights(Window(-32.0, -32.0, 64.0, 4.0))
    assert not building.any()
    assert not terrain.any()


@pytest.mark.parametrize("west", [-806.0, 158.0])
def test_window_outside_the_scene_is_refused_in_one_line(west: float) -> None:
    with pytest.raises(ValueError, match="lies outside the scene 'munich', which reaches from") as error:
        Window(west, 0.0).check_inside("munich")
    assert "\n" not in str(error.value)


def test_unknown_city_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="no city scene is called 'paris'; there are munich, etoile"):
        city("paris")


def test_windows_overlap_only_when_they_share_ground() -> None:
    assert Window(0, 0).overlaps(Window(500, -500))
    assert not Window(0, 0).overlaps(Window(512, 0))


@pytest.mark.parametrize("name", ["etoile", pytest.param("san_francisco", marks=pytest.mark.slow)])
def test_stated_extents_have_ground_everywhere(name: str) -> None:
    area = CITIES[name]
    x, y = np.meshgrid(np.linspace(area.west, area.east, 50), np.linspace(area.south, area.north, 50))
    assert np.isfinite(load_city(name).terrain_altitude(x, y)).all()


@pytest.mark.slow
def test_san_francisco_has_hills_and_the_flat_cities_do_not() -> None:
    window = Window(-100.0, -200.0)
    terrain = load_city("san_francisco").heights(window)[1]
    assert terrain.min() == pytest.approx(2.1, abs=0.1)
    assert terrain.max() == pytest.approx(49.9, abs=0.1)
    for name in ("munich", "florence"):
        assert np.ptp(load_city(name).heights(window)[1]) == 0.0
