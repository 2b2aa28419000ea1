"""The data: temperatures of bodies that are let alone in a room."""

from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import Split, VariableSpec

EACH = {"dims": ("sample",), "shape": ()}


class Cooling(Recipe):
    """Temperature of a body let alone in a room, from its start and its time constant."""

    name: ClassVar[str] = "cooling/body"
    title: ClassVar[str] = "Bodies that cool by Newton's law"

    samples: int = Field(96, gt=0, description="Number of bodies.")
    steps: int = Field(16, gt=1, description="Instants at which the temperature is kept, one a minute.")
    ambient: float = Field(290.0, gt=0, le=300, description="Temperature of the room, K.")

    def records(self) -> int:
        return self.samples

    def unit_records(self) -> int:
        return min(16, self.samples)

    def specs(self) -> list[VariableSpec]:
        return [
            VariableSpec(name="start", units="K", long_name="temperature at the start", **EACH),
            VariableSpec(name="time_constant", units="s", long_name="time constant", **EACH),
            VariableSpec(
                name="temperature",
                dims=("sample", "time"),
                shape=(self.steps,),
                units="K",
                long_name="temperature of the body",
            ),
        ]

    def shared(self) -> xr.Dataset:
        room = ((), self.ambient, {"units": "K", "long_name": "temperature of the room"})
        time = ("time", self._time, {"units": "s", "long_name": "time"})
        return xr.Dataset({"ambient": room}, coords={"time": time})

    def splits(self) -> list[Split]:
        labels = np.array([0, 0, 0, 0, 1, 2], dtype=np.int8)[np.arange(self.samples) % 6]
        return [Split(labels=labels, keeps_whole="none", description="every sixth body tests")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        start = np.array([rng.uniform(300, 370) for rng in rngs])
        time_constant = np.array([rng.uniform(200, 600) for rng in rngs])
        excess = (start - self.ambient)[:, None] * np.exp(-self._time / time_constant[:, None])
        return {"start": start, "time_constant": time_constant, "temperature": self.ambient + excess}

    @property
    def _time(self) -> np.ndarray:
        return 60.0 * np.arange(self.steps)
