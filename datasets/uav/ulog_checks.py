"""Formats of messages in a ULog, which pyulog spreads out field by field before it reads a message."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.factory.errors import BuildError

MOST_SIZE = 65_535
"""Bytes of a message, whose length takes two bytes."""


def require_finite(path: Path, formats: Mapping[str, Any]) -> None:
    """Refuse formats that hold themselves, or more than a message can.

    Parameters
    ----------
    path
        The log, for messages.
    formats
        Formats by name, as pyulog has them: `fields` are tuples of type, length (0 for no array) and name.

    Raises
    ------
    BuildError
        Names the format.
    """
    sizes: dict[str, int] = {}
    for name in formats:
        _size(path, formats, name, sizes, ())


def _size(
    path: Path, formats: Mapping[str, Any], name: str, sizes: dict[str, int], above: tuple[str, ...]
) -> int:
    """Return the least bytes of a message of a format, those of the formats in it included."""
    if name in above:
        raise BuildError(f"{path}: the format '{name[:80]}' holds itself; is it a log of PX4?")
    if name not in sizes:
        fields = formats[name].fields if name in formats else ()
        inner = [
            max(1, count) * _size(path, formats, kind, sizes, (*above, name)) for kind, count, _ in fields
        ]
        sizes[name] = max(1, sum(inner))
    if sizes[name] > MOST_SIZE:
        raise BuildError(
            f"{path}: the format '{name[:80]}' has more than {MOST_SIZE:,} bytes, which no message has; is "
            "it a log of PX4?"
        )
    return sizes[name]
