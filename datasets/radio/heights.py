"""How high a building is, by the tags that its mapper gave it.

The order: ``height``, ``building:height``, ``building:levels`` times 3.5 m with the roof of ``roof:levels``
or ``roof:height`` on top, and at last a random number of storeys that follows from the building's own key, so
that it depends neither on the order of the file nor on what else it holds. A text that is no height is passed
over, and counted.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from datasets.store.streams import GROUP, stream

STOREY = 3.5  # m; Geo2SigMap (Li et al., DySPAN 2024)
HIGHEST = 1000.0  # m; a larger number is a mistake or not in metres
SLAB = 0.5  # m; thickness of a roof without walls
FOOT = 0.3048  # m
SOURCES = ("height", "building:height", "building:levels", "random")
LENGTHS = (*SOURCES[:2], "min_height", "roof:height")
LEVELS = ("building:levels", "roof:levels", "building:min_level", "min_level")
UNKNOWN = re.compile(r"|-1(\.0*)?|[+-]?0+([.,]0*)?\D{0,3}|nan|none|null", re.IGNORECASE)
"""What stands for no height: nothing, -1 (Microsoft's footprints), 0 and what tables write for nothing."""

WITHOUT_WALLS = ("roof", "carport", "canopy")
"""Values of `building` and `building:part` of a roof on posts."""

_METRE = ("", "m", "mt", "mts", "mtr", "mtrs", "meter", "meters", "metre", "metres", "mètres", "metros", "м")
_UNITS = {
    **dict.fromkeys(_METRE, 1.0),
    "cm": 0.01,
    **dict.fromkeys(("'", "ft", "feet", "foot"), FOOT),
}
_NUMBER = r"(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?"
_LENGTH = re.compile(rf"({_NUMBER})\s*([^\d\s.,]*)\.?")
_FEET_AND_INCHES = re.compile(
    rf"({_NUMBER})\s*(?:'|ft\.?|feet|foot)\s*-?\s*({_NUMBER})\s*(?:\"|''|in\.?|inch(?:es)?)?"
)
_RANGE = re.compile(rf"({_NUMBER})[^\d.,;-]*(?:-|\.\.|to)\s*({_NUMBER})\D*")
_ABOUT = re.compile(r"(?:[~≈+]|c(?:irc)?a?\.?(?=[\s\d])|approx\.?|about|est\.?|estimated|etwa|env\.?)\s*")
_STOREYS = re.compile(rf"({_NUMBER})\s*(stor(?:ey|y|eys|ies)|floors?|levels?)?")
_ABOVE_GROUND_FLOOR = re.compile(r"[gr]\s*\+\s*(\d+)")
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2032\u2019\u2018\u00b4`", "'"),
        **dict.fromkeys("\u2033\u201d\u201c", '"'),
        **dict.fromkeys("\u2013\u2014\u2212", "-"),
    }
)


class Height(NamedTuple):
    """Heights of a building above the ground, m, and the index of their source in `SOURCES`."""

    bottom: float
    top: float
    source: int


@functools.lru_cache(maxsize=4096)
def read_length(text: str | None) -> float | None:
    """Return a length in metres: ``15``, ``15 m``, ``15,5m``, ``~15``, ``49'``, ``49 ft``, ``49'6"``.

    None of others. Of several values (``3;4``) and of a range (``3-4``) the highest counts, for they stand
    for the parts of a building. ``1,234`` is none: it may be 1.234 or 1234.
    """
    return _highest(text, _length)


@functools.lru_cache(maxsize=4096)
def read_levels(text: str | None) -> float | None:
    """Return a number of storeys: ``4``, ``2.5``, ``G+3``, ``4 floors``, the highest of ``3;4``; or None."""
    return _highest(text, _storeys)


def unreadable(tags: Iterable[Mapping[str, str]]) -> Counter[str]:
    """Count the texts of heights and storeys, as ``key=text``, from which no number can be read."""
    found: Counter[str] = Counter()
    for each in tags:
        for key in (*LENGTHS, *LEVELS):
            text = each.get(key, "").strip()
            if not UNKNOWN.fullmatch(text) and _read(key, text) is None:
                found[f"{key}={text}"] += 1
    return found


def tagged_height(tags: Mapping[str, str]) -> tuple[float, int] | None:
    """Return height and source of a building whose tags tell it."""
    for source, key in enumerate(SOURCES[:2]):
        if height := read_length(tags.get(key)):
            return height, source
    in_storeys = (_storeys_in_words(tags.get(key)) for key in SOURCES[:2])
    levels = next(
        (each for each in (read_levels(tags.get("building:levels")), *in_storeys) if each is not None), None
    )
    if levels is not None:
        roof = (read_levels(tags.get("roof:levels")) or 0.0) * STOREY
        height = levels * STOREY + (roof or read_length(tags.get("roof:height")) or 0.0)
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
    """Return where a building begins; ignore a number that is not below its top.

    A roof on posts begins `SLAB` below its top unless a tag says where.
    """
    bottom = read_length(tags.get("min_height"))
    for key in ("building:min_level", "min_level"):
        if bottom is None and (levels := read_levels(tags.get(key))) is not None:
            bottom = levels * STOREY
    if bottom is not None and bottom < top:
        return bottom
    on_posts = any(tags.get(key) in WITHOUT_WALLS for key in ("building", "building:part"))
    return max(top - SLAB, 0.0) if on_posts else 0.0


def _read(key: str, text: str) -> float | None:
    """Read what a key says, in its own unit; storeys count as a height too."""
    if key in LEVELS:
        return read_levels(text)
    return read_length(text) if key in LENGTHS[2:] else read_length(text) or _storeys_in_words(text)


def _highest(text: str | None, read: Callable[[str], float | None]) -> float | None:
    """Return the highest of values with a ``;`` between; signs and words of vagueness are taken off first."""
    plain = (unicodedata.normalize("NFC", text or "").translate(_SIGNS).casefold()).split(";")
    values = [
        read(_ABOUT.sub("", each.strip(), count=1) if _ABOUT.match(each.strip()) else each.strip())
        for each in plain
    ]
    return max((value for value in values if value is not None), default=None)


def _length(text: str) -> float | None:
    if match := _FEET_AND_INCHES.fullmatch(text):
        metres = FOOT * (_number(match[1]) + _number(match[2]) / 12.0)
    elif match := _LENGTH.fullmatch(text):
        metres = _UNITS.get(match[2], math.nan) * _number(match[1])
    elif (match := _RANGE.fullmatch(text)) and _number(match[1]) < _number(match[2]):
        return _length(text[match.start(2) :])
    else:
        return None
    return metres if metres <= HIGHEST else None


def _storeys(text: str) -> float | None:
    if match := _ABOVE_GROUND_FLOOR.fullmatch(text):
        levels = _number(match[1]) + 1.0
    elif match := _STOREYS.fullmatch(text):
        halves = "," not in match[1] or match[1].endswith(",5")  # 3,4 may be two numbers
        levels = _number(match[1]) if halves else math.nan
    elif (match := _RANGE.fullmatch(text)) and _number(match[1]) < _number(match[2]):
        return _storeys(text[match.start(2) :])
    else:
        return None
    return levels if levels * STOREY <= HIGHEST else None


def _storeys_in_words(text: str | None) -> float | None:
    """Return the storeys that stand where a length should, such as ``12 storeys``; None without the word."""
    found = _STOREYS.search((text or "").casefold())
    return read_levels(text) if found and found[2] else None


def _number(text: str) -> float:
    """Return a number with a decimal point or comma; NaN where the comma may part thousands (``1,234``)."""
    return math.nan if re.fullmatch(r"\d+,\d{3}", text) else float(text.replace(",", "."))
