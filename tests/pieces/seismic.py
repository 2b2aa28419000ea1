"""Small examples of the pieces of seismic imaging: layers of 24 by 24 cells, three shots, 40 samples."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from pydantic import Field

from datasets.seismic.openfwi_like import OpenFWILike
from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from physics.waves.seismic.propagator import simulate
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.report.pictures import Examples
from tests.datasets.seismic.files import openfwi_arrays, spread, write_segy
from tests.pieces.examples import Given, known
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, layers

VELOCITY, GATHER = velocity_spec(CELLS, CELLS), gather_spec(SURVEY)
CONTEXT = Context.of(
    [GATHER],
    [VELOCITY],
    shared={str(name): values for name, values in coordinates(SURVEY, CELLS, CELLS).coords.items()},
)
SYMMETRIC = replace(
    CONTEXT,
    shared={**CONTEXT.shared, "shot": xr.DataArray([0.0, 115.0, 230.0], dims="shot", attrs={"units": "m"})},
)
"""Shots that are their own mirror image."""
GRIDS = {"grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
CRITIC = {"critic": {"name": "velocity_critic", "width": 2}}


class SmallUnits(OpenFWILike):
    """Six short records over a small grid, three to a unit."""

    samples: int = 6
    family: dict[str, float] = Field({"flatvel-a": 1.0, "curvefault-b": 1.0})
    depths: int = 24
    laterals: int = 24
    shots: int = 1
    steps: int = 120
    time_stride: int = 4

    def unit_records(self) -> int:
        return 3


def batch(seed: int = 0, count: int = 3) -> dict[str, torch.Tensor]:
    """Two layers with a dipping interface, and their gathers."""
    velocity = layers(count, seed)
    return {
        "velocity_model": torch.from_numpy(velocity),
        "shot_gather": torch.from_numpy(simulate(velocity, SURVEY)),
    }


def pipeline(network: dict[str, Any], **changes: Any) -> Pipeline:
    """A small network from gathers to velocities, with fitted normalisers."""
    torch.manual_seed(0)
    config: dict[str, Any] = {
        "inputs": [GATHER],
        "targets": [VELOCITY],
        "transform": {"name": "stack", **GRIDS},
        "normalisation": {"inputs": "standard", "targets": "min_max"},
        "network": network,
    }
    made = Pipeline(PipelineConfig(**(config | changes)), CONTEXT)
    made.fit_normalisers([batch()])
    return made


def translation(_: Path) -> Given:
    """Both directions of an X-Net."""
    network = {"name": "invertible_x_net", "latent": 8, "channels": [4, 8], "architecture": [1, 1]}
    return {"pipeline": pipeline(network, both_ways=True), "batch": batch()}


def wasserstein(_: Path) -> Given:
    """A network against a critic."""
    piece = {"name": "seismic/wasserstein", **CRITIC}
    return {"piece": piece, "pipeline": pipeline({"name": "inversion_net", "width": 2}), "batch": batch()}


def examples() -> Examples:
    """Three records and two methods that answer velocities and gathers."""
    dims = {name: spec.dims for name, spec in (("velocity_model", VELOCITY), ("shot_gather", GATHER))}
    fields = {name: (dims[name], value.numpy()) for name, value in batch().items()}
    data = coordinates(SURVEY, CELLS, CELLS).assign(fields)
    answer = data[list(fields)]
    targets = [Target(VELOCITY), Target(GATHER)]
    return Examples(data, {"model": answer * 1.05, "mean": answer * 0.9}, targets, "sample")


def openfwi(folder: Path) -> Given:
    """Two pairs of files with two records each."""
    for number in (2, 49):
        for kind, values in zip(("data", "model"), openfwi_arrays(number, records=2), strict=True):
            (folder / "FlatVel_A" / kind).mkdir(parents=True, exist_ok=True)
            np.save(folder / "FlatVel_A" / kind / f"{kind}{number}.npy", values)
    return {"folder": str(folder), "time_stride": 8}


def segy(folder: Path) -> Given:
    """Four lines of three shots."""
    sources, receivers = spread(np.array([0.0, 55.0, 100.0]), np.arange(0.0, 101.0, 12.5))
    for number in range(4):
        traces = np.random.default_rng(number).standard_normal((len(sources), 40))
        write_segy(folder / f"line{number}.sgy", traces.astype(np.float32), sources, receivers)
    return {"folder": str(folder)}


def section(folder: Path) -> Given:
    """A section of velocities that grow with depth and along the line."""
    z, x = np.mgrid[:145, :290]
    values = 1.4 + 0.02 * z + 0.002 * x
    np.savez(folder / "section.npz", model=values, z=5.0 * np.arange(145), x=5.0 * np.arange(290))
    return {"folder": str(folder / "section.npz"), "units": "km s-1", "time_stride": 8}


def models(folder: Path) -> Given:
    """Six models of layers, two in each file."""
    for number in range(3):
        np.save(folder / f"models{number}.npy", layers(2, number))
    keys = {"cell": [10, 10], "shots": 1, "steps": 120, "time_stride": 4, "keeps_whole": "file"}
    return {"folder": str(folder), **keys}


EXAMPLES = {
    "recipes": {
        "seismic/openfwi_like": known(piece=SmallUnits(), workers=[1]),
        "seismic/openfwi": lambda folder: {"parameters": openfwi(folder)},
        "seismic/segy": lambda folder: {"parameters": segy(folder)},
        "seismic/section": lambda folder: {"parameters": section(folder)},
        "seismic/models": lambda folder: {"parameters": models(folder)},
    },
    "transforms": {
        # Drawn ones: the logarithm of amplitudes has a kink at zero, where simulated ones begin.
        "seismic/gathers": known(piece={"name": "seismic/gathers", **GRIDS}, context=CONTEXT)
    },
    "preparations": {
        "seismic/noise": known(context=CONTEXT, batch=batch(), changes=["shot_gather"], off={"snr": 200.0}),
        "seismic/missing_receivers": known(
            context=CONTEXT, batch=batch(), changes=["shot_gather"], off={"share": 0.0}
        ),
        "seismic/mirror": known(context=SYMMETRIC, batch=batch(), changes=["shot_gather", "velocity_model"]),
    },
    "objectives": {"seismic/translation": translation, "seismic/wasserstein": wasserstein},
    "baselines": {
        "seismic/fwi": lambda _: {
            "piece": {"name": "seismic/fwi", "steps": 1},
            "context": CONTEXT,
            "batches": [batch(1), batch(count=2)],
        }
    },
}

EVERY = {"plots": lambda _: {"examples": examples()}}
