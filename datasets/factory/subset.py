"""Copy a subset of a store: some of its records and variables."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets.factory.build import build
from datasets.factory.copies import Copy, open_source, origin_of
from datasets.store.layout import Store
from datasets.store.selection import Value
from datasets.store.urls import normalise


def subset(
    url: str,
    out: str,
    *,
    subset: str | None = None,
    split: str = "split",
    records: tuple[int, int | None] = (0, None),
    variables: Sequence[str] = (),
    select: Mapping[str, Value] | None = None,
    workers: int = 0,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Store:
    """Copy the records of a store that fulfil all conditions; may be killed and resumed by the same call.

    Parameters
    ----------
    url
        A finished store.
    out
        The new store.
    subset, split
        Subset of a split, such as ``train``; all records by default.
    records
        First record, and the record before which to end (None: the end).
    variables
        Record variables to copy, and what masks them or says how long they are; all if empty.
    select
        Values, or meanings of values, of variables along the records, such as ``{city: munich}``.
    workers, progress, bar, storage_options
        As in `datasets.factory.build.build`; the options are for `out`.

    Raises
    ------
    BuildError, ContractError
        When nothing is chosen, or a variable or value does not exist.
    """
    store = open_source(normalise(url))
    recipe = Copy(
        urls=(store.url,),
        origins=(origin_of(store),),
        variables=tuple(variables),
        split=split,
        subset=subset,
        first=records[0],
        stop=records[1],
        select=dict(select or {}),
    )
    return build(recipe, out, workers=workers, progress=progress, bar=bar, storage_options=storage_options)
