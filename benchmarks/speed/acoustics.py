"""A response by networks of sound in rooms against finite differences of equal error, and shared points."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import surrogates
from benchmarks.claims.acoustics.simulator import SIDE, error
from benchmarks.claims.runs import open_experiment
from benchmarks.speed.rows import Row, faster, measure_pairs
from datasets.acoustics.rooms import Rooms
from datasets.factory.build import build
from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.fdtd import Clock, largest_step, simulate
from physics.waves.rooms.pulse import pulse_width, pulses
from physics.waves.rooms.room import Room
from surrogates.data.batch import Batch
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline

SOURCE, RECEIVER = (0.7, 0.8, 0.9), (1.66, 1.62, 1.64)
"""m."""
CELLS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20)
"""In a wavelength of the highest frequency, from coarse to fine."""
INPUTS = {
    2: "[initial_pressure,source_position,point_x,point_y,point_time]",
    3: "[initial_pressure,source_position,point_x,point_y,point_z,point_time]",
}
SHAPES = {2: "rectangle", 3: "cube"}
SOURCES, POINTS = 32, 1500
"""Of the step whose points are shared."""


@dataclass(frozen=True)
class Case:
    """A response, and the network that gives it.

    Attributes
    ----------
    highest, duration
        Hz and s.
    size
        Of the experiment.
    model
        Overrides of the network, by dimensions of the room.
    largest
        Error that finite differences may have, by dimensions.
    relative
        Whether that is relative (L2); Pa otherwise.
    at_least
        How many times faster the network is to be, by dimensions; none where nothing is demanded.
    told
        Whose error it is.
    """

    highest: float
    duration: float
    size: Mapping[int, str]
    model: Mapping[int, tuple[str, ...]]
    largest: Mapping[int, float]
    relative: bool
    at_least: Mapping[int, float]
    told: str

    def name(self, axes: int) -> str:
        """Return what is asked for."""
        return f"response of {1000 * self.duration:g} ms up to {self.highest:g} Hz in {axes}-D"


PUBLISHED = Case(
    highest=1000.0,
    duration=0.05,
    size={2: "paper", 3: "paper"},
    model={2: ("model.depth=2",), 3: ()},
    largest={2: 0.02, 3: 0.02},
    relative=False,
    at_least={2: 20.0, 3: 50.0},
    told="the least published, none of ours was trained at 1 kHz",
)
SMALL = Case(
    highest=400.0,
    duration=0.012,
    size={2: "tiny", 3: "tiny_cube"},
    model={2: (), 3: ()},
    largest={2: 0.0163, 3: 0.0439},
    relative=True,
    at_least={},
    told="reached by `python -m benchmarks.claims acoustics network`",
)
QUICK = ("model.width=16", "model.depth=1")


def run(quick: bool = False) -> list[Row]:
    """Measure responses of a network of the published shape and of the tiny ones, then steps of training.

    Weights are fresh, for the time does not depend on them. CPU time of one thread each.

    Parameters
    ----------
    quick
        Small networks, a few cells, one repeat.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as folder:
            found = [
                row
                for case in (PUBLISHED, SMALL)
                for axes in (3, 2)
                for row in response_rows(case, axes, Path(folder), quick)
            ]
            return [*found, points_row(Path(folder), quick)]
    finally:
        torch.set_num_threads(threads)


def response_rows(case: Case, axes: int, folder: Path, quick: bool) -> list[Row]:
    """Measure the bare network and the verb, each in turn with the coarsest finite differences that do."""
    cells, found = coarsest(case, axes, quick)
    overrides = [f"task.inputs={INPUTS[axes]}", *case.model[axes]]
    if quick:
        overrides = [*overrides[:1], *QUICK]
    place = folder / f"{case.size[axes]}_{axes}d"
    data = small_store(place, shape=SHAPES[axes], highest_frequency=case.highest, duration=case.duration)
    experiment = open_experiment(
        ["experiment=acoustics/deeponet", f"size={case.size[axes]}", *overrides, f"dataset={data}", *ALONE]
    )
    pipeline = fitted(experiment)
    surrogate = saved(experiment, pipeline, place)
    times = np.arange(int(2 * case.highest * case.duration + 1e-6) + 1) / (2 * case.highest)
    channels, shape = pipeline.transform.in_channels, pipeline.transform.in_shape
    assert isinstance(channels, Mapping) and isinstance(shape, Mapping)
    branch = torch.randn(1, channels["branch"], *shape["branch"])
    trunk = torch.randn(len(times), channels["trunk"])

    @torch.inference_mode()
    def bare() -> None:
        pipeline.network(branch=branch, trunk=trunk)

    def verb() -> None:
        surrogate.acoustics.impulse_response(SOURCE[:axes], RECEIVER[:axes], times=times)

    parameters = sum(value.numel() for value in pipeline.network.parameters())
    note = (
        f"{parameters:,} parameters, {len(times)} instants; allowed error {case.largest[axes]:g}"
        f"{' (relative L2)' if case.relative else ' Pa'}, {case.told}; finite differences err by {found:.2g} "
        "in a rigid room"
    )
    reference = f"finite differences, {cells} cells per wavelength"
    return [
        faster(
            f"{case.name(axes)}, {name}",
            "ms",
            measure_pairs(
                action,
                finite_differences(case, axes, cells),
                repeats=1 if quick else 9,
                clock=time.process_time,
                per=1e-3,
            ),
            reference,
            at_least=case.at_least.get(axes),
            note=note,
        )
        for name, action in (("bare network", bare), ("verb", verb))
    ]


