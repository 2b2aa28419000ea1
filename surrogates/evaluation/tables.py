"""Scores as rows of a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

ALL = "all"


@dataclass(frozen=True)
class Score:
    """One row of a table: a metric with its 95 % interval."""

    method: str
    target: str
    metric: str
    units: str
    group: str
    value: float
    low: float
    high: float
    blocks: int
    above_first: float = np.nan  # value minus that of the first method, paired on the same blocks
    above_first_low: float = np.nan
    above_first_high: float = np.nan


@dataclass(frozen=True)
class Curve:
    """Measured coverage against the level that was asked for; None where no interval has the level."""

    method: str
    target: str
    levels: list[float]
    calibrated: list[float | None] | None
    gaussian: list[float | None] | None


@dataclass(frozen=True)
class Table:
    """Scores of all methods.

    `cells` counts, per target, the cells that all methods were scored on; `seconds_per_example` is the median
    over batches of each method's time; `curves` holds the coverage of the methods' intervals.
    """

    rows: list[Score]
    examples: int
    cells: dict[str, int]
    seconds_per_example: dict[str, float] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """Names of the groups, in order; `all` first."""
        return list(dict.fromkeys(row.group for row in self.rows))

    def value(self, method: str, target: str, metric: str, group: str = ALL) -> float:
        """One number of the table."""
        wanted = (method, target, metric, group)
        for row in self.rows:
            if (row.method, row.target, row.metric, row.group) == wanted:
                return row.value
        raise ValueError(
            f"The table has no row {wanted}; it has {sorted({row.method for row in self.rows})}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; a number that does not exist is None."""
        rows = [
            {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(row).items()}
            for row in self.rows
        ]
        return {
            "rows": rows,
            "examples": self.examples,
            "cells": self.cells,
            "seconds_per_example": self.seconds_per_example,
            "coverage_curves": [asdict(curve) for curve in self.curves],
        }


def joined(tables: Sequence[Table]) -> Table:
    """Return the scores of several directions, whose targets differ, in one table.

    The times of a method that answers in several directions are those of the first.
    """
    if len(tables) == 1:
        return tables[0]
    times: dict[str, float] = {}
    for table in reversed(tables):
        times |= table.seconds_per_example
    return Table(
        [row for table in tables for row in table.rows],
        tables[0].examples,
        {name: count for table in tables for name, count in table.cells.items()},
        times,
        [curve for table in tables for curve in table.curves],
    )
