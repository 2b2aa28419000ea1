"""A CUDA device against the CPU of the same machine: rays, shots, sound, training and predictions."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import xarray as xr

import surrogates
from benchmarks.claims.runs import open_experiment
from benchmarks.speed.acoustics import ALONE, fitted
from benchmarks.speed.gpu_rays import rays_rows
from benchmarks.speed.rows import Paired, Row, faster, measure_pairs
from benchmarks.speed.seismic import FAMILY, SHORT
from benchmarks.speed.train import WARMUP, time_ours
from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.seismic.families import FAMILIES
from datasets.seismic.openfwi_like import OpenFWILike
from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.fdtd import Clock, largest_step
from physics.waves.rooms.fdtd import simulate as simulate_room
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room
from physics.waves.seismic.propagator import simulate as simulate_shots
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle

CPU = torch.device("cpu")
EXPERIMENT = "seismic/latent_unet"


def run(quick: bool = False) -> list[Row]:
    """Measure on the CUDA device and on the CPU; without a device, nothing.

    Parameters
    ----------
    quick
        Small cases, one repeat.
    """
    if not torch.cuda.is_available():
        print("gpu: skipped, torch sees no CUDA device here; ask `surrogates doctor`")
        return []
    device = torch.device("cuda")
    return [*rays_rows(stand_in=False, quick=quick), *rows(device, torch.cuda.get_device_name(device), quick)]


def rows(device: torch.device, name: str, quick: bool) -> list[Row]:
    """Measure what torch computes on a device of some name."""
    with TemporaryDirectory() as folder:
        store = Path(folder) / "seismic.zarr"
        build(recipe(quick), str(store), workers=0, progress=False)
        return [
            shots_row(device, name, quick),
            sound_row(device, name, quick),
            *training_rows(device, name, store, quick),
            prediction_row(device, name, store, quick),
        ]


def recipe(quick: bool) -> OpenFWILike:
    """Return the velocity models that are simulated, learned and predicted."""
    given: dict[str, Any] = {"samples": 8 if quick else 64, "family": FAMILY}
    return OpenFWILike.make(given | {"time_stride": 4} | SHORT if quick else given)


def shots_row(device: torch.device, name: str, quick: bool) -> Row:
    """Measure gathers of OpenFWI's survey by deepwave."""
    drawn = recipe(quick)
    rngs = generators(drawn.seed, np.arange(drawn.samples))
    models = np.stack([FAMILIES[FAMILY](rng, drawn.depths, drawn.laterals)[0] for rng in rngs])
    ours, theirs = (partial(simulate_shots, models, drawn.survey, device=each) for each in (device, CPU))
    pairs = measure_pairs(ours, theirs, repeats=1 if quick else 3)
    shots = drawn.samples * drawn.shots
    rates = [shots / seconds for seconds in pairs.medians()]
    note = f"{rates[0]:.3g} shots a second, the CPU {rates[1]:.3g} on one thread; {shots} shots in one call"
    return faster(f"gathers by deepwave on {name}", "s", pairs, "CPU", note=note)


def sound_row(device: torch.device, name: str, quick: bool) -> Row:
    """Measure finite differences in a cube of 2 m up to 1 kHz, 10 cells per wavelength."""
    cells, sources = (12, 2) if quick else (math.ceil(2.0 * 1000.0 / 343.0 * 10), 16)
    room = Room(np.ones((cells,) * 3, bool), (2.0 / cells,) * 3, (Admittance.of_impedance(7400.0),))
    places = np.random.default_rng(0).uniform(0.5, 1.5, (sources, 3))
    initial = pulses(room, places, pulse_width(1000.0)).astype(np.float32)
    step = 0.999 * largest_step(room.spacing)
    clock = Clock(step, 1, 10 if quick else round(0.02 / step))
    receivers = np.array([[cells // 3, cells // 2, cells // 2]])
    moved = torch.from_numpy(initial).to(device)

    def ours() -> torch.Tensor:
        return simulate_room(room, moved, clock, receivers=receivers, at_once=initial.size).cpu()

    def theirs() -> np.ndarray:
        return simulate_room(room, initial, clock, receivers=receivers)

    apart = float(np.abs(ours().numpy() - theirs()).max())
    pairs = measure_pairs(ours, theirs, repeats=1 if quick else 3)
    note = (
        f"{sources} sources, {cells}^3 cells, {clock.samples} steps, float32; both agree to {apart:.1g} Pa, "
        "NumPy on the CPU"
    )
    return faster(f"sound in a cube of 2 m on {name}", "s", pairs, "CPU", note=note)


def training_rows(device: torch.device, name: str, store: Path, quick: bool) -> list[Row]:
    """Measure a step of our trainer in single precision and in bfloat16, by a step in single precision."""
    steps = WARMUP + (2 if quick else 24)
    reference, _ = time_ours(experiment(store, CPU, quick, steps=WARMUP + 2))
    found = []
    for precision in ("32", "bf16"):
        opened = experiment(store, device, quick, steps, precision)
        seconds, _ = time_ours(opened)
        parameters = sum(value.numel() for value in opened.pipeline().network.parameters())
        batch = opened.config.trainer.batch_size
        note = f"{EXPERIMENT}, {parameters:,} parameters, batches of {batch}; the CPU in single precision"
        title = f"training step, precision {precision}, on {name}"
        found.append(faster(title, "s", Paired((seconds,), (reference,)), "CPU", note=note))
    return found


def prediction_row(device: torch.device, name: str, store: Path, quick: bool) -> Row:
    """Measure `predict` of all records of the store, by fresh weights."""
    opened = experiment(store, CPU, quick)
    bundle = save_bundle(store.parent / "bundle", fitted(opened), coordinates=opened.data.coordinates)
    records = xr.open_zarr(store)[opened.config.task.inputs].load()
    ours, theirs = (
        partial(surrogates.load(bundle, device=str(each)).predict, records) for each in (device, CPU)
    )
    count = records.sizes["sample"]
    pairs = measure_pairs(ours, theirs, repeats=1 if quick else 3, per=count)
    rates = [1.0 / seconds for seconds in pairs.medians()]
    note = (
        f"{EXPERIMENT}, {rates[0]:.3g} records a second, the CPU {rates[1]:.3g}; {count} records in one call"
    )
    return faster(f"prediction on {name}", "s a record", pairs, "CPU", note=note)


def experiment(
    store: Path, device: torch.device, quick: bool, steps: int = 1, precision: str = "32"
) -> Experiment:
    """Return the experiment at its published size, or at the tiny one."""
    overrides = [
        f"experiment={EXPERIMENT}",
        f"size={'tiny' if quick else 'paper'}",
        f"dataset={store}",
        *ALONE,
    ]
    trainer = {
        "accelerator": "gpu" if device.type == "cuda" else "cpu",
        "precision": precision,
        "progress": "false",
        "epochs": "null",
        "max_steps": steps,
    }
    if quick:
        trainer["batch_size"] = 2
    return open_experiment([*overrides, *(f"trainer.{key}={value}" for key, value in trainer.items())])