def coarsest(case: Case, axes: int, quick: bool) -> tuple[int, float]:
    """Return the fewest cells in a wavelength that keep the error below that of the network, and their error.

    The exact solution is known in rigid rooms only, where errors last longest.
    """
    source = np.array([SOURCE[:axes]])
    for cells in CELLS:
        _, relative, rmse = error(source, cells, case.highest, case.duration)
        found = relative if case.relative else rmse
        if quick or found <= case.largest[axes]:
            return cells, found
    raise ValueError(f"{case.name(axes)}: no error below {case.largest[axes]:g} with {CELLS[-1]} cells")


def finite_differences(case: Case, axes: int, cells: int) -> Callable[[], object]:
    """Return the simulation of one response."""
    count = int(np.ceil(SIDE * case.highest / 343.0 * cells))
    room = Room(np.ones((count,) * axes, bool), (SIDE / count,) * axes, (Admittance.of_impedance(7400.0),))
    initial = pulses(room, [SOURCE[:axes]], pulse_width(case.highest)).astype(np.float32)
    step = 0.999 * largest_step(room.spacing)
    clock = Clock(step, 1, int(np.ceil(case.duration / step)) + 1)
    there = np.array([room.cell_of(RECEIVER[:axes])])
    return partial(simulate, room, initial, clock, receivers=there)


def points_row(folder: Path, quick: bool) -> Row:
    """Measure a step of training at points that all sources share against one at points of each source."""
    sources, points = (4, 50) if quick else (SOURCES, POINTS)
    given = {"cells_per_wavelength": 8.0, "source_grid": 6, "points": points}
    data = small_store(folder / "points", shape="rectangle", **given)
    experiment = open_experiment(
        ["experiment=acoustics/deeponet", "size=tiny", *(QUICK if quick else ()), f"dataset={data}", *ALONE]
    )
    shared = next(iter(experiment.loader("train", batch_size=sources)))
    own = {
        name: value.expand(sources, -1).clone() if name.startswith("point_") else value
        for name, value in shared.items()
    }
    pairs = measure_pairs(
        training_step(experiment, shared),
        training_step(experiment, own),
        repeats=1 if quick else 7,
        clock=time.process_time,
        per=1e-3,
    )
    note = f"tiny network, {sources} sources x {points} points, forward, backward and AdamW"
    return faster(
        "training step, shared points", "ms", pairs, "own points of each source", at_least=5.0, note=note
    )


def training_step(experiment: Experiment, batch: Batch) -> Callable[[], None]:
    """Return a step of training on a batch."""
    pipeline, rng = fitted(experiment).train(), torch.Generator()
    optimiser = torch.optim.AdamW(pipeline.network.parameters(), 1e-3)

    def step() -> None:
        optimiser.zero_grad()
        loss, _ = experiment.pieces.objective(pipeline, batch, rng)
        loss.backward()
        optimiser.step()

    return step


ALONE = ("task.baselines=[]", "task.plots=[]", "task.augmentations=[]")
"""What a network does not need to be timed."""


def small_store(folder: Path, **given: object) -> Path:
    """Return a store of a few coarse simulations, which say what the network is given."""
    few = {
        "cells_per_wavelength": 4.0,
        "time_samples": 8,
        "points": 200,
        "source_grid": 2,
        "validation_sources": 0,
        "extrapolation_sources": 0,
        "fields": "none",
    }
    build(Rooms.make({**few, **given}), str(folder / "rooms.zarr"), workers=0, progress=False)
    return folder / "rooms.zarr"


def fitted(experiment: Experiment) -> Pipeline:
    """Return the pipeline with fresh weights and fitted normalisers."""
    pipeline = experiment.pipeline()
    experiment.fit_normalisers(pipeline, experiment.loader("train"))
    return pipeline.eval()


def saved(experiment: Experiment, pipeline: Pipeline, folder: Path) -> Surrogate:
    """Return the surrogate of a bundle with these weights."""
    bundle = save_bundle(
        folder / "bundle",
        pipeline,
        ranges=experiment.ranges(experiment.loader("train"), pipeline),
        coordinates=experiment.data.coordinates,
    )
    return surrogates.load(bundle)
