"""Turn a finished store into the unfinished build of more records; a kill leaves one or the other.

The root's metadata are the switch. One write lets them say how the store grows; from then on it cannot be
opened until every array has its new length and another write takes that away. After a kill all that lies
between is done again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import zarr
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.factory.lock import RowsLock
from datasets.factory.recipe import config_hash
from datasets.store.claims import arrays_of
from datasets.store.errors import ContractError
from datasets.store.integrity import CERTIFICATE
from datasets.store.layout import GROWING, Store
from datasets.store.patient_store import zarr_store
from datasets.store.plain_folder import json_object, require_plain
from datasets.store.statistics import Moments

EXTENDED = "extended"
"""Global attribute of a store that was extended: its earlier numbers of records."""


class Growth(BaseModel):
    """What changes in the arrays of a store.

    Attributes
    ----------
    start, records
        Number of records before and after.
    labels
        Labels of the further records in each split.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    start: int = Field(ge=1)
    records: int = Field(ge=1)
    labels: dict[str, list[int]]


class Earlier(BaseModel):
    """A number of records that a store had, and the hash of the configuration that it was built by."""

    model_config = ConfigDict(strict=True, frozen=True)

    records: int
    recipe_config_sha256: str


_EARLIER = TypeAdapter(list[Earlier])


def earlier(store: Store) -> list[Earlier]:
    """Return the numbers of records that a store had before it was extended.

    Raises
    ------
    ContractError
        When the attribute holds something else.
    """
    if EXTENDED not in store.attributes:
        return []
    try:
        return _EARLIER.validate_json(store.text(EXTENDED))
    except ValidationError:
        raise ContractError(
            f"{store.url}/zarr.json: attribute {EXTENDED!r} holds no list of earlier numbers of records; get "
            "the store anew"
        ) from None


def remembered(store: Store) -> str:
    """Return the attribute `EXTENDED` of a store that is about to grow."""
    now = Earlier(records=store.records, recipe_config_sha256=config_hash(store.mapping("recipe_config")))
    return _EARLIER.dump_json([*earlier(store), now]).decode()


def grow(store: Store, growth: Growth, attributes: Mapping[str, str]) -> None:
    """Give a finished store more records, still to be built; the caller holds its rows.

    Parameters
    ----------
    store
        The store; its last shard row is no longer complete if further records belong to it.
    growth
        The new lengths and labels.
    attributes
        Global attributes that change.
    """
    files = Files(store.url, store.storage_options)
    root = json_object(files.read("zarr.json"), f"{store.url}/zarr.json")
    root.pop("consolidated_metadata", None)
    root["attributes"] |= {**attributes, GROWING: growth.model_dump_json()}
    _write_root(files, root)
    _give_lengths(files, store.storage_options)


def finish_growing(url: str, storage_options: Mapping[str, Any] | None = None) -> None:
    """Finish what `grow` was killed in; a store that does not grow stays as it is.

    Raises
    ------
    BuildError
        When a living process makes the store grow, or its metadata do not say how.
    """
    files = Files(url, storage_options)
    if files.local is not None and files.local.is_dir():
        require_plain(files.local)
    if not files.exists("zarr.json"):
        return
    attributes = json_object(files.read("zarr.json"), f"{url}/zarr.json").get("attributes")
    if isinstance(attributes, dict) and GROWING in attributes:
        with RowsLock(files, range(_growth(url, attributes).records)):
            _give_lengths(files, storage_options)


def _give_lengths(files: Files, storage_options: Mapping[str, Any] | None) -> None:
    root = json_object(files.read("zarr.json"), f"{files.url}/zarr.json")
    growth = _growth(files.url, root["attributes"])
    group = zarr.open_group(
        zarr_store(files.url, storage_options), mode="r+", zarr_format=3, use_consolidated=False
    )
    store = Store(files.url, group, storage_options)
    for array in _along_records(store):
        if array.shape[0] != growth.records:
            array.resize((growth.records, *array.shape[1:]))
    for name, labels in growth.labels.items():
        split = store.array(name).with_config({"write_empty_chunks": True})
        split[growth.start : growth.records] = np.array(labels, np.int8)
    if growth.start % store.records_per_shard:
        store.withdraw(growth.start // store.records_per_shard)
    files.remove(CERTIFICATE)
    del root["attributes"][GROWING]
    _write_root(files, root)


def _along_records(store: Store) -> Iterator[zarr.Array[Any]]:
    """Yield the arrays that have an entry for each record: variables, splits and statistics."""
    for _, array in arrays_of(store.root):
        if array.metadata.dimension_names[:1] == (store.record_dimension,):  # type: ignore[union-attr, index]
            yield array
    for name in store.specs:
        for field in fields(Moments):
            yield store.array(f"statistics/{name}/{field.name}")


def _growth(url: str, attributes: Mapping[str, Any]) -> Growth:
    try:
        return Growth.model_validate_json(str(attributes[GROWING]))
    except ValidationError as error:
        raise BuildError(
            f"{url}/zarr.json: attribute {GROWING!r} does not say how the store grows "
            f"({error.error_count()} faults); get the store anew"
        ) from None


def _write_root(files: Files, root: Mapping[str, Any]) -> None:
    files.write("zarr.json", json.dumps(root, indent=2).encode())
