"""Families of flights by the names of their files."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from datasets.factory.errors import BuildError
from datasets.uav.variables import FAMILIES
from surrogates.core.text import listing, nearest


def _known_family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(
            f"there is no family '{name}'.{nearest(name, FAMILIES)} Families: {listing(FAMILIES)}"
        )
    return name


Family = Annotated[str, AfterValidator(_known_family)]
"""Type of a parameter that names a family."""


def fits(name: str, pattern: str) -> bool:
    """Tell whether a file's name, with or without its folder, fits a shell pattern."""
    return fnmatchcase(name, pattern) or fnmatchcase(PurePosixPath(name).name, pattern)


def require_clear(families: Mapping[str, str], names: list[str]) -> None:
    """Refuse a pattern that fits no file, and a file that patterns of different families fit.

    Raises
    ------
    BuildError
        Names the pattern or the file.
    """
    for pattern in families:
        if not any(fits(name, pattern) for name in names):
            raise BuildError(
                f"families: no file fits '{pattern}'; the {len(names)} files are {listing(names[:5])}"
                f"{' ...' if len(names) > 5 else ''}"
            )
    for name in names:
        fitting = {pattern: family for pattern, family in families.items() if fits(name, pattern)}
        if len(set(fitting.values())) > 1:
            found = listing(f"'{pattern}' ({family})" for pattern, family in fitting.items())
            raise BuildError(f"families: '{name}' fits {found}, expected one family; narrow the patterns")
