"""What tables of a report's page hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """What a cell of a table shows."""

    text: str
    interval: str = ""
    best: bool = False


@dataclass(frozen=True)
class Shown:
    """A table of the page; the first row is the model's."""

    title: str
    note: str
    header: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
