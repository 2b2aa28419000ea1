"""Arrivals against closed forms, in different batches, and against the radio-map solver."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain
from physics.raytracing import arrivals
from physics.raytracing.arrivals import Arrivals, arrivals_of, stable, trace_arrivals
from physics.raytracing.paths import PathSettings, TracedPaths
from physics.raytracing.scenes import Scene, Window
from physics.raytracing.solver import Settings, trace_path_gain

MAST = np.array([-40.0, 5.0, 9.0])
WINDOW = Window(-64.0, -64.0, 128.0, 8.0)
DIRECT = PathSettings(rays=100, depth=0)
FEW = PathSettings(rays=2000, depth=2)
BENT = PathSettings(rays=10_000, depth=1, diffraction=True)


def grid(height: float, window: Window = WINDOW) -> np.ndarray:
    x, y = np.meshgrid(window.west + window.centres, window.south + window.centres)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=-1)


@pytest.fixture(scope="module", autouse=True)
def _small_table() -> object:
    """As many candidates as these scenes need, so that no gigabytes are set aside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "CANDIDATES", 200_000)
        yield


@pytest.fixture(scope="module")
def traced(box_scene: Scene) -> Arrivals:
    return trace_arrivals(box_scene, MAST, grid(2.0), FEW, seed=1)


def test_no_path_is_faster_than_light_and_direct_ones_are_as_fast(box_scene: Scene) -> None:
    traced = trace_arrivals(box_scene, MAST, grid(2.0), BENT, seed=1)
    distance = np.linalg.norm(grid(2.0) - MAST, axis=1)
    ahead = traced.first_delay * SPEED_OF_LIGHT - distance
    assert 0.5 < traced.reached.mean() < 1.0
    assert np.nanmin(ahead) > -1e-3
    assert np.abs(ahead[traced.line_of_sight]).max() < 1e-3
    hidden = traced.reached & ~traced.line_of_sight
    assert hidden.sum() > 5
    assert ahead[hidden].min() > -1e-3
    assert np.median(ahead[hidden]) > 0.1
    assert (traced.delay >= traced.first_delay)[traced.reached].all()


def test_direct_path_points_to_the_transmitter(traced: Arrivals) -> None:
    way = (MAST - grid(2.0))[traced.line_of_sight]
    azimuth = np.mod(np.arctan2(way[:, 0], way[:, 1]), 2 * np.pi)
    zenith = np.arctan2(np.hypot(way[:, 0], way[:, 1]), way[:, 2])
    off = np.mod(traced.azimuth[traced.line_of_sight] - azimuth + np.pi, 2 * np.pi) - np.pi
    assert np.abs(off).max() < math.radians(0.1)
    assert np.abs(traced.zenith[traced.line_of_sight] - zenith).max() < math.radians(0.1)


def test_gain_of_only_the_direct_path_follows_friis(box_scene: Scene) -> None:
    found = trace_arrivals(box_scene, MAST, grid(2.0), DIRECT, seed=1)
    distance = np.linalg.norm(grid(2.0) - MAST, axis=1)
    error = found.path_gain - friis_path_gain(distance, DIRECT.frequency)
    assert np.abs(error[found.line_of_sight]).max() < 0.01
    assert np.nanmax(found.delay_spread) == 0.0
    assert np.nanmax(found.azimuth_spread) < 1e-6
    np.testing.assert_array_equal(found.reached, found.line_of_sight)


def test_both_solvers_of_sionna_agree_within_a_decibel(box_scene: Scene) -> None:
    window = Window(-64.0, -64.0, 128.0, 2.0)
    mast = np.array([-40.0, 5.0, 25.0])
    settings = Settings(frequency=FEW.frequency, rays=1_000_000, depth=2, diffraction=False)
    power = trace_path_gain(box_scene, window, mast[None], settings, seed=1)[0, 0]
    rows = slice(4, None, 8)  # some of its cells
    points = grid(2.0, window).reshape(64, 64, 3)[rows, rows].reshape(-1, 3)
    found = trace_arrivals(box_scene, mast, points, FEW, seed=1)
    error = found.path_gain - power[rows, rows].ravel()
    assert np.isfinite(error[found.line_of_sight]).mean() > 0.9
    assert abs(np.nanmedian(error[found.line_of_sight])) < 1.0


def test_receiver_gets_the_same_in_another_batch(
    box_scene: Scene, traced: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = np.random.default_rng(0).permutation(256)[:70]
    monkeypatch.setattr(arrivals, "BATCH", 64)
    again = trace_arrivals(box_scene, MAST, grid(2.0)[chosen], FEW, seed=1)
    assert again.path_gain.shape == (70,)
    for name in ("path_gain", "azimuth", "zenith"):
        np.testing.assert_allclose(getattr(again, name), getattr(traced, name)[chosen], atol=1e-3)
    for name in ("first_delay", "delay"):
        np.testing.assert_allclose(getattr(again, name), getattr(traced, name)[chosen], atol=1e-12)
    np.testing.assert_array_equal(again.line_of_sight, traced.line_of_sight[chosen])


def test_spreads_of_two_equal_paths_are_half_their_difference_and_the_circular_deviation() -> None:
    arrival = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    coefficient = np.array([1e-4, 1e-4, 0.0], np.complex128)[None, :, None]
    delay = np.array([[100e-9, 160e-9, 0.0]])
    found = arrivals_of(TracedPaths(coefficient, delay, arrival, np.zeros((1, 3), bool)))
    assert found.delay_spread[0] == pytest.approx(30e-9)
    assert found.azimuth_spread[0] == pytest.approx(math.sqrt(math.log(2.0)))
    assert found.path_gain[0] == pytest.approx(10 * math.log10(2e-8))
    assert (found.first_delay[0], found.azimuth[0]) == (100e-9, pytest.approx(math.pi / 2))


def test_stable_receivers_are_reached_twice_with_equal_delays() -> None:
    def of(gain: float, delay: float) -> Arrivals:
        values = [np.array([each]) for each in (gain, delay, delay, 0.0, 0.0, 0.0, 0.0)]
        return Arrivals(*values, np.array([False]))

    one = of(-100.0, 1e-7)
    assert stable(one, of(-101.0, 1e-7))[0]
    assert not stable(one, of(-104.0, 1e-7))[0]
    assert not stable(one, of(-100.0, 1.02e-7))[0]
    assert not stable(one, of(np.nan, np.nan))[0]


def test_more_samples_make_more_diffracted_receivers_stable(box_scene: Scene) -> None:
    low, points = np.array([-30.0, 0.0, 3.0]), grid(2.0)
    shares = []
    for rays in (40, 10_000):
        settings = PathSettings(rays=rays, depth=1, diffraction=True)
        twice = [trace_arrivals(box_scene, low, points, settings, seed=seed) for seed in (1, 2)]
        shares.append(stable(*twice)[~twice[0].line_of_sight].mean())
    assert shares[0] < shares[1]


def test_receivers_of_another_shape_are_refused(box_scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"receivers have shape \(3,\); expected \(n, 3\)"):
        trace_arrivals(box_scene, MAST, MAST, FEW, seed=1)
