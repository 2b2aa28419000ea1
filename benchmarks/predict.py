"""One 512 m window at 4 m: the cascade, transforms included, against the ray tracer.

The trained cascade of `make demo` is asked where there is one, and its error stands in the note; a network
of published size that nobody has trained is asked for its time alone.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rows import Row, faster, measure_pairs
from datasets.radio.transmitters import Placing, in_scene, place_transmitters
from datasets.radio.variables import record_specs
from physics.raytracing.scenes import Window, load_city
from physics.raytracing.solver import Settings, trace_path_gain
from surrogates.domains.radio.preparations import DrawSamples, LinkBudget
from surrogates.domains.radio.site import AZIMUTH, GEOMETRY
from surrogates.learning.pipeline import Pipeline, PipelineConfig
from surrogates.learning.protocols import Batch

WINDOW = Window(-256.0, -256.0)
DEMO = Path("runs/demo")
TARGET = "path_gain_directional"


def run(quick: bool = False) -> list[Row]:
    """Time one map with 200 samples, tiny and paper-size, against rays of the published number."""
    settings = Settings(rays=200_000 if quick else 7_000_000, depth=8)
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
    for size, pipeline, error in (("tiny", *tiny()), ("paper-size", published(), None)):
        pairs = measure_pairs(lambda network=pipeline: ask(network, batch), trace, repeats=2 if quick else 5)
        note = f"{settings.rays:,} rays, depth 8, diffraction; " + (
            f"RMSE on the unseen city {error:.1f} dB" if error else "weights not trained: time alone"
        )
        target = 50.0 if size == "tiny" and not quick else None
        rows.append(
            faster(f"{size} cascade, one window", "s", pairs, "Sionna RT", at_least=target, note=note)
        )
    return rows


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


def tiny() -> tuple[Pipeline, float | None]:
    """Return the demonstration's cascade and its error, or one with fresh weights."""
    note = DEMO / "with_200_samples" / "run.txt"
    if note.exists():
        from surrogates.inference.bundle import load_bundle

        scores = json.loads((DEMO / "metrics.json").read_text())["rmse_db"]["with_200_samples"]
        bundle = load_bundle(Path(note.read_text().strip()) / "bundle", torch.device("cpu"))
        return bundle.pipeline.eval(), scores["U-Net-Dir"]
    network = {"name": "geo_unet", "base": 16}
    transform = {"name": "radio_directional", "iso": {"network": network}}
    return _pipeline((*GEOMETRY, AZIMUTH, "path_gain_samples"), transform, network), None


def published() -> Pipeline:
    """Return the cascade of the published size with fresh weights."""
    inputs = (*GEOMETRY, "path_gain_samples", "link_slope", "link_offset")
    return _pipeline(inputs, {"name": "geo2sigmap_directional"}, {"name": "geo_unet"})


def _pipeline(inputs: tuple[str, ...], transform: dict[str, Any], network: dict[str, Any]) -> Pipeline:
    specs = {spec.name: spec for spec in record_specs(WINDOW.cells, WINDOW.size)}
    for preparation in (DrawSamples(), LinkBudget()):
        specs |= {spec.name: spec for spec in preparation.provides(specs)}
    config = PipelineConfig(
        inputs=[specs[name] for name in inputs],
        targets=[specs[TARGET]],
        transform=transform,
        network=network,
    )
    return Pipeline.from_config(config).eval()
