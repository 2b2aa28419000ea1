"""Faulty recipes and importers are found."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from datasets.factory.recipe import Arrays
from surrogates import testing
from tests.toy import Oscillator


class Small(Oscillator):
    """Eight oscillators in two units."""

    samples: int = Field(8, description="Number of oscillators.")
    steps: int = Field(4, description="Instants.")


class OfTheProcess(Small):
    """Depends on the process that simulates."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        return super().simulate(indices, rngs) | {"stiffness": np.full(len(indices), os.getpid() % 1000 + 1)}


class OfTheOrder(Small):
    """Depends on what was simulated before."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        _CALLS.append(1)
        return super().simulate(indices, rngs) | {"stiffness": np.full(len(indices), len(_CALLS))}


_CALLS: list[int] = []


class OfNumPy(Small):
    """Draws from the global generator."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        noise = np.random.rand(len(indices))  # noqa: NPY002
        return super().simulate(indices, rngs) | {"stiffness": 5.0 + noise}


class OutOfRange(Small):
    """Leaves the range that it states."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        return super().simulate(indices, rngs) | {"stiffness": np.full(len(indices), -1.0)}


class Nameless(Small):
    """Has a variable without a long name."""

    def specs(self) -> list[Any]:
        return [spec.model_copy(update={"long_name": ""}) for spec in super().specs()]


class CutsFamilies(Small):
    """Has a split that does not keep whole what it says."""

    def splits(self) -> list[Any]:
        (split,) = super().splits()
        return [split.model_copy(update={"labels": np.arange(8, dtype=np.int8) % 3})]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (OfTheOrder, "stopped and resumed the variable 'stiffness' differs"),
        (OfNumPy, "draws from the global generator of NumPy"),
        (OutOfRange, "its example cannot be built .*-1 below the limit 0"),
        (Nameless, "the variable 'stiffness' has no long_name"),
        (CutsFamilies, "family"),
    ],
)
def test_a_faulty_recipe_is_found(recipe: type[Small], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check_recipe(recipe(), workers=[])


def test_a_recipe_that_depends_on_the_worker_is_found() -> None:
    testing.check_recipe(Small(), workers=[1])
    with pytest.raises(AssertionError, match="built by 1 worker processes the variable 'stiffness' differs"):
        testing.check_recipe(OfTheProcess(), workers=[1])


class Reads(Small):
    """Reads a folder, and takes one that is not there."""

    reads_files = True
    folder: str = Field(".", description="Where the files lie.")


class ReadsInLines(Reads):
    """Refuses a missing folder in two lines."""

    def prepare(self) -> None:
        if not Path(self.folder).exists():
            raise ValueError(f"{self.folder}\nis not there")


def test_a_faulty_importer_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="reads_files is false"):
        testing.check_importer(Small(), workers=[])
    with pytest.raises(AssertionError, match="a missing folder is taken; expected an error in one line"):
        testing.check_importer(Reads(folder=str(tmp_path)), workers=[])
    with pytest.raises(AssertionError, match="a missing folder is refused in several lines"):
        testing.check_importer(ReadsInLines(folder=str(tmp_path)), workers=[])
