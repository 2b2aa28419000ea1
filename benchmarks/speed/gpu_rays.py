"""Rays a second on a CUDA device with OptiX, and on the CPU: each solver lives in a process of its own."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from benchmarks.speed.rows import Row, faster, measure_pairs
from physics.backend import choose_backend
from physics.raytracing.scenes import Scene, Window, load_city
from physics.raytracing.solver import Settings, trace_path_gain

WINDOW = Window(-256.0, -256.0)
MASTS = np.array([[20.0, 10.0, 45.0], [-120.0, 60.0, 40.0]])
"""East, north and altitude, m: above the roofs."""


def rays_rows(stand_in: bool, quick: bool) -> list[Row]:
    """Measure the maps of two masts over the city etoile by each backend.

    Parameters
    ----------
    stand_in
        Let the CPU stand in for the device.
    quick
        Few rays, one repeat.
    """
    settings = Settings(rays=10_000 if quick else 7_000_000, depth=1 if quick else 8)
    with solver(on_cpu=stand_in) as ours, solver(on_cpu=True) as theirs:
        name, reference = (each.submit(backend).result() for each in (ours, theirs))
        if name == reference and not stand_in:
            print("rays: skipped, there is no OptiX (libnvoptix.so.1) beside the CUDA driver")
            return []
        pairs = measure_pairs(
            lambda: ours.submit(trace, settings).result(),
            lambda: theirs.submit(trace, settings).result(),
            repeats=1 if quick else 3,
        )
    rates = [settings.rays * len(MASTS) / seconds for seconds in pairs.medians()]
    note = (
        f"{rates[0]:.3g} rays a second, {reference} {rates[1]:.3g}; {settings.rays:,} rays from each of "
        f"{len(MASTS)} masts, depth {settings.depth}, diffraction"
    )
    return [
        faster(f"path gain of {len(MASTS)} masts by Sionna RT on {name}", "s", pairs, reference, note=note)
    ]


@contextmanager
def solver(on_cpu: bool) -> Iterator[ProcessPoolExecutor]:
    """Start a process that traces rays; one `on_cpu` sees no CUDA device and takes LLVM."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, _hide_devices if on_cpu else None) as process:
        yield process


def _hide_devices() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def backend() -> str:
    """Return what this process traces on, such as ``LLVM 19.1.7``."""
    chosen = choose_backend()
    return f"{chosen.name.upper()} {chosen.version}"


def trace(settings: Settings) -> np.ndarray:
    """Return the path gain of the masts, (mast, y, x), dB."""
    return trace_path_gain(_scene(), WINDOW, MASTS, settings, seed=1)[0]


@functools.cache
def _scene() -> Scene:
    return load_city("etoile")
