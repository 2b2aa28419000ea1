"""Division of records into units, shard rows and slices."""

from dataclasses import dataclass
from math import gcd
from typing import Self

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.recipe import Recipe
from datasets.store.layout import Store


@dataclass(frozen=True)
class Units:
    """Consecutive units of ``unit_records`` records, whole units to a shard row.

    The cut follows only from recipe and store, so that it is the same for any number of workers, slices and
    restarts.
    """

    records: int
    unit_records: int
    records_per_shard: int

    def __post_init__(self) -> None:
        if self.records_per_shard % self.unit_records:
            raise BuildError(
                f"A shard must hold whole units, but {self.records_per_shard} records per shard are not a "
                f"multiple of {self.unit_records} records per unit."
            )

    @classmethod
    def of(cls, store: Store, recipe: Recipe) -> Self:
        """Return the units of a store, shorter than the recipe's where a store that grew has short shards."""
        unit = gcd(recipe.unit_records(), store.records_per_shard)
        return cls(store.records, unit, store.records_per_shard)

    @property
    def count(self) -> int:
        """Number of units."""
        return -(-self.records // self.unit_records)

    @property
    def rows(self) -> int:
        """Number of shard rows."""
        return -(-self.records // self.records_per_shard)

    def indices(self, unit: int) -> np.ndarray:
        """Return the records of a unit; the last unit may be shorter."""
        start = unit * self.unit_records
        return np.arange(start, min(start + self.unit_records, self.records))

    def row_records(self, row: int) -> range:
        """Return the records of a shard row; the last row may be shorter."""
        start = row * self.records_per_shard
        return range(start, min(start + self.records_per_shard, self.records))

    def of_row(self, row: int) -> range:
        """Return the units of a shard row."""
        per_row = self.records_per_shard // self.unit_records
        return range(row * per_row, min((row + 1) * per_row, self.count))

    def row_of(self, unit: int) -> int:
        """Return the shard row that holds a unit."""
        return unit * self.unit_records // self.records_per_shard

    def rows_of_slice(self, slice: tuple[int, int] | None) -> range:
        """Return the shard rows of slice ``(i, n)``, i from 1; all rows for None.

        Raises
        ------
        BuildError
            When i is not between 1 and n.
        """
        if slice is None:
            return range(self.rows)
        number, count = slice
        if not 1 <= number <= count:
            raise BuildError(f"parts={number}/{count}: the first number must lie between 1 and {count}.")
        return range(self.rows * (number - 1) // count, self.rows * number // count)
