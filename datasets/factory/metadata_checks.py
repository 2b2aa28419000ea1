"""Checks of a store's metadata."""

import json
from collections.abc import Iterator
from typing import Any

from datasets.factory.files import Files
from datasets.factory.report import Problem
from datasets.store.errors import ContractError
from datasets.store.layout import Store
from datasets.store.units import parse
from surrogates.core.text import listing

ATTRIBUTES = (
    "Conventions", "format_version", "history", "license", "recipe", "recipe_config", "recipe_version",
    "record_dimension", "seed", "software", "title",
)  # fmt: skip


def check_copies(store: Store) -> Iterator[Problem]:
    """Compare the metadata of each array and group with their gathered copy: readers use either."""
    files = Files(store.url, store.storage_options)
    gathered = json.loads(files.read("zarr.json")).get("consolidated_metadata") or {}
    for name, copy in gathered.get("metadata", {}).items():
        try:
            same = _own(json.loads(files.read(f"{name}/zarr.json"))) == _own(copy)
        except (OSError, ValueError):
            same = False
        if not same:
            yield Problem(
                check="metadata",
                variable=name,
                message=f"{store.url}/{name}/zarr.json is lost, damaged or not what {store.url}/zarr.json "
                "says of it; replace the wrong one of the two by the other",
            )


def _own(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a group without those of its members."""
    return {key: value for key, value in metadata.items() if key != "consolidated_metadata"}


def check_meaning(store: Store) -> Iterator[Problem]:
    """Compare global attributes, names and units with what the contract asks for."""
    if absent := set(ATTRIBUTES) - store.attributes.keys():
        yield Problem(check="metadata", message=f"global attributes are missing: {listing(absent)}")
    for name, array in store.root.arrays():
        if not array.attrs.get("long_name"):
            yield Problem(check="metadata", variable=name, message=f"variable '{name}' has no long_name")
        if array.dtype.kind not in "biufc":
            continue
        units = array.attrs.get("units")
        if units is None:
            yield Problem(check="units", variable=name, message=f"variable '{name}' has no units")
        elif " since " not in str(units):
            try:
                parse(str(units))
            except ContractError as error:
                yield Problem(check="units", variable=name, message=f"variable '{name}': {error}")
