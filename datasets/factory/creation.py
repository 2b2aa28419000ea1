"""Opens the store of a build, or creates it empty; safe when many slices start at once."""

from collections.abc import Iterator, Mapping, Sequence
from math import lcm
from typing import Any

import numpy as np
import xarray as xr

from datasets.factory import left_out
from datasets.factory.cards import ATTRIBUTE, new_card
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.factory.lock import alone
from datasets.factory.metadata_checks import missing_meaning
from datasets.factory.recipe import Recipe
from datasets.factory.units import Units
from datasets.store.checks import require_plain_index
from datasets.store.chunking import shard_records
from datasets.store.errors import ContractError
from datasets.store.layout import Store, create_store, open_store
from datasets.store.plain_folder import json_object
from datasets.store.shared import shared_attributes
from datasets.store.specs import VariableSpec
from surrogates.core.files import PARTIAL

SHOWN = 5
"""Differing parameters that a message names."""

_ABSENT = object()


def open_or_create(recipe: Recipe, url: str, storage_options: Mapping[str, Any] | None = None) -> Store:
    """Return the store at a URL, which the first of several processes creates.

    Parameters
    ----------
    recipe
        What the store is for.
    url
        Where it is or shall be.
    storage_options
        For fsspec.

    Raises
    ------
    BuildError
        When something else is there, such as the store of another recipe or of other parameters.
    """
    files = Files(url, storage_options)
    beside, lock = lock_beside(url, "creating", storage_options)
    if beside.exists(lock) or not files.exists("zarr.json"):
        with alone(beside, lock) as interrupted:
            if interrupted and _is_unfinished(files):
                files.remove_all()
            if not files.exists("zarr.json"):
                _create(recipe, url, files, storage_options)
    store = open_store(url, storage_options=storage_options)
    require_same_recipe(store, recipe)
    return store


def require_same_recipe(store: Store, recipe: Recipe) -> None:
    """Refuse a store of another recipe, of another version of it, or of other parameters.

    Raises
    ------
    BuildError
        Names what differs.
    """
    if differences := _differences(store, recipe):
        raise BuildError(
            f"{store.url} holds other data: {'; '.join(differences)}. "
            "Give another `out=`, or delete the store first."
        )


def units_of(recipe: Recipe) -> Units:
    """Return how the records of a new store are cut."""
    records, unit = recipe.records(), recipe.unit_records()
    least = lcm(unit, recipe.records_per_chunk() or 1)
    return Units(records, unit, recipe.records_per_shard() or shard_records(recipe.specs(), records, least))


def lock_beside(url: str, what: str, storage_options: Mapping[str, Any] | None = None) -> tuple[Files, str]:
    """Return folder and name of a lock beside a store, for one that is created must begin empty.

    Parameters
    ----------
    url, storage_options
        Where the store lies.
    what
        What the holder does, such as `creating`.
    """
    parent, slash, name = url.rstrip("/").rpartition("/")
    folder = "memory://" if parent == "memory:/" else parent or slash or "."
    return Files(folder, storage_options), f"{name}.{what}"


def _is_unfinished(files: Files) -> bool:
    """Return whether a process died while it created the store: the attributes are written last."""
    if not files.exists("zarr.json"):  # nothing but what Zarr had half-written: the rest is a user's
        return not files.names() or all(PARTIAL in name for name in files.names())
    try:
        return bool(
            json_object(files.read("zarr.json"), f"{files.url}/zarr.json")["attributes"]["unfinished"]
        )
    except (ContractError, KeyError, TypeError, OSError):
        return False


def _create(recipe: Recipe, url: str, files: Files, storage_options: Mapping[str, Any] | None) -> None:
    if found := files.names():
        raise BuildError(f"{url} is not empty and not a store (it holds {found[0]}). Give another `out=`.")
    recipe.prepare()
    for each in recipe.left_out():
        each.require_few()
    specs, units = recipe.specs(), units_of(recipe)  # refuses shards of broken units
    try:
        shared, splits = recipe.shared(), recipe.splits()
        _require_meaning(specs, shared)
        create_store(
            url,
            specs,
            records=units.records,
            record_dimension=recipe.record_dimension,
            shared=shared,
            attributes=_attributes(recipe)
            | {ATTRIBUTE: new_card(recipe, specs, units.records, shared, splits)},
            splits=splits,
            records_per_chunk=recipe.records_per_chunk(),
            records_per_shard=units.records_per_shard,
            storage_options=storage_options,
        )
    except BaseException:
        files.remove_all()
        raise


def _require_meaning(specs: Sequence[VariableSpec], shared: xr.Dataset) -> None:
    """Refuse, before anything is built, what a verification of the store would not accept."""
    require_plain_index(shared)
    named = [(spec.name, spec.to_attributes(), np.dtype(spec.dtype)) for spec in specs]
    for key, variable in shared.variables.items():
        named.append((str(key), shared_attributes(str(key), variable), variable.dtype))
    for name, attributes, dtype in named:
        for problem in missing_meaning(name, attributes, dtype):
            raise BuildError(f"{problem.message}; mend it where the recipe declares '{name}'")


def _attributes(recipe: Recipe) -> dict[str, Any]:
    counts = left_out.stored(recipe.left_out())
    return {
        **recipe.attributes(),
        **({left_out.ATTRIBUTE: counts} if counts else {}),
        "recipe": recipe.name,
        "recipe_config": recipe.config(),
        "recipe_version": recipe.version,
        "seed": recipe.seed,
        "software": recipe.software(),
    }


def _differences(store: Store, recipe: Recipe) -> list[str]:
    if (name := store.text("recipe")) != recipe.name:
        return [f"recipe '{name}' instead of '{recipe.name}'"]
    if (version := store.whole_number("recipe_version")) != recipe.version:
        return [f"version {version} of the recipe instead of {recipe.version}"]
    stored = store.mapping("recipe_config")
    given = {key: value for key, value in recipe.config().items() if key in stored or not _left(recipe, key)}
    old, new = dict(_leaves(stored)), dict(_leaves(given))
    differences = [
        f"{key}={old.get(key, 'absent')} instead of {new.get(key, 'absent')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, _ABSENT) != new.get(key, _ABSENT)
    ]
    more = [f"{len(differences) - SHOWN} further differences"] if len(differences) > SHOWN else []
    return differences[:SHOWN] + more


def _left(recipe: Recipe, key: str) -> bool:
    """Tell whether a parameter was left at its default, as one that a store is older than has to be."""
    field = type(recipe).model_fields.get(key)
    default = None if field is None else field.get_default(call_default_factory=True)
    return field is not None and not field.is_required() and bool(getattr(recipe, key) == default)


def _leaves(config: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield path and value of everything that a configuration holds, such as ``cities[1]`` or ``grid.x``."""
    match config:
        case dict() if config:
            for key, value in config.items():
                yield from _leaves(value, f"{path}.{key}" if path else str(key))
        case list() if config:
            for number, value in enumerate(config):
                yield from _leaves(value, f"{path}[{number}]")
        case _:
            yield path, config
