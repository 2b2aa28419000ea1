"""Arrays that were used last."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np


class RecentArrays:
    """The arrays used last, up to a number of bytes; safe in threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> np.ndarray | None:
        """Return an array, or None if it is not kept."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: Hashable, array: np.ndarray) -> None:
        """Keep an array, and forget those used longest ago."""
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._bytes += array.nbytes
            while self._bytes > self._limit:
                self._bytes -= self._arrays.popitem(last=False)[1].nbytes

    def forget(self, key: Hashable) -> None:
        """No longer keep an array."""
        with self._lock:
            if key in self._arrays:
                self._bytes -= self._arrays.pop(key).nbytes
