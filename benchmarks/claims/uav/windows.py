"""Windows of flights divided regardless of overlap, as is often published: scores flatter."""

from functools import cached_property
from typing import ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from datasets.factory.recipe import Arrays, Recipe
from datasets.store.layout import Store, open_store
from datasets.store.specs import Split, VariableSpec
from datasets.store.streams import GROUP, stream
from datasets.uav.variables import RECORD, coordinates, family_spec, track_specs
from surrogates.data.index import SUBSETS, windows_inside
from surrogates.data.window import Window


class LeakyWindows(Recipe):
    """Overlapping windows of all flights, each a record of its own.

    The split draws 80, 10 and 10 % of all windows, so that windows of one flight are trained and tested on.
    `split_common` holds as its test the test windows that lie in test flights.
    """

    name: ClassVar[str] = "uav/leaky_windows"
    title: ClassVar[str] = "Windows of simulated flights"
    record_dimension: ClassVar[str] = RECORD

    flights: str = Field(description="Store of the flights.")
    length: int = Field(21, gt=0, description="Known samples of a window.")
    horizon: int = Field(10, gt=0, description="Samples ahead.")
    stride: int = Field(5, gt=0, description="Samples between the starts of two windows.")

    @cached_property
    def _store(self) -> Store:
        return open_store(self.flights)

    @cached_property
    def _windows(self) -> tuple[np.ndarray, np.ndarray]:
        """Flight and beginning of every window, shape (windows,) each."""
        window = Window(self.length, self.stride, self.horizon, "time")
        return windows_inside(self._store, np.arange(self._store.records), window)

    def records(self) -> int:
        return len(self._windows[0])

    def unit_records(self) -> int:
        return 4096

    def records_per_shard(self) -> int:
        return 4096

    def specs(self) -> list[VariableSpec]:
        return [*track_specs(self.length + self.horizon, ["position"]), family_spec(())]

    def shared(self) -> xr.Dataset:
        return coordinates(self.length + self.horizon, quaternion=False)

    def splits(self) -> list[Split]:
        labels = scattered(self.records(), self.seed)
        tested = (labels == SUBSETS["test"]) & (
            self._store.split("split")[self._windows[0]] == SUBSETS["test"]
        )
        common = np.where(tested, SUBSETS["test"], SUBSETS["train"]).astype(np.int8)
        return [
            Split(labels=labels, keeps_whole="none"),
            Split(name="split_common", labels=common, keeps_whole="none"),
        ]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        flights, starts = (each[indices] for each in self._windows)
        records, found = np.unique(flights, return_inverse=True)
        values = self._store.reader(["position", "family"]).read(records)
        samples = starts[:, None] + np.arange(self.length + self.horizon)
        return {"position": values["position"][found[:, None], samples], "family": values["family"][found]}


def scattered(count: int, seed: int) -> np.ndarray:
    """Return the label of each of `count` windows when 80, 10 and 10 % of all are drawn, int8."""
    order, labels = stream(seed, GROUP).permutation(count), np.zeros(count, np.int8)
    first, second = round(0.8 * count), round(0.9 * count)
    labels[order[first:second]], labels[order[second:]] = SUBSETS["validation"], SUBSETS["test"]
    return labels
