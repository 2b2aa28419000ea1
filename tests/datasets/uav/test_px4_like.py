"""The recipe `uav/px4_like`: what a build holds, its splits, and flights like those of VECTOR."""

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.factory.verify import verify
from datasets.store.checks import check_split
from datasets.uav.px4_like import (
    GAINS,
    SHARES,
    TEST_FAMILIES,
    VALIDATION_FAMILIES,
    Drawn,
    Px4Like,
    varied,
)
from datasets.uav.variables import FAMILIES, WIND
from physics.flight.control import Gains
from physics.flight.vehicles import X500
from surrogates.core.errors import ConfigError
from tests.datasets.uav.flights import SmallUnits


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = str(tmp_path_factory.mktemp("uav") / "small.zarr")
    build(SmallUnits(), url, workers=0, progress=False)
    return url


@pytest.fixture(scope="module")
def store(url: str) -> xr.Dataset:
    return xr.open_zarr(url).load()


def simulated(**changes: object) -> dict[str, np.ndarray]:
    """The first flights of a recipe, simulated without a store."""
    recipe = Px4Like.make({"trajectories": 3, "shortest": 1.0, "longest": 1.5} | changes)
    indices = np.arange(recipe.records())
    return recipe.simulate(indices, generators(recipe.seed, indices))


def test_build_verifies_and_simulates_again_to_the_same(url: str) -> None:
    report = verify(url, resimulate=1, recipe_class=SmallUnits, progress=False)
    assert report.ok, report.problems
    assert {each.answer for each in report.resimulated} == {"same"}


def test_a_table_gives_the_wind_and_changes_nothing_else() -> None:
    drawn = simulated(trajectories=4, drifting=0.0, hesitant=0.0)
    table = {"wind_east": [6.0, None, 0.0, -3.0], "wind_north": [0.0, None, 0.0, 4.0]}
    given = simulated(trajectories=4, drifting=0.0, hesitant=0.0, design=table)
    assert given.keys() - drawn.keys() == {"wind_east", "wind_north"}
    np.testing.assert_array_equal(given["wind_east"][[0, 2, 3]], [6, 0, -3])
    for name in ("length", "position_setpoint", "family"):
        np.testing.assert_array_equal(given[name], drawn[name])
    for name in ("position", "wind_velocity"):
        np.testing.assert_array_equal(given[name][1], drawn[name][1])
    air = np.nanmean(given["wind_velocity"], axis=1)
    np.testing.assert_allclose(air[:, :2], np.transpose([given[spec.name] for spec in WIND]), atol=2.5)
    np.testing.assert_array_equal(air[2], 0.0)  # no turbulence in calm air
    assert np.nanmax(np.abs(given["position"][0] - drawn["position"][0])) > 0.05
    with pytest.raises(ConfigError, match="wind_north of record 0 is 9, expected -8 to 8 m s-1"):
        Px4Like.make({"trajectories": 1, "design": {"wind_east": [0], "wind_north": [9]}})


def test_store_holds_tracks_on_a_common_clock(store: xr.Dataset) -> None:
    assert store.attrs["record_dimension"] == "trajectory"
    assert store.sizes == {"trajectory": 14, "time": 31, "axis": 3, "quaternion": 4}
    np.testing.assert_allclose(store["time"], np.arange(31) * 0.1)
    assert list(store["axis"].values) == ["x", "y", "z"]


@pytest.mark.parametrize(
    "name",
    ["position", "velocity", "attitude", "angular_velocity", "position_setpoint", "wind_velocity"],
)
def test_tracks_are_nan_behind_their_length_and_nowhere_else(store: xr.Dataset, name: str) -> None:
    lengths = store["length"].values
    assert lengths.min() >= 21
    assert len(set(lengths.tolist())) > 3
    found = np.isfinite(store[name].values)
    expected = np.arange(store.sizes["time"]) < lengths[:, None]
    np.testing.assert_array_equal(found, np.broadcast_to(expected[..., None], found.shape))


def test_a_true_recorder_has_velocities_that_are_derivatives_of_positions() -> None:
    arrays = simulated(trajectories=8, shortest=2.0, longest=3.0, hesitant=0.0, drifting=0.0)
    step = np.diff(arrays["position"], axis=1) / 0.1
    middle = 0.5 * (arrays["velocity"][:, 1:] + arrays["velocity"][:, :-1])
    assert np.nanmax(np.abs(step - middle)) < 0.1  # jerk, up to 100 m/s3, times the squared step over 12


