"""What recipes that shoot over velocity models share: checks, the solver on one thread, its versions."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from physics.waves.seismic.survey import Survey

UNIT = 16
"""Models that are simulated together: 80 shots fill one call of the solver, some seconds."""


def shoot(velocity: np.ndarray, survey: Survey | Sequence[Survey]) -> np.ndarray:
    """Return gathers (models, shot, time, receiver) by one thread: more are slower on such small grids."""
    import torch

    from physics.waves.seismic.propagator import simulate

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return simulate(velocity, survey)
    finally:
        torch.set_num_threads(threads)


def software() -> dict[str, str]:
    """Return the versions that gathers depend on."""
    return {name: version(name) for name in ("numpy", "scipy", "torch", "deepwave")}
