"""What a stranger's bag may not hold: views, triggers, aliases, names that lead elsewhere, endless types."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import yaml

from datasets.factory.errors import BuildError
from datasets.factory.limits import read_bytes, require_regular
from datasets.uav.unpacking import require_unpackable

MOST_METADATA = 1 << 20
"""Bytes of a metadata.yaml."""
MOST_LENGTH = 1 << 20
"""Elements of an array of fixed length, and fields of a message with those of its inner messages."""
PLACEHOLDER = "structure_needs_at_least_one_member"
"""What messages without fields are given, by ROS 2 and by rosbags."""
RESERVED = "?#%"
"""Characters by which SQLite would take the name of a file for options, or for another file."""


def require_plain_metadata(path: Path, most: int) -> None:
    """Refuse a description of a bag that is too large, has aliases, or names what are no files.

    Parameters
    ----------
    path
        The ``metadata.yaml``.
    most
        Most bytes of a packed file of the bag, unpacked.

    Raises
    ------
    BuildError
        Names the file and what is wrong.
    """
    if (size := require_regular(path).st_size) > MOST_METADATA:
        raise BuildError(
            f"{path} has {size:,} bytes, at most {MOST_METADATA:,} expected of a description; copy the bag "
            "again"
        )
    text = read_bytes(path).decode("utf-8", "replace")
    if any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, yaml.CSafeLoader)):
        raise BuildError(f"{path} has YAML aliases (*), which no recorder writes; copy the bag again")
    content = yaml.load(text, yaml.CSafeLoader)
    about = content.get("rosbag2_bagfile_information") if isinstance(content, dict) else None
    if not isinstance(about, dict) or not isinstance(about.get("relative_file_paths"), list):
        return  # rosbags says what is missing
    for name in about["relative_file_paths"]:
        file = path.parent / PurePath(str(name)).name
        if any(sign in file.name for sign in RESERVED):
            raise BuildError(f"{path} names the file '{file.name}'; rename it without any of {RESERVED}")
        if file.exists() or file.is_symlink():
            require_regular(file)
            require_plain_file(file)
            if str(about.get("compression_mode")).lower() == "file":
                require_unpackable(file, most)


def require_plain_file(path: Path) -> None:
    """Refuse an SQLite database with more than tables, whose reading would run what the file says."""
    with path.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            return
    uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        with sqlite3.connect(uri, uri=True) as database:
            listed = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            tables = [str(name) for kind, name, _ in listed if kind == "table"]
            hidden = [
                name
                for name in tables
                for column in database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,))
                if column[0]
            ]
    except sqlite3.Error as error:
        raise BuildError(
            f"{path} cannot be read as a bag: {error}; is it complete, and closed by its recorder? "
            "`sqlite3 FILE .recover` saves what is there"
        ) from None
    finally:
        if "database" in locals():
            database.close()
    odd = {
        **dict.fromkeys(hidden, "table with computed columns"),
        **{str(name): "virtual table" for _, name, sql in listed if "virtual" in str(sql).lower()[:40]},
        **{str(name): str(kind) for kind, name, _ in listed if kind in ("view", "trigger")},
    }
    for name, kind in odd.items():
        raise BuildError(
            f"{path} has the {kind} '{name[:80]}', which no recorder writes; record the bag again"
        )


def require_finite(path: Path, types: Mapping[str, Any], kind: str) -> None:
    """Refuse a type of messages that takes no end of memory or time to decode.

    Parameters
    ----------
    path
        The bag, for messages.
    types
        Definitions by name, as a type store of rosbags has them (`fielddefs`).
    kind
        Name of the type.
    """
    _fields(path, types, kind, ())


def _fields(path: Path, types: Mapping[str, Any], kind: str, above: tuple[str, ...]) -> int:
    """Return how many fields a message has at least, with those of its inner messages."""
    if kind in above:
        raise BuildError(f"{path} describes the type {kind[:80]} by itself; record the bag again")
    count = 0
    for name, field in types[kind][1] if kind in types else ():
        if name == PLACEHOLDER:
            continue
        count += _field(path, types, field, f"{kind}.{name}"[:120], (*above, kind))
        if count > MOST_LENGTH:
            raise BuildError(f"{path}: a message of {kind[:80]} has more than {MOST_LENGTH:,} fields")
    return count


def _field(path: Path, types: Mapping[str, Any], field: Any, name: str, above: tuple[str, ...]) -> int:
    node, details = int(field[0]), field[1]
    if node == _BASE:
        return 1
    if node == _NAME:
        return _fields(path, types, str(details), above)
    inner, length = details
    size = _field(path, types, inner, name, above)
    if not size:
        raise BuildError(f"{path}: '{name}' is an array of messages without fields, which never ends")
    return int(length) * size if node == _ARRAY else 1


_BASE, _NAME, _ARRAY = 1, 2, 3
"""Kinds of fields: a number or text, a message, and arrays (of fixed length; others are sequences)."""
