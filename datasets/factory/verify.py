"""Check a store against its receipts and metadata."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from datasets.factory.advice import how_to_resume
from datasets.factory.find import recipe_of
from datasets.factory.growing import earlier
from datasets.factory.metadata_checks import check_copies, check_meaning, check_root
from datasets.factory.recipe import Recipe, config_hash
from datasets.factory.report import Problem, Report
from datasets.factory.resimulate import resimulate_units
from datasets.factory.row_checks import DAMAGE, check_row
from datasets.store.checks import check_split
from datasets.store.errors import ContractError
from datasets.store.layout import Store, open_store
from surrogates.core.progress import Progress
from surrogates.core.text import listing


def verify(
    url: str,
    *,
    resimulate: int = 0,
    recipe_class: type[Recipe] | None = None,
    progress: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Report:
    """Check a whole store.

    Every byte is read. Compared are receipts, checksums, hashes, valid ranges, missing values, units, splits
    and statistics; a few units may be simulated again.

    Parameters
    ----------
    url
        The store.
    resimulate
        Number of randomly chosen units to simulate again. This runs the recipe: ask for it only where you
        trust its code.
    recipe_class
        The recipe, where it is not a registered one.
    progress, storage_options
        As in `datasets.factory.build.build`.

    Returns
    -------
    Report
        ``report.ok`` tells whether everything holds.
    """
    store = open_store(url, storage_options=storage_options)
    recipe = recipe_of(store, recipe_class) if resimulate else None
    report = Report(
        url=url, recipe=str(store.attributes.get("recipe", "")), records=store.records, rows=store.rows
    )
    report = report.model_copy(update={"certified": store.certified is not None})
    if damaged := list(check_copies(store)):  # nothing can be read for certain
        return report.model_copy(update={"problems": damaged})
    complete, named = store.complete_rows(), recipe_class or str(store.attributes.get("recipe"))
    problems = [
        *check_root(store),
        *check_meaning(store),
        *_receipts(store, complete, named),
        *_shared(store),
    ]
    with Progress(store.records, "record", label=f"verify {url}", shown=progress) as shown:
        for row in complete:
            problems += check_row(store, row, named)
            shown.advance(len(store.row_records(row)))
        if len(complete) == store.rows:
            problems += [*_splits(store), *_summary(store)]
    found = {
        "complete_rows": len(complete),
        "fingerprint": store.fingerprint,
        "problems": problems,
        "resimulated": resimulate_units(store, recipe, complete, resimulate) if recipe else [],
    }
    return report.model_copy(update=found)


def _receipts(store: Store, complete: list[int], recipe: type[Recipe] | str) -> Iterator[Problem]:
    if missing := sorted(set(range(store.rows)) - set(complete)):
        yield Problem(
            check="receipts",
            message=f"{len(missing)} of {store.rows} shard rows have no receipt, the first is row "
            f"{missing[0]}: the build has not ended; to end it, "
            f"{how_to_resume(store.url, recipe)}",
        )
    try:
        config, grown = store.mapping("recipe_config"), earlier(store)
    except ContractError as error:
        yield Problem(check="metadata", message=str(error))
        return
    expected = {
        "recipe": store.attributes.get("recipe"),
        "recipe_version": store.attributes.get("recipe_version"),
        "recipe_config_sha256": config_hash(config),
    }
    for row in complete:
        receipt, stop = store.receipt(row) or {}, store.row_records(row).stop
        of_fewer = {each.recipe_config_sha256 for each in grown if stop <= each.records}
        for key, value in expected.items():
            if key == "recipe_config_sha256" and receipt.get(key) in of_fewer:
                continue
            if type(receipt.get(key)) is not type(value) or receipt[key] != value:
                yield Problem(
                    check="receipts",
                    row=row,
                    message=f"the receipt of row {row} says {key}={receipt.get(key)}, the store {value}",
                )
        if not isinstance(hashes := receipt.get("hashes"), dict) or hashes.keys() != store.specs.keys():
            yield Problem(
                check="receipts", row=row, message=f"the receipt of row {row} certifies other variables"
            )


def _shared(store: Store) -> Iterator[Problem]:
    for name in store.root.array_keys():
        if name not in store.specs:
            try:
                store.shared(name)
            except DAMAGE as error:
                yield Problem(check="checksums", variable=name, message=f"variable '{name}': {error}")


def _summary(store: Store) -> Iterator[Problem]:
    """Compare the statistics in the summary with those that lie beside the records."""
    for name in store.specs:
        try:
            differing = store.differing_statistics(name)
        except DAMAGE as error:
            yield Problem(check="statistics", variable=name, message=str(error))
            continue
        if differing:
            yield Problem(
                check="statistics",
                variable=name,
                message=f"variable '{name}': the {listing(differing)} in the summary of {store.url} are not "
                f"those in {store.url}/statistics/{name}; if those are sound, "
                "`open_store(url).consolidate()` makes the summary again",
            )


def _splits(store: Store) -> Iterator[Problem]:
    """Check that every split keeps its groups whole, if the store knows the groups."""
    ds = store.dataset()
    for name in store.split_names():
        whole = str(store.array(name).attrs["keeps_whole"])
        try:
            labels = store.split(name)
            if whole not in ds.variables or ds[whole].dims != (store.record_dimension,):
                continue
            groups = np.unique(ds[whole].values, return_inverse=True)[1]
            check_split(name, labels, groups, whole)
        except DAMAGE as error:
            yield Problem(check="splits", variable=name, message=str(error))
