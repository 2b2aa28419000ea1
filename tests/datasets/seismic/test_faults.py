"""Faults: the block above has slid down the plane, by its slip, in the direction of the dip."""

import numpy as np
import pytest

from datasets.seismic.faults import Fault, before_all
from datasets.seismic.layers import Relief, grid, layered

STRAIGHT = np.array([1500.0, 2500.0])


def faulted(*faults: Fault) -> np.ndarray:
    return layered(before_all(grid(70, 70), faults), np.array([35.0]), Relief(), STRAIGHT)


@pytest.mark.parametrize("dip", [60.0, 120.0])
def test_the_block_above_the_plane_lies_deeper_by_the_vertical_part_of_the_slip(dip: float) -> None:
    slip = 12.0
    model = faulted(Fault(depth=35.0, lateral=35.0, dip=np.deg2rad(dip), slip=slip))
    tops = (model == 1500.0).sum(axis=0)
    above, below = (tops[-1], tops[0]) if dip < 90 else (tops[0], tops[-1])
    assert above - below == pytest.approx(slip * np.sin(np.deg2rad(dip)), abs=1.0)
    assert above + below == pytest.approx(70, abs=1)  # one sinks by what the other rises


def test_the_step_lies_on_the_plane() -> None:
    model = faulted(Fault(depth=35.0, lateral=35.0, dip=np.deg2rad(45.0), slip=20.0))
    for row in (30, 35, 40):  # between both interfaces: slow above the plane, to the right of x = z
        edge = int(np.flatnonzero(np.diff(model[row]) < 0)[0])
        assert edge == pytest.approx(row, abs=1)


def test_without_slip_nothing_moves() -> None:
    still = Fault(depth=35.0, lateral=20.0, dip=1.0, slip=0.0)
    np.testing.assert_array_equal(faulted(still), faulted())


def test_a_fault_cuts_layers_out_and_repeats_none() -> None:
    rng = np.random.default_rng(3)
    velocities = np.linspace(1500.0, 4500.0, 7)
    for _ in range(50):
        points = before_all(grid(70, 70), [Fault.draw(rng, 70, 70)])
        model = layered(points, np.linspace(10.0, 60.0, 6), Relief(), velocities)
        assert (np.diff(model, axis=0) >= 0).all()


def test_drawn_faults_dip_to_both_sides_within_their_range() -> None:
    rng = np.random.default_rng(4)
    faults = [Fault.draw(rng, 70, 70) for _ in range(300)]
    dips = np.rad2deg([fault.dip for fault in faults])
    steep = np.minimum(dips, 180.0 - dips)
    assert steep.min() >= 40.0
    assert steep.max() <= 80.0
    assert 0.4 < np.mean(dips > 90.0) < 0.6
    assert 4.0 <= min(fault.slip for fault in faults) < max(fault.slip for fault in faults) <= 20.0
