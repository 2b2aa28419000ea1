"""A step of our Lightning run against a hand-written torch loop: same network, batch and data in memory.

The hand-written loop is the barest one that trains, with the same fused optimiser: it normalises its data
beforehand and logs nothing.
Ours shuffles, normalises, counts, logs and draws a random stream for every step. Both are timed between
steps, so that start-up counts on neither side; validation and checkpoints come after the steps that count.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional

from benchmarks.speed.rows import Paired, Row, costs
from datasets.store.layout import create_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.build import build
from surrogates.data.batch import Batch
from surrogates.data.loader import BatchLoader
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.training.fit import fit

CASES: dict[str, dict[str, Any]] = {
    "U-Net, 64 x 64 cells": {
        "model": {"name": "unet", "width": 16, "depth": 3},
        "dims": ("y", "x"),
        "shape": (64, 64),
        "batch": 8,
        "steps": 12,
        "at_most": 1.05,
    },
    "GRU, 1 ms a step": {
        "model": {"name": "gru", "width": 32},
        "dims": ("time",),
        "shape": (8,),
        "batch": 16,
        "steps": 400,
        "at_most": 1.3,
    },
}
QUICK = {
    name: {**case, "shape": (16,) * len(case["dims"]), "steps": min(case["steps"], 20)}
    for name, case in CASES.items()
}
RECORDS = 256
WARMUP = 4


class Clocked(Objective):
    """An objective, noting when each training step begins."""

    def __init__(self, objective: Objective) -> None:
        self.times: list[float] = []
        self._objective = objective

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and note the time, when a GPU has done the step before."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        self.times.append(perf_counter())
        return self._objective(pipeline, batch, rng)


def seconds_per_step(times: list[float]) -> float:
    """Return the mean time between steps, without the first ones."""
    return (times[-1] - times[WARMUP]) / (len(times) - 1 - WARMUP)


def write_store(folder: Path, dims: tuple[str, ...], shape: tuple[int, ...], records: int = RECORDS) -> str:
    """Write a finished store of random fields, ``x`` and ``y``."""
    specs = [VariableSpec(name=name, dims=("sample", *dims), shape=shape) for name in ("forcing", "response")]
    store = create_store(
        str(folder),
        specs,
        records=records,
        record_dimension="sample",
        shared=xr.Dataset(),
        attributes={"title": "random fields"},
        splits=[Split(labels=np.zeros(records, np.int8), keeps_whole="none")],
        records_per_shard=64,
    )
    rng = np.random.default_rng(0)
    for row in range(store.rows):
        size = (len(store.row_records(row)), *shape)
        forcing = rng.normal(size=size).astype(np.float32)
        hashes = store.write_row(row, {"forcing": forcing, "response": np.tanh(forcing)})
        store.write_receipt(row, {"hashes": hashes})
    store.consolidate()
    return str(folder)


def open_case(url: str, case: dict[str, Any], **trainer: Any) -> Experiment:
    """Return the experiment of a case."""
    settings = {
        "max_steps": case["steps"],
        "validate_every": case["steps"],
        "batch_size": case["batch"],
        "accelerator": "cpu",
        "progress": False,
        **trainer,
    }
    task = {"inputs": ["forcing"], "targets": ["response"], "baselines": []}
    return Experiment.open(
        RunConfig.model_validate({"dataset": url, "task": task, "model": case["model"], "trainer": settings})
    )


def time_ours(experiment: Experiment) -> tuple[float, BatchLoader]:
    """Return seconds per step of our run, and its loader."""
    pipeline = experiment.pipeline()
    experiment.fit_normalisers(pipeline, experiment.loader("train"))
    clocked, loader = Clocked(experiment.pieces.objective), experiment.loader("train", train=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(pipeline, clocked, loader, None, experiment.config.trainer, folder=Path(folder))
    return seconds_per_step(clocked.times), loader


def time_by_hand(experiment: Experiment) -> float:
    """Return seconds per step of a loop over normalised tensors in memory."""
    network = experiment.pipeline().network
    steps, size = experiment.config.trainer.max_steps or 0, experiment.config.trainer.batch_size
    data = next(iter(experiment.loader("train", batch_size=RECORDS)))
    x, y = (_normalised(data[name]).unsqueeze(1) for name in ("forcing", "response"))
    parameters = list(network.parameters())
    optimiser = build("optimisers", experiment.config.trainer.optimiser, parameters=parameters, fused=True)
    network.train()
    times: list[float] = []
    order = torch.randperm(RECORDS)
    for step in range(steps):
        times.append(perf_counter())
        rows = order[(step * size) % RECORDS :][:size]
        loss = functional.mse_loss(network(x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return seconds_per_step(times)


def _normalised(values: Tensor) -> Tensor:
    return (values - values.mean()) / values.std()


def alternate(ours: Callable[[], float], reference: Callable[[], float], repeats: int) -> Paired:
    """Measure both in turn, so that drift of a shared machine hits both alike."""
    ours(), reference()
    pairs = [
        (ours(), reference()) if repeat % 2 == 0 else (reference(), ours())[::-1] for repeat in range(repeats)
    ]
    mine, theirs = zip(*pairs, strict=True)
    return Paired(tuple(1e3 * value for value in mine), tuple(1e3 * value for value in theirs))


def starvation(url: str, case: dict[str, Any], repeats: int) -> Row:
    """Return the share of a U-Net's step that is spent waiting for batches that are read from the store."""
    waits, steps = [], []
    for _ in range(repeats):
        seconds, loader = time_ours(open_case(url, case, cache_gigabytes=0))
        waits.append(1e3 * loader.seconds_waited / case["steps"])
        steps.append(1e3 * seconds)
    row = Row(
        "waiting for data from the store, U-Net",
        "ms per step",
        median(waits),
        median(steps),
        "the whole step",
        median(waits) / median(steps),
        note="share of a step in which the model waits for the loader, nothing kept in memory",
    )
    return replace(row, target="<= 0.05", holds=row.ratio <= 0.05)


def run(quick: bool = False) -> list[Row]:
    """Measure; ``quick`` takes one pair of each, of small fields and few steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    try:
        with TemporaryDirectory() as folder:
            for number, (name, case) in enumerate((QUICK if quick else CASES).items()):
                url = write_store(Path(folder) / f"{number}.zarr", case["dims"], case["shape"])
                experiment = open_case(url, case)
                pairs = alternate(
                    lambda e=experiment: time_ours(e)[0],  # type: ignore[misc]
                    lambda e=experiment: time_by_hand(e),  # type: ignore[misc]
                    repeats=1 if quick else 7,
                )
                rows.append(costs(name, "ms per step", pairs, "hand-written loop", at_most=case["at_most"]))
                if case["dims"] == ("y", "x"):
                    rows.append(starvation(url, case, repeats=1 if quick else 3))
    finally:
        torch.set_num_threads(threads)
    return rows
