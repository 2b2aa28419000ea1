"""Closed formulas against numbers worked out by hand, on every array library."""

import math

import array_api_strict
import numpy as np
import pytest
import torch

from physics import propagation

FREQUENCY = 3.66e9
LIBRARIES = pytest.mark.parametrize("xp", [np, torch, array_api_strict], ids=["numpy", "torch", "strict"])


def test_friis_loses_92_45_db_at_one_kilometre_and_one_gigahertz() -> None:
    gain = propagation.friis_path_gain(np.array([1000.0, 2000.0]), 1e9)
    np.testing.assert_allclose(gain, [-92.45, -98.47], atol=0.01)


@pytest.mark.parametrize(
    ("distance", "height", "sight", "expected"),
    [
        # d3D = sqrt(100^2 + 23.5^2) = 102.724 m, before the break point 4 x 24 x 0.5 / 0.08328 = 576.4 m:
        # 28 + 22 log10(102.724) + 20 log10(3.6)
        (100.0, 25.0, "los", 28.0 + 44.2557 + 11.1261),
        # d3D = 1000.276 m, after it: 28 + 40 log10 d3D + 20 log10 3.6 - 9 log10(576.4^2 + 23.5^2)
        (1000.0, 25.0, "los", 28.0 + 120.0048 + 11.1261 - 49.6996),
        # 13.54 + 39.08 log10(102.724) + 20 log10(3.6) - 0.6 (1.5 - 1.5)
        (100.0, 25.0, "nlos", 13.54 + 78.6142 + 11.1261),
    ],
)
def test_uma_follows_the_table_of_tr38901(
    distance: float, height: float, sight: str, expected: float
) -> None:
    gain = propagation.uma_path_gain(np.array([distance]), height, 1.5, 3.6e9, sight)  # type: ignore[arg-type]
    assert gain[0] == pytest.approx(-expected, abs=0.02)


def test_uma_is_continuous_at_the_break_point_and_never_better_without_sight() -> None:
    distance = np.linspace(10.0, 2000.0, 4000)
    los = propagation.uma_path_gain(distance, 25.0, 2.0, FREQUENCY, "los")
    nlos = propagation.uma_path_gain(distance, 25.0, 2.0, FREQUENCY, "nlos")
    assert np.abs(np.diff(los)).max() < 0.5
    assert (nlos <= los).all()


def test_uma_refuses_another_kind_of_sight() -> None:
    with pytest.raises(ValueError, match="'los' or 'nlos'"):
        propagation.uma_path_gain(np.ones(1), 25.0, 1.5, 1e9, "LOS")  # type: ignore[arg-type]


def test_ericsson_at_one_kilometre() -> None:
    # 36.2 + 12 log10 30 - 3.2 log10(17.625)^2 + 44.49 log10 3500 - 4.78 log10(3500)^2; km terms vanish
    expected = 36.2 + 17.7255 - 4.9684 + 157.6718 - 60.0361
    gain = propagation.ericsson_path_gain(np.array([1000.0]), 30.0, 1.5, 3.5e9)
    assert gain[0] == pytest.approx(-expected, abs=0.01)


def test_log_distance_loses_ten_exponents_a_decade() -> None:
    gain = propagation.log_distance_path_gain(np.array([1.0, 10.0, 100.0]), -40.0, 3.0)
    np.testing.assert_allclose(gain, [-40.0, -70.0, -100.0])


def test_antenna_peaks_at_8_dbi_and_loses_3_db_at_half_its_width() -> None:
    half = math.radians(32.5)
    azimuth = np.array([0.0, half, -half, 2 * math.pi + half, math.pi, 0.0])
    zenith = np.array([math.pi / 2] * 5 + [math.pi / 2 - half])
    gain = propagation.tr38901_antenna_gain(azimuth, zenith)
    np.testing.assert_allclose(gain, [8.0, 5.0, 5.0, 5.0, -22.0, 5.0], atol=1e-9)


def test_knife_edge_loses_6_db_at_grazing_and_nothing_far_below() -> None:
    loss = propagation.knife_edge_loss(np.array([0.0, -2.0, 2.4]))
    np.testing.assert_allclose(loss, [6.03, 0.0, 20.5], atol=0.15)


