"""Radio volumes: traced ones against the bare path solver, dominant paths and members against traced ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.speed.radio3d_members import member_rows
from benchmarks.speed.rows import Row, costs, faster, measure_pairs
from datasets.factory.recipe import Arrays, generators
from datasets.radio.transmitters import in_scene
from datasets.radio.urban3d import RAYS, Urban3d
from physics.backend import sionna
from physics.raytracing.arrivals import BATCH, CANDIDATES
from physics.raytracing.scenes import load_city, point

VOLUME = {"cities": ["munich"], "areas": 1, "transmitters_per_area": 1, "heights": [1.5, 5.0, 10.0, 20.0]}
SMALL = VOLUME | {"cities": ["etoile"], "window_size": 64.0, "cell_size": 8.0, "heights": [1.5, 10.0]}


def run(quick: bool = False) -> list[Row]:
    """Measure the processor time of a volume of 64 x 64 x 4 receivers, solved or predicted, on one thread.

    Parameters
    ----------
    quick
        A volume of 8 x 8 x 2 receivers, and one repeat.
    """
    traced, dominant = (
        _record(Urban3d.make((SMALL if quick else VOLUME) | {"product": product}))
        for product in ("reflection", "dominant_path")
    )
    repeats = 1 if quick else 3
    against_bare = measure_pairs(traced, _bare(traced(), quick), repeats=repeats, clock=time.process_time)
    against_rays = measure_pairs(dominant, traced, repeats=repeats, clock=time.process_time)
    size = "8 x 8 x 2" if quick else "64 x 64 x 4"
    return [
        costs(
            f"volume of {size}, direct and reflected paths",
            "s",
            against_bare,
            "bare PathSolver",
            at_most=1.1,
            note=f"the same receivers, {BATCH} at a time, {RAYS['reflection']} rays, one thread",
        ),
        faster(
            f"volume of {size}, dominant paths",
            "s",
            against_rays,
            "direct and reflected paths, traced",
            at_least=10.0,
        ),
        *member_rows(Urban3d.make((SMALL if quick else VOLUME) | {"product": "dominant_path"}), quick),
    ]


def _record(recipe: Urban3d) -> Callable[[], Arrays]:
    indices = np.zeros(1, np.int64)
    return lambda: recipe.simulate(indices, generators(recipe.seed, indices))


def _bare(record: Arrays, quick: bool) -> Callable[[], object]:
    """Return what calls only the solver on the receivers of a record, and reads what it answers."""
    recipe = Urban3d.make(SMALL if quick else VOLUME)
    (placed,) = recipe.windows()
    window, heights = placed.window, np.array(recipe.heights)[:, None, None]
    terrain = record["terrain_height"][0]
    east, north = np.meshgrid(window.west + window.centres, window.south + window.centres)
    outdoor = record["building_height"][0] < heights
    receivers = np.stack(np.broadcast_arrays(east, north, terrain + heights), axis=-1)[outdoor]
    source = in_scene(record["transmitter_position"], terrain, window)[0]
    rt, radio = sionna(), load_city(placed.city).radio

    def read(batch: np.ndarray) -> list[Any]:
        radio.remove(list(radio.receivers))
        radio.add([rt.Receiver(f"{number}", position=point(each)) for number, each in enumerate(batch)])
        paths = rt.PathSolver()(
            radio,
            max_depth=recipe.depth,
            max_num_paths_per_src=CANDIDATES,
            samples_per_src=RAYS["reflection"],
            refraction=False,
            seed=1,
        )
        found = (*paths.a, paths.tau, paths.theta_r, paths.phi_r, paths.valid, paths.interactions)
        return [each.numpy() for each in found]

    def solve() -> None:
        radio.frequency = recipe.frequency
        radio.tx_array = radio.rx_array = rt.PlanarArray(
            num_rows=1, num_cols=1, pattern="iso", polarization="V"
        )
        radio.add(rt.Transmitter("source", position=point(source)))
        for begin in range(0, len(receivers), BATCH):
            read(receivers[begin : begin + BATCH])
        radio.remove([*radio.transmitters, *radio.receivers])

    return solve
