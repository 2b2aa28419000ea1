"""What a user should know of the coordinates of an import."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr

from datasets.factory.errors import BuildError
from datasets.factory.view import View
from datasets.store.clocks import durations
from datasets.store.units import display

EVEN = 1e-3
"""Share of a step by which the steps of an even coordinate may differ."""

Table = dict[str, xr.Variable]


def is_axis(variable: xr.Variable | None) -> bool:
    """Tell whether a variable is a coordinate of numbers with at least two cells."""
    return variable is not None and variable.ndim == 1 and variable.size > 1 and variable.dtype.kind in "fiu"


def odd_values(table: Table) -> Iterator[str]:
    """Yield what is odd about coordinates; refuse NaN in those of a dimension."""
    for name, variable in table.items():
        if variable.dims != (name,) or not is_axis(variable):
            continue
        values = durations(variable)[0].astype(np.float64)
        if (unknown := np.flatnonzero(np.isnan(values))).size:
            raise BuildError(
                f"coordinate '{name}' is NaN at {int(unknown[0])} ({unknown.size} in all), expected a number "
                "for each cell; fill it in, or leave these cells out of the files"
            )
        units, steps = display(durations(variable)[1]), np.diff(values)
        if repeated := values.size - np.unique(values).size:
            order = np.argsort(values, kind="stable")
            one, two = next((a, b) for a, b in pairwise(order) if values[a] == values[b])
            yield (
                f"coordinate '{name}' has {repeated} of {values.size} values again, the first at {one} and "
                f"{two}: leave the copies out of the files, or no split keeps them apart"
            )
        if not np.allclose(steps, np.median(steps), rtol=EVEN, atol=0):
            ends = f"{steps.min():g} to {steps.max():g} {units}".rstrip()
            yield f"coordinate '{name}' is uneven: steps from {ends}"


def going_back(along: Table, views: Sequence[View]) -> Iterator[str]:
    """Yield between which files a coordinate of the records that else grows goes back."""
    starts = np.cumsum([view.records for view in views])[:-1]
    for name, variable in along.items():
        if variable.dims != (name,) or not is_axis(variable):
            continue
        steps = np.diff(durations(variable)[0].astype(np.float64))
        back = [number for number, start in enumerate(starts) if steps[start - 1] <= 0]
        if back and np.median(steps) > 0:
            before, after = (Path(views[back[0] + number].path).name for number in (0, 1))
            yield (
                f"coordinate '{name}' goes back from {before} to {after} ({len(back)} such pairs of files): "
                "list the files in their order under `files:`, or leave out what two of them hold"
            )


def turned_round(turned: Sequence[frozenset[str]]) -> Iterator[str]:
    for dim in sorted(frozenset().union(*turned)):
        count = sum(dim in each for each in turned)
        yield f"'{dim}' runs the other way in {count} of {len(turned)} files: turned round, with its cells"
