"""A small recipe that is not radio: damped oscillators with their analytic solution.

Tests of the factory build it; tests of training and inference learn displacement from stiffness and damping.
"""

from typing import Any

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import Split, VariableSpec
from datasets.store.streams import GROUP, stream

DURATION = 4.0
"""Seconds."""


class Oscillator(Recipe):
    """A unit mass on a spring, let go at one metre, under-damped.

    Records come in batches of ``batch`` oscillators of similar stiffness; the split keeps batches whole.
    """

    name = "toy/oscillator"
    title = "Damped oscillators"
    license = "CC0-1.0"

    samples: int = Field(default=48, gt=0, description="Number of oscillators.")
    batch: int = Field(default=4, gt=0, description="Oscillators of similar stiffness, simulated together.")
    steps: int = Field(default=32, gt=1, description="Instants at which the displacement is kept.")
    shard: int = Field(default=16, gt=0, description="Records of one shard.")

    def records(self) -> int:
        return self.samples

    def unit_records(self) -> int:
        return self.batch

    def records_per_shard(self) -> int:
        return self.shard

    def specs(self) -> list[VariableSpec]:
        each: dict[str, Any] = {"dims": ("sample",), "shape": ()}
        return [
            VariableSpec(name="stiffness", **each, units="N m-1", long_name="spring stiffness", minimum=0),
            VariableSpec(name="damping", **each, units="kg s-1", long_name="damping coefficient", minimum=0),
            VariableSpec(
                name="displacement",
                dims=("sample", "time"),
                shape=(self.steps,),
                units="m",
                long_name="displacement from rest",
                minimum=-1,
                maximum=1,
            ),
            VariableSpec(name="family", **each, dtype="int32", long_name="oscillators of similar stiffness"),
        ]

    def shared(self) -> xr.Dataset:
        time = np.linspace(0, DURATION, self.steps)
        return xr.Dataset(coords={"time": ("time", time, {"units": "s", "long_name": "time since release"})})

    def splits(self) -> list[Split]:
        families = np.arange(self.samples) // self.batch
        labels = np.array([0, 0, 0, 1, 0, 0, 0, 2], dtype=np.int8)[families % 8]
        return [Split(labels=labels, keeps_whole="family", description="three quarters train")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        families = indices // self.batch
        centre = np.array([stream(self.seed, GROUP, int(family)).uniform(4, 40) for family in families])
        stiffness = centre * np.array([rng.uniform(0.9, 1.1) for rng in rngs])
        damping = np.array([rng.uniform(0.1, 1.0) for rng in rngs])
        return {
            "stiffness": stiffness,
            "damping": damping,
            "displacement": displacement(stiffness, damping, np.linspace(0, DURATION, self.steps)),
            "family": families,
        }


def displacement(stiffness: np.ndarray, damping: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return x(t), shape (n, time), of x'' + c x' + k x = 0 with x(0) = 1 m and x'(0) = 0, for c^2 < 4 k."""
    rate = damping[:, None] / 2
    frequency = np.sqrt(stiffness[:, None] - rate**2)
    return np.exp(-rate * time) * (np.cos(frequency * time) + rate / frequency * np.sin(frequency * time))
