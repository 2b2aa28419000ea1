"""Write whole shard rows while the simulators run."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from datasets.factory.staging import Staging
from datasets.factory.units import Units
from datasets.store.layout import Store
from datasets.store.urls import local_path
from surrogates.core.files import sync

BACKLOG = 8
"""Whole rows that may wait on disk before the simulators have to."""


class RowWriter:
    """One thread that turns staged units into shard rows, each with its receipt last.

    Parameters
    ----------
    store, staging, units
        What to write, where it comes from, how records are cut.
    provenance
        Returns what the receipt of some records says beside the hashes.
    """

    def __init__(
        self, store: Store, staging: Staging, units: Units, provenance: Callable[[range], Mapping[str, Any]]
    ) -> None:
        self._store, self._staging, self._units = store, staging, units
        self._provenance = provenance
        self._rows: queue.Queue[int | None] = queue.Queue(BACKLOG)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="row-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, also after a failed unit: finished rows are worth keeping."""
        self._rows.put(None)
        self._thread.join()
        if kind is None:
            self.check()

    def submit(self, row: int) -> None:
        """Let a row be written whose units are all staged."""
        self.check()
        self._rows.put(row)

    def check(self) -> None:
        """Raise what went wrong in the thread."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        for row in iter(self._rows.get, None):
            if self._error is None:
                try:
                    self._write(row)
                except Exception as error:
                    self._error = error

    def _write(self, row: int) -> None:
        hashes = self._store.write_row(row, self._assemble(row))
        self._make_durable(f"*/c/{row}", f"statistics/*/*/c/{row}")
        more = self._provenance(self._units.row_records(row))
        self._store.write_receipt(row, {"hashes": dict(hashes), **more})
        self._make_durable(f"build/row-{row:06d}")
        self._staging.remove(self._units.of_row(row))

    def _make_durable(self, *patterns: str) -> None:
        """Force files to the disk, so that no receipt outlives its data when the power fails."""
        folder = local_path(self._store.url)
        for path in (path for pattern in patterns for path in (folder.glob(pattern) if folder else ())):
            sync(path)

    def _assemble(self, row: int) -> dict[str, np.ndarray]:
        records = self._units.row_records(row)
        arrays = {
            name: np.empty((len(records), *spec.shape), spec.dtype)
            for name, spec in self._store.specs.items()
        }
        for unit in self._units.of_row(row):
            indices = self._units.indices(unit) - records.start
            staged = self._staging.read(unit)
            if staged.keys() != arrays.keys():
                raise self._staging.refuse(unit, f"it holds {sorted(staged)}, expected {sorted(arrays)}")
            for name, values in staged.items():
                part = arrays[name][indices[0] : indices[-1] + 1]
                if (values.shape, values.dtype) != (part.shape, part.dtype):
                    found = f"'{name}' is {values.dtype} {values.shape}, expected {part.dtype} {part.shape}"
                    raise self._staging.refuse(unit, found)
                part[...] = values
        return arrays


class RowTracker:
    """Tells which shard rows became whole.

    Parameters
    ----------
    units
        How records are cut.
    rows
        Rows to watch.
    staged
        Units that are there already.
    """

    def __init__(self, units: Units, rows: list[int], staged: set[int]) -> None:
        self._units = units
        self._missing = {row: set(units.of_row(row)) - staged for row in rows}

    def missing(self) -> list[int]:
        """Return the units to simulate, in order."""
        return sorted(unit for units in self._missing.values() for unit in units)

    def whole(self) -> Iterator[int]:
        """Return the rows that miss nothing, once each."""
        for row in [row for row, units in self._missing.items() if not units]:
            del self._missing[row]
            yield row

    def add(self, unit: int) -> None:
        """Note a finished unit."""
        self._missing[self._units.row_of(unit)].discard(unit)
