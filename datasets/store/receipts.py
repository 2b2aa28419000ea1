"""Receipts: one for each complete shard row, the attributes of an empty group that is written last."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import zarr

from datasets.store import objects
from datasets.store.errors import ContractError
from datasets.store.plain_folder import json_object
from datasets.store.urls import local_path

RECEIPT = re.compile(r"row-(\d{6,9})")
"""Name of the group of a receipt, with the number of its shard row."""
AT_ONCE = 256
"""Receipts that are read at once."""


def receipt_path(row: int) -> str:
    """Return the path of the receipt of a shard row in its store."""
    return f"build/row-{row:06d}"


def listed_rows(url: str, live: zarr.Group) -> list[int]:
    """Return the numbers of the receipts that lie in a store."""
    if (folder := local_path(url)) is None:
        names = objects.names_in(live, "build")
    else:
        names = [path.parent.name for path in folder.glob("build/row-*/zarr.json")]
    return sorted(int(found[1]) for found in map(RECEIPT.fullmatch, names) if found)


def read_receipts(url: str, live: zarr.Group, rows: Sequence[int]) -> Iterator[dict[str, Any] | None]:
    """Yield the receipts of shard rows, None for each that has none.

    Raises
    ------
    ContractError
        When one is damaged; names it.
    """
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        contents = objects.read_all(live, [f"{receipt_path(row)}/zarr.json" for row in some])
        for row, content in zip(some, contents, strict=True):
            yield None if content is None else _receipt(f"{url}/{receipt_path(row)}", content)


def differing_rows(live: zarr.Group, receipts: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the shard rows whose own receipt is lost, damaged or not the given one."""
    contents = objects.read_all(live, [f"{receipt_path(row)}/zarr.json" for row in range(len(receipts))])
    return [
        row
        for row, (content, receipt) in enumerate(zip(contents, receipts, strict=True))
        if content is None or not _is(content, receipt)
    ]


def _is(content: bytes, receipt: Mapping[str, Any]) -> bool:
    try:
        return _receipt("", content) == receipt
    except ContractError:
        return False


def _receipt(where: str, content: bytes) -> dict[str, Any]:
    remedy = "delete it, and build the row again"
    try:
        found = json_object(content, "it")
    except ContractError as error:
        raise ContractError(f"the receipt {where} is damaged ({error}); {remedy}") from error
    attributes = found.get("attributes")
    if (found.get("zarr_format"), found.get("node_type")) != (3, "group") or not isinstance(attributes, dict):
        raise ContractError(
            f"the receipt {where} is damaged (it is no Zarr v3 group with attributes); {remedy}"
        )
    return attributes
