"""Variables of a store as arrays with one leading example axis."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.store.layout import Store
from datasets.store.padding import LENGTH, padded_dimension, without_padding
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.window import Window, forecast_name, known_name, spacing, windowed

WINDOW_DIMENSION = "example"


class Source:
    """Reads examples of one store.

    A variable is stored per record, in a table whose rows records share (found by the integer variable that
    carries ``instance_dimension``), or once for all records. Where the store says along which dimension
    records are padded (`datasets.store.padding`), the padding is read as NaN, whatever the store holds there.

    Parameters
    ----------
    store
        The store.
    variables
        Names of the variables; with a horizon also ``<variable>_forecast``.
    window
        What an example spans; None for single records.
    """

    def __init__(self, store: Store, variables: Sequence[str], window: Window | None = None) -> None:
        self.store = store
        self.window = window
        self._padding = padded_dimension(store.specs)
        self._links = {
            str(spec.attributes["instance_dimension"]): name
            for name, spec in store.specs.items()
            if "instance_dimension" in spec.attributes
        }
        stored = list(dict.fromkeys(self._stored(name) for name in variables))
        self._recorded = [name for name in stored if name in store.specs]
        others = [name for name in stored if name not in store.specs]
        self._tables = {name: self._link(name) for name in others if self._link(name) is not None}
        values = {name: tidy(np.asarray(store.shared(name))) for name in others}
        self.shared = {name: value for name, value in values.items() if name not in self._tables}
        self._table_values = {name: values[name] for name in self._tables}
        links = {link for link in self._tables.values() if link is not None}
        beside = links | ({LENGTH} if any(map(self._is_padded, self._recorded)) else set())
        self._reader = store.reader([*self._recorded, *sorted(beside - set(self._recorded))])
        self._cuts = {name: self._cut(name) for name in variables if self._stored(name) not in self.shared}

    @property
    def along(self) -> str | None:
        """Dimension of the window."""
        return None if self.window is None else self.window.dimension or self.store.record_dimension

    def spec(self, name: str) -> VariableSpec:
        """Return the spec of a variable as the examples show it."""
        stored = self._stored(name)
        spec = self._record_spec(stored)
        if self.window is None or not self._is_windowed(stored):
            return spec
        if self.window.dimension is None:
            spec = spec.model_copy(update={"dims": (WINDOW_DIMENSION, *spec.dims), "shape": (1, *spec.shape)})
        elif spec.missing and self._only_padding_lacks(stored):
            spec = spec.model_copy(update={"missing": False})
        step = spacing(self.store.dataset(), str(self.along), self.store.record_dimension, self.store.url)
        return windowed(spec, self.window, str(self.along), step, ahead=stored != name)

    def offered(self, names: Sequence[str]) -> list[str]:
        """Return the names of the store's variables, and of their horizons."""
        ahead = self.window is not None and self.window.horizon > 0
        return [*names, *(forecast_name(name) for name in names if ahead and self._is_windowed(name))]

    def read(self, records: np.ndarray) -> dict[str, Tensor]:
        """Return whole records, shape (records, ...), without shared variables."""
        raw = self._reader.read(records)
        values = {name: tidy(raw[name]) for name in self._recorded}
        for name in filter(self._is_padded, self._recorded):
            spec = self.store.specs[name]
            values[name] = without_padding(values[name], raw[LENGTH], spec, str(self._padding))
        for name, link in self._tables.items():
            values[name] = self._table_values[name][raw[str(link)]]
        return {name: torch.from_numpy(value) for name, value in values.items()}

    def examples(
        self, values: Mapping[str, Tensor], rows: Tensor, offsets: Tensor | None
    ) -> dict[str, Tensor]:
        """Cut examples out of records.

        Parameters
        ----------
        values
            Records as `read` returns them; those of one window follow each other.
        rows
            Index in them of each example's (first) record, shape (examples,).
        offsets
            Where each window begins inside its record; None where it does not.
        """
        return {name: cut(values, rows, offsets) for name, cut in self._cuts.items()}

    def bytes_per_record(self) -> int:
        """Return the memory of one record."""
        return sum(value.nbytes for value in self.read(np.zeros(1, np.int64)).values())

    def _cut(self, name: str) -> Any:
        """Return the function that cuts one variable of examples out of records."""
        stored = self._stored(name)
        window = self.window
        if window is None or not self._is_windowed(stored):
            return lambda values, rows, offsets: values[stored].index_select(0, rows)
        first, last = (0, window.length) if stored == name else (window.length, window.span)
        steps = torch.arange(first, last)
        if window.dimension is None:
            return lambda values, rows, offsets: values[stored][rows[:, None] + steps]
        axis = self._record_spec(stored).dims.index(window.dimension)

        def inside(values: Mapping[str, Tensor], rows: Tensor, offsets: Tensor) -> Tensor:
            moved = values[stored].movedim(axis, 1)
            return moved[rows[:, None], offsets[:, None] + steps].movedim(1, axis)

        return inside

    def _record_spec(self, stored: str) -> VariableSpec:
        """Return the spec of a variable of one record."""
        spec = (self.store.specs | self.store.shared_specs)[stored]
        if self._is_padded(stored) and np.dtype(spec.dtype).kind in "fc":
            return spec.model_copy(update={"missing": True})
        if self._link(stored) is None:
            return spec
        return spec.model_copy(
            update={"dims": (self.store.record_dimension, *spec.dims[1:]), "shape": spec.shape[1:]}
        )

    def _is_padded(self, stored: str) -> bool:
        """Whether a variable of the store varies along the dimension of the padding."""
        return stored in self.store.specs and self._padding in self.store.specs[stored].dims

    def _is_windowed(self, stored: str) -> bool:
        """Whether a variable of the store varies along the window."""
        recorded = stored in self.store.specs or self._link(stored) is not None
        return recorded and (
            self.along == self.store.record_dimension or self.along in self._record_spec(stored).dims
        )

    def _only_padding_lacks(self, stored: str) -> bool:
        """Return whether a variable is NaN only behind the end of each record, which no window holds."""
        assert self.window is not None
        spec = self.store.specs.get(stored)
        if spec is None or LENGTH not in self.store.specs:
            return False
        samples = int(self.store.dataset()[LENGTH].values.sum())
        cells = prod(spec.shape) // spec.shape[spec.dims.index(str(self.window.dimension)) - 1]
        known = self.store.statistics(stored, np.arange(self.store.records)).count
        return int(known.sum()) == samples * cells

    def _stored(self, name: str) -> str:
        """Return the variable of the store that a name stands for."""
        known = known_name(name)
        stored = self.store.specs.keys() | self.store.shared_specs.keys()
        ahead = self.window is not None and self.window.horizon > 0 and name not in stored and known in stored
        return known if ahead and self._is_windowed(known) else name

    def _link(self, name: str) -> str | None:
        offered = self.store.shared_specs
        if name in self.store.specs:
            return None
        if name not in offered:
            known = [*self.store.specs, *offered]
            raise ConfigError(
                f"{self.store.url} has no variable '{name}'.{nearest(name, known)} It has {listing(known)}."
            )
        dims = offered[name].dims
        return self._links.get(dims[0]) if dims else None


def tidy(values: np.ndarray) -> np.ndarray:
    """Return floats as float32, complex numbers as complex64, in native byte order; all else as it is."""
    if values.dtype.kind in "fc":
        return values.astype(np.float32 if values.dtype.kind == "f" else np.complex64, copy=False)
    return values.astype(values.dtype.newbyteorder("="), copy=False)
