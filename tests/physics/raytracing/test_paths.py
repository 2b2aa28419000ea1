"""Traced paths against closed forms, in batches and alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain, tr38901_antenna_gain
from physics.raytracing import paths
from physics.raytracing.paths import Panel, PathSettings, trace_paths
from physics.raytracing.scenes import Scene

PANEL = Panel((-60.0, 5.0, 25.0), azimuth=math.radians(80.0), downtilt=0.1, rows=2, columns=2)
FEW = PathSettings(rays=2000, depth=1)
POINTS = np.array([[40.0, 60.0, 20.0], [30.0, -25.0, 18.0], [10.0, 45.0, 12.0]])


def test_direct_path_has_the_length_direction_and_power_of_free_space(box_scene: Scene) -> None:
    found = trace_paths(box_scene, PANEL, POINTS, PathSettings(rays=100, depth=0), seed=1)
    way = np.array(PANEL.position) - POINTS
    distance = np.linalg.norm(way, axis=1)
    assert found.direct.all() and found.delay.shape == (3, 1)
    np.testing.assert_allclose(found.delay[:, 0] * SPEED_OF_LIGHT, distance, atol=1e-4)
    np.testing.assert_allclose(found.arrival[:, 0], way / distance[:, None], atol=1e-5)
    azimuth = np.arctan2(-way[:, 0], -way[:, 1]) - PANEL.azimuth
    zenith = np.arccos(-way[:, 2] / distance) - PANEL.downtilt  # nearly, this close to the boresight
    power = 10.0 * np.log10((np.abs(found.coefficient[:, 0]) ** 2).sum(axis=1) / (PANEL.ports / 2))
    expected = friis_path_gain(distance, FEW.frequency) + tr38901_antenna_gain(azimuth, zenith)
    np.testing.assert_allclose(power, expected, atol=0.5)


def test_ports_across_the_panel_differ_by_the_phase_of_their_distance(box_scene: Scene) -> None:
    found = trace_paths(box_scene, PANEL, POINTS[:1], PathSettings(rays=100, depth=0), seed=1)
    panel = found.coefficient[0, 0].reshape(2, 2, 2)  # polarisation, column, row
    way = POINTS[0] - np.array(PANEL.position)
    unit = way / np.linalg.norm(way)
    left = np.array([-math.cos(PANEL.azimuth), math.sin(PANEL.azimuth), 0.0])
    front = np.array([math.sin(PANEL.azimuth), math.cos(PANEL.azimuth), 0.0])
    down = -math.sin(PANEL.downtilt) * front - math.cos(PANEL.downtilt) * np.array([0.0, 0.0, 1.0])
    for axis, direction in ((1, left), (2, down)):
        step = np.angle(np.take(panel, 1, axis) / np.take(panel, 0, axis))
        np.testing.assert_allclose(step, math.pi * (unit @ direction), atol=1e-3)


def test_reflection_at_the_ground_comes_from_the_image_below_it(box_scene: Scene) -> None:
    found = trace_paths(box_scene, PANEL, POINTS[:1], FEW, seed=1)
    image = np.array(PANEL.position) * [1.0, 1.0, -1.0] - POINTS[0]
    length = float(np.linalg.norm(image))
    closest = np.abs(found.delay[0] * SPEED_OF_LIGHT - length).argmin()
    assert found.delay[0, closest] * SPEED_OF_LIGHT == pytest.approx(length, abs=1e-3)
    np.testing.assert_allclose(found.arrival[0, closest], image / length, atol=1e-4)
    assert not found.direct[0, closest]


def test_batches_give_each_receiver_what_it_gets_alone(
    box_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = trace_paths(box_scene, PANEL, POINTS, FEW, seed=1)
    monkeypatch.setattr(paths, "BATCH", 2)
    apart = trace_paths(box_scene, PANEL, POINTS, FEW, seed=1)
    for name in ("coefficient", "delay", "arrival", "direct"):
        np.testing.assert_array_equal(getattr(together, name), getattr(apart, name), name)


def test_receiver_that_nothing_reaches_has_no_path(box_scene: Scene) -> None:
    inside = np.array([[0.0, 0.0, 7.0], *POINTS])
    found = trace_paths(box_scene, PANEL, inside, FEW, seed=1)
    assert not found.coefficient[0].any() and not found.delay[0].any()
    assert found.delay[1:].any(axis=1).all()
    assert not box_scene.radio.receivers and not box_scene.radio.transmitters


def test_receivers_of_another_shape_are_refused(box_scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"receivers have shape \(3,\); expected \(n, 3\)"):
        trace_paths(box_scene, PANEL, POINTS[0], FEW, seed=1)


def test_moved_panel_and_receivers_compile_nothing_for_their_positions(box_scene: Scene) -> None:
    import drjit as dr

    used: list[set[str]] = []
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        for east in (0.0, 2.5):
            dr.kernel_history_clear()
            panel = replace(PANEL, position=(east, *PANEL.position[1:]), azimuth=PANEL.azimuth + east)
            trace_paths(box_scene, panel, np.add(POINTS, [east, 0.0, 0.0]), FEW, seed=1)
            kernels = dr.kernel_history([dr.KernelType.JIT])
            used.append({kernel["hash"] for kernel in kernels if kernel["size"] == 1})
    assert used[0] and used[1] <= used[0]
