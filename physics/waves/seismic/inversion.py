"""Full-waveform inversion: change a velocity model until its gathers are those that were observed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from physics.waves.seismic.survey import Survey


class Refined(NamedTuple):
    """What an inversion ends with.

    Attributes
    ----------
    velocity : (models, depth, lateral) float32 array
        m/s.
    misfit : (models, steps + 1) float32 array
        Relative L2 between simulated and observed gathers, before the first step and after each.
    """

    velocity: np.ndarray
    misfit: np.ndarray


def refine(
    velocity: np.ndarray,
    gathers: np.ndarray,
    survey: Survey | Sequence[Survey],
    steps: int,
    *,
    step_size: float = 20.0,
    smoothing: float = 1.0,
    bounds: tuple[float, float] = (1500.0, 4500.0),
    device: str | torch.device = "cpu",
    progress: Callable[[int], None] | None = None,
) -> Refined:
    raise NotImplementedError