def _wall(rows: int = 40, cell: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat ground with a wall 20 m high from x = 40 to 50 m; a transmitter of 30 m height west of it."""
    building = np.zeros((rows, 100))
    building[:, 20:25] = 20.0
    return building, np.zeros_like(building), np.array([10.0 + cell / 2, rows * cell / 2, 30.0])


def test_direct_ray_over_a_wall_has_the_analytic_clearance() -> None:
    building, terrain, transmitter = _wall()
    ray = propagation.direct_ray(building, terrain, transmitter, 2.0, 2.0, FREQUENCY, steps=4000)
    receiver = 181.0  # m, centre of column 90, in the row of the transmitter
    slope = (2.0 - 30.0) / (receiver - 11.0)
    assert float(ray.clearance[20, 90]) == pytest.approx(
        min(30.0 + slope * (50.0 - 11.0) - 20.0, 2.0), abs=0.1
    )
    near = 61.0  # behind the wall: the ray enters it where it sinks to 20 m and leaves it at the far side
    slope = (2.0 - 30.0) / (near - 11.0)
    entered = max(11.0 + (20.0 - 30.0) / slope, 40.0)
    assert float(ray.blocked_length[20, 30]) == pytest.approx(50.0 - entered, abs=0.2)
    assert float(ray.clearance[20, 30]) == pytest.approx(30.0 + slope * (50.0 - 11.0) - 20.0, abs=0.1)


def test_direct_ray_gives_the_fresnel_parameter_of_a_thin_wall() -> None:
    building = np.zeros((3, 201))
    building[:, 100] = 25.0
    transmitter = np.array([0.5, 1.5, 10.0])
    ray = propagation.direct_ray(building, np.zeros_like(building), transmitter, 1.0, 10.0, FREQUENCY, 4001)
    to_wall, beyond, wavelength = 100.0, 100.0, propagation.SPEED_OF_LIGHT / FREQUENCY
    expected = 15.0 * math.sqrt(2.0 / wavelength * (1.0 / to_wall + 1.0 / beyond))
    assert float(ray.diffraction_parameter[1, 200]) == pytest.approx(expected, rel=0.01)


def test_terrain_counts_for_altitudes_and_blocks_the_ray() -> None:
    terrain = np.zeros((5, 100))
    terrain[:, :10] = 50.0  # the transmitter's plateau
    terrain[:, 40:50] = 60.0  # a ridge
    transmitter = np.array([3.0, 5.0, 40.0])
    link = propagation.link_geometry(terrain, transmitter, 2.0, 2.0)
    assert float(link.distance[2, 99]) == pytest.approx(math.hypot(199.0 - 3.0, 90.0 - 2.0))
    ray = propagation.direct_ray(np.zeros_like(terrain), terrain, transmitter, 2.0, 2.0, FREQUENCY)
    assert float(ray.clearance[2, 99]) < 0.0
    assert float(ray.blocked_length[2, 99]) > 15.0
    assert float(ray.blocked_length[2, 30]) == 0.0


def test_azimuth_is_clockwise_from_north() -> None:
    link = propagation.link_geometry(np.zeros((101, 101)), np.array([101.0, 101.0, 20.0]), 2.0, 2.0)
    assert float(link.azimuth[100, 50]) == pytest.approx(0.0)
    assert float(link.azimuth[50, 100]) == pytest.approx(math.pi / 2)
    assert abs(float(link.azimuth[0, 50])) == pytest.approx(math.pi)
    assert float(link.zenith[50, 50]) == pytest.approx(math.pi)


@LIBRARIES
def test_every_array_library_gives_the_numbers_of_numpy_on_batches(xp: object) -> None:
    rng = np.random.default_rng(0)
    building = rng.uniform(0, 30, (3, 24, 32)) * (rng.random((3, 24, 32)) < 0.3)
    terrain = rng.uniform(0, 5, (3, 24, 32))
    transmitter = rng.uniform([10, 10, 5], [110, 80, 40], (3, 3))

    def everything(convert: object) -> list[np.ndarray]:
        b, t, p = (convert(values) for values in (building, terrain, transmitter))  # type: ignore[operator]
        link = propagation.link_geometry(t, p, 4.0, 2.0)
        ray = propagation.direct_ray(b, t, p, 4.0, 2.0, FREQUENCY, steps=16)
        height = p[:, 2, None, None]
        formulas = (
            propagation.friis_path_gain(link.distance, FREQUENCY),
            propagation.uma_path_gain(link.ground_distance, height, 2.0, FREQUENCY, "nlos"),
            propagation.ericsson_path_gain(link.ground_distance, height, 2.0, FREQUENCY),
            propagation.tr38901_antenna_gain(link.azimuth - 1.0, link.zenith),
            propagation.knife_edge_loss(ray.diffraction_parameter),
        )
        return [np.asarray(values) for values in (*link, *ray, *formulas)]

    for found, expected in zip(everything(xp.asarray), everything(np.asarray), strict=True):  # type: ignore[attr-defined]
        assert found.shape == (3, 24, 32)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_batch_of_one_equals_no_batch() -> None:
    building, terrain, transmitter = _wall()
    one = propagation.direct_ray(building, terrain, transmitter, 2.0, 2.0, FREQUENCY)
    batch = propagation.direct_ray(building[None], terrain[None], transmitter[None], 2.0, 2.0, FREQUENCY)
    for single, of_batch in zip(one, batch, strict=True):
        np.testing.assert_array_equal(single, of_batch[0])


def test_sector_antenna_loses_three_decibels_at_half_its_width_and_no_more_than_its_limits() -> None:
    degree = math.pi / 180.0
    panel = (65.0 * degree, 10.0 * degree, 6.0 * degree, 25.0, 20.0)

    def gain(offset: float, depression: float) -> float:
        angles = np.array([offset * degree]), np.array([depression * degree])
        return float(propagation.sector_antenna_gain(*angles, *panel)[0])

    assert gain(0.0, 6.0) == 0.0
    assert gain(32.5, 6.0) == pytest.approx(-3.0)
    assert gain(0.0, 11.0) == pytest.approx(-3.0)
    assert gain(360.0 - 32.5, 6.0) == pytest.approx(-3.0)
    assert gain(180.0, 6.0) == pytest.approx(-25.0)
    assert gain(180.0, 60.0) == pytest.approx(-45.0)
