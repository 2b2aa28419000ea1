"""How high a building is, by the tags that its mapper gave it.

The order: ``height``, ``building:height``, ``building:levels`` (with ``roof:levels``) times 3.5 m, and at
last a random number of storeys that follows from the building's own key, so that it depends neither on the
order of the file nor on what else it holds. A tag that is no height is ignored.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from datasets.store.streams import GROUP, stream

STOREY = 3.5  # m; Geo2SigMap (Li et al., DySPAN 2024)
HIGHEST = 1000.0  # m; a larger number is a mistake or not in metres
FOOT = 0.3048  # m
SOURCES = ("height", "building:height", "building:levels", "random")
NUMBER = r"\d+(?:[.,]\d+)?"
METRES = re.compile(rf"({NUMBER})\s*(?:m|metres?|meters?)?", re.IGNORECASE)
FEET = re.compile(rf"({NUMBER})\s*(?:'|ft|feet)(?:\s*({NUMBER})\s*(?:\"|''|in))?", re.IGNORECASE)
STOREYS = re.compile(rf"({NUMBER})")


class Height(NamedTuple):
    """Heights of a building above the ground, m, and the index of their source in `SOURCES`."""

    bottom: float
    top: float
    source: int


@functools.lru_cache(maxsize=4096)
def read_length(text: str | None) -> float | None:
    """Return a length in metres: ``15``, ``15 m``, ``15,5m``, ``49'``, ``49 ft``, ``49'6"``; None of others.

    Several values (``3;4``) stand for the parts of a building; the highest counts.
    """
    values = [_length(each.strip()) for each in (text or "").split(";")]
    return max((value for value in values if value is not None), default=None)


@functools.lru_cache(maxsize=4096)
def read_levels(text: str | None) -> float | None:
    """Return a number of storeys, such as ``4``, ``2.5`` or the highest of ``3;4``; None of others."""
    found = [STOREYS.fullmatch(each.strip()) for each in (text or "").split(";")]
    return max((_number(match[1]) for match in found if match), default=None)


def tagged_height(tags: Mapping[str, str]) -> tuple[float, int] | None:
    """Return height and source of a building whose tags tell it."""
    for source, key in enumerate(SOURCES[:2]):
        if key in tags and (height := read_length(tags[key])):
            return height, source
    if (levels := read_levels(tags.get("building:levels"))) is not None:
        height = (levels + (read_levels(tags.get("roof:levels")) or 0.0)) * STOREY
        if 0.0 < height <= HIGHEST:
            return height, SOURCES.index("building:levels")
    return None


def random_height(key: str, seed: int) -> float:
    """Draw a height of 1 to 15 storeys, 5 on average with a standard deviation of 1, m.

    Parameters
    ----------
    key
        What names the building for good, such as ``way/123``.
    seed
        Root of the draw.
    """
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
    storeys = stream(seed, GROUP, number).normal(5.0, 1.0)
    return STOREY * min(max(round(storeys), 1), 15)


def height_of(
    key: str, tags: Mapping[str, str], seed: int, outline: tuple[float, int] | None = None
) -> Height:
    """Return the heights of a building.

    Parameters
    ----------
    key, seed
        Key and seed of the draw, if nothing else tells the height.
    tags
        Tags of the building or of a part of it.
    outline
        Height and source of the building that a part belongs to; a part without a height of its own has it.
    """
    height, source = tagged_height(tags) or outline or (random_height(key, seed), SOURCES.index("random"))
    return Height(_bottom(tags, height), height, source)


def _bottom(tags: Mapping[str, str], top: float) -> float:
    """Return where a building begins; ignore a number that is not below its top."""
    bottom = read_length(tags.get("min_height"))
    for key in ("building:min_level", "min_level"):
        if bottom is None and (levels := read_levels(tags.get(key))) is not None:
            bottom = levels * STOREY
    return bottom if bottom is not None and bottom < top else 0.0


def _length(text: str) -> float | None:
    if match := METRES.fullmatch(text):
        metres = _number(match[1])
    elif match := FEET.fullmatch(text):
        metres = FOOT * (_number(match[1]) + _number(match[2] or "0") / 12.0)
    else:
        return None
    return metres if math.isfinite(metres) and metres <= HIGHEST else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))
