"""Families, recorders and vehicles beyond those of the defaults, and what stays as it was."""

from pathlib import Path

import numpy as np
import pytest

from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from datasets.store.specs import TEST, TRAIN, VALIDATION
from datasets.uav.px4_like import FLOWN, SHARES, UNSEEN, Px4Like
from datasets.uav.recording import logged
from datasets.uav.variables import FAMILIES, FIRST_FAMILIES, RECORDERS, STEP, VEHICLES, family_spec
from physics.flight.vehicles import GRAVITY, RACER, X500
from surrogates.core.errors import ConfigError
from surrogates.data.index import records_of
from tests.datasets.uav.flights import SmallUnits

NEW = ("waypoints", "hover", "racing", "sticks")
Arrays = dict[str, np.ndarray]


def simulated(**changes: object) -> Arrays:
    """The flights of a recipe, simulated without a store."""
    recipe = Px4Like.make({"trajectories": 3, "shortest": 1.0, "longest": 1.5} | changes)
    indices = np.arange(recipe.records())
    return recipe.simulate(indices, generators(recipe.seed, indices))


class WideUnits(SmallUnits):
    """Short flights of every kind, four to a unit."""

    shortest: float = 1.0
    longest: float = 1.4

    families: dict[str, float] = dict.fromkeys(FAMILIES[1:], 1.0)
    recorders: dict[str, float] = dict.fromkeys(RECORDERS, 1.0)
    vehicles: dict[str, float] = dict.fromkeys(VEHICLES, 1.0)


@pytest.fixture(scope="module")
def flown() -> dict[str, Arrays]:
    """Flights of 10 s in still air by family, as true recorders have them."""
    kinds = ("minimum_snap", *NEW)
    recipe = Px4Like(
        trajectories=60, shortest=10.0, longest=10.0, families=dict.fromkeys(kinds, 1.0), windy=0.0,
        hesitant=0.0, drifting=0.0, feedforward=0.0,
    )  # fmt: skip
    indices = np.arange(60)
    made = recipe.simulate(indices, generators(recipe.seed, indices))
    codes = made["family"]
    return {
        name: {key: values[codes == FAMILIES.index(name)] for key, values in made.items()} for name in kinds
    }


def speeds(flights: Arrays) -> np.ndarray:
    return np.asarray(np.linalg.norm(flights["velocity"], axis=-1))


def tilts(flights: Arrays) -> np.ndarray:
    attitude = flights["attitude"]
    up = 1.0 - 2.0 * (attitude[..., 1] ** 2 + attitude[..., 2] ** 2)
    return np.asarray(np.degrees(np.arccos(np.clip(up, -1.0, 1.0))))


def dwell(flights: Arrays) -> float:
    """Share of the time, after the first two seconds, at less than 0.3 m/s."""
    return float((speeds(flights)[:, 20:] < 0.3).mean())


def turns(flights: Arrays) -> float:
    """Mean miss of a constant velocity after a second, m."""
    position = flights["position"]
    now, before, ahead = position[:, 20:-10], position[:, 19:-11], position[:, 30:]
    return float(np.linalg.norm(now + 10.0 * (now - before) - ahead, axis=-1).mean())


def test_racing_leans_and_speeds_beyond_the_default_limits(flown: dict[str, Arrays]) -> None:
    assert np.quantile(tilts(flown["racing"]), 0.99) > 48.0 > np.quantile(tilts(flown["minimum_snap"]), 0.99)
    assert np.quantile(speeds(flown["racing"]), 0.95) > 1.3 * np.quantile(speeds(flown["minimum_snap"]), 0.95)


def test_hovering_waits_and_hurried_waypoints_do_not(flown: dict[str, Arrays]) -> None:
    assert dwell(flown["hover"]) > 0.4
    assert dwell(flown["waypoints"]) < 0.05
    assert np.quantile(speeds(flown["hover"]), 0.9) < 2.0


def test_hurried_waypoints_change_their_way_within_the_second(flown: dict[str, Arrays]) -> None:
    assert turns(flown["waypoints"]) > 1.5 * turns(flown["minimum_snap"])


def test_sticks_are_let_go_of_and_pushed(flown: dict[str, Arrays]) -> None:
    assert 0.02 < dwell(flown["sticks"]) < dwell(flown["hover"])
    assert np.quantile(speeds(flown["sticks"]), 0.95) > 4.0


@pytest.mark.parametrize("family", NEW)
def test_every_flight_is_finite_and_near_where_it_was_sent(flown: dict[str, Arrays], family: str) -> None:
    flights = flown[family]
    assert all(np.isfinite(flights[name]).all() for name in ("position", "velocity", "attitude"))
    assert np.abs(flights["position"] - flights["position_setpoint"]).max() < 45.0


def test_a_store_names_family_recorder_and_vehicle_and_repeats(tmp_path: Path) -> None:
    url = str(tmp_path / "wide.zarr")
    build(WideUnits(), url, workers=0, progress=False)
    report = verify(url, resimulate=1, recipe_class=WideUnits, progress=False)
    assert report.ok, report.problems
    assert {each.answer for each in report.resimulated} == {"same"}
    store = open_store(url)
    dataset = store.dataset()
    for name, meanings in (("family", FAMILIES), ("recorder", RECORDERS), ("vehicle", VEHICLES)):
        assert dataset[name].attrs["flag_meanings"].split() == list(meanings)
    assert set(dataset["recorder"].values) == set(range(len(RECORDERS)))
    found = records_of(store, "train", select={"vehicle": ["racer"]})
    assert (dataset["vehicle"].values[found] == VEHICLES.index("racer")).all()


