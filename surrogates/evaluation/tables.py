"""Scores as rows of a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from surrogates.data.groups import EVERYTHING
from surrogates.evaluation.reliability import Recorded
from surrogates.learning.contract import Best

ALL = EVERYTHING
UNDISTURBED = "undisturbed"
"""What the condition of the inputs as they are is called."""


@dataclass(frozen=True, slots=True)
class Score:
    """One row of a table: a metric with its 95 % interval, of a group of examples under a condition."""

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
    condition: str = UNDISTURBED
    best: Best = "smallest"  # of the metric's values

    @property
    def scenario(self) -> tuple[str, str]:
        """Group and condition."""
        return self.group, self.condition


@dataclass(frozen=True)
class Curve:
    """Measured coverage against the level that was asked for; None where no interval has the level."""

    method: str
    target: str
    levels: list[float]
    calibrated: list[float | None] | None
    gaussian: list[float | None] | None
    members: list[float | None] | None


@dataclass(frozen=True)
class Table:
    """Scores of all methods.

    `cells` counts, per target, the cells that all methods were scored on; `seconds_per_example` is the median
    over batches of each method's time; `curves` holds the coverage of the methods' intervals. These are of
    the undisturbed inputs. `group_variables` divide the examples into groups, and `group_values` holds the
    value of each of them by the name of a group. `records` holds, by target, what became of each example's
    interval of the first method.
    """

    rows: list[Score]
    examples: int
    cells: dict[str, int]
    seconds_per_example: dict[str, float] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    group_variables: tuple[str, ...] = ()
    group_values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    records: dict[str, Recorded] = field(default_factory=dict)

    @cached_property
    def conditions(self) -> list[str]:
        """Names of the conditions, in order; `undisturbed` first."""
        return list(dict.fromkeys(row.condition for row in self.rows))

    @cached_property
    def groups(self) -> list[str]:
        """Names of the groups, in order; `all` first."""
        return list(dict.fromkeys(row.group for row in self.rows))

    def value(
        self, method: str, target: str, metric: str, group: str = ALL, condition: str = UNDISTURBED
    ) -> float:
        """One number of the table."""
        wanted = (method, target, metric, group, condition)
        for row in self.rows:
            if (row.method, row.target, row.metric, row.group, row.condition) == wanted:
                return row.value
        raise ValueError(
            f"The table has no row {wanted}; it has {sorted({row.method for row in self.rows})}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; a number that does not exist is None."""
        return {
            "rows": self.rows_as_dicts(),
            "examples": self.examples,
            "cells": self.cells,
            "seconds_per_example": self.seconds_per_example,
            "coverage_curves": [asdict(curve) for curve in self.curves],
        }

    def rows_as_dicts(self) -> list[dict[str, Any]]:
        """Plain JSON values of the rows, with their condition if there are several."""
        left_out = {"best"} if len(self.conditions) > 1 else {"best", "condition"}
        names = [each.name for each in fields(Score) if each.name not in left_out]
        return [{name: _plain(getattr(row, name)) for name in names} for row in self.rows]


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def under_conditions(tables: Sequence[Table]) -> Table:
    """Return the scores of the undisturbed inputs and of all conditions in one table."""
    return replace(tables[0], rows=[row for table in tables for row in table.rows])


def joined(tables: Sequence[Table]) -> Table:
    """Return the scores of several directions, whose targets differ, in one table.

    The times of a method that answers in several directions are those of the first.
    """
    if len(tables) == 1:
        return tables[0]
    times: dict[str, float] = {}
    for table in reversed(tables):
        times |= table.seconds_per_example
    return replace(
        tables[0],
        rows=[row for table in tables for row in table.rows],
        cells={name: count for table in tables for name, count in table.cells.items()},
        seconds_per_example=times,
        curves=[curve for table in tables for curve in table.curves],
        records={name: each for table in tables for name, each in table.records.items()},
    )
