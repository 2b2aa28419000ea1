"""Small rooms: as a context with random batches, as the recipe simulates them, and what a surrogate knows."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from datasets.acoustics.rooms import Rooms
from datasets.factory.recipe import generators
from datasets.store.specs import VariableSpec
from physics.waves.rooms.exact import free_pulse
from surrogates.inference.manifest import Coordinate
from surrogates.learning.context import Context

SPEED, HIGHEST = 343.0, 400.0
BRANCH_X, BRANCH_Y = np.linspace(0.0, 2.0, 6), np.linspace(0.5, 2.0, 5)
POINTS = 40


def room_context(*others: VariableSpec, recorded: bool = False, source: bool = True) -> Context:
    """The context of a room of 2 m by 1.5 m."""
    dims = ("sample", "point") if recorded else ("point",)
    inputs = [
        VariableSpec(
            name="initial_pressure", dims=("sample", "branch_y", "branch_x"), shape=(5, 6), units="Pa"
        ),
        *(
            VariableSpec(name=name, dims=dims, shape=(POINTS,), units="s" if name == "point_time" else "m")
            for name in ("point_x", "point_y", "point_time")
        ),
        *others,
    ]
    if source:
        inputs.append(VariableSpec(name="source_position", dims=("sample", "axis"), shape=(2,), units="m"))
    pressure = VariableSpec(name="sound_pressure", dims=("sample", "point"), shape=(POINTS,), units="Pa")
    shared: dict[str, Any] = {
        "branch_x": xr.DataArray(BRANCH_X, dims="branch_x", attrs={"units": "m"}),
        "branch_y": xr.DataArray(BRANCH_Y, dims="branch_y", attrs={"units": "m"}),
        "speed_of_sound": xr.DataArray(SPEED, attrs={"units": "m s-1"}),
        "highest_frequency": xr.DataArray(HIGHEST, attrs={"units": "Hz"}),
        "pulse_width": xr.DataArray(0.546, attrs={"units": "m"}),
    }
    return Context.of(inputs, [pressure], shared=shared)


def room_batch(context: Context, records: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """Random sources and points in the room."""
    rng = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=rng)

    found = {}
    for spec in (*context.inputs, *context.targets):
        shape = (records, *spec.shape) if "sample" in spec.dims else spec.shape
        high = {"point_x": 2.0, "point_y": 2.0, "point_time": 0.01}.get(spec.name, 1.0)
        found[spec.name] = uniform(*shape, low=0.5 if spec.name == "point_y" else 0.0, high=high)
    return found


SMALL = {
    "size": (2.0, 1.5),
    "highest_frequency": 800.0,
    "duration": 0.008,
    "time_samples": 20,
    "points": 400,
    "source_grid": 2,
    "validation_sources": 2,
    "test_sources": ((0.8, 0.7),),
    "extrapolation_sources": 0,
    "receivers": ((0.4, 0.4),),
    "fields": "none",
}


@cache
def simulated(**changes: Any) -> tuple[Context, dict[str, Tensor]]:
    """The context of a store of the recipe, and all its records as one batch."""
    recipe = Rooms.make({**SMALL, **changes})
    indices = np.arange(recipe.records())
    arrays = recipe.simulate(indices, generators(recipe.seed, indices))
    shared = recipe.shared()
    specs = {spec.name: spec for spec in recipe.specs()}
    points = [name for name in ("point_x", "point_y", "point_z", "point_time") if name in shared]
    point = specs["sound_pressure"]
    coordinates = [
        point.model_copy(update={"name": name, "dims": ("point",), "units": shared[name].attrs["units"]})
        for name in points
    ]
    context = Context.of(
        [specs["initial_pressure"], *coordinates],
        [point],
        specs=specs,
        shared={str(name): xr.DataArray(value) for name, value in shared.variables.items()},
    )
    batch = {name: torch.from_numpy(np.asarray(value)) for name, value in arrays.items() if name in specs}
    return context, batch | {name: torch.from_numpy(shared[name].values) for name in points}


def fake_surrogate(
    axes: int = 3, side: float = 4.0, ranges: dict[str, tuple[float, float]] | None = None
) -> Any:
    """What verbs need of a surrogate, which answers as in free space; `asked` holds all that it was asked."""
    width = 2 * SPEED / (np.pi * HIGHEST)
    names = [f"point_{axis}" for axis in "xyz"[:axes]]
    asked: list[xr.Dataset] = []

    def predict(data: xr.Dataset) -> xr.Dataset:
        asked.append(data)
        points = np.stack([data[name].values for name in names], axis=-1)
        distance = np.linalg.norm(points - data["source_position"].values[:, None], axis=-1)
        pressure = free_pulse(np.maximum(distance, 1e-6), data["point_time"].values, width)
        return xr.Dataset({"sound_pressure": (("sample", "point"), pressure, {"units": "Pa"})})

    grid = np.linspace(0.0, side, 12)
    coordinates = {f"branch_{axis}": Coordinate(values=grid.tolist()) for axis in "xyz"[:axes]}
    numbers = {"pulse_width": width, "highest_frequency": HIGHEST, "speed_of_sound": SPEED}
    return SimpleNamespace(
        predict=predict,
        asked=asked,
        record_dimension="sample",
        inputs=dict.fromkeys(["initial_pressure", *names, "point_time"]),
        outputs={"sound_pressure": None},
        bundle=SimpleNamespace(
            manifest=SimpleNamespace(
                coordinates=coordinates,
                scalars={name: SimpleNamespace(value=value) for name, value in numbers.items()},
                stated={},
                ranges={"point_time": (0.0, 0.03), **(ranges or {})},
            )
        ),
    )
