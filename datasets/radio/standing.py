"""Which tags are those of a building, and of one that stands above the ground today.

After the pages of OpenStreetMap's wiki on `building`, `location`, `layer`, `level` and life cycles, and the
building theme of Overture Maps, whose `is_underground` decides where it is given: its `level` only orders
what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

from datasets.radio.heights import read_length, read_levels
from datasets.radio.mapped import GONE, UNDERGROUND

KEYS = ("building", "building:part")
NO = ("", "no")
ENTRANCE = "entrance"
"""Value of `building` that, on a point, is a door."""
BELOW = ("underground", "underwater", "subsurface")
VANISHED = (
    "demolished",
    "razed",
    "removed",
    "destroyed",
    "dismantled",
    "proposed",
    "planned",
    "construction",
)
"""Values of `building`, and keys beside it, of what does not stand (any more or yet)."""
ONCE = tuple(f"{state}:building" for state in (*VANISHED, "abandoned", "disused"))
"""Keys of what is no building any more, or none yet."""


def is_building(tags: Mapping[str, str]) -> bool:
    """Tell whether tags are those of a building or of a part of one."""
    return any(tags.get(key, "no") not in NO for key in KEYS)


def was_building(tags: Mapping[str, str]) -> bool:
    """Tell whether tags are those of what was a building or will be one."""
    return not is_building(tags) and any(tags.get(key, "no") not in NO for key in ONCE)


def is_part(tags: Mapping[str, str]) -> bool:
    """Tell whether tags are those of a part and of no whole building."""
    return tags.get("building", "no") in NO and "building:part" in tags


def absence(tags: Mapping[str, str]) -> str:
    """Return why a building does not stand above the ground today; nothing if it does."""
    if any(tags.get(key) in VANISHED for key in KEYS) or any(tags.get(key) == "yes" for key in VANISHED):
        return GONE
    return UNDERGROUND if _is_underground(tags) else ""


def _is_underground(tags: Mapping[str, str]) -> bool:
    for key in ("is_underground", "underground"):
        if key in tags:
            return tags[key].lower() in ("true", "yes", "1")
    if "location" in tags:
        return tags["location"] in BELOW
    if _is_negative(tags.get("layer")) or _is_negative(tags.get("building:levels")):
        return True
    if any(_is_negative(tags.get(key)) for key in ("level", "max_level", "building:max_level")):
        return True
    no_storey = read_levels(tags.get("building:levels")) == 0 and not read_length(tags.get("height"))
    return no_storey and bool(read_levels(tags.get("building:levels:underground")))


def _is_negative(text: str | None) -> bool:
    """Tell whether all of one or several numbers (``-2;-1``) are below 0."""
    try:
        return bool(text) and all(float(each) < 0 for each in str(text).split(";"))
    except ValueError:
        return False
