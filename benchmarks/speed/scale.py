"""Builds through Dask against worker processes, and memory at many records against that at few."""

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import Field

from benchmarks.speed.memory import peak_of
from benchmarks.speed.rows import Paired, Row, costs, measure_pairs
from datasets.factory.build import build
from datasets.factory.extend import extend
from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import Split, VariableSpec

KEPT = 1 << 16
"""Bytes of chunks that a reader keeps in these trainings, less than any of the stores; in others, 128 MiB."""


class Sleeper(Recipe):
    """Units that sleep."""

    name, title = "benchmarks/sleeper", "Units that only take time"

    samples: int = Field(gt=0, description="Number of records.")
    batch: int = Field(default=1, gt=0, description="Records of a unit.")
    seconds: float = Field(ge=0, description="What a unit takes, s.")

    def records(self) -> int:
        return self.samples

    def unit_records(self) -> int:
        return self.batch

    def records_per_shard(self) -> int:
        return 100

    def specs(self) -> list[VariableSpec]:
        return [
            VariableSpec(name="level", dims=("sample",), shape=(), units="1", long_name="level"),
            VariableSpec(name="noise", dims=("sample", "x"), shape=(64,), units="1", long_name="noise"),
        ]

    def splits(self) -> list[Split]:
        """A tenth of the records each for validation and test."""
        tenth = np.arange(self.samples) % 10
        return [Split(labels=np.select([tenth == 8, tenth == 9], [1, 2]).astype(np.int8), keeps_whole="none")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        time.sleep(self.seconds)
        noise = np.stack([rng.standard_normal(64) for rng in rngs])
        return {"level": noise.mean(axis=1), "noise": noise}


def run(quick: bool = False) -> list[Row]:
    """Measure whole builds, with the start of workers and of a scheduler, and peak memory.

    Parameters
    ----------
    quick
        Fewer and shorter units; memory at one number of records.
    """
    return [_executors(quick), *_memory(quick)]


def _executors(quick: bool) -> Row:
    recipe = Sleeper(samples=8, seconds=0.01) if quick else Sleeper(samples=2000, seconds=0.05)
    workers = 1 if quick else 2
    with TemporaryDirectory() as folder:
        pairs = measure_pairs(
            lambda: _build(recipe, _new(folder), {"name": "dask", "workers": workers}),
            lambda: _build(recipe, _new(folder), {"name": "processes", "workers": workers}),
            repeats=1 if quick else 3,
            warmup=0,
        )
    ours, reference = (1e3 * (workers * wall / recipe.samples - recipe.seconds) for wall in pairs.medians())
    note = (
        f"{recipe.samples} units of {1e3 * recipe.seconds:g} ms, {workers} workers of this machine; overhead "
        f"of a unit, its share of the start included: {ours:.1f} ms by Dask, {reference:.1f} ms by processes"
    )
    return costs("build by Dask", "s", pairs, "worker processes", at_most=1.15, note=note)


def _memory(quick: bool) -> list[Row]:
    """Compare peak memory at many records with that at few, each in a process of its own."""
    few, many = (200, 200) if quick else (1_000, 100_000)
    peaks = {each: _peaks(Sleeper(samples=each, batch=100, seconds=0)) for each in {few, many}}
    return [
        costs(
            f"{what}, {many:,} records, peak memory",
            "MiB",
            Paired((peaks[many][what],), (peaks[few][what],)),
            f"{few:,} records",
            at_most=1.05,
        )
        for what in peaks[many]
    ]


def _peaks(recipe: Sleeper) -> dict[str, float]:
    """Return the peak memory, MiB, of what works on a store, by its name."""
    with TemporaryDirectory() as folder:
        url = _new(folder)
        return {
            "build": peak_of(_build, recipe, url, {"name": "processes", "workers": 0}),
            "extend": peak_of(_extend, url, recipe.samples + 100),
            "training and scoring": peak_of(_train, url, folder),
        }


def _new(folder: str) -> str:
    return str(Path(folder) / f"{time.monotonic_ns()}.zarr")


def _build(recipe: Sleeper, url: str, executor: Mapping[str, Any]) -> None:
    build(recipe, url, executor=executor, progress=False)


def _extend(url: str, records: int) -> None:
    extend(url, records, workers=0, recipe_class=Sleeper, progress=False)


def _train(url: str, output: str) -> None:
    """Train and score with readers that keep less than the smaller store."""
    from datasets.store import reader
    from surrogates.runs.compose import main

    reader.CACHE_BYTES = KEPT
    given = ["model=mlp", "task.inputs=[noise]", "task.targets=[level]", "trainer.max_steps=20"]
    given += ["trainer.cache_gigabytes=0", "trainer.accelerator=cpu", "trainer.progress=false"]
    main([*given, f"dataset={url}", f"output={output}"])
