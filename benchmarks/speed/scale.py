"""A build through Dask against one by worker processes, of units that only take time."""

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import Field

from benchmarks.speed.rows import Row, costs, measure_pairs
from datasets.factory.build import build
from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import VariableSpec


class Sleeper(Recipe):
    """Units of one record that sleep."""

    name, title = "benchmarks/sleeper", "Units that only take time"

    samples: int = Field(gt=0, description="Number of units.")
    seconds: float = Field(gt=0, description="What each takes, s.")

    def records(self) -> int:
        return self.samples

    def records_per_shard(self) -> int:
        return 100

    def specs(self) -> list[VariableSpec]:
        each: dict[str, Any] = {"dims": ("sample", "x"), "shape": (64,)}
        return [VariableSpec(name="noise", **each, units="1", long_name="noise")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        time.sleep(self.seconds)
        return {"noise": np.stack([rng.standard_normal(64) for rng in rngs])}


def run(quick: bool = False) -> list[Row]:
    """Measure whole builds, with the start of workers and of a scheduler.

    Parameters
    ----------
    quick
        Fewer and shorter units.
    """
    recipe = Sleeper(samples=8, seconds=0.01) if quick else Sleeper(samples=2000, seconds=0.05)
    workers = 1 if quick else 2
    with TemporaryDirectory() as folder:
        pairs = measure_pairs(
            lambda: _build(recipe, folder, {"name": "dask", "workers": workers}),
            lambda: _build(recipe, folder, {"name": "processes", "workers": workers}),
            repeats=1 if quick else 3,
            warmup=0,
        )
    ours, reference = (1e3 * (workers * wall / recipe.samples - recipe.seconds) for wall in pairs.medians())
    note = (
        f"{recipe.samples} units of {1e3 * recipe.seconds:g} ms, {workers} workers of this machine; overhead "
        f"of a unit, its share of the start included: {ours:.1f} ms by Dask, {reference:.1f} ms by processes"
    )
    return [costs("build by Dask", "s", pairs, "worker processes", at_most=1.15, note=note)]


def _build(recipe: Sleeper, folder: str, executor: Mapping[str, Any]) -> None:
    url = str(Path(folder) / f"{time.monotonic_ns()}.zarr")
    build(recipe, url, executor=executor, progress=False)
