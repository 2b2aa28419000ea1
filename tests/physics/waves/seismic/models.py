"""Velocity models and small surveys for the tests of waves."""

import numpy as np

from physics.waves.seismic.survey import Survey

SMALL = Survey(
    steps=300, source_columns=(3, 20, 36), receiver_columns=tuple(range(40)), source_row=1, receiver_row=1
)
"""A survey over 40 columns, short enough for a test."""


def layered(depths: int = 30, laterals: int = 40) -> np.ndarray:
    """Four flat layers whose velocity grows with depth, (depth, lateral)."""
    rows = np.arange(depths) * 4 // depths
    return np.repeat(np.array([1800.0, 2400.0, 3100.0, 3900.0])[rows][:, None], laterals, axis=1)


def faulted(depths: int = 30, laterals: int = 40) -> np.ndarray:
    """The layers, shifted down behind a fault."""
    model, (row, column) = layered(depths, laterals), np.mgrid[:depths, :laterals]
    return np.where(column > laterals // 2 + row // 3, np.vstack([model[:1].repeat(5, 0), model[:-5]]), model)


def reversed_curves(depths: int = 30, laterals: int = 40) -> np.ndarray:
    """Curved layers whose velocity also falls with depth, with the sharpest contrasts of OpenFWI."""
    row, column = np.mgrid[:depths, :laterals]
    layer = ((row + 2 * np.sin(column / 6)).clip(0) * 5 // (depths + 3)).astype(int)
    return np.array([3800.0, 2000.0, 4400.0, 1600.0, 3000.0])[layer]


def relative_l2(found: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over the norm of what is expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
