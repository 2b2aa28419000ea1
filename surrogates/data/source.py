"""Variables of a store as arrays with one leading example axis."""

from collections.abc import Sequence

import numpy as np

from datasets.store.layout import Store
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest

WINDOW_DIMENSION = "example"


class Source:
    """Reads examples of one store.

    A variable is stored per record, in a table whose rows records share (found by the integer variable that
    carries ``instance_dimension``), or once for all records.

    Parameters
    ----------
    store
        The store.
    variables
        Names of the variables.
    length
        Records of an example; None for single records.
    """

    def __init__(self, store: Store, variables: Sequence[str], length: int | None = None) -> None:
        self.store = store
        self._length = length
        self._links = {
            str(spec.attributes["instance_dimension"]): name
            for name, spec in store.specs.items()
            if "instance_dimension" in spec.attributes
        }
        self._recorded = [name for name in variables if name in store.specs]
        others = [name for name in variables if name not in store.specs]
        self._tables = {name: self._link(name) for name in others if self._link(name) is not None}
        values = {name: tidy(np.asarray(store.shared(name))) for name in others}
        self.shared = {name: value for name, value in values.items() if name not in self._tables}
        self._table_values = {name: values[name] for name in self._tables}
        links = {link for link in self._tables.values() if link is not None}
        self._reader = store.reader([*self._recorded, *sorted(links - set(self._recorded))])

    def spec(self, name: str) -> VariableSpec:
        """Return the spec of a variable as the examples show it."""
        spec = (self.store.specs | self.store.shared_specs)[name]
        if name in self._tables:
            return spec.model_copy(
                update={"dims": (self.store.record_dimension, *spec.dims[1:]), "shape": spec.shape[1:]}
            )
        if self._length is None or name in self.shared:
            return spec
        return spec.model_copy(
            update={"dims": (WINDOW_DIMENSION, *spec.dims), "shape": (self._length, *spec.shape)}
        )

    def read(self, records: np.ndarray) -> dict[str, np.ndarray]:
        """Return the examples that begin at ``records``, shape (examples, ...), without shared variables."""
        wanted = records if self._length is None else (records[:, None] + np.arange(self._length)).ravel()
        raw = self._reader.read(wanted)
        batch = {name: tidy(raw[name]) for name in self._recorded}
        for name, link in self._tables.items():
            batch[name] = self._table_values[name][raw[str(link)]]
        if self._length is None:
            return batch
        return {name: value.reshape(-1, self._length, *value.shape[1:]) for name, value in batch.items()}

    def bytes_per_example(self) -> int:
        """Return the memory of one example."""
        return sum(value.nbytes for value in self.read(np.zeros(1, np.int64)).values())

    def _link(self, name: str) -> str | None:
        offered = self.store.shared_specs
        if name not in offered:
            known = [*self.store.specs, *offered]
            raise ConfigError(
                f"{self.store.url} has no variable '{name}'.{nearest(name, known)} It has {listing(known)}."
            )
        dims = offered[name].dims
        return self._links.get(dims[0]) if dims else None


def tidy(values: np.ndarray) -> np.ndarray:
    """Return floats as float32 in native byte order, everything else as it is."""
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    return values.astype(values.dtype.newbyteorder("="), copy=False)