def test_kinds_that_are_tested_are_not_trained_on_in_any_combination() -> None:
    recipe = Px4Like(
        trajectories=900, families=dict.fromkeys(FAMILIES[1:], 1.0), recorders=dict.fromkeys(RECORDERS, 1.0),
        vehicles=dict.fromkeys(VEHICLES, 1.0),
    )  # fmt: skip
    by_kind = recipe.splits()[-1]
    assert by_kind.name == "split_by_kind"
    found = {
        "family": np.array(FAMILIES)[recipe.family_codes],
        "recorder": np.array(RECORDERS)[recipe.recorder_codes],
        "vehicle": np.array(VEHICLES)[recipe.vehicle_codes],
    }
    for subset in (TRAIN, VALIDATION):
        for kind, names in UNSEEN.items():
            assert not np.isin(found[kind][by_kind.labels == subset], names).any()
    kept = by_kind.labels != TEST
    assert (by_kind.labels[kept] == VALIDATION).mean() == pytest.approx(0.1, abs=0.03)
    assert "split_by_kind" not in {split.name for split in Px4Like(trajectories=20).splits()}


def test_the_defaults_are_what_they_were_before_there_was_a_choice() -> None:
    recipe = Px4Like()
    assert {"recorders", "vehicles"} & recipe.config().keys() == set()
    assert [spec.name for spec in recipe.specs()][-2:] == ["length", "family"]
    assert family_spec(SHARES).attributes["flag_meanings"].split() == list(FIRST_FAMILIES)
    assert family_spec(["racing"]).attributes["flag_meanings"].split() == list(FAMILIES)
    # Noted before families, recorders and vehicles were added: last positions of flights of 3 s.
    made = simulated(trajectories=7, shortest=3.0, longest=3.0, families=dict.fromkeys(SHARES, 1.0))
    noted = [
        [-16.999548, 22.6513, 6.373022],
        [-26.67524, 14.413119, 12.745108],
        [5.1474533, 24.643959, 20.720928],
        [-29.997105, 18.123386, 2.0917683],
        [32.480568, -9.521889, 22.101183],
        [8.354277, -9.63631, 6.6713395],
        [-28.844574, 21.736008, 13.250596],
    ]
    np.testing.assert_allclose(made["position"][:, -1], noted, rtol=1e-5)


def test_direct_recorders_of_the_x500_are_the_defaults() -> None:
    plain, named = simulated(), simulated(recorders={"direct": 1.0}, vehicles={"x500": 1.0})
    assert named.keys() - plain.keys() == {"recorder", "vehicle"}
    for name, values in plain.items():
        np.testing.assert_array_equal(named[name], values)


def test_only_the_record_depends_on_the_recorder() -> None:
    plain, noisy = simulated(), simulated(recorders={"noisy": 1.0})
    np.testing.assert_array_equal(noisy["velocity"], plain["velocity"])
    assert 0.005 < np.nanstd(noisy["position"] - plain["position"]) < 0.1


def test_a_filtered_record_lags_and_a_smoothed_one_does_not() -> None:
    line = 4.0 * STEP * np.arange(200.0)[:, None] * np.array([[1.0, 0.0, 0.0]])
    filtered, smoothed = (logged(line, kind, np.random.default_rng(3)) for kind in ("filtered", "smoothed"))
    late = (line - filtered)[100, 0] / 4.0
    assert 0.02 < late < 0.4  # s
    assert np.abs((line - smoothed)[100]).max() < 1e-9


def test_a_slow_record_is_straight_between_its_samples() -> None:
    clock = STEP * np.arange(200)
    wave = np.stack([np.sin(3.0 * clock), np.cos(3.0 * clock), 0.0 * clock], axis=1)
    slow = logged(wave, "slow", np.random.default_rng(3))
    bends = np.abs(np.diff(slow, 2, axis=0)).max(axis=1)
    assert (bends < 1e-9).mean() > 0.1
    assert np.abs(slow - wave).max() < 0.2


def test_direct_and_noisy_records() -> None:
    wave, rng = np.zeros((4000, 3)), np.random.default_rng(1)
    assert logged(wave, "direct", rng) is wave
    assert 0.01 <= logged(wave, "noisy", rng).std() <= 0.085


def test_every_vehicle_can_hover_and_a_racer_has_thrust_to_spare() -> None:
    spare = {
        name: 4.0 * each.thrust_coefficient * each.fastest**2 / (each.mass * GRAVITY)
        for name, each in FLOWN.items()
    }
    assert spare.keys() == set(VEHICLES)
    assert min(spare.values()) > 1.5
    assert spare["racer"] == pytest.approx(5.1, abs=0.2)
    assert RACER.mass < X500.mass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recorders": {"noisy": 0.0}}, "recorders=.*shares must be 0 or more, and one above 0"),
        ({"vehicles": {"x500": -1.0}}, "vehicles=.*shares must be 0 or more, and one above 0"),
        ({"vehicles": {"blimp": 1.0}}, "blimp"),
    ],
)
def test_shares_that_cannot_be_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Px4Like.make(changes)
