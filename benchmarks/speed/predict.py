"""One 512 m window at 4 m: the cascade, transforms included, against the ray tracer, and beside a neighbour.

The tiny cascade is that of `make demo` if there is one. A network of published size predicts with the weights
of the last run in `runs/paper` (`surrogates train experiment=radio/geo2sigmap size=paper
output=runs/paper`, then `radio/geo2sigmap_directional` with `parts.iso=RUN`); without such a run,
only its time is measured. The errors are in the notes. The neighbour is a process that keeps one core busy.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import xarray as xr
import yaml

from benchmarks.speed.rows import Row, costs, faster, measure_pairs
from datasets.radio.transmitters import Placing, in_scene, place_transmitters
from datasets.radio.variables import record_specs
from physics.raytracing.scenes import Window, load_city
from physics.raytracing.solver import Settings, trace_path_gain
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import AZIMUTH
from surrogates.domains.radio.preparations.maps import DrawSamples, LinkBudget
from surrogates.inference.bundle import load_bundle, save_bundle
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.runs.folder import merge

WINDOW = Window(-256.0, -256.0)
DEMO, PAPER = Path("runs/demo/with_200_samples"), Path("runs/paper")
EXPERIMENT = "experiment/radio/geo2sigmap_directional.yaml"
TARGET = "path_gain_directional"
AT_ONCE = 5  # predictions to a measurement, so that the neighbour is under way in most of them
# Computes from one byte of its input to the next and rests in between. It ends with its input, and so with
# the process that holds the other end.
NEIGHBOUR = """
import select, sys
while sys.stdin.buffer.raw.read(1):
    while not select.select([sys.stdin], [], [], 0)[0]:
        sum(range(10_000))
    if not sys.stdin.buffer.raw.read(1):
        break
"""


def run(quick: bool = False) -> list[Row]:
    """Time one map with 200 samples, tiny and paper-size, against rays of the published number."""
    settings = Settings(rays=10_000 if quick else 7_000_000, depth=1 if quick else 8)
    scene = load_city("etoile")
    batch, transmitters, azimuths = example()

    def trace() -> np.ndarray:
        return trace_path_gain(
            scene, WINDOW, transmitters, settings, seed=1, patterns=("tr38901",), azimuths=azimuths
        )

    batch[TARGET] = torch.from_numpy(trace()[0])
    rngs = [np.random.default_rng(0)]
    batch = LinkBudget()(DrawSamples()(batch, rngs, train=False), rngs, train=False)
    rows = []
    for size, folder, at_least in (("tiny", DEMO, 50.0), ("paper", PAPER, None)):
        pipeline, error = cascade(size, folder)
        pairs = measure_pairs(partial(ask, pipeline, batch), trace, repeats=1 if quick else 5)
        note = f"{settings.rays:,} rays, depth {settings.depth}, diffraction; " + (
            f"RMSE on the unseen city {error:.1f} dB"
            if error
            else f"no trained run in {folder}: fresh weights, time alone"
        )
        name = f"{size} cascade, one window"
        target = None if quick else at_least
        rows.append(faster(name, "s", pairs, "Sionna RT", at_least=target, note=note))
    tiny, _ = cascade("tiny", DEMO)
    return [*rows, beside_neighbour(tiny, batch, repeats=1 if quick else 15)]


def beside_neighbour(pipeline: Pipeline, batch: Batch, repeats: int) -> Row:
    """Time `predict` of one map while another process computes, and while it rests, in turn."""
    specs = pipeline.config.inputs
    window = xr.Dataset({s.name: (s.dims, batch[s.name].numpy(), {"units": s.units}) for s in specs})
    with TemporaryDirectory() as folder, busy_neighbour() as switch:
        surrogate = Surrogate(load_bundle(save_bundle(Path(folder) / "bundle", pipeline)))

        def predict() -> None:
            for _ in range(AT_ONCE):
                surrogate.predict(window)

        def disturbed() -> None:
            switch()
            predict()
            switch()

        pairs = measure_pairs(disturbed, predict, repeats=repeats, per=AT_ONCE)
    name = "predict of one window beside a busy neighbour"
    note = f"tiny cascade, {torch.get_num_threads()} threads; the neighbour keeps one core busy"
    return costs(name, "s", pairs, "the same with the neighbour at rest", at_most=3.0, note=note)


@contextmanager
def busy_neighbour() -> Iterator[Callable[[], None]]:
    """Start a process at rest; the yielded function wakes it, and stops it again at the next call."""
    with subprocess.Popen([sys.executable, "-c", NEIGHBOUR], stdin=subprocess.PIPE, bufsize=0) as neighbour:
        given = neighbour.stdin
        assert given is not None

        def switch() -> None:
            given.write(b"!")

        yield switch


def ask(pipeline: Pipeline, batch: Batch) -> Batch:
    """Predict one map."""
    with torch.inference_mode():
        return pipeline({name: batch[name] for name in pipeline.input_names})


def example() -> tuple[Batch, np.ndarray, np.ndarray]:
    """Return a batch of one map without its target, and the transmitter in scene coordinates."""
    building, terrain = load_city("etoile").heights(WINDOW)
    placing = Placing("local_roof", 50.0, (2.0, 8.0), 0.8, 15.0)
    positions = place_transmitters(building, terrain, WINDOW.cell, placing, [np.random.default_rng(0)])
    azimuths = np.array([1.0], np.float32)
    batch = {
        "building_height": torch.from_numpy(building)[None],
        "terrain_height": torch.from_numpy(terrain)[None],
        "transmitter_position": torch.from_numpy(positions),
        AZIMUTH: torch.from_numpy(azimuths),
    }
    return batch, in_scene(positions, terrain, WINDOW), azimuths


def cascade(size: str, folder: Path) -> tuple[Pipeline, float | None]:
    """Return the last cascade trained in a folder and its RMSE in dB, or one with fresh weights."""
    runs = sorted(folder.glob("radio/geo2sigmap_directional/*/metrics.json"))
    if not runs:
        return fresh(size), None
    rows = json.loads(runs[-1].read_text(encoding="utf-8"))
    scores = [
        row["value"]
        for row in rows["rows"]
        if (row["method"], row["metric"], row["group"]) == (rows["model"], "rmse", "all")
    ]
    return load_bundle(runs[-1].parent / "bundle", torch.device("cpu")).pipeline.eval(), scores[0]


def fresh(size: str) -> Pipeline:
    """Return an untrained cascade of one of the experiment's sizes."""
    outline: dict[str, Any] = yaml.safe_load(
        (files("surrogates.conf") / EXPERIMENT).read_text(encoding="utf-8")
    )
    values = merge(outline, outline["sizes"][size])
    specs = {spec.name: spec for spec in record_specs(WINDOW.cells, WINDOW.size)}
    for preparation in (DrawSamples(), LinkBudget()):
        specs |= {spec.name: spec for spec in preparation.provides(specs)}
    config = PipelineConfig(
        inputs=[specs[name] for name in values["task"]["inputs"]],
        targets=[specs[TARGET]],
        transform=values["task"]["transform"],
        network=values["model"],
    )
    traced = Settings()
    link = {
        "frequency": traced.frequency,
        "cell": WINDOW.cell,
        "receiver_height": traced.receiver_height,
    }
    return Pipeline(config, Context.of(config.inputs, config.targets, stated=link)).eval()
