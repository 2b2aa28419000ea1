"""Members of radio volumes by diffusion: time and memory, few steps against many, and against diffraction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import numpy as np
import torch
import yaml

from benchmarks.claims import runs
from benchmarks.claims.radio3d import networks
from benchmarks.speed.memory import peak
from benchmarks.speed.rows import Paired, Row, costs, faster, measure_pairs
from datasets.factory.recipe import generators
from datasets.radio.transmitters import in_scene
from datasets.radio.urban3d import RAYS, Urban3d
from physics.backend import use_one_thread
from physics.raytracing.arrivals import BATCH, trace_arrivals
from physics.raytracing.paths import PathSettings
from physics.raytracing.scenes import load_city
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import GEOMETRY
from surrogates.domains.radio.volumes.quantities import AZIMUTH
from surrogates.learning.context import Context
from surrogates.learning.contract import Predictor
from surrogates.learning.directions import as_directions
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

FEW, MANY = 5, 20
"""Steps of a sampler."""
SEEDS = 2
"""Traces of the product with diffraction."""
TIMED = 4
"""Batches of receivers that are traced; the whole volume is scaled from these."""
SETTING = "radiodiff_3d", "volumes_sampled"
"""Network of the claims, and what it knows, whose error is compared."""
_FIRST, _clock = np.zeros(1, np.int64), time.process_time


def member_rows(recipe: Urban3d, quick: bool) -> list[Row]:
    """Measure the processor time of members of a volume, on one thread.

    Parameters
    ----------
    recipe
        Of one volume of dominant paths.
    quick
        One repeat, few rays, and no trained network.
    """
    torch.set_num_threads(1)
    pipeline, record = _network(recipe), _record(recipe)
    several = {name: value.expand(4 if quick else 16, *value.shape[1:]) for name, value in record.items()}
    count, repeats = len(several[GEOMETRY[0]]), 1 if quick else 3
    size = " x ".join(map(str, reversed(pipeline.layout.grid_shape)))
    steps = measure_pairs(
        _asking(pipeline, record, FEW), _asking(pipeline, record, MANY), repeats=repeats, clock=_clock
    )
    together = measure_pairs(
        _asking(pipeline, several, FEW), _asking(pipeline, record, FEW), repeats=repeats, clock=_clock
    )
    together = replace(together, ours=tuple(each / count for each in together.ours))
    traced = _diffraction(recipe, quick)
    parameters = sum(value.numel() for value in pipeline.parameters())
    return [
        faster(
            f"member of {size}, {FEW} steps",
            "s",
            steps,
            f"{MANY} steps",
            at_least=4.0,
            note=f"diffusion_unet of the size tiny, {parameters:,} parameters, one thread",
        ),
        faster(
            f"members of {size}, {count} records at a time",
            "s a member",
            together,
            "one record at a time",
            note=f"{FEW} steps; peak memory of the process {peak():.0f} MiB",
        ),
        faster(
            f"volume of {size}, one member",
            "s",
            Paired(steps.ours, (traced,) * len(steps.ours)),
            "product with diffraction",
            at_least=20.0,
            note=f"{SEEDS} traces of {_rays(quick):,} rays, scaled from {TIMED} of {_batches(recipe)} "
            f"batches of {BATCH} receivers",
        ),
        *([] if quick else [_accuracy()]),
    ]


def _accuracy() -> Row:
    """Compare the path gains of few and many steps of the claims' network, mean of its members."""
    run, on = networks.trained(*SETTING, 0), runs.open_experiment(networks.task(*SETTING))

    def rmse(steps: int) -> float:
        return networks.by_sight({"model": networks.method_of(run, steps)}, on, {})["model"]["path_gain/rmse"]

    return costs(
        f"error of {FEW} steps",
        "dB",
        Paired((rmse(FEW),), (rmse(MANY),)),
        f"{MANY} steps",
        at_most=1.05,
        note=f"RMSE of path gain, mean of {networks.MEMBERS} members, {networks.KNOWN[SETTING[1]]}",
    )


def _network(recipe: Urban3d) -> Pipeline:
    """Return a tiny network of the experiment with fresh weights: its time does not depend on them."""
    outline = yaml.safe_load(
        (files("surrogates.conf") / "experiment/radio/radiodiff_3d.yaml").read_text(encoding="utf-8")
    )
    specs = as_directions({spec.name: spec for spec in recipe.specs()}, [AZIMUTH])
    shared = recipe.shared()
    context = Context.of(
        [specs[name] for name in GEOMETRY],
        [specs[name] for name in networks.TARGETS],
        shared={str(name): shared[name] for name in shared.variables},
        specs=specs,
    )
    config = PipelineConfig(
        inputs=list(context.inputs),
        targets=list(context.targets),
        transform={"name": "radio/volume"},
        head=outline["task"]["head"],
        network=outline["model"] | outline["sizes"]["tiny"]["model"],
    )
    return Pipeline(config, context).eval()


def _record(recipe: Urban3d) -> Batch:
    found = recipe.simulate(_FIRST, generators(recipe.seed, _FIRST))
    return {name: torch.from_numpy(found[name]) for name in GEOMETRY}


def _asking(pipeline: Pipeline, inputs: Batch, steps: int) -> Callable[[], object]:
    node = {"name": "diffusion", "sampling_steps": steps, "samples": 1}
    predictor = Predictor.build(node, pipeline.context)

    def ask() -> object:
        with torch.inference_mode():
            return predictor(pipeline, inputs)

    return ask


def _diffraction(recipe: Urban3d, quick: bool) -> float:
    """Return the processor time of a volume with diffraction, s, scaled from a few batches of receivers."""
    use_one_thread()
    (placed,) = recipe.windows()
    window, scene = placed.window, load_city(placed.city)
    found = recipe.simulate(_FIRST, generators(recipe.seed, _FIRST))
    terrain = found["terrain_height"][0]
    east, north = np.meshgrid(window.west + window.centres, window.south + window.centres)
    outdoor = found["building_height"][0] < recipe.heights[0]
    receivers = np.stack([east, north, terrain + recipe.heights[0]], axis=-1)[outdoor]
    source = in_scene(found["transmitter_position"], terrain, window)[0]
    settings = PathSettings(recipe.frequency, _rays(quick), recipe.depth, diffraction=True)
    trace_arrivals(scene, source, receivers[:1], settings, seed=1)  # what is compiled once does not count
    some = receivers[np.linspace(0, len(receivers) - 1, TIMED * BATCH).astype(int)]
    start = _clock()
    trace_arrivals(scene, source, some, settings, seed=1)
    return SEEDS * (_clock() - start) * _batches(recipe) / TIMED


def _batches(recipe: Urban3d) -> int:
    """Return how many batches the receivers of a volume are, were there no buildings."""
    cells = round(recipe.window_size / recipe.cell_size)
    return -(-len(recipe.heights) * cells**2 // BATCH)


def _rays(quick: bool) -> int:
    return 1_000 if quick else RAYS["diffraction"]
