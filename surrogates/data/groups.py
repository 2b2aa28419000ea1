"""Groups of examples: one for each combination of the values of variables of the records."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from datasets.store.layout import Store
from datasets.store.selection import along_records, as_text
from datasets.store.units import convert, convertible, display
from surrogates.core.errors import ConfigError
from surrogates.data.index import ExampleIndex

STORE = "store"
"""What stands for a variable where the stores themselves are the groups."""
EVERYTHING = "all"
"""What all examples together are called."""
SEPARATOR = ", "


@dataclass(frozen=True)
class Groups:
    """The group of each example.

    Attributes
    ----------
    variables
        Names of the variables that divide the examples.
    labels
        Name of each example's group, shape (examples,).
    values
        Value of each variable, as text with its units, by the name of the group.
    """

    variables: tuple[str, ...]
    labels: np.ndarray
    values: dict[str, tuple[str, ...]]


def groups_of(
    stores: Sequence[Store], index: ExampleIndex, variables: Sequence[str], where: str = "task.groups"
) -> Groups:
    """Return the groups of the examples of an index, one draw of each.

    Parameters
    ----------
    stores
        The stores of the index.
    index
        The examples.
    variables
        Variables with one value for each record; `store` stands for the store's address.
    where
        Key of the configuration that names them, for messages.

    Raises
    ------
    ConfigError
        For a variable that is not there, two groups that would have one name, or one called as all together.
    """
    columns = [_column(stores, index, name, where) for name in variables]
    labels: list[str] = []
    values: dict[str, tuple[str, ...]] = {}
    for row in zip(*columns, strict=True):
        label = SEPARATOR.join(row)
        if label == EVERYTHING:
            raise ConfigError(
                f"{where}: a group would be called '{EVERYTHING}', as all examples together are; "
                f"rename the value of '{variables[0]}'"
            )
        if values.setdefault(label, row) != row:
            raise ConfigError(
                f"{where}: {values[label]} and {row} would both be the group '{label}'; rename a value, "
                "or name the variables in another order"
            )
        labels.append(label)
    return Groups(tuple(variables), np.array(labels, dtype=str), values)


def _column(stores: Sequence[Store], index: ExampleIndex, name: str, where: str) -> list[str]:
    if name == STORE:
        return np.array([store.url for store in stores])[index.store].tolist()
    found = np.empty(len(index.record), dtype=object)
    for number, store in enumerate(stores):
        own = index.store == number
        found[own] = as_labels(along_records(store, name, where))[index.record[own]]
    return found.tolist()


def as_labels(variable: xr.DataArray) -> np.ndarray:
    """Return the values of a variable as people read them, text of its shape.

    A flag is its meaning; a number stands in the variable's `display_units` if it has some, else in its
    units, with six digits, or all of them where six would make two values one.
    """
    values = variable.values
    if "flag_values" in variable.attrs or values.dtype.kind not in "iuf":
        return as_text(variable)
    units = str(variable.attrs.get("units", "1"))
    shown = str(variable.attrs.get("display_units") or "")
    if shown and convertible(units, shown):
        values, units = convert(values, units, shown), shown
    distinct, where = np.unique(values, return_inverse=True)
    texts = [str(value) for value in distinct]
    if values.dtype.kind == "f":
        short = [f"{value:.6g}" for value in distinct.tolist()]
        texts = short if len(set(short)) == len(short) else texts
    named = np.array([f"{text} {display(units)}".rstrip() for text in texts])
    return named[where].reshape(values.shape)
