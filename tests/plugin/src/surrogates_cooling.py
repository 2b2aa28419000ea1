"""A body that cools by Newton's law: a recipe, a network and a predictor of a third party."""

from typing import ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field
from torch import Tensor, nn

from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import Split, VariableSpec

AMBIENT = 290.0
"""Temperature of the surroundings, K."""


class Cooling(Recipe):
    """Temperature of a body let alone in a room, from its start and its time constant."""

    name: ClassVar[str] = "cooling/body"
    title: ClassVar[str] = "Bodies that cool by Newton's law"

    samples: int = Field(96, gt=0, description="Number of bodies.")
    steps: int = Field(16, gt=1, description="Instants at which the temperature is kept, one a minute.")

    def records(self) -> int:
        return self.samples

    def unit_records(self) -> int:
        return min(16, self.samples)

    def specs(self) -> list[VariableSpec]:
        return [
            VariableSpec(
                name="start", dims=("sample",), shape=(), units="K", long_name="temperature at the start"
            ),
            VariableSpec(
                name="time_constant", dims=("sample",), shape=(), units="s", long_name="time constant"
            ),
            VariableSpec(
                name="temperature",
                dims=("sample", "time"),
                shape=(self.steps,),
                units="K",
                long_name="temperature of the body",
                minimum=AMBIENT,
            ),
        ]

    def shared(self) -> xr.Dataset:
        return xr.Dataset(coords={"time": ("time", self._time, {"units": "s", "long_name": "time"})})

    def splits(self) -> list[Split]:
        labels = np.array([0, 0, 0, 0, 1, 2], dtype=np.int8)[np.arange(self.samples) % 6]
        return [Split(labels=labels, keeps_whole="none", description="every sixth body tests")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        start = np.array([rng.uniform(300, 370) for rng in rngs])
        time_constant = np.array([rng.uniform(200, 600) for rng in rngs])
        decay = np.exp(-self._time / time_constant[:, None])
        return {
            "start": start,
            "time_constant": time_constant,
            "temperature": AMBIENT + (start - AMBIENT)[:, None] * decay,
        }

    @property
    def _time(self) -> np.ndarray:
        return 60.0 * np.arange(self.steps)


class Bilinear(nn.Module):
    """A linear layer over the channels and their pairwise products."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels + in_channels**2, out_channels, bias=bias)

    def forward(self, channels: Tensor) -> Tensor:
        products = torch.einsum("bi,bj->bij", channels, channels).flatten(1)
        return self.linear(torch.cat([channels, products], dim=1))


class Bounded:
    """One forward pass, kept between the surroundings and the start, as thermodynamics demands."""

    def __init__(self, ambient: float = AMBIENT) -> None:
        self.ambient = ambient

    def __call__(
        self, pipeline: nn.Module, inputs: dict[str, Tensor], rng: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        answer = pipeline(inputs)
        hottest = inputs["start"][:, None]
        return answer | {"temperature": answer["temperature"].clamp(min=self.ambient).minimum(hottest)}
