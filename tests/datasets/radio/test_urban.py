"""The recipe `radio/urban`: refusals, splits, and what one unit holds."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.factory.recipe import generators
from datasets.radio.tracing import other_lattice
from datasets.radio.urban import Urban
from datasets.store.checks import check_split
from physics.propagation import friis_path_gain, link_geometry
from physics.raytracing.scenes import CITIES

SMALL = {
    "cities": ["etoile"],
    "test_cities": [],
    "samples": 6,
    "test_samples": 0,
    "transmitters_per_window": 2,
    "validation_share": 0.34,
    "window_size": 128.0,
    "rays": 50_000,
    "rays_test": 60_000,
    "depth": 2,
    "repeat_share": 0.34,
}


def small(**changes: object) -> Urban:
    return Urban.make(SMALL | changes)


def unit(recipe: Urban, number: int) -> dict[str, np.ndarray]:
    count = recipe.unit_records()
    indices = np.arange(number * count, (number + 1) * count)
    return recipe.simulate(indices, generators(recipe.seed, indices))


@pytest.fixture(scope="module")
def simulated() -> dict[str, np.ndarray]:
    units = [unit(small(), number) for number in range(3)]
    return {name: np.concatenate([one[name] for one in units]) for name in units[0]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window_size": 1000.0}, "lies outside the scene 'etoile'"),
        ({"corners": {"etoile": [[400.0, 0.0]]}}, r"the window from \(400, 0\) m .* lies outside"),
    ],
)
def test_window_outside_the_scene_is_refused_before_any_work(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes).prepare()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 5}, "not a multiple of 2 transmitters"),
        ({"test_cities": ["etoile"]}, "a test city is never seen"),
        ({"window_size": 130.0}, "no multiple of cell_size"),
        ({"clearance": [5.0, 2.0]}, "the lower first"),
        ({"test_samples": 2}, "no city to take them from"),
        ({"corners": {"munich": [[0.0, 0.0]]}}, "in neither `cities` nor `test_cities`"),
        ({"cities": ["paris"]}, "etoile"),
        ({"ray": 5}, "rays"),
    ],
)
def test_parameters_that_do_not_fit_are_named(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes)


def test_arrays_are_what_the_recipe_declares(simulated: dict[str, np.ndarray]) -> None:
    specs = {spec.name: spec for spec in small().specs()}
    assert specs.keys() == simulated.keys()
    for name, spec in specs.items():
        assert simulated[name].shape == (6, *spec.shape), name
        assert simulated[name].dtype == spec.dtype, name


def test_unhit_cells_are_nan_and_hits_are_marked(simulated: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(simulated["hit"], np.isfinite(simulated["path_gain"]))
    np.testing.assert_array_equal(simulated["hit"], np.isfinite(simulated["path_gain_directional"]))
    assert 0.2 < simulated["hit"].mean() < 1.0
    assert np.abs(simulated["path_gain"][simulated["hit"]]).min() > 40.0


def test_best_cells_follow_free_space_from_the_stated_position(simulated: dict[str, np.ndarray]) -> None:
    terrain, position = simulated["terrain_height"], simulated["transmitter_position"]
    friis = friis_path_gain(link_geometry(terrain, position, 4.0, 2.0).distance, 3.66e9)
    excess = np.nanpercentile(simulated["path_gain"] - friis, 90, axis=(1, 2))
    assert (np.abs(excess) < 6.0).all()  # reflections add a little


def test_repeat_exists_in_the_stated_records_and_differs(simulated: dict[str, np.ndarray]) -> None:
    repeated = simulated["repeated"]
    assert 0 < repeated.sum() < len(repeated)
    assert np.isnan(simulated["path_gain_repeat"][~repeated]).all()
    error = (simulated["path_gain_repeat"] - simulated["path_gain"])[repeated]
    assert abs(np.nanmedian(error)) < 1.0
    assert np.nanstd(error) > 0.1


def test_repeat_takes_other_rays() -> None:
    assert other_lattice(1_000_000) == 1_001_004


def test_validation_maps_take_the_rays_of_the_test(simulated: dict[str, np.ndarray]) -> None:
    labels = small().splits()[0].labels
    np.testing.assert_array_equal(simulated["rays"], np.where(labels == 0, 50_000, 60_000))


def test_unit_does_not_depend_on_what_was_simulated_before(simulated: dict[str, np.ndarray]) -> None:
    again = unit(small(), 1)
    for name, values in again.items():
        np.testing.assert_allclose(values, simulated[name][2:4], atol=1e-3, err_msg=name)


def test_split_keeps_groups_of_overlapping_windows_whole(simulated: dict[str, np.ndarray]) -> None:
    split = small().splits()[0]
    assert split.keeps_whole == "window_group"
    check_split(split.name, split.labels, simulated["window_group"], split.keeps_whole)
    assert set(split.labels) == {0, 1}


def test_test_city_is_never_in_another_subset() -> None:
    recipe = small(cities=["etoile"], test_cities=["florence"], test_samples=4)
    cities = [placed.city for placed in recipe.windows()]
    labels = recipe.splits()[0].labels[::2]
    assert {city for city, label in zip(cities, labels, strict=True) if label == 2} == {"florence"}
    assert {city for city, label in zip(cities, labels, strict=True) if label < 2} == {"etoile"}
    groups = [recipe.window_of(number)[1] // 100_000 for number in range(len(cities))]
    assert [list(CITIES)[group] for group in groups] == cities


def test_split_by_transmitter_needs_three_of_them() -> None:
    assert [split.name for split in small().splits()] == ["split"]
    four = small(samples=8, transmitters_per_window=4)
    labels = four.splits()[1].labels
    np.testing.assert_array_equal(labels, [0, 0, 1, 2] * 2)


def test_shared_tables_place_every_window_in_its_city() -> None:
    shared = small().shared()
    np.testing.assert_allclose(np.diff(shared["y"].values), 4.0)
    assert shared["window_west"].dims == ("windows",)
    assert "ENGCRS" in shared["crs"].attrs["crs_wkt"]


def test_store_knows_the_carrier_and_the_height_of_the_receivers_that_it_was_traced_with() -> None:
    shared = small(frequency=28e9, receiver_height=1.2).shared()
    for name, value, units in (("frequency", 28e9, "Hz"), ("receiver_height", 1.2, "m")):
        assert shared[name].dims == ()
        assert shared[name].dtype == np.float64
        assert float(shared[name]) == value
        assert shared[name].attrs["units"] == units
    assert shared["frequency"].attrs["standard_name"] == "radiation_frequency"


def test_a_table_places_the_transmitters() -> None:
    placed = {"transmitter_east": [30.0, 100.0], "transmitter_north": [40.0, 90.0]}
    recipe = small(samples=2, design=placed | {"transmitter_height": [60.0, 70.0]})
    found, drawn = unit(recipe, 0), unit(small(samples=2), 0)
    np.testing.assert_array_equal(found["transmitter_position"], [[30, 40, 60], [100, 90, 70]])
    np.testing.assert_array_equal(found["transmitter_azimuth"], drawn["transmitter_azimuth"])
    friis = friis_path_gain(
        link_geometry(found["terrain_height"], found["transmitter_position"], 4.0, 2.0).distance, 3.66e9
    )
    assert np.abs(np.nanpercentile(found["path_gain"] - friis, 90, axis=(1, 2))).max() < 6.0
    with pytest.raises(ValueError, match="no column 'transmitter_height'"):
        small(samples=2, design=placed)
    with pytest.raises(ValueError, match="transmitter_east of record 1 is 300, expected 0 to 128 m"):
        small(samples=2, design=recipe.design | {"transmitter_east": [30.0, 300.0]})
