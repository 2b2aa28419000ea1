"""One prediction of the next uplink channel against only the network: what checks, units and scales cost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import surrogates
from benchmarks.speed.csi_memory import SIZE
from benchmarks.speed.rows import Row, costs, measure_pairs
from datasets.csi.rrg import RRG
from surrogates.experiment.config import RunConfig
from surrogates.inference.bundle import save_bundle
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.runs.compose import read

PAST, AHEAD = "uplink_history", "uplink_future"
AT_ONCE = 5  # calls to a measurement, so that one interruption does not decide a pair


def stream_rows(quick: bool = False) -> list[Row]:
    """Time `predict` and `as_function` for one past at a time, and the same network's forward pass, in turn.

    All are asked for one record of 8 antennas, on one thread. The network is that of csi/csi4cast of the size
    tiny; its weights are fresh, for the time does not depend on them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _stream_rows(quick)
    finally:
        torch.set_num_threads(threads)


def _stream_rows(quick: bool) -> list[Row]:
    recipe = RRG.make(SIZE)
    shape = next(spec.shape for spec in recipe.specs() if spec.name == PAST)
    drawn = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    past = (drawn[0] + 1j * drawn[1]) / np.float32(2**0.5)
    about = {"units": "1"}
    given = recipe.shared().assign({PAST: (("antenna", "time", "uplink_subcarrier"), past, about)})
    pipeline = tdd_model(recipe, given)
    with tempfile.TemporaryDirectory() as folder:
        coordinates = recipe.shared().coords
        path = save_bundle(Path(folder) / "bundle", pipeline, coordinates=coordinates)
        surrogate = surrogates.load(path, device="cpu")
    function = surrogate.as_function(PAST, AHEAD)
    point = np.ascontiguousarray(past).view(np.float32).ravel().astype(np.float64)
    channels = pipeline.transform({PAST: torch.from_numpy(past)[None]}).channels
    network = pipeline.network

    @torch.inference_mode()
    def forward() -> object:
        return network(channels)

    parameters = sum(each.numel() for each in network.parameters())
    note = (
        f"csi4cast of the size tiny, {parameters:,} parameters, one record of {shape[0]} antennas, one thread"
    )
    repeats = 1 if quick else 40
    rows = []
    for name, call in (
        ("one streamed TDD prediction, predict", lambda: surrogate.predict(given)),
        ("one streamed TDD prediction, as_function", lambda: function(point)),
    ):
        pairs = measure_pairs(_often(call), _often(forward), repeats=repeats, warmup=1, per=1e-3 * AT_ONCE)
        rows.append(costs(name, "ms", pairs, "torch forward alone", at_most=1.5, note=note))
    return rows


def _often(call: Callable[[], object]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(AT_ONCE):
            call()

    return several


def tdd_model(recipe: RRG, given: xr.Dataset) -> Pipeline:
    """Return the pipeline of csi/csi4cast at the size tiny, with fresh weights."""
    values = read(["experiment=csi/csi4cast", "size=tiny"])
    values.pop("sweep")
    config = RunConfig.model_validate(values)
    specs = {spec.name: spec for spec in recipe.specs()}
    context = Context.of([specs[PAST]], [specs[AHEAD]], shared=dict(given.coords))
    torch.manual_seed(0)
    made = Pipeline(
        PipelineConfig(
            inputs=[specs[PAST]],
            targets=[specs[AHEAD]],
            transform=config.task.transform,
            network=config.model,
        ),
        context,
    )
    past = torch.from_numpy(given[PAST].values)[None]
    made.fit_normalisers([{PAST: past, AHEAD: past[:, :, -4:]}])
    return made.eval()
