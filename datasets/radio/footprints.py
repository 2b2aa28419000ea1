"""Where buildings stand in the city scenes, on a coarse grid that comes with the package.

So windows are placed without the ray tracer, in no time, and alike on every machine. After a change of the
scenes, ``python -m datasets.radio.footprints`` writes the grid anew.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from physics.raytracing.scenes import CITIES, city, load_city

SPACING = 8.0  # m
FILE = Path(__file__).with_suffix(".npz")


@functools.cache
def built_up(name: str) -> np.ndarray:
    """Return whether a building covers each point of a city's grid.

    Parameters
    ----------
    name : str
        City scene.

    Returns
    -------
    array (ny, nx) of bool
        Points every `SPACING` metres from the city's south-west corner; rows ascend northwards.
    """
    with np.load(FILE, allow_pickle=False) as grids:
        return np.asarray(grids[name])


def probe(name: str) -> np.ndarray:
    """Return the same from the geometry of the scene itself."""
    area = city(name)
    x, y = (np.arange(*ends, SPACING) for ends in ((area.west, area.east), (area.south, area.north)))
    return np.isfinite(load_city(name).surface_altitude(*np.meshgrid(x, y)))


if __name__ == "__main__":
    np.savez_compressed(FILE, **{name: probe(name) for name in CITIES})  # type: ignore[arg-type]
