"""Estimate the time and size of a build."""

import time
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numcodecs
import numpy as np

from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.simulation import simulate_unit
from datasets.factory.staging import Staging
from datasets.store.chunking import record_bytes

QUICK = 2.0
"""A first unit faster than this (seconds) is repeated on the second unit: start-up costs count once."""


@dataclass(frozen=True)
class Plan:
    """Estimated cost of a build.

    Attributes
    ----------
    records, units
        How many.
    seconds_per_unit
        Measured on one unit, in this process.
    seconds
        Time of the whole build, on ``workers`` idle cores.
    bytes
        Size of the record variables without compression, an upper bound for the store.
    compressed_bytes
        The same, extrapolated from how the measured unit compresses.
    """

    records: int
    units: int
    workers: int
    seconds_per_unit: float
    seconds: float
    bytes: int
    compressed_bytes: int


def plan(recipe: Recipe, *, workers: int = 1) -> Plan:
    """Estimate time and disk of a build by simulating one or two units.

    They are taken from the middle, for what a recipe puts first or last is often special (a test set traced
    with more rays); a chained recipe can only start at the start.

    Parameters
    ----------
    recipe
        What would be built; it is prepared (checked) first.
    workers
        Worker processes of the build.
    """
    recipe.prepare()
    for each in recipe.left_out():
        each.require_few()
    records, unit = recipe.records(), recipe.unit_records()
    units = -(-records // unit)
    middle = 0 if recipe.chained else units // 2
    seconds, arrays = _timed(recipe, np.arange(middle * unit, min((middle + 1) * unit, records)))
    if seconds < QUICK and middle:
        seconds, arrays = _timed(recipe, np.arange((middle - 1) * unit, middle * unit))
    size = sum(map(record_bytes, recipe.specs())) * records
    lanes = 1 if recipe.chained else max(1, min(workers, units))
    return Plan(
        records=records,
        units=units,
        workers=lanes,
        seconds_per_unit=seconds,
        seconds=seconds * -(-units // lanes),
        bytes=size,
        compressed_bytes=round(size * min(1.0, _compression(arrays))),
    )


def _timed(recipe: Recipe, indices: np.ndarray) -> tuple[float, Arrays]:
    start = time.perf_counter()
    arrays, _ = simulate_unit(recipe, indices)
    with TemporaryDirectory() as folder:
        Staging(folder, folder=folder).write(0, arrays)
    return time.perf_counter() - start, arrays


def _compression(arrays: Arrays) -> float:
    codec = numcodecs.Blosc("lz4", shuffle=numcodecs.Blosc.BITSHUFFLE)
    whole = sum(values.nbytes for values in arrays.values())
    return sum(len(codec.encode(values)) for values in arrays.values()) / max(whole, 1)
