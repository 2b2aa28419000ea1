"""The recipe `csi/raytraced`: refusals, splits, and what one flight holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datasets.csi.raytraced import SPARE, Raytraced
from datasets.csi.routes import fly_route
from datasets.factory.errors import BuildError
from datasets.factory.recipe import generators
from datasets.store.checks import check_split
from physics.geometry import SPEED_OF_LIGHT
from physics.raytracing.scenes import load_city
from tests.pieces.csi import FLIGHTS

STREET = (((0.0, 0.0, 60.0), (60.0, 20.0, 60.0)), ((0.0, 0.0, 60.0), (-60.0, 20.0, 70.0)))
MAST = (-60.0, -60.0, 80.0)


def small(**changes: Any) -> Raytraced:
    return Raytraced.make(FLIGHTS | changes)


def unit(recipe: Raytraced, number: int = 0) -> dict[str, np.ndarray]:
    count = recipe.unit_records()
    indices = np.arange(number * count, (number + 1) * count)
    return recipe.simulate(indices, generators(recipe.seed, indices))


@pytest.fixture(scope="module")
def alone() -> tuple[Raytraced, dict[str, np.ndarray]]:
    """A flight in free space: the direct path only."""
    recipe = small(routes=STREET, base_station=MAST, depth=0, speeds=[8.0, 8.0], key_spacing=19)
    return recipe, unit(recipe)


def test_history_has_unit_mean_power_and_its_gain_is_that_of_free_space(alone) -> None:
    _, found = alone
    np.testing.assert_allclose((np.abs(found["uplink_history"]) ** 2).mean(axis=(1, 2, 3)), 1.0, rtol=1e-5)
    distance = np.linalg.norm(found["position"] - found["base_station"], axis=1)
    friis = 20.0 * np.log10(SPEED_OF_LIGHT / 2.4e9 / (4 * np.pi * distance))
    antenna = found["path_gain"] - friis  # 8 dBi and half of the power in each polarisation, off boresight
    assert ((antenna > -12.0) & (antenna < 5.5)).all()
    assert found["line_of_sight"].all() and (found["delay_spread"] < 1e-12).all()


def test_phase_turns_with_the_closing_speed_and_goes_on_into_the_future(alone) -> None:
    recipe, found = alone
    whole = np.concatenate([found["uplink_history"], found["uplink_future"]], axis=2)[:, 0, :, 0]
    turned = np.angle(whole[:, 1:] / whole[:, :-1])
    way = found["base_station"] - found["position"]
    closing = (found["velocity"] * way).sum(axis=1) / np.linalg.norm(way, axis=1)
    frequency = recipe.carrier_frequency + recipe.bands.frequencies[0]
    expected = 2 * np.pi * frequency * closing * recipe.snapshot_interval / SPEED_OF_LIGHT
    apart = np.angle(np.exp(1j * (turned - expected[:, None])))
    assert np.abs(apart).max() < 0.02  # curvature of 24 m/s2 at most would be more
    np.testing.assert_allclose(found["speed"], 8.0, atol=0.8)


def test_downlink_lags_the_uplink_by_the_delay_over_the_gap(alone) -> None:
    recipe, found = alone
    ratio = found["downlink_future"][..., 0] / found["uplink_future"][..., 0]
    slope = found["uplink_future"][..., 1] / found["uplink_future"][..., 0]
    steps = recipe.uplink_subcarriers + recipe.gap_subcarriers
    np.testing.assert_allclose(ratio, slope**steps, atol=2e-3)


def test_a_finer_grid_of_key_points_gives_the_same_single_path(alone) -> None:
    _, coarse = alone
    fine = unit(small(routes=STREET, base_station=MAST, depth=0, speeds=[8.0, 8.0], key_spacing=2))
    for name in ("uplink_history", "downlink_future"):
        error = np.abs(fine[name] - coarse[name]) ** 2
        assert error.mean() < 1e-5, name


def test_drawn_flights_are_clear_and_within_reach_and_repeat() -> None:
    recipe = small(heights=[4.0, 15.0], speeds=[2.0, 6.0])
    found = unit(recipe)
    scene = load_city("etoile")
    x, y, z = found["position"].T
    floor = np.fmax(scene.terrain_altitude(x, y), scene.surface_altitude(x, y))
    assert (z - floor >= 1.9).all()
    away = np.hypot(*(found["position"] - found["base_station"])[:, :2].T)
    assert away.max() <= 105.0
    assert (found["reached_share"] >= 1 / SPARE).all()
    again = unit(recipe)
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name], name)


def test_split_keeps_flights_whole() -> None:
    recipe = small(flights=20)
    (split,) = recipe.splits()
    flights = np.repeat(np.arange(20), recipe.samples_per_flight)
    check_split("split", split.labels, flights, split.keeps_whole)
    assert np.bincount(split.labels).tolist() == [32, 4, 4]


def test_flight_follows_its_legs_at_its_speed() -> None:
    flight = fly_route(np.array([[0.0, 0.0, 20.0], [100.0, 0.0, 20.0]]), 5.0, 4.0)
    position, velocity = flight.at(np.array([2.0, 2.5]))
    np.testing.assert_allclose(velocity[:, 0], 5.0, atol=0.3)
    np.testing.assert_allclose(position[1] - position[0], 0.5 * velocity.mean(axis=0), atol=1e-2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"routes": [[[0.0, 0.0, 60.0]], STREET[1]]}, "a route has fewer than two waypoints"),
        ({"routes": STREET[:1]}, "1 routes are given for flights=2"),
        ({"samples_per_flight": 20}, r"2 x 20 stretches of 0.0447 s take 1.79 s, but duration=1 s"),
        ({"speeds": [4.0, 2.0]}, r"speeds=\(4, 2\) m/s must be a range above 0"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes)


def roof_of_etoile() -> tuple[float, float, float]:
    """Some roof."""
    x, y = np.meshgrid(np.arange(-200.0, 200.0, 5.0), np.arange(-200.0, 200.0, 5.0))
    roof = load_city("etoile").surface_altitude(x, y)
    place = np.unravel_index(np.nanargmax(roof), roof.shape)
    return float(x[place]), float(y[place]), float(roof[place])


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (lambda x, y, roof: [(x, y, roof - 5.0), (x, y, roof + 9.0)], "its start .* lies inside a building"),
        (lambda x, y, roof: [(x, y, roof + 9.0), (x, y, -3.0)], "its waypoint 1 .* lies below the ground"),
        (
            lambda x, y, roof: [(x, y, roof + 9.0), (x, y, roof + 1.0)],
            "its waypoint 1 .* lies less than 2 m above what",
        ),
        (lambda x, y, roof: [(9000.0, y, roof), (x, y, roof + 9.0)], "its start .* lies outside the scene"),
    ],
)
def test_route_through_something_is_refused_in_one_line_before_any_work(points, said: str) -> None:
    given = points(*roof_of_etoile())
    with pytest.raises(ValueError, match=f"^flight 0: {said}") as refused:
        small(flights=1, routes=[given]).prepare()
    assert "\n" not in str(refused.value)


def test_base_station_inside_a_building_is_refused() -> None:
    x, y, roof = roof_of_etoile()
    with pytest.raises(ValueError, match=r"base_station: its .* lies inside a building, whose roof is at"):
        small(base_station=[x, y, roof - 1.0]).prepare()


def test_given_flight_that_meets_a_building_is_refused_by_its_number() -> None:
    x, y, roof = roof_of_etoile()
    scene = load_city("etoile")
    east = x + np.arange(0.0, 100.0, 2.0)
    court = east[np.isnan(scene.surface_altitude(east, 0.0 * east + y))][0]  # behind the building's wall
    route = [(x, y, roof + 3.0), (float(court), y, 5.0)]
    recipe = small(flights=1, routes=[route], speeds=[30.0, 30.0], duration=4.0, base_station=[x, y, 90.0])
    recipe.prepare()
    with pytest.raises(BuildError, match=r"flight 0: its route comes within 2 m of ground or roof at \("):
        unit(recipe)


def test_base_station_that_nothing_reaches_is_said_with_the_share() -> None:
    x, y, roof = roof_of_etoile()
    recipe = small(flights=1, routes=STREET[:1], base_station=[x, y, roof - 5.0], depth=0)
    with pytest.raises(BuildError, match="flight 0: in 1 tries at most 0% of a flight has a path"):
        unit(recipe)  # without prepare(), which refuses that place


def test_key_points_too_far_apart_are_remarked_on_with_their_distance() -> None:
    (said,) = small(snapshot_interval=0.02, duration=10.0, speeds=[2.0, 12.0]).remarks()
    assert "2.28 m apart, 18.3 wavelengths" in said
    assert small(speeds=[2.0, 12.0]).remarks() == []
