"""Reading batches of random records."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets.store.layout import Store


class RecordReader:
    """Reads random records of some record variables of a store."""

    def __init__(self, store: "Store", variables: Sequence[str]) -> None:
        self.direct = False
        self._arrays = {name: store.array(name) for name in variables}

    def read(
        self, indices: Sequence[int] | np.ndarray, out: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the records `indices` of each variable, shape (batch, ...), in the buffers `out` when given."""
        batch = {}
        for name, array in self._arrays.items():
            shape = (len(indices), *array.shape[1:])
            batch[name] = np.empty(shape, array.dtype) if out is None else out[name][: len(indices)]
            for place, index in enumerate(indices):
                batch[name][place] = array[int(index)]
        return batch
