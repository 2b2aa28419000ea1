"""Checks of a store's metadata."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from datasets.factory.files import Files
from datasets.factory.report import Problem
from datasets.store.clocks import is_clock, undecodable
from datasets.store.errors import ContractError
from datasets.store.integrity import CERTIFICATE, other_copies
from datasets.store.layout import Store
from datasets.store.receipts import receipt_path
from datasets.store.units import parse
from surrogates.core.text import listing

ATTRIBUTES = (
    "Conventions", "format_version", "history", "license", "recipe", "recipe_config", "recipe_version",
    "record_dimension", "seed", "software", "title",
)  # fmt: skip
NO_UNITS = "has no units"
_PATTERN = re.compile("%Y|YYYY", re.IGNORECASE)
"""Of dates that are written as numbers, such as 20000131, which no unit makes time from a date."""


def check_copies(store: Store) -> Iterator[Problem]:
    """Compare the metadata of each array and group with their gathered copy: readers use either."""
    for name in other_copies(Files(store.url, store.storage_options).read):
        yield Problem(
            check="metadata",
            variable=name,
            message=f"{store.url}/{name}/zarr.json is lost, damaged or not what {store.url}/zarr.json "
            "says of it; replace the wrong one of the two by the other",
        )
    yield from _receipt_copies(store)


def _receipt_copies(store: Store) -> Iterator[Problem]:
    """Compare each receipt with what the summary says of its row."""
    try:
        for row in store.differing_receipts():
            name = receipt_path(row)
            yield Problem(
                check="metadata",
                variable=name,
                message=f"{store.url}/{name} is lost, damaged or not what the summary says "
                f"of it; delete it and resume the build, which makes the row again",
            )
    except ContractError as error:
        yield Problem(check="metadata", variable="build", message=str(error))


def check_root(store: Store) -> Iterator[Problem]:
    """Compare the root's metadata, with the attributes of the store, with their certificate."""
    if store.certified is False:
        yield Problem(
            check="metadata",
            message=f"{store.url}/zarr.json is not what {store.url}/{CERTIFICATE} certifies: "
            f"its attributes or metadata "
            "were changed since the build; bring the old file back from a copy, or build the store again",
        )


def check_meaning(store: Store) -> Iterator[Problem]:
    """Compare global attributes, names and units with what the contract asks for."""
    if absent := set(ATTRIBUTES) - store.attributes.keys():
        yield Problem(check="metadata", message=f"global attributes are missing: {listing(absent)}")
    for name, array in store.root.arrays():
        yield from missing_meaning(name, array.attrs, array.dtype)


def missing_meaning(name: str, attributes: Mapping[str, Any], dtype: Any) -> Iterator[Problem]:
    """Yield what the attributes of a variable lack.

    Verification reports it; a build refuses it before it begins.
    """
    if not attributes.get("long_name"):
        yield Problem(check="metadata", variable=name, message=f"variable '{name}' has no long_name")
    if dtype.kind in "biufc" and (wrong := wrong_units(attributes)):
        colon = "" if wrong == NO_UNITS else ":"
        yield Problem(check="units", variable=name, message=f"variable '{name}'{colon} {wrong}")


def wrong_units(attributes: Mapping[str, Any]) -> str:
    """Return what is wrong with the units, and the calendar, of a number; nothing if they mean something."""
    units, calendar = attributes.get("units"), attributes.get("calendar")
    if units is None:
        return NO_UNITS
    if is_clock(units):
        return undecodable(str(units), None if calendar is None else str(calendar))
    if _PATTERN.search(str(units)):
        return (
            f"units {units!r} are a pattern of dates, expected such as 'days since 2000-01-01' and numbers "
            "that count them, which pandas.to_datetime with a `format` and xarray make"
        )
    try:
        parse(str(units))
    except ContractError as error:
        return str(error)
    return ""
