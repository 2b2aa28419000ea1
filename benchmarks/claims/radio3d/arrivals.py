"""Traced arrivals against physics, and dominant paths against traced ones, by class of cell."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.factory.recipe import Arrays, generators
from datasets.radio.transmitters import in_scene
from datasets.radio.urban3d import Urban3d
from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain
from physics.raytracing.arrivals import BATCH, trace_arrivals
from physics.raytracing.dominant import dominant_paths
from physics.raytracing.paths import PathSettings
from physics.raytracing.scenes import load_city
from physics.raytracing.solver import Settings, trace_path_gain

AREA = {
    "areas": 1,
    "transmitters_per_area": 1,
    "heights": [1.5, 10.0],
    "window_size": 128.0,
    "validation": 0.0,
    "test": 0.0,
}
RAYS = {"reflection": None, "diffraction": 100_000}
CLASSES = {"sight": "line of sight", "one": "one bend", "more": "more bends"}


def run_seed(seed: int) -> dict[str, float]:
    """Trace one area of a city and find its dominant paths.

    Returns
    -------
    dict
        What `physics_of` measures on direct and reflected paths, and ``<product>/<class>/<number>`` of
        `agreement` for both traced products.
    """
    records = {
        product: _record(Urban3d.make(AREA | {"seed": seed, "product": product, "rays": rays}))
        for product, rays in RAYS.items()
    }
    values = physics_of(seed, records["reflection"])
    for product, record in records.items():
        values |= {f"{product}/{name}": value for name, value in agreement(seed, record).items()}
    return values


def physics_of(seed: int, record: Arrays) -> dict[str, float]:
    """Return the largest deviations from what is known of every path, and between solvers, batches and seeds.

    Parameters
    ----------
    seed
        Seed of the recipe.
    record
        Its only record of direct and reflected paths.
    """
    recipe = Urban3d.make(AREA | {"seed": seed})
    (placed,) = recipe.windows()
    window, heights = placed.window, np.array(recipe.heights)
    terrain, position = record["terrain_height"], record["transmitter_position"]
    source = in_scene(position[None], terrain, window)[0].astype(np.float64)
    east, north = np.meshgrid(window.west + window.centres, window.south + window.centres)
    receivers = np.stack(np.broadcast_arrays(east, north, terrain + heights[:, None, None]), axis=-1)
    way = source - receivers
    distance = np.linalg.norm(way, axis=-1)
    ahead = 1e3 * (record["first_time_of_arrival"].astype(np.float64) * SPEED_OF_LIGHT - distance)
    sight = record["line_of_sight"]
    direct = sight & (record["time_of_arrival"] == record["first_time_of_arrival"])
    off = _angle_between(record["azimuth_of_arrival"], np.arctan2(way[..., 0], way[..., 1]))
    scene = load_city(placed.city)

    def settings(depth: int) -> PathSettings:
        return PathSettings(recipe.frequency, 10_000, depth)

    alone = trace_arrivals(scene, source, receivers[sight], settings(0), seed=1)
    friis = alone.path_gain - friis_path_gain(distance[sight], recipe.frequency)
    plane = Settings(recipe.frequency, 7_000_000, recipe.depth, False, float(heights[-1]))
    power = trace_path_gain(scene, window, source[None], plane, seed=1)[0, 0]
    known = np.argwhere(record["stable"])
    spread = np.linspace(0, len(known) - 1, BATCH).astype(int)
    chosen, others = (tuple(known[each].T) for each in (spread[::2], spread[1::2]))

    def gains(cells: np.ndarray) -> np.ndarray:
        return trace_arrivals(scene, source, cells, settings(recipe.depth), seed=1).path_gain[: BATCH // 2]

    few = gains(receivers[chosen])
    beside = gains(np.concatenate([receivers[chosen], receivers[others]]))
    return {
        "cells": float(record["stable"].sum()),
        "early_mm": float(-np.nanmin(ahead)),
        "late_in_sight_mm": float(np.abs(ahead[sight]).max()),
        "direction_deg": float(np.degrees(off[direct].max())),
        "friis_db": float(np.abs(friis).max()),
        "solvers_db": float(np.abs(np.nanmedian((record["path_gain"][-1] - power)[sight[-1]]))),
        "batches_db": float(np.abs(beside - few).max()),
        "seeds_share": float((~(np.abs(few - record["path_gain"][chosen]) <= 1.0)).mean()),
    }


def agreement(seed: int, record: Arrays) -> dict[str, float]:
    """Return how dominant paths differ from the traced ones of a record, by class of cell.

    The class is that of the dominant path; cells count where the values of the record do and both agree on
    the line of sight.

    Returns
    -------
    dict
        ``sight_agrees``, the share of outdoor cells, and for each class ``<class>/cells``, median and mean
        absolute difference of the gain, dB, and the medians of those of delay, ns, and azimuth, degrees.
    """
    recipe = Urban3d.make(AREA | {"seed": seed})
    found, bends = dominant_paths(
        record["building_height"],
        record["terrain_height"],
        record["transmitter_position"],
        np.array(recipe.heights),
        recipe.cell_size,
        recipe.frequency,
    )
    same = found.line_of_sight == record["line_of_sight"]
    values = {"sight_agrees": float(same[found.reached & record["reached"]].mean())}
    for name, chosen in {"sight": bends == 0, "one": bends == 1, "more": bends > 1}.items():
        counted = chosen & same & record["stable"]
        values[f"{name}/cells"] = float(counted.sum())
        if counted.any():
            gain = (found.path_gain - record["path_gain"])[counted]
            delay = 1e9 * (found.delay - record["time_of_arrival"])[counted]
            turn = np.degrees(_angle_between(found.azimuth, record["azimuth_of_arrival"])[counted])
            values |= {
                f"{name}/gain_median_db": float(np.median(gain)),
                f"{name}/gain_mae_db": float(np.abs(gain).mean()),
                f"{name}/delay_ns": float(np.median(np.abs(delay))),
                f"{name}/azimuth_deg": float(np.median(turn)),
            }
    return values


def _record(recipe: Urban3d) -> Arrays:
    indices = np.zeros(1, np.int64)
    found = recipe.simulate(indices, generators(recipe.seed, indices))
    return {name: values[0] for name, values in found.items()}


def _angle_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(np.mod(one - other + np.pi, 2.0 * np.pi) - np.pi)


def claims() -> list[Claim]:
    """Return the claims on the physics of traced arrivals, and on dominant paths beside them."""
    experiment = Experiment("radio3d", "arrivals", run_seed, tables=tables)

    def limit(claim: str, metric: str, ours: str, bound: float) -> Claim:
        return Claim(
            claim=claim,
            source="physics of propagation",
            metric=metric,
            experiment=experiment,
            ours=ours,
            baseline="cells",
            baseline_name="cells that a path reaches",
            compare="at_most",
            bound=bound,
        )

    dominant = "Dominant paths over the raster agree with traced ones"
    return [
        limit("No path is faster than light", "largest lead of a first path, mm", "early_mm", 1.0),
        limit("In sight the first path is as fast as light", "largest lag, mm", "late_in_sight_mm", 1.0),
        limit("In sight azimuths point to the transmitter", "largest error, degrees", "direction_deg", 0.1),
        limit("The direct path alone follows Friis", "largest difference, dB", "friis_db", 0.1),
        limit("Path solver and radio-map solver agree", "median in sight, dB", "solvers_db", 1.0),
        limit("A cell gets the same in another batch", "largest difference, dB", "batches_db", 0.01),
        limit("10,000 rays find all reflections", "cells beyond 1 dB of another seed", "seeds_share", 0.02),
        limit(dominant, "direct and reflected, in sight, mean dB", "reflection/sight/gain_mae_db", 3.0),
        limit(dominant, "with diffraction, one bend, mean dB", "diffraction/one/gain_mae_db", 10.0),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return how dominant paths differ from both traced products, by class of cell."""
    mean = averages(values)
    numbers = ("cells", "gain_median_db", "gain_mae_db", "delay_ns", "azimuth_deg")
    body = [
        [product, title, *(cell(mean, f"{product}/{name}/{number}", digits=1) for number in numbers)]
        for product in RAYS
        for name, title in CLASSES.items()
    ]
    header = [
        "traced",
        "dominant path",
        "cells",
        "gain, median dB",
        "gain, mean absolute dB",
        "delay, median ns",
        "azimuth, median degrees",
    ]
    title = f"Dominant paths less traced ones by class of cell, means over {len(values)} areas"
    return [ResultTable(title, header, body)] if values else []
