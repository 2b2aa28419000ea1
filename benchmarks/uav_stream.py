"""One streamed prediction against the network alone: what interpolation, units and scores cost a stream."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.rows import Row, costs, measure_pairs
from datasets.uav.variables import STEP, track_specs
from surrogates.data.window import Window, windowed
from surrogates.domains.uav.streaming import TrajectoryPredictor
from surrogates.inference.bundle import save_bundle
from surrogates.learning.pipeline import Pipeline, PipelineConfig

HISTORY, HORIZON = 21, 10  # positions: 20 velocities in, 10 out


def stream_row(quick: bool = False) -> Row:
    """Time `push` with a full history at irregular stamps, and the same network's forward pass, in turn.

    Both are asked for one flight at a time, as a vehicle asks. The network is VECTOR's velocity model of
    size S with whitening; its weights are fresh, for the time does not depend on them.
    """
    pipeline = velocity_model()
    with tempfile.TemporaryDirectory() as folder:
        predictor = TrajectoryPredictor(save_bundle(Path(folder) / "bundle", pipeline))
    stamps = iter(np.cumsum(np.random.default_rng(0).uniform(0.8, 1.2, 100_000)) * STEP)

    def push() -> None:
        stamp = float(next(stamps))
        predictor.push(stamp, (10.0 * np.sin(stamp), 3.0 * stamp, 5.0))

    network, velocities = pipeline.network, torch.randn(1, 3, HISTORY - 1)

    @torch.inference_mode()
    def forward() -> None:
        network(velocities)

    for _ in range(2 * HISTORY):
        push()
    pairs = measure_pairs(push, forward, repeats=200 if quick else 3000, warmup=50, per=1e-3)
    parameters = sum(each.numel() for each in network.parameters())
    note = (
        f"VECTOR S, {parameters:,} parameters, {HISTORY - 1} velocities in, {HORIZON} out, "
        f"{torch.get_num_threads()} threads"
    )
    return costs("one streamed prediction", "ms", pairs, "torch forward alone", at_most=1.5, note=note)


def velocity_model() -> Pipeline:
    """Return VECTOR's velocity model of size S with fresh weights."""
    (position,) = track_specs(HISTORY + HORIZON, ["position"])
    window = Window(HISTORY, horizon=HORIZON, dimension="time")
    config = PipelineConfig(
        inputs=[windowed(position, window, "time", STEP, ahead=False)],
        targets=[windowed(position, window, "time", STEP, ahead=True)],
        transform={"name": "windows", "values": "rates"},
        network={"name": "vector"},
        record_dimension="trajectory",
        normalisation="whitening",
    )
    return Pipeline.from_config(config).eval()
