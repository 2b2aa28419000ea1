"""One streamed prediction against only the network: the cost of interpolation, units and scores."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.rows import Row, costs, measure_pairs
from datasets.uav.variables import STEP, coordinates, track_specs
from surrogates.data.window import Window, horizon_coordinates, windowed
from surrogates.domains.uav.streaming import TrajectoryPredictor
from surrogates.inference.bundle import save_bundle
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

AT_ONCE = 20  # calls to a measurement, so that one interruption does not decide a pair
HISTORY, HORIZON = 21, 10  # positions: 20 velocities in, 10 out
WINDOW = Window(HISTORY, horizon=HORIZON, dimension="time")


def stream_row(quick: bool = False) -> Row:
    """Time `push` with a full history at irregular stamps, and the same network's forward pass, in turn.

    Both are asked for one flight at a time, as a vehicle asks, on one thread: two of them wait for each other
    longer than they work. The network is VECTOR's velocity model of size S with whitening; its weights are
    fresh, for the time does not depend on them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _stream_row(quick)
    finally:
        torch.set_num_threads(threads)


def _stream_row(quick: bool) -> Row:
    pipeline = velocity_model()
    with tempfile.TemporaryDirectory() as folder:
        clock = horizon_coordinates(coordinates(HISTORY + HORIZON, quaternion=False), "time", WINDOW, STEP)
        predictor = TrajectoryPredictor(save_bundle(Path(folder) / "bundle", pipeline, coordinates=clock))
    stamps = iter(np.cumsum(np.random.default_rng(0).uniform(0.8, 1.2, AT_ONCE * 200)) * STEP)

    def push() -> None:
        for _ in range(AT_ONCE):
            stamp = float(next(stamps))
            predictor.push(stamp, (10.0 * np.sin(stamp), 3.0 * stamp, 5.0))

    network, velocities = pipeline.network, torch.randn(1, 3, HISTORY - 1)

    @torch.inference_mode()
    def forward() -> None:
        for _ in range(AT_ONCE):
            network(velocities)

    repeats = 1 if quick else 150
    pairs = measure_pairs(push, forward, repeats=repeats, warmup=5, per=1e-3 * AT_ONCE)
    parameters = sum(each.numel() for each in network.parameters())
    note = f"VECTOR S, {parameters:,} parameters, {HISTORY - 1} velocities in, {HORIZON} out, one thread"
    return costs("one streamed prediction", "ms", pairs, "torch forward alone", at_most=1.5, note=note)


def velocity_model() -> Pipeline:
    """Return VECTOR's velocity model of size S with fresh weights."""
    (position,) = track_specs(HISTORY + HORIZON, ["position"])
    config = PipelineConfig(
        inputs=[windowed(position, WINDOW, "time", STEP, ahead=False)],
        targets=[windowed(position, WINDOW, "time", STEP, ahead=True)],
        transform={"name": "windows", "values": "rates"},
        network={"name": "vector"},
        record_dimension="trajectory",
        normalisation="whitening",
    )
    return Pipeline(config).eval()
