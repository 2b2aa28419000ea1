"""Flights: simulated seconds per second against RotorPy, and a streamed prediction against its network."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from benchmarks.speed.rows import Paired, Row, faster, measure_pairs
from benchmarks.speed.uav_stream import stream_row
from datasets.factory.recipe import generators
from datasets.uav.px4_like import Px4Like
from datasets.uav.variables import STEP


def run(quick: bool = False) -> list[Row]:
    """Measure the simulation of flights, and the prediction of one that is flown.

    Parameters
    ----------
    quick
        Shorter flights and fewer repeats.
    """
    return [*simulation_rows(quick), stream_row(quick)]


def simulation_rows(quick: bool) -> list[Row]:
    """Measure one unit of `uav/px4_like`, drawn, flown and padded in one process, per simulated second.

    The reference is RotorPy's own loop with its defaults (100 Hz, Runge-Kutta 4(5), SE3 controller, one
    Hummingbird on a circle). Ours integrates and controls at 250 Hz.
    """
    if find_spec("rotorpy") is None:
        print("simulation of flights: skipped, RotorPy is not installed; pip install rotorpy")
        return []
    recipe = Px4Like.make({"shortest": 1.0, "longest": 1.5} if quick else {})
    unit = 100 if quick else recipe.unit_records()
    alone = 0.5 if quick else 4.0  # s in a repeat
    indices = np.arange(unit)
    seconds: list[float] = []

    def ours() -> None:
        arrays = recipe.simulate(indices, generators(recipe.seed, indices))
        seconds.append(STEP * float(arrays["length"].sum() - unit))

    times = measure_pairs(ours, _rotorpy(alone), repeats=1 if quick else 3, warmup=1 if quick else 0)
    pairs = Paired(
        tuple(1e3 * time / seconds[-1] for time in times.ours),
        tuple(1e3 * time / alone for time in times.reference),
    )
    whole = min(times.ours) * recipe.records() / unit
    rates = [1e3 / milliseconds for milliseconds in pairs.medians()]
    note = (
        f"{rates[0]:.0f} simulated seconds per second, RotorPy {rates[1]:.1f}; {recipe.records()} flights of "
        f"{recipe.shortest:g} to {recipe.longest:g} s take {whole:.0f} s on one core, "
        f"{whole / 2:.0f} s on two (extrapolated from {unit})"
    )
    name = "flights: simulated seconds per second"
    reference = "RotorPy, one vehicle"
    return [faster(name, "ms per simulated s", pairs, reference, at_least=20.0, note=note)]


def _rotorpy(seconds: float) -> Callable[[], None]:
    from rotorpy.controllers.quadrotor_control import SE3Control
    from rotorpy.environments import Environment
    from rotorpy.trajectories.circular_traj import ThreeDCircularTraj
    from rotorpy.vehicles.hummingbird_params import quad_params
    from rotorpy.vehicles.multirotor import Multirotor

    circle = ThreeDCircularTraj(radius=np.array([1.0, 1.0, 0.0]))
    environment = Environment(Multirotor(quad_params), SE3Control(quad_params), circle)

    def fly() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            result = environment.run(t_final=seconds, terminate=False, plot=False)
        if abs(result["time"][-1] - seconds) > 0.1:
            raise RuntimeError(f"RotorPy stopped after {result['time'][-1]:g} s of {seconds:g} s")

    return fly
