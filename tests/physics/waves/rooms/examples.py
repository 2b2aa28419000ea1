"""Rooms and walls for tests."""

import os
from pathlib import Path

import numpy as np
import pytest

from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.fdtd import Clock, largest_step
from physics.waves.rooms.room import Room

SHARED = Path(os.environ.get("SURROGATES_ACOUSTICS_DATA", "../shared/data/acoustics"))
published = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the published rooms and walls are not at {SHARED}"
)

HARD = Admittance.of_impedance(7400.0, "hard wall")
POROUS = Admittance.of_poles(
    [(-0.050895081885, 1409.174615247421), (-0.077041464455, 2996.397333914219)],
    [
        (20.818242042787, 8.742655724467, 5143.978228028025, -13398.796374805785),
        (90.154065142216, 11.882538133263, 11865.834708151424, -62639.178065321037),
    ],
    name="porous layer",
)
"""3 cm of a flow resistivity of 10 000 N s/m4 on a rigid wall: the published fit."""
CIRCUITS = Admittance.of_circuits(
    [(0.002, 3.0, 4000.0), (0.0, 8.0, 9000.0), (0.001, 6.0, 0.0)], name="circuits"
)


def box(dims: int, cells: int = 12, walls: tuple[Admittance, ...] = (HARD,), size: float = 2.0) -> Room:
    """A box of unequal sides: the first one of a size and a number of cells, the others shorter."""
    shape = tuple(cells - 2 * axis for axis in range(dims))
    return Room(np.ones(shape, bool), (size / cells,) * dims, walls)


def l_shape(dims: int, cells: int = 12, walls: tuple[Admittance, ...] = (HARD,)) -> Room:
    """A box without the quarter of higher x and y."""
    whole = box(dims, cells, walls)
    air = whole.air.copy()
    air[cells // 2 :, cells // 2 - 1 :] = False
    return Room(air, whole.spacing, walls)


def clock(room: Room, samples: int, stride: int = 1, courant: float = 0.999) -> Clock:
    return Clock(courant * largest_step(room.spacing), stride, samples)
