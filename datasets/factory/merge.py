"""Merge stores: their records, one store after the other."""

import sys
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from datasets.factory.build import build
from datasets.factory.copies import Copy, open_source, origin_of
from datasets.factory.errors import BuildError
from datasets.store.layout import Store
from datasets.store.repeated import repeated
from datasets.store.urls import normalise
from surrogates.core.text import listing


def merge(
    urls: Sequence[str],
    out: str,
    *,
    workers: int = 0,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Store:
    """Concatenate stores of the same variables, units, grids, shared fields and splits along their records.

    Splits are kept. Tables of instances (cities, windows) are joined where they differ. Global attributes
    that differ are left out, which is said and stands in the history. May be killed and resumed by the same
    call, like a build. No recipe makes the result again; its receipts name the store and the records that
    each row comes from.

    Parameters
    ----------
    urls
        Two finished stores or more, in the order of their records.
    out
        The new store.
    workers, progress, bar, storage_options
        As in `datasets.factory.build.build`; the options are for `out`.

    Raises
    ------
    BuildError
        For stores that differ (names the first difference, which may be a global attribute that states what
        values mean), hold the same records, or tear a group apart.
    """
    if len(urls) < 2:
        raise BuildError("merge takes two stores or more; `surrogates data subset` copies one")
    stores = [open_source(normalise(url)) for url in urls]
    for first, other in combinations(stores, 2):
        _require_other_records(first, other)
    recipe = Copy.make({"urls": [store.url for store in stores], "origins": [*map(origin_of, stores)]})
    store = build(recipe, out, workers=workers, progress=progress, bar=bar, storage_options=storage_options)
    if progress and recipe.dropped:
        print(
            f"{out}: attributes left out, since the stores differ in them ({len(recipe.dropped)}): "
            f"{listing(recipe.dropped)}; the history has their values",
            file=sys.stderr,
        )
    return store


def _require_other_records(first: Store, other: Store) -> None:
    """Refuse two stores with an equal record: one that stands twice would be trained on and scored."""
    one, two = (
        {str((store.receipt(row) or {}).get("hashes")) for row in store.complete_rows()}
        for store in (first, other)
    )
    if same := len(one & two):
        raise BuildError(
            f"{first.url} and {other.url} have {same} equal shard rows; merge stores of different records, "
            "built with another seed= for example"
        )
    ones, others = repeated(first, other)
    if len(others):
        raise BuildError(
            f"{first.url} and {other.url} have {len(others)} equal records, such as record {ones[0]} of the "
            f"first and {others[0]} of the second; copy those of one alone with `surrogates data subset`"
        )
