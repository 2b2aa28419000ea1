"""The last seconds of a stream of positions, interpolated at any time between irregular stamps."""

from collections.abc import Sequence

import numpy as np

ROOM = 256


class RecentTrack:
    """Positions of the last seconds, oldest first, in arrays that are reused.

    Parameters
    ----------
    span
        Age of the oldest position that can be interpolated, s.
    """

    def __init__(self, span: float) -> None:
        self._span = span
        self._times = np.empty(ROOM)
        self._positions = np.empty((3, ROOM))
        self._first = self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def oldest(self) -> float:
        """Time of the first sample that is kept, s."""
        return float(self._times[self._first])

    @property
    def newest(self) -> float:
        """Time of the last sample, s."""
        return float(self._times[self._end - 1])

    def clear(self) -> None:
        """Forget everything."""
        self._first = self._end = 0

    def append(self, time: float, position: Sequence[float]) -> None:
        """Add one sample, later than all others, and drop those before the span."""
        if self._end == len(self._times):
            self._make_room()
        self._times[self._end] = time
        self._positions[:, self._end] = position
        self._end += 1
        # One sample before the span stays: the oldest time of interest lies between two.
        while self._first + 1 < self._end and self._times[self._first + 1] <= time - self._span:
            self._first += 1

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return positions, shape (times, 3), linear between the samples and constant beyond the ends."""
        stamps = self._times[self._first : self._end]
        found = np.empty((len(times), 3))
        for axis in range(3):
            found[:, axis] = np.interp(times, stamps, self._positions[axis, self._first : self._end])
        return found

    def _make_room(self) -> None:
        """Move the samples to the front, of larger arrays if they fill more than half of these."""
        kept = slice(self._first, self._end)
        count = len(self)
        room = len(self._times) if 2 * count <= len(self._times) else 2 * len(self._times)
        times, positions = np.empty(room), np.empty((3, room))
        times[:count], positions[:, :count] = self._times[kept], self._positions[:, kept]
        self._times, self._positions = times, positions
        self._first, self._end = 0, count
