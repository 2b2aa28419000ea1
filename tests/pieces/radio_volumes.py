"""Small examples of the pieces of radio volumes: two planes over 8 by 8 cells of 8 m, and one house."""

from pathlib import Path
from typing import Any

import torch
import xarray as xr

from datasets.radio.variables import SCENES, axes, link_scalars
from datasets.radio.volume_variables import planes_of, volume_specs
from surrogates.data.batch import Batch
from surrogates.domains.radio.volumes.quantities import QUANTITIES
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.hold_out import samples_of
from surrogates.report.pictures import Examples

CELLS, CELL, HEIGHTS, FREQUENCY = 8, 8.0, (1.5, 12.0), 5.9e9
GEOMETRY = ("building_height", "terrain_height", "transmitter_position")


def volume_context(*targets: str, samples: bool = True) -> Context:
    """A context of some quantities, with samples among the inputs or without."""
    specs = {spec.name: spec for spec in volume_specs(len(HEIGHTS), CELLS, CELLS * CELL, SCENES)}
    specs |= {samples_of(name): specs[name].model_copy(update={"name": samples_of(name)}) for name in targets}
    given = (*GEOMETRY, *(map(samples_of, targets) if samples else ()))
    places = axes(CELLS, CELL).assign(link_scalars(FREQUENCY)).assign_coords(z=planes_of(HEIGHTS))
    return Context.of(
        [specs[name] for name in given],
        [specs[name] for name in targets],
        specs["stable"],
        shared={str(name): places[name] for name in places.variables},
        specs=specs,
    )


def volume_batch(seed: int = 0, count: int = 3) -> Batch:
    """Records of a house that is eight metres high, with some samples outside of it."""
    rng = torch.Generator().manual_seed(seed)
    shape = (count, len(HEIGHTS), CELLS, CELLS)
    building = torch.zeros(count, CELLS, CELLS)
    building[:, 3:5, 2:5] = 8.0
    made = {
        "building_height": building,
        "terrain_height": torch.rand(building.shape, generator=rng),
        "transmitter_position": torch.tensor([9.0, 12.0, 6.0]) + torch.rand(count, 3, generator=rng),
        "path_gain": -90.0 - 20.0 * torch.rand(shape, generator=rng),
        "first_time_of_arrival": 1e-7 * torch.rand(shape, generator=rng),
        "time_of_arrival": 1e-7 + 1e-7 * torch.rand(shape, generator=rng),
        "azimuth_of_arrival": 5.0 * torch.rand(shape, generator=rng),
        "zenith_of_arrival": 1.0 + torch.rand(shape, generator=rng),
        "delay_spread": 1e-8 * torch.rand(shape, generator=rng),
        "azimuth_spread": torch.rand(shape, generator=rng),
    }
    outdoor = building[:, None] < torch.tensor(HEIGHTS)[:, None, None]
    made["stable"] = outdoor & (torch.rand(shape, generator=rng) < 0.8)
    given = made["stable"] & (torch.rand(shape, generator=rng) < 0.3)
    for name in QUANTITIES:
        made[name] = made[name].where(made["stable"], torch.nan)
        made[samples_of(name)] = made[name].where(given, torch.nan)
    return made


def volume_baseline(samples: bool) -> Any:
    """An example of a baseline of all quantities."""
    return lambda _: {
        "context": volume_context(*QUANTITIES, samples=samples),
        "batches": [volume_batch(1), volume_batch()],
    }


def volume_transform(name: str, *, flat: bool = False) -> Any:
    """An example of a transform that knows transmitter and samples, with the ground or on a flat one."""
    known = volume_context(*QUANTITIES)
    given = [spec for spec in known.inputs if not (flat and spec.name == "terrain_height")]
    return lambda _: {
        "piece": {"name": name},
        "context": known.between(given, known.targets),
        "batch": volume_batch(),
        "smooth": ("transmitter_position",),
    }


def volume_preparation(piece: Any, *changes: str) -> Any:
    """An example of a preparation of volumes as a store has them."""
    made = volume_batch()
    given = {name: made[name] for name in (*GEOMETRY, *QUANTITIES, "stable")}
    given["terrain_height"] = torch.arange(float(CELLS)).expand_as(given["terrain_height"])
    known_context = volume_context(*QUANTITIES, samples=False)
    return lambda _: {"piece": piece, "context": known_context, "batch": given, "changes": changes}


def volume_slices(_: Path) -> dict[str, Any]:
    """Volumes of gain and azimuth, and a method that tells its deviation."""
    known_context, given = volume_context("path_gain", "azimuth_of_arrival", samples=False), volume_batch()
    names = [*GEOMETRY, *known_context.target_names, "stable"]
    fields = {name: (known_context.specs[name].dims, given[name].numpy()) for name in names}
    places = axes(CELLS, CELL).assign_coords(z=planes_of(HEIGHTS))
    data = places.assign(fields)
    model = data[known_context.target_names].fillna(1.0)
    for name in known_context.target_names:
        model[f"{name}_standard_deviation"] = xr.full_like(model[name], 0.5)
    targets = [Target(spec, known_context.specs["stable"]) for spec in known_context.targets]
    return {"examples": Examples(data, {"model": model}, targets, "sample")}
