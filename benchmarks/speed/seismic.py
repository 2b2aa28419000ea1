"""Seismic imaging: the solver, networks against what they replace, and the build of a data set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.speed.memory import peak, peak_of_children
from benchmarks.speed.rows import Paired, Row, costs, faster, measure_pairs
from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.seismic.families import FAMILIES
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.store.specs import VariableSpec
from physics.waves.seismic import propagator, reference
from physics.waves.seismic.inversion import refine
from physics.waves.seismic.propagator import one_thread, simulate
from surrogates.core.optional import require
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

FAMILY, STRIDE = "flatvel-a", 4
SHORT = {"steps": 240, "shots": 2}
"""Survey of a quick run."""
CLASSICAL_STEPS = 20
GATHER, VELOCITY = "shot_gather", "velocity_model"


def run(quick: bool = False) -> list[Row]:
    """Measure OpenFWI's grid and survey (70 x 70 cells, 5 shots, 1000 steps, every fourth one recorded).

    Parameters
    ----------
    quick
        Fewer models, shots, steps and repeats.
    """
    return [solver_row(quick), *network_rows(quick), *build_rows(quick)]


def solver_row(quick: bool) -> Row:
    """Measure one unit of models by deepwave against the reference scheme in NumPy, one thread each."""
    recipe = _recipe(2 if quick else 16, quick)
    velocity, surveys = _models(recipe), recipe.survey

    def ours() -> None:
        simulate(velocity, surveys)

    def scheme() -> None:
        reference.simulate(velocity[:1], surveys, strip=20 if quick else reference.STRIP)

    times = measure_pairs(ours, scheme, repeats=1 if quick else 5)
    pairs = Paired(tuple(each / len(velocity) for each in times.ours), times.reference)
    note = (
        f"{1 / pairs.medians()[0]:.3g} models a second, the scheme {1 / pairs.medians()[1]:.2g}; "
        f"{len(velocity)} models in one call; peak memory of the process {peak():.0f} MiB"
    )
    return faster("gathers of a velocity model", "s a model", pairs, "OpenFWI's scheme in NumPy", note=note)


def network_rows(quick: bool) -> list[Row]:
    """Measure networks of both directions against a simulation and against classical inversion."""
    recipe = _recipe(2 if quick else 16, quick)
    specs = {spec.name: spec for spec in recipe.specs()}
    count, steps = recipe.samples, 1 if quick else CLASSICAL_STEPS
    velocity = _models(recipe)
    gathers = simulate(velocity, recipe.survey)
    batch = {GATHER: torch.from_numpy(gathers), VELOCITY: torch.from_numpy(velocity)}

    def ask(pipeline: Pipeline) -> None:
        with one_thread(), torch.inference_mode():
            pipeline({name: batch[name] for name in pipeline.input_names})

    def classical() -> None:
        start = np.broadcast_to(velocity.mean((0, 2))[None, :, None], (1, *velocity.shape[1:]))
        refine(start, gathers[:1], recipe.survey, steps)

    inverse, forward = (_network(specs, task) for task in ("inversion", "forward"))
    again = partial(simulate, velocity, recipe.survey)
    repeats = 1 if quick else 5
    rows = []
    for name, pipeline in (("inversion", inverse), ("simulation", forward)):
        times = measure_pairs(partial(ask, pipeline), again, repeats=repeats, per=count)
        rows.append(_against(f"network of {name}", pipeline, times, "forward simulation"))
    times = measure_pairs(partial(ask, inverse), classical, repeats=1 if quick else 3, warmup=0)
    pairs = Paired(tuple(each / count for each in times.ours), times.reference)
    name = f"{steps} steps of classical inversion"
    return [*rows, _against("network of inversion", inverse, pairs, name)]


def build_rows(quick: bool) -> list[Row]:
    """Measure the share of the solver in a build, and how much faster two workers are than one."""
    share, workers = (_recipe(4 if quick else count, quick) for count in (256, 768))
    with TemporaryDirectory() as folder:
        return [_share_row(share, Path(folder)), _workers_row(workers, Path(folder), 1 if quick else 3)]


def _share_row(recipe: OpenFWILike, folder: Path) -> Row:
    """Measure wall time of a build in this process against its time in the solver."""
    inside: list[float] = []
    require("deepwave")  # its import takes seconds, once in a process
    whole = _seconds(lambda: _build_counting(recipe, str(folder / "share"), inside))
    pairs = Paired((whole / recipe.samples,), (sum(inside) / recipe.samples,))
    note = (
        f"{sum(inside) / whole:.1%} of the wall time lies in the solver; {recipe.samples} models in one "
        f"process; peak memory {peak():.0f} MiB"
    )
    name = "build of seismic/openfwi_like"
    return costs(name, "s a model", pairs, "the solver in it", at_most=1 / 0.9, note=note)


def _build_counting(recipe: OpenFWILike, url: str, inside: list[float]) -> None:
    """Build in this process, and append the duration of each call of the solver to `inside`."""
    record = propagator._record

    def timed(*arguments: Any) -> torch.Tensor:
        start = time.perf_counter()
        gathers = record(*arguments)
        inside.append(time.perf_counter() - start)
        return gathers

    propagator._record = timed  # type: ignore[assignment]
    try:
        build(recipe, url, workers=0, progress=False)
    finally:
        propagator._record = record


def _workers_row(recipe: OpenFWILike, folder: Path, repeats: int) -> Row:
    """Measure whole builds by two workers and by one, their start included."""
    number = iter(range(10**6))

    def by(workers: int) -> None:
        build(recipe, str(folder / f"{workers}-{next(number)}"), workers=workers, progress=False)

    pairs = measure_pairs(partial(by, 2), partial(by, 1), repeats=repeats, warmup=0, per=recipe.samples)
    note = (
        f"{recipe.samples} models, start of the workers included; peak memory of a worker "
        f"{peak_of_children():.0f} MiB"
    )
    return faster("build by two workers", "s a model", pairs, "one worker", at_least=1.8, note=note)


def _against(name: str, pipeline: Pipeline, pairs: Paired, reference_name: str) -> Row:
    parameters = sum(value.numel() for value in pipeline.parameters())
    note = (
        f"{pipeline.config.network['name']} of the size tiny, {parameters:,} parameters, one thread; peak "
        f"memory of the process {peak():.0f} MiB"
    )
    return faster(name, "s a sample", pairs, reference_name, at_least=20.0, note=note)


def _recipe(samples: int, quick: bool) -> OpenFWILike:
    given = {"samples": samples, "family": FAMILY, "time_stride": STRIDE}
    return OpenFWILike.make(given | SHORT if quick else given)


def _models(recipe: OpenFWILike) -> np.ndarray:
    """Draw the velocity models."""
    rngs = generators(recipe.seed, np.arange(recipe.samples))
    return np.stack([FAMILIES[FAMILY](rng, recipe.depths, recipe.laterals)[0] for rng in rngs])


def _network(specs: Mapping[str, VariableSpec], task: str) -> Pipeline:
    """Return a tiny network of the experiment with fresh weights: its time does not depend on them."""
    conf = files("surrogates.conf")
    outline = yaml.safe_load((conf / "experiment/seismic/latent_unet.yaml").read_text(encoding="utf-8"))
    settings = yaml.safe_load((conf / f"task/seismic/{task}.yaml").read_text(encoding="utf-8"))
    direction = {"direction": "forward"} if task == "forward" else {}
    config = PipelineConfig(
        inputs=[specs[name] for name in settings["inputs"]],
        targets=[specs[name] for name in settings["targets"]],
        transform=settings["transform"],
        normalisation=settings["normalisation"],
        network={"name": "latent_unet", **outline["sizes"]["tiny"]["model"], **direction},
    )
    return Pipeline(config).eval()


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
