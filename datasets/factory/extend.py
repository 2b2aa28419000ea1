"""Extend a finished store by further records of its recipe."""

import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from datasets.factory.build import build, certified, is_final, resume
from datasets.factory.cards import ATTRIBUTE, new_card
from datasets.factory.creation import require_same_recipe
from datasets.factory.design import continued
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.factory.find import recipe_of
from datasets.factory.growing import EXTENDED, Growth, finish_growing, grow, remembered
from datasets.factory.lock import RowsLock
from datasets.factory.recipe import Recipe, counts_of
from datasets.factory.resimulate import difference
from datasets.factory.simulation import simulate_unit
from datasets.factory.staging import Staging
from datasets.factory.units import Units
from datasets.store.layout import Store, open_store
from datasets.store.specs import Split
from datasets.store.urls import normalise
from surrogates.core.text import listing

MERGE = "build the further records into another store and join both by `surrogates data merge`"


def extend(
    url: str,
    records: int | None = None,
    *,
    design: str | Path | None = None,
    workers: int = 1,
    recipe_class: type[Recipe] | None = None,
    progress: bool = True,
    bar: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Store:
    """Add records to a store; those that are there are neither simulated again nor changed.

    Variables, splits and statistics equal those of a build of that size from the start, bit for bit where the
    recipe repeats exactly; shards stay as long as they were. Until it is finished, the store is an unfinished
    build, which `resume` finishes after a kill. Whoever has the store open keeps the records that it had.

    Parameters
    ----------
    url
        A finished store.
    records
        Its number of records afterwards, not of those that are added; that of the points beside those that
        are there by default.
    design
        Table of points of the further records, one each, where the recipe takes one.
    recipe_class
        The recipe, if it is not a registered one.
    workers, progress, bar, storage_options
        As in `datasets.factory.build.build`.

    Raises
    ------
    BuildError
        Before anything is written: when the records of the recipe depend on their number, its software is
        another than then, the build of the store has not ended, or another process writes to it.

    Warns
    -----
    UserWarning
        When the rule of a split depends on the number of records; those that are there then keep their label.
    """
    url = normalise(str(url).rstrip("/"))
    _refuse_memory(url)
    shown: dict[str, Any] = {"progress": progress, "bar": bar, "storage_options": storage_options}
    finish_growing(url, storage_options)
    store = open_store(url, storage_options=storage_options)
    if not is_final(store):
        if records == store.records and design is None:
            return resume(url, workers=workers, recipe_class=recipe_class, **shown)
        raise BuildError(
            f"the build of {url} to {store.records} records has not ended; `surrogates data resume` it first"
        )
    old = recipe_of(store, recipe_class)
    new = larger(old, store, records, design)
    if new.records() == store.records:
        return certified(store, storage_options)
    growth, attributes = _plan(store, old, new)
    files = Files(url, storage_options)
    with RowsLock(files, range(-(-growth.records // store.records_per_shard))):
        if open_store(url, storage_options=storage_options).records != growth.start:
            raise BuildError(f"another process has just extended {url}; run the command again")
        _stage_last_row(store, new, growth.records, Staging(url, storage_options))
        grow(store, growth, attributes)
    return build(new, url, workers=workers, **shown)


def larger(old: Recipe, store: Store, records: int | None, design: str | Path | None) -> Recipe:
    """Return the recipe of a store with more records, and with the points of these.

    Raises
    ------
    BuildError
        When it has no parameter that is its number of records, or what was built would not stay as it is.
    """
    if old.chained:
        raise BuildError(
            f"recipe '{old.name}' is chained, and the state behind its last record is not kept, so that its "
            f"store cannot grow; {MERGE}"
        )
    if reason := old.depends_on_number():
        raise BuildError(f"recipe '{old.name}': {reason}, so its store cannot grow; {MERGE}")
    if records is not None and records < store.records:
        raise BuildError(
            f"records={records}: {store.url} has {store.records} already, and records= is their number after "
            "the extension; `surrogates data subset` makes a smaller store"
        )
    changes = continued(old, records, design)
    number = changes.pop("records")
    if number is None:
        raise BuildError(f"expected how many records {store.url} shall have; it has {store.records} now")
    if records not in (None, number):
        raise BuildError(
            f"records={records}: with those of {design} it would be {number}; leave records= out"
        )
    return _counted(old, number, changes)


def _counted(old: Recipe, records: int, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe of which the one parameter that is its number of records, and others, are changed."""
    found = [
        new
        for key in counts_of(old)
        if (new := type(old).make({**old.config(), **changes, key: records})).records() == records
    ]
    if len(found) != 1:
        raise BuildError(
            f"recipe '{old.name}' has {len(found) or 'no'} parameters that are its number of records "
            f"({old.records()}), expected one, so its store cannot grow; {MERGE}"
        )
    return found[0]


def _plan(store: Store, old: Recipe, new: Recipe) -> tuple[Growth, dict[str, str]]:
    """Return what changes in a store; refuse what would change for the records that are there."""
    require_same_recipe(store, old)
    then, now = store.mapping("software"), new.software()
    if then != now:
        changed = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
        was = ", ".join(
            f"{key} {then.get(key, 'absent')} then, {now.get(key, 'absent')} now" for key in changed
        )
        raise BuildError(f"the software of {store.url} was another ({was}); {MERGE}")
    if new.specs() != old.specs():
        changed = [spec.name for spec in new.specs() if spec not in old.specs()]
        raise BuildError(
            f"recipe '{new.name}': variables depend on the number of records or on a table of points "
            f"({listing(changed)}), so its store cannot grow; {MERGE}"
        )
    shared = new.shared()
    if differing := _changed(old.shared(), shared):
        raise BuildError(
            f"recipe '{new.name}': what all records share depends on their number ({listing(differing)}), so "
            f"its store cannot grow; {MERGE}"
        )
    splits = [_kept(store, split) for split in new.splits()]
    labels = {split.name: split.labels[store.records :].tolist() for split in splits}
    growth = Growth(start=store.records, records=new.records(), labels=labels)
    attributes = {
        "recipe_config": json.dumps(new.config(), sort_keys=True),
        EXTENDED: remembered(store),
        ATTRIBUTE: new_card(new, new.specs(), new.records(), shared, splits),
        "history": f"{store.text('history')}\n{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} surrogates data extend: "
        f"{growth.start} to {growth.records} records",
    }
    return growth, attributes


def _changed(old: xr.Dataset, new: xr.Dataset) -> list[str]:
    names = old.variables.keys() | new.variables.keys()
    return [
        str(name)
        for name in names
        if name not in old.variables
        or name not in new.variables
        or not old.variables[name].identical(new.variables[name])
    ]


def _kept(store: Store, split: Split) -> Split:
    """Return a split of more records in which those that are there keep their label."""
    before = store.split(split.name)
    if (split.labels[: len(before)] == before).all():
        return split
    if split.keeps_whole not in ("none", store.record_dimension):
        raise BuildError(
            f"{store.url}: the rule of split '{split.name}' depends on the number of records and keeps each "
            f"{split.keeps_whole} whole, so the store cannot grow; {MERGE}"
        )
    warnings.warn(
        f"the rule of split '{split.name}' depends on the number of records: the {len(before)} records that "
        f"are there keep their label, so that it is not that of a build of {len(split.labels)}",
        stacklevel=4,
    )
    labels = np.concatenate([before, split.labels[len(before) :]])
    return split.model_copy(update={"labels": labels})


def _stage_last_row(store: Store, recipe: Recipe, records: int, staging: Staging) -> None:
    """Simulate the last unit again, compare, and stage what is there of a shard row that is partly filled."""
    staging.remove(staging.units())
    recipe.prepare()
    units = Units(records, Units.of(store, recipe).unit_records, store.records_per_shard)
    last = (store.records - 1) // units.unit_records
    indices = units.indices(last)
    simulated, _ = simulate_unit(recipe, indices)
    there = indices[indices < store.records]
    reader = store.reader(list(store.specs))
    for name, values in reader.read(there).items():
        if found := difference(values, simulated[name][: len(there)], store.specs[name], int(there[0])):
            raise BuildError(
                f"{store.url}: among {records} records those that are there would be others ({found}), so it "
                f"cannot grow; {MERGE}"
            )
        simulated[name][: len(there)] = values
    if store.records % store.records_per_shard == 0:
        return
    for unit in units.of_row(units.row_of(last)):
        if unit < last:
            staging.write(unit, reader.read(units.indices(unit)))
    staging.write(last, simulated)


def _refuse_memory(url: str) -> None:
    if url.startswith("memory://"):
        raise BuildError(f"{url} lies in memory and cannot be extended; build it again with more records")