def test_attitudes_have_unit_length(store: xr.Dataset) -> None:
    norms = np.linalg.norm(store["attitude"].values, axis=-1)
    np.testing.assert_allclose(norms[np.isfinite(norms)], 1.0, atol=1e-6)


def test_hesitant_recorders_and_drift_change_what_is_logged_and_not_the_flight() -> None:
    recorders = (
        {"hesitant": 0.0, "drifting": 0.0},
        {"hesitant": 1.0, "drifting": 0.0},
        {"hesitant": 0.0, "drifting": 1.0},
    )
    true, hesitant, drifting = (simulated(longest=8.0, shortest=8.0, **each) for each in recorders)
    np.testing.assert_array_equal(drifting["velocity"], true["velocity"])
    assert 0.0 < np.abs(drifting["position"] - true["position"]).max() < 0.4
    way = [
        np.linalg.norm(np.diff(each["position"], axis=1), axis=-1).sum(axis=1) for each in (hesitant, true)
    ]
    assert (way[0] < way[1]).all()  # a held clock sees less of the flight


def test_families_have_their_shares_and_do_not_depend_on_their_order() -> None:
    recipe = Px4Like(trajectories=1000)
    counts = np.bincount(recipe.family_codes, minlength=len(FAMILIES)) / 1000
    for family, share in SHARES.items():
        assert counts[FAMILIES.index(family)] == pytest.approx(share, abs=0.002)
    turned = Px4Like(trajectories=1000, families=dict(reversed(SHARES.items())))
    np.testing.assert_array_equal(turned.family_codes, recipe.family_codes)


def test_splits_keep_flights_and_families_whole() -> None:
    recipe = Px4Like(trajectories=1000)
    by_flight, by_family = recipe.splits()
    np.testing.assert_array_equal(np.bincount(by_flight.labels), [800, 100, 100])
    check_split(by_family.name, by_family.labels, recipe.family_codes, by_family.keeps_whole)
    families = {
        subset: {FAMILIES[code] for code in np.unique(recipe.family_codes[by_family.labels == subset])}
        for subset in range(3)
    }
    assert families[2] == set(TEST_FAMILIES)
    assert families[1] == set(VALIDATION_FAMILIES)
    assert families[0] == set(SHARES) - families[1] - families[2]
    for subset in range(3):  # both splits cross: every family is in every subset of the first
        assert len(np.unique(recipe.family_codes[by_flight.labels == subset])) == len(SHARES)


def test_noise_is_on_position_alone() -> None:
    clean, noisy = simulated(), simulated(position_noise=0.05)
    error = noisy["position"] - clean["position"]
    assert np.nanstd(error) == pytest.approx(0.05, rel=0.15)
    for name in clean.keys() - {"position"}:
        np.testing.assert_array_equal(noisy[name], clean[name])


def test_wind_blows_in_its_share_of_flights() -> None:
    assert np.nanmax(np.abs(simulated(windy=0.0)["wind_velocity"])) == 0.0
    windy = simulated(windy=1.0)["wind_velocity"]
    mean = np.linalg.norm(np.nanmean(windy, axis=1), axis=-1)
    assert (mean > 0.0).all()
    assert (np.nanstd(windy, axis=1) > 0.0).all()  # gusts


def drawn(count: int, **changes: object) -> list[Drawn]:
    """What flights start from, without flying them."""
    recipe = Px4Like.make({"trajectories": count, "shortest": 1.0, "longest": 1.5} | changes)
    codes = zip(recipe.family_codes, generators(0, np.arange(count)), strict=True)
    return [recipe._draw(FAMILIES[code], "x500", rng) for code, rng in codes]


def test_flights_begin_at_rest_or_in_motion_near_their_setpoint() -> None:
    at_rest, moving = drawn(200, moving=0.0), drawn(200, moving=1.0)
    assert all((flight.velocity == 0.0).all() for flight in at_rest)
    speeds = [float(np.linalg.norm(flight.velocity)) for flight in moving]
    assert min(speeds) > 0.0
    assert max(speeds) == pytest.approx(8.0)
    off = np.array([flight.position - flight.path.position[0] for flight in at_rest])
    np.testing.assert_allclose(off.std(axis=0), 0.5, rtol=0.2)


