"""The measurement surface over hills against Sionna's own plane."""

from __future__ import annotations

import numpy as np
import pytest

from physics.raytracing.scenes import Scene, Window
from physics.raytracing.solver import Settings, trace_path_gain
from physics.raytracing.surface import Surface

WINDOW = Window(-64.0, -64.0, 128.0, 4.0)
MAST = np.array([[-40.0, 5.0, 12.0]])


@pytest.mark.parametrize("diffraction", [False, True])
def test_triangles_on_flat_ground_count_what_the_plane_counts(
    box_scene: Scene, monkeypatch: pytest.MonkeyPatch, diffraction: bool
) -> None:
    settings = Settings(rays=300_000, depth=2, diffraction=diffraction)
    plane = trace_path_gain(box_scene, WINDOW, MAST, settings, seed=1)
    monkeypatch.setattr("physics.raytracing.surface.FLAT", -1.0)
    triangles = trace_path_gain(box_scene, WINDOW, MAST, settings, seed=1)
    assert np.isfinite(plane).mean() > 0.5
    assert (np.isfinite(plane) == np.isfinite(triangles)).mean() > 0.99
    error = np.abs(plane - triangles)
    assert np.nanmedian(error) < 0.01
    assert np.nanpercentile(error, 90) < 0.1


def test_diffraction_reaches_cells_in_the_shadow(box_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physics.raytracing.surface.FLAT", -1.0)
    reached = [
        np.isfinite(
            trace_path_gain(box_scene, WINDOW, MAST, Settings(rays=300_000, depth=1, diffraction=on), seed=1)
        ).mean()
        for on in (False, True)
    ]
    assert reached[1] > reached[0] + 0.02


def test_cells_are_means_weighted_by_the_area_of_their_triangles(box_scene: Scene) -> None:
    surface = Surface(box_scene, Window(0.0, 0.0, 8.0, 4.0), 2.0)
    surface.is_flat = False
    surface.corners[0, 1, 2] += 3.0  # lifts the south-east corner of the first cell
    values = np.arange(8.0)[None]
    mean = surface.cell_mean(values)[0]
    lower = 0.5 * np.linalg.norm(np.cross([4.0, 0.0, 3.0], [4.0, 4.0, 0.0]))
    assert mean[0, 0] == pytest.approx((0.0 * lower + 1.0 * 8.0) / (lower + 8.0))
    assert mean[1, 1] == pytest.approx(6.5)


def test_surface_follows_the_ground_at_the_height_of_the_receivers(box_scene: Scene) -> None:
    surface = Surface(box_scene, WINDOW, 1.5)
    assert surface.is_flat
    np.testing.assert_allclose(surface.corners[..., 2], 1.5, atol=1e-3)


@pytest.mark.parametrize("flat", [1e-3, -1.0], ids=["plane", "triangles"])
def test_another_window_runs_the_same_kernels(
    box_scene: Scene, monkeypatch: pytest.MonkeyPatch, flat: float
) -> None:
    import drjit as dr

    monkeypatch.setattr("physics.raytracing.surface.FLAT", flat)
    used: list[set[str]] = []
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        for west in (-64.0, -64.0, -60.0, -30.0):
            dr.kernel_history_clear()
            window = Window(west, -64.0, 128.0, 4.0)
            trace_path_gain(box_scene, window, MAST, Settings(rays=1000, depth=1), seed=1)
            kernels = dr.kernel_history([dr.KernelType.JIT])
            used.append({kernel["hash"] for kernel in kernels if kernel["operation_count"] > 500})
    assert used[1]
    assert used[1] == used[2] == used[3]
