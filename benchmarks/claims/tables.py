"""Tables beside the claims of a domain on the page of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean


@dataclass(frozen=True)
class ResultTable:
    """Numbers of a domain that are shown beside its claims.

    Parameters
    ----------
    title
        What the numbers are, with their unit.
    header
        Titles of the columns.
    rows
        One text for each column.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def averages(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over seeds of each number that all of them have, in the order of the first."""
    names = values[0] if values else ()
    return {
        name: mean(each[name] for each in values) for name in names if all(name in each for each in values)
    }


def cell(values: Mapping[str, float], *names: str, digits: int = 3) -> str:
    """Return numbers of a table's cell; one that does not exist is a dash."""
    return " / ".join(f"{values[name]:.{digits}f}" if name in values else "-" for name in names)
