"""The data of a run: stores, preparations, and the batches of each subset."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from datasets.store.layout import Store
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.groups import Groups, groups_of
from surrogates.data.index import (
    SUBSETS,
    ExampleIndex,
    blocks_of,
    records_of,
    windows_inside,
    windows_of,
)
from surrogates.data.loader import BatchLoader
from surrogates.data.source import WINDOW_DIMENSION
from surrogates.data.window import Window, horizon_coordinates, known_name, step_of, window_dimension
from surrogates.experiment.config import DatasetConfig, RunConfig
from surrogates.experiment.devices import on_gpu
from surrogates.experiment.stores import (
    common_specs,
    open_complete,
    require_apart,
    require_same_cells,
    require_variable,
    shared_coordinates,
    shared_fields,
)
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from surrogates.learning.directions import as_directions


@dataclass(frozen=True)
class RunData:
    """Stores and preparations of a run; made by `open`.

    Attributes
    ----------
    config
        The run's.
    stores
        In the order of the configuration.
    preparations, augmentations
        Steps of every batch, and of training batches.
    specs
        Of the variables of a batch, by name.
    """

    config: RunConfig
    stores: list[Store]
    preparations: list[Preparation]
    augmentations: list[Preparation]
    specs: dict[str, VariableSpec]

    @classmethod
    def open(cls, config: RunConfig) -> "RunData":
        """Open the stores and build the preparations."""
        task = config.task
        stores = [open_complete(each) for each in config.dataset]
        specs = as_directions(common_specs(stores, window_of(config)), task.directions)
        data = cls(config, stores, [], [], specs)
        if len(stores) > 1:
            coordinates = [data.coordinates_of(store) for store in stores]
            require_same_cells(stores, coordinates, [*task.inputs, *task.targets])
            require_apart(
                stores, [_of_all_subsets(*each) for each in zip(stores, config.dataset, strict=True)]
            )
        for node in task.preparations:
            preparation = Preparation.build(node, data.context)
            for name in preparation.variables:
                data.spec(name, "task.preparations")
            data.specs.update({spec.name: spec for spec in preparation.provides(data.specs)})
            data.preparations.append(preparation)
        data.augmentations.extend(Preparation.build(node, data.context) for node in task.augmentations)
        if task.draws > 1 and task.draws % data.draws_together:
            raise ConfigError(
                f"task.draws is {task.draws}, but {data.draws_together} draws belong together; "
                f"give a multiple of {data.draws_together}"
            )
        return data

    @property
    def window(self) -> Window | None:
        """What an example spans; None for single records."""
        return window_of(self.config)

    @property
    def record_dimension(self) -> str:
        """Name of the batched dimension."""
        of_records = self.window is not None and self.window.dimension is None
        return WINDOW_DIMENSION if of_records else self.stores[0].record_dimension

    @property
    def draws_together(self) -> int:
        """Draws of an example that belong together, such as the folds of a division."""
        return max((each.draws_together for each in self.preparations), default=1)

    @property
    def context(self) -> Context:
        """What pieces know of the data; its specs include what the preparations provide so far."""
        return Context(
            (),
            (),
            specs=self.specs,
            shared=self._fields[0] | self._of_the_window,
            record_dimension=self.record_dimension,
            source=listing(store.url for store in self.stores),
            unlike=self._fields[1],
            stated=self.config.task.shared,
        )

    @cached_property
    def _fields(self) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
        pairs = zip(self.stores, self.config.dataset, strict=True)
        chosen = [_of_all_subsets(store, each) for store, each in pairs]
        return shared_fields(self.stores, chosen)

    @cached_property
    def coordinates(self) -> dict[str, xr.DataArray]:
        """Coordinates that all examples share; those of a window count from its last known sample."""
        return self.coordinates_of(self.stores[0])

    def coordinates_of(self, store: Store) -> dict[str, xr.DataArray]:
        """Return `coordinates` as they are in one store."""
        along = set() if self.window is None else {self.window.dimension or store.record_dimension}
        shared = shared_coordinates(store)
        return {name: c for name, c in shared.items() if not along & set(c.dims)} | self._of_the_window

    @cached_property
    def _of_the_window(self) -> dict[str, xr.DataArray]:
        """Coordinates of the inputs and the horizon of a window; empty for single records."""
        if self.window is None:
            return {}
        dataset, records = self.stores[0].dataset(), self.stores[0].record_dimension
        along = self.window.dimension or records
        windows = [spec for spec in self.specs.values() if along in spec.dims and window_dimension(spec)]
        steps = [step_of(spec) for spec in windows]
        return horizon_coordinates(dataset, along, self.window, steps[0] if steps else 1.0)

    def spec(self, name: str, where: str) -> VariableSpec:
        """Return the spec of a variable of a batch; an unknown name is refused."""
        require_variable(name, self.specs, where, self.stores[0].url)
        return self.specs[name]

    def stored(self, wanted: Sequence[str], where: str) -> list[str]:
        """Return `wanted` without the variables that the preparations provide."""
        stored = self.stores[0].specs.keys() | self.stores[0].shared_specs.keys()
        made = {name for name in self.specs if name not in stored and known_name(name) not in stored}
        for name in wanted:
            self.spec(name, where)
        return [name for name in dict.fromkeys(wanted) if name not in made]

    def index(self, subset: str) -> ExampleIndex:
        """Return the examples of a subset (``train``, ``validation``, ``test``)."""
        window = self.window
        records, offsets = [], []
        for store, dataset in zip(self.stores, self.config.dataset, strict=True):
            chosen = records_of(store, subset, dataset.split, dataset.select)
            if window is not None and window.dimension is not None:
                chosen, offset = windows_inside(store, chosen, window)
                offsets.append(offset)
            elif window is not None:
                chosen = windows_of(store, chosen, window)
            records.append(chosen)
        return ExampleIndex.join(records, window, offsets or None)

    def groups(self, index: ExampleIndex) -> Groups | None:
        """Return the groups of the examples by ``task.groups``, or None."""
        variables = self.config.task.groups
        return groups_of(self.stores, index, variables) if variables else None

    def interval_groups(self, index: ExampleIndex) -> Groups | None:
        """Return the groups for which intervals are calibrated, by ``task.intervals.groups``, or None."""
        variables = self.config.task.intervals.groups
        return groups_of(self.stores, index, variables, "task.intervals.groups") if variables else None

    def whole_groups(self, index: ExampleIndex) -> Groups | None:
        """Return the groups that a report shows apart, or None.

        They are those of ``task.groups``, else of ``task.intervals.groups``, else of what the splits keep
        whole, where every store has such a variable.
        """
        named = self.groups(index) or self.interval_groups(index)
        pairs = list(zip((store.dataset() for store in self.stores), self.config.dataset, strict=True))
        kept = {str(dataset[each.split].attrs["keeps_whole"]) for dataset, each in pairs}
        if named is not None or len(kept) > 1:
            return named
        (name,) = kept
        along = (self.stores[0].record_dimension,)
        known = all(name in dataset.variables and dataset[name].dims == along for dataset, _ in pairs)
        return groups_of(self.stores, index, [name]) if known else None

    def blocks(self, index: ExampleIndex) -> np.ndarray | None:
        """Return the label of each example's block, or None where each example is one.

        It is the value of the variable ``task.blocks``, or with the name ``store`` the store's address.
        Overlapping windows are not independent: without ``task.blocks`` a block is the record of its windows
        or, if windows span records, a run of consecutive records as long as a window.
        """
        name = self.config.task.blocks
        if name is None and index.window is None:
            return None
        return blocks_of(self.stores, index, name, self.window)

    def loader(
        self,
        subset: str,
        variables: Sequence[str],
        *,
        train: bool = False,
        index: ExampleIndex | None = None,
        batch_size: int | None = None,
        augment: bool = True,
        rank: int = 0,
        ranks: int = 1,
    ) -> BatchLoader:
        """Return the loader of a subset; an empty subset is refused.

        Parameters
        ----------
        subset
            ``train``, ``validation`` or ``test``.
        variables
            Names of the stored variables of a batch.
        train
            Shuffle and draw anew in every epoch.
        index
            Examples, if not those of the subset.
        batch_size
            Examples of a batch; the trainer's by default.
        augment
            Off: no augmentations in training batches either.
        rank, ranks
            Number of this process, and of all that share the batches.
        """
        trainer = self.config.trainer
        index = self.index(subset) if index is None else index
        if len(index) == 0:
            raise ConfigError(self._empty(subset))
        return BatchLoader(
            self.stores,
            index,
            variables,
            batch_size or trainer.batch_size,
            self.config.seed,
            preparations=self.preparations,
            augmentations=self.augmentations if augment else [],
            train=train,
            threads=trainer.threads,
            cache_bytes=int(trainer.cache_gigabytes * 2**30),
            pin_memory=on_gpu(trainer),
            rank=rank,
            ranks=ranks,
        )

    def _empty(self, subset: str) -> str:
        urls = listing(store.url for store in self.stores)
        if self.window is None:
            return f"the {subset} subset of {urls} is empty; check the split and the selection"
        return (
            f"the {subset} subset of {urls} has no window of {self.window.span} samples (inputs and "
            "horizon) without a gap; check the split and the selection, or take a shorter window"
        )


def _of_all_subsets(store: Store, dataset: DatasetConfig) -> np.ndarray:
    records = [records_of(store, name, dataset.split, dataset.select) for name in SUBSETS]
    return np.sort(np.concatenate(records))


def window_of(config: RunConfig) -> Window | None:
    """Return the window of a configuration's examples, None for single records."""
    given = config.task.window
    return None if given is None else Window(given.length, given.stride, given.horizon, given.dimension)