def test_vehicles_and_gains_differ_within_their_ranges() -> None:
    vehicle, gains = varied(drawn(400))
    ranges = {
        (0.9, 1.1): [vehicle.mass / X500.mass],
        (0.5, 2.0): [vehicle.rotor_drag / X500.rotor_drag, vehicle.frame_drag[2] / X500.frame_drag[2]],
        (0.8, 1.2): [getattr(gains, name)[0] / getattr(Gains(), name)[0] for name in GAINS],
    }
    for (low, high), factors in ranges.items():
        for factor in factors:
            assert low <= factor.min() < low + 0.1 * (high - low)
            assert high - 0.1 * (high - low) < factor.max() <= high
    assert np.corrcoef(gains.position[0], gains.velocity[0])[0, 1] == pytest.approx(0.0, abs=0.15)


def test_feed_forward_is_sent_to_its_share_of_flights_and_brings_them_closer() -> None:
    sent = [bool(flight.path.velocity.any()) for flight in drawn(400, families={"circle": 1.0})]
    assert np.mean(sent) == pytest.approx(0.15, abs=0.05)
    late = []
    for share in (0.0, 1.0):
        made = simulated(feedforward=share, families={"lissajous": 1.0}, shortest=6.0, longest=6.0, windy=0.0)
        late.append(np.linalg.norm(made["position"] - made["position_setpoint"], axis=-1)[:, 40:].mean())
    assert late[1] < 0.5 * late[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shortest": 30.0, "longest": 20.0}, "longest=20 s is less than shortest=30 s"),
        ({"families": {"circle": 0.0}}, "shares must be 0 or more, and one above 0"),
        ({"families": {"spiral": 1.0}}, "spiral"),
    ],
)
def test_parameters_that_cannot_be_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Px4Like.make(changes)


@pytest.fixture(scope="module")
def published_kind() -> dict[str, np.ndarray]:
    """Circles and figures of eight alone, as in the 5000 flights of VECTOR."""
    return simulated(
        trajectories=150, shortest=12.0, longest=12.0, families={"circle": 0.5, "lemniscate": 0.5}, seed=5
    )


def test_circles_and_eights_have_the_published_extent_and_speed(
    published_kind: dict[str, np.ndarray],
) -> None:
    # Statistics of VECTOR's 5000 simulated flights: position (23.07, 22.91, 4.44) m about a height of
    # 11.76 m, velocity (1.82, 1.71, 0.79) m/s, hardly above 8.0 m/s.
    position, velocity = (published_kind[name].reshape(-1, 3) for name in ("position", "velocity"))
    np.testing.assert_allclose(position.std(axis=0), [23.07, 22.91, 4.44], rtol=0.15)
    assert position[:, 2].mean() == pytest.approx(11.76, abs=1.0)
    np.testing.assert_allclose(velocity.std(axis=0), [1.82, 1.71, 0.79], rtol=0.3)
    speed = np.linalg.norm(velocity, axis=1)
    assert np.quantile(speed, 0.98) < 8.0


def test_constant_velocity_misses_by_a_metre_or_two(published_kind: dict[str, np.ndarray]) -> None:
    position = published_kind["position"]
    now, before, ahead = position[:, 1:-10], position[:, :-11], position[:, 11:]
    miss = np.linalg.norm(now + 10.0 * (now - before) - ahead, axis=-1).mean()
    assert 0.3 < miss < 3.0


def test_bodies_lean_no_more_than_the_tilt_limit_and_its_overshoot(
    published_kind: dict[str, np.ndarray],
) -> None:
    attitude = published_kind["attitude"]
    up = 1.0 - 2.0 * (attitude[..., 1] ** 2 + attitude[..., 2] ** 2)
    tilt = np.degrees(np.arccos(np.clip(up, -1.0, 1.0)))
    assert np.quantile(tilt, 0.99) < 46.0
    assert tilt.max() < 60.0


def test_setpoints_of_circles_and_eights_stay_above_five_metres(
    published_kind: dict[str, np.ndarray],
) -> None:
    assert published_kind["position_setpoint"][..., 2].min() > 5.0 - 1e-4
