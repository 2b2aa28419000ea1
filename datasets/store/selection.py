"""Choose records by the values, or by the meanings of the values, that they have."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.layout import Store

MOST_SHOWN = 20
"""Values that a message lists; of more it names the first and the last."""

Value = str | int | float | bool


def selected(
    store: Store, select: Mapping[str, Value | Sequence[Value]], where: str = "select"
) -> np.ndarray:
    """Return for each record whether it has allowed values.

    Parameters
    ----------
    store
        The store.
    select
        Allowed values of variables or coordinates along the record dimension, or of their flags, e.g.
        ``{city: [munich]}``.
    where
        Key of the configuration that asks for it, for the message.

    Returns
    -------
    array of bool, (records,)

    Raises
    ------
    ContractError
        When there is no such variable, or no record has a value; names the nearest.
    """
    chosen = np.ones(store.records, bool)
    for name, allowed in select.items():
        variable, wanted = along_records(store, name, where), np.atleast_1d(np.asarray(allowed))
        values = as_text(variable) if wanted.dtype.kind == "U" else variable.values
        if values.dtype.kind == "f" and wanted.dtype.kind in "iuf":  # 0.1 means that of float32
            wanted = wanted.astype(values.dtype)
        for value in wanted[~np.isin(wanted, values)].tolist():
            raise ContractError(
                f"{where}: no {store.record_dimension} of {store.url} has {name} {value!r}."
                f"{_nearest(str(value), np.unique(values).astype(str))} It has {_few(values)}."
            )
        chosen &= np.isin(values, wanted)
    return chosen


def along_records(store: Store, name: str, where: str) -> xr.DataArray:
    """Return a variable or coordinate with one value for each record.

    Parameters
    ----------
    store
        The store.
    name
        Name of the variable.
    where
        Key of the configuration that names it, for the message.

    Raises
    ------
    ContractError
        When there is none; names the nearest.
    """
    dataset = store.dataset()
    offered = [str(n) for n, v in dataset.variables.items() if v.dims == (store.record_dimension,)]
    if name not in offered:
        raise ContractError(
            f"{where}: {store.url} has no variable '{name}' with one value for each {store.record_dimension}."
            f"{_nearest(name, offered)} It has {', '.join(sorted(offered)) or 'none'}."
        )
    return dataset[name]


def as_text(variable: xr.DataArray) -> np.ndarray:
    """Return the meanings of a flag variable (CF), the values of any other as text, in its shape."""
    meanings = dict(
        zip(
            np.atleast_1d(variable.attrs.get("flag_values", [])).tolist(),
            str(variable.attrs.get("flag_meanings", "")).split(),
            strict=True,
        )
    )
    words = [meanings.get(value, str(value)) for value in variable.values.ravel().tolist()]
    return np.array(words).reshape(variable.shape)


def _few(values: np.ndarray) -> str:
    """Return the values of a variable as text, or only the first and last of many."""
    found = np.unique(values)
    if len(found) <= MOST_SHOWN:
        return ", ".join(sorted(found.astype(str).tolist()))
    return f"values from {found[0]} to {found[-1]}"


def _nearest(name: str, choices: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, [str(each) for each in choices], n=1)
    return f" Did you mean '{found[0]}'?" if found else ""
