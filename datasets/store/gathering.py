"""The metadata of all arrays gathered in the file of the root, so that opening a store is one request.

Receipts, of which each shard row has one, are left out: with 10,000 rows they would be megabytes.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import zarr

from datasets.store import objects
from datasets.store.claims import without_notices
from datasets.store.plain_folder import json_object

ROOT = "zarr.json"
NOTHING = {"kind": "inline", "must_understand": False, "metadata": {}}


def gather(live: zarr.Group, summary: str) -> None:
    """Write the metadata of arrays and groups into the root's file, in place of those gathered before.

    Parameters
    ----------
    live
        The root, without gathered metadata.
    summary
        The group below `build` that is gathered too; empty for none.
    """
    paths = sorted(_paths(live, summary), key=lambda path: (path.count("/"), path))
    contents = objects.read_all(live, [f"{path}/{ROOT}" for path in paths])
    metadata = {
        path: json_object(content or b"", f"{path}/{ROOT}")
        for path, content in zip(paths, contents, strict=True)
    }
    for each in metadata.values():
        if each["node_type"] == "group":
            each["consolidated_metadata"] = NOTHING
    _change_root(live, lambda root: root.update(consolidated_metadata=NOTHING | {"metadata": metadata}))


def leave_out(live: zarr.Group, group: str) -> None:
    """Take a group, with all in it, out of the gathered metadata."""

    def change(root: dict[str, Any]) -> None:
        metadata = root["consolidated_metadata"]["metadata"]
        for path in [path for path in metadata if f"{path}/".startswith(f"{group}/")]:
            del metadata[path]

    _change_root(live, change)


def _paths(live: zarr.Group, summary: str) -> Iterator[str]:
    with without_notices():
        for name, member in list(live.members(max_depth=0)):
            yield name
            if not isinstance(member, zarr.Group):
                continue
            if name != "build":
                yield from (f"{name}/{inner}" for inner, _ in list(member.members(max_depth=None)))
            elif summary:
                group = live[summary]
                assert isinstance(group, zarr.Group)
                yield summary
                yield from (f"{summary}/{inner}" for inner, _ in list(group.members(max_depth=None)))


def _change_root(live: zarr.Group, change: Callable[[dict[str, Any]], object]) -> None:
    root = json_object(objects.read(live, ROOT) or b"", ROOT)
    change(root)
    objects.write(live, ROOT, json.dumps(root, indent=2).encode())
