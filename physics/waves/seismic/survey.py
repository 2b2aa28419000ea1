"""Positions of sources and receivers, and times of samples."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Survey:
    """Shots into a line of receivers, on the grid of the velocity model; defaults are those of OpenFWI.

    Cells are counted from 0: rows downwards, columns along the line.

    Parameters
    ----------
    spacing
        Side of a cell, m.
    time_step
        Step of the solver, s.
    steps
        Steps of the solver; the first one injects the first sample of the wavelet.
    time_stride
        Every which step is recorded, from the first on.
    frequency
        Peak of the Ricker wavelet, Hz.
    source_columns, source_row
        Cells of the shots.
    receiver_columns, receiver_row
        Cells of the receivers.
    free_surface
        Whether the pressure is zero one cell above the first row; else waves leave on all sides.

    References
    ----------
    C. Deng et al., "OpenFWI: large-scale multi-structural benchmark datasets for full waveform inversion",
    NeurIPS 2022; row 1 follows public ports of its forward code with a depth of 10 m.
    """

    spacing: float = 10.0
    time_step: float = 1e-3
    steps: int = 1000
    time_stride: int = 1
    frequency: float = 15.0
    source_columns: tuple[int, ...] = (0, 17, 34, 52, 69)
    source_row: int = 1
    receiver_columns: tuple[int, ...] = tuple(range(70))
    receiver_row: int = 1
    free_surface: bool = False

    @property
    def samples(self) -> int:
        """Samples of a trace."""
        return -(-self.steps // self.time_stride)

    @property
    def times(self) -> np.ndarray:
        """Time of each sample, s, shape (samples,)."""
        return np.arange(self.samples) * (self.time_stride * self.time_step)

    def at(self, frequency: float, source_columns: tuple[int, ...]) -> Self:
        """Return the same survey with another source."""
        return replace(self, frequency=frequency, source_columns=source_columns)
