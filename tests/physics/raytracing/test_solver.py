"""Traced maps against closed formulas, against Sionna's own maps, and against themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physics.backend import sionna
from physics.propagation import friis_path_gain, link_geometry, tr38901_antenna_gain
from physics.raytracing.scenes import Scene, Window, load_city
from physics.raytracing.solver import Settings, trace_path_gain, yaw

WINDOW = Window(-64.0, -64.0, 128.0, 4.0)
MASTS = np.array([[40.0, 30.0, 25.0], [-40.0, -20.0, 30.0]])
DIRECT = Settings(rays=1_000_000, depth=0, diffraction=False)
FULL = Settings(rays=200_000, depth=3)


def _links(transmitters: np.ndarray, window: Window = WINDOW):
    local = transmitters - [window.west, window.south, 0.0]
    flat = np.zeros((len(local), window.cells, window.cells))
    return link_geometry(flat, local, window.cell, 2.0)


def test_free_space_path_gain_follows_friis(box_scene: Scene) -> None:
    gain = trace_path_gain(box_scene, WINDOW, MASTS, DIRECT, seed=1)[0]
    error = gain - friis_path_gain(_links(MASTS).distance, DIRECT.frequency)
    assert abs(np.nanmedian(error)) < 0.1


def test_cells_behind_the_box_are_not_reached_and_nan(box_scene: Scene) -> None:
    low = np.array([[-40.0, 0.0, 6.0]])
    gain = trace_path_gain(box_scene, WINDOW, low, DIRECT, seed=1)[0, 0]
    shadow = gain[16, 20]  # x = 18 m, y = 2 m, the box between
    assert np.isnan(shadow)
    assert np.isfinite(gain[16, 8])


@pytest.mark.parametrize("azimuth", [0.0, math.pi / 2, 4.0])
def test_directional_gain_points_where_the_azimuth_says(box_scene: Scene, azimuth: float) -> None:
    both = trace_path_gain(
        box_scene, WINDOW, MASTS, DIRECT, seed=1, patterns=("iso", "tr38901"), azimuths=np.full(2, azimuth)
    )
    antenna = both[1] - both[0]
    link = _links(MASTS)
    far = link.ground_distance > 25.0
    expected = tr38901_antenna_gain(link.azimuth - azimuth, link.zenith)
    assert np.nanmax(np.abs(antenna - expected)[far]) < 1.5  # mean over a cell against its centre
    assert abs(np.nanmedian((antenna - expected)[far])) < 0.05


def test_yaw_is_counter_clockwise_from_east() -> None:
    assert yaw(math.pi / 2) == pytest.approx(0.0)
    assert yaw(0.0) == pytest.approx(math.pi / 2)


def test_antenna_formula_equals_the_pattern_of_the_solver() -> None:
    sionna()
    import mitsuba as mi
    from sionna.rt.antenna_pattern import v_tr38901_pattern

    zenith, azimuth = np.meshgrid(np.linspace(0.05, 3.1, 40), np.linspace(-3.1, 3.1, 60))
    field = v_tr38901_pattern(mi.Float(zenith.ravel()), mi.Float(azimuth.ravel()))
    theirs = 20.0 * np.log10(np.hypot(np.array(field.real), np.array(field.imag)))
    ours = tr38901_antenna_gain(azimuth, zenith).ravel()
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_one_trace_of_two_patterns_equals_two_traces(box_scene: Scene) -> None:
    azimuths = np.array([0.3, 2.0])
    both = trace_path_gain(
        box_scene, WINDOW, MASTS, FULL, seed=3, patterns=("iso", "tr38901"), azimuths=azimuths
    )
    for number, pattern in enumerate(("iso", "tr38901")):
        alone = trace_path_gain(
            box_scene, WINDOW, MASTS, FULL, seed=3, patterns=(pattern,), azimuths=azimuths
        )[0]
        np.testing.assert_allclose(both[number], alone, atol=1e-3)


def test_one_thread_repeats_bit_for_bit(box_scene: Scene) -> None:
    first, second = (trace_path_gain(box_scene, WINDOW, MASTS, FULL, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_diffraction(box_scene: Scene) -> None:
    first, second = (trace_path_gain(box_scene, WINDOW, MASTS, FULL, seed=seed) for seed in (5, 6))
    assert not np.array_equal(first, second, equal_nan=True)
    assert abs(np.nanmedian(first - second)) < 0.1


def test_scene_keeps_no_transmitters_of_an_earlier_call(box_scene: Scene) -> None:
    trace_path_gain(box_scene, WINDOW, MASTS, DIRECT, seed=1)
    one = trace_path_gain(box_scene, WINDOW, MASTS[:1], DIRECT, seed=1)
    assert one.shape == (1, 1, WINDOW.cells, WINDOW.cells)


def test_directional_pattern_needs_azimuths(box_scene: Scene) -> None:
    with pytest.raises(ValueError, match="give `azimuths`"):
        trace_path_gain(box_scene, WINDOW, MASTS, FULL, seed=1, patterns=("tr38901",))


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_transmitters_of_a_wrong_shape_are_refused(box_scene: Scene, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected \\(k, 3\\)"):
        trace_path_gain(box_scene, WINDOW, np.zeros(shape), FULL, seed=1)


@pytest.mark.slow
def test_cells_on_hills_are_hit() -> None:
    scene, window = load_city("san_francisco"), Window(-100.0, -200.0)
    building, terrain = scene.heights(window)
    mast = np.array([[window.west + 256.0, window.south + 256.0, (building + terrain).max() + 10.0]])
    gain = trace_path_gain(scene, window, mast, Settings(rays=1_000_000, depth=3), seed=1)[0, 0]
    outdoor = building == 0.0
    hills = outdoor & (terrain > np.median(terrain))
    assert np.isfinite(gain[outdoor]).mean() > 0.5
    assert np.isfinite(gain[hills]).mean() > 0.5


def test_moved_transmitters_run_the_same_kernels(box_scene: Scene) -> None:
    import drjit as dr

    used: list[set[str]] = []
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        for east in (0.0, 0.0, 3.0, 7.5):
            dr.kernel_history_clear()
            moved = np.add(MASTS, [east, 0.0, 0.0])
            patterns = {"patterns": ("tr38901",), "azimuths": np.full(2, east)}
            trace_path_gain(box_scene, WINDOW, moved, Settings(rays=1000, depth=1), seed=1, **patterns)
            used.append({kernel["hash"] for kernel in dr.kernel_history([dr.KernelType.JIT])})
    assert used[1]
    assert used[2] | used[3] <= used[0] | used[1]
