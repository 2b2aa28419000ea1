"""The recipe `radio/urban3d`: refusals, splits, and the physics of its volumes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datasets.factory.recipe import generators
from datasets.radio.urban3d import Urban3d
from datasets.store.checks import check_split
from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain
from physics.raytracing import arrivals
from physics.raytracing.scenes import CITIES

SMALL = {
    "cities": ["etoile"],
    "areas": 2,
    "transmitters_per_area": 2,
    "heights": [1.5, 15.0],
    "window_size": 64.0,
    "cell_size": 8.0,
    "depth": 1,
    "validation": 0.0,
    "test": 0.5,
}
PRODUCTS = ("dominant_path", "reflection", "diffraction")


def small(product: str = "dominant_path", **changes: object) -> Urban3d:
    return Urban3d.make(SMALL | {"product": product} | changes)


def record(recipe: Urban3d, number: int = 1) -> dict[str, np.ndarray]:
    indices = np.array([number])
    return {
        name: values[0] for name, values in recipe.simulate(indices, generators(recipe.seed, indices)).items()
    }


@pytest.fixture(scope="module")
def volumes() -> dict[str, dict[str, np.ndarray]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "CANDIDATES", 500_000)  # as many as such a record needs
        rays = {"diffraction": {"rays": 3000}}
        return {product: record(small(product, **rays.get(product, {}))) for product in PRODUCTS}


def ways(one: dict[str, np.ndarray], heights: tuple[float, ...] = (1.5, 15.0), cell: float = 8.0):
    """Vectors (z, y, x, 3) from the receivers to the transmitter."""
    position, terrain = one["transmitter_position"].astype(float), one["terrain_height"].astype(float)
    row, column = np.indices(terrain.shape)
    source = position[2] + terrain[int(position[1] // cell), int(position[0] // cell)]
    planes = [
        np.stack(
            [
                position[0] - (column + 0.5) * cell,
                position[1] - (row + 0.5) * cell,
                source - terrain - height,
            ],
            -1,
        )
        for height in heights
    ]
    return np.stack(planes)


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_path_of_any_product_is_faster_than_light(product: str, volumes: dict) -> None:
    one = volumes[product]
    distance = np.linalg.norm(ways(one), axis=-1)
    ahead = one["first_time_of_arrival"].astype(float) * SPEED_OF_LIGHT - distance
    assert one["stable"].sum() > 20
    assert np.nanmin(ahead) > -1e-3
    assert np.abs(ahead[one["line_of_sight"] & one["stable"]]).max() < 1e-3
    assert (one["time_of_arrival"] >= one["first_time_of_arrival"])[one["stable"]].all()


@pytest.mark.parametrize("product", PRODUCTS)
def test_strongest_path_in_sight_points_to_the_transmitter(product: str, volumes: dict) -> None:
    one = volumes[product]
    way = ways(one)
    direct = one["line_of_sight"] & one["stable"] & (one["time_of_arrival"] == one["first_time_of_arrival"])
    off = one["azimuth_of_arrival"] - np.arctan2(way[..., 0], way[..., 1])
    off = np.abs(np.mod(off + np.pi, 2 * np.pi) - np.pi)
    ground = np.hypot(way[..., 0], way[..., 1])
    assert off[direct & (ground > 1.0)].max() < math.radians(0.1)
    assert np.abs(one["zenith_of_arrival"] - np.arctan2(ground, way[..., 2]))[direct].max() < math.radians(
        0.1
    )


@pytest.mark.parametrize("product", PRODUCTS)
def test_values_are_nan_wherever_they_are_not_stable(product: str, volumes: dict) -> None:
    one = volumes[product]
    for name in ("path_gain", "time_of_arrival", "azimuth_of_arrival", "delay_spread"):
        np.testing.assert_array_equal(np.isfinite(one[name]), one["stable"], name)
    assert not (one["stable"] & ~one["reached"]).any()
    inside = one["building_height"] >= np.array([1.5, 15.0])[:, None, None]
    assert not one["reached"][inside].any()


def test_products_agree_in_sight(volumes: dict) -> None:
    one, other = volumes["dominant_path"], volumes["reflection"]
    for name in ("building_height", "transmitter_position"):
        np.testing.assert_array_equal(one[name], other[name])
    both = one["line_of_sight"] & other["line_of_sight"]
    assert both.sum() > 0.8 * max(one["line_of_sight"].sum(), other["line_of_sight"].sum())
    gain = (one["path_gain"] - other["path_gain"])[both]
    assert abs(np.median(gain)) < 3.0  # reflections add
    distance = np.linalg.norm(ways(one), axis=-1)[one["line_of_sight"]]
    np.testing.assert_allclose(
        one["path_gain"][one["line_of_sight"]], friis_path_gain(distance, 5.9e9), atol=1e-3
    )


def test_second_trace_leaves_out_cells_that_the_first_reached(volumes: dict) -> None:
    one = volumes["diffraction"]
    assert (one["reached"] & ~one["stable"]).any()
    assert one["reached"].sum() > volumes["reflection"]["reached"].sum()


def test_record_does_not_depend_on_what_was_simulated_before(volumes: dict) -> None:
    record(small(), 0)
    for name, values in record(small(), 1).items():
        np.testing.assert_array_equal(values, volumes["dominant_path"][name], name)


def test_arrays_are_what_the_recipe_declares(volumes: dict) -> None:
    specs = {spec.name: spec for spec in small().specs()}
    for one in volumes.values():
        assert specs.keys() == one.keys()
        for name, spec in specs.items():
            assert one[name].shape == spec.shape, name
            assert one[name].dtype == spec.dtype, name
            if spec.maximum is not None:
                assert np.nanmax(one[name]) <= spec.maximum, name


def test_areas_do_not_overlap_and_the_split_keeps_them_whole() -> None:
    recipe = small(cities=list(CITIES), areas=20, validation=0.2, test=0.2)
    windows = recipe.windows()
    pairs = [(a, b) for number, a in enumerate(windows) for b in windows[:number] if a.city == b.city]
    assert not any(a.window.overlaps(b.window) for a, b in pairs)
    by_area, by_file = recipe.splits()
    assert (by_area.name, by_area.keeps_whole) == ("split", "area")
    check_split("split", by_area.labels, np.repeat(np.arange(20), 2), "area")
    assert (by_file.name, by_file.keeps_whole) == ("split_by_file", "none")
    for split in (by_area, by_file):
        assert set(split.labels.tolist()) == {0, 1, 2}
        assert (split.labels == 0).mean() == pytest.approx(0.6, abs=0.05)


def test_store_knows_its_carrier_and_its_planes() -> None:
    shared = small().shared()
    assert shared["z"].values.tolist() == [1.5, 15.0]
    assert shared["z"].attrs["units"] == "m"
    assert float(shared["frequency"]) == 5.9e9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heights": [1.5, -1.0]}, "greater than 0"),
        ({"heights": [0.0]}, "greater than 0"),
        ({"heights": [5.0, 1.5]}, "do not ascend"),
        ({"window_size": 60.0}, "no multiple of cell_size"),
        ({"clearance": [5.0, 2.0]}, "the lower first"),
        ({"rays": 100}, "dominant paths have none"),
        ({"validation": 0.5}, "leave nothing to train on"),
        ({"product": "scattering"}, "dominant_path"),
    ],
)
def test_parameters_that_do_not_fit_are_named(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes)


def test_more_areas_than_there_are_squares_are_refused_before_any_work() -> None:
    with pytest.raises(
        ValueError, match=r"etoile hold \d areas of 256 m with 10% under buildings, but areas=90"
    ):
        small(areas=90, window_size=256.0).prepare()
