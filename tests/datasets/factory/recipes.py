"""Recipes that misbehave, for the tests of the factory."""

import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import VariableSpec
from tests.toy import Oscillator


class Slow(Oscillator):
    """Takes its time and notes every unit that it simulates in the file that TOY_LOG names."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        if log := os.environ.get("TOY_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{indices[0]}\n")
        time.sleep(0.03)
        return super().simulate(indices, rngs)


class Counted(Recipe):
    """One number for each record; notes every unit as it is begun in the file that TOY_LOG names."""

    name, title = "toy/counted", "Random numbers"
    units: int = 12

    def records(self) -> int:
        return 2 * self.units

    def unit_records(self) -> int:
        return 2

    def records_per_shard(self) -> int:
        return 8

    def specs(self) -> list[VariableSpec]:
        return [VariableSpec(name="draw", dims=("sample",), shape=(), dtype="float64", units="1")]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        with Path(os.environ["TOY_LOG"]).open("a") as file:
            file.write(f"{indices[0] // 2}\n")
        time.sleep(0.02)
        return {"draw": np.array([rng.normal() for rng in rngs])}


class Sleeping(Oscillator):
    """Makes the file that TOY_LOG names, and falls asleep for a minute."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        Path(os.environ["TOY_LOG"]).touch()
        time.sleep(60)
        return super().simulate(indices, rngs)


class Deadly(Oscillator):
    """Kills its process while the file that TOY_FUSE names has characters; each death takes one."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        fuse = Path(os.environ["TOY_FUSE"])
        if indices[0] == 4 and (left := fuse.read_text()):
            fuse.write_text(left[1:])
            os._exit(9)
        return super().simulate(indices, rngs)


class Failing(Oscillator):
    """Cannot simulate record 20."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        if 20 in indices:
            raise RuntimeError("the solver diverged")
        return super().simulate(indices, rngs)


class Sloppy(Oscillator):
    """Returns something else than it declares."""

    fault: str

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        arrays = super().simulate(indices, rngs)
        match self.fault:
            case "missing":
                del arrays["damping"]
            case "extra":
                arrays["dampin"] = arrays["damping"]
            case "shape":
                arrays["displacement"] = arrays["displacement"][:, :3]
            case "nan":
                arrays["stiffness"][1] = np.nan
            case "range":
                arrays["displacement"][2, 3] = 7
        return arrays


class Walk(Recipe):
    """A random walk: each unit goes on where the unit before ended."""

    name, title = "toy/walk", "Random walk"
    record_dimension: ClassVar[str] = "time"
    chained: ClassVar[bool] = True

    def records(self) -> int:
        return 20

    def unit_records(self) -> int:
        return 2

    def records_per_shard(self) -> int:
        return 6

    def specs(self) -> list[VariableSpec]:
        return [VariableSpec(name="position", dims=("time",), shape=(), dtype="float64", units="m")]

    def simulate_next(
        self, indices: np.ndarray, rngs: list[np.random.Generator], state: Arrays | None
    ) -> tuple[Arrays, Arrays]:
        if str(indices[0]) == os.environ.get("TOY_STOP"):
            raise RuntimeError("stopped")
        start = 0.0 if state is None else float(state["position"])
        position = start + np.cumsum([rng.normal() for rng in rngs])
        return {"position": position}, {"position": position[-1]}


class Leaking(Oscillator):
    """Needs a new worker after two units, and notes each unit's process in the file that TOY_LOG names."""

    units_per_worker: ClassVar[int | None] = 2

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        with Path(os.environ["TOY_LOG"]).open("a") as file:
            file.write(f"{os.getpid()}\n")
        return super().simulate(indices, rngs)


class Mortal(Leaking, Deadly):
    """Needs a new worker after two units, and dies while there is a fuse."""
