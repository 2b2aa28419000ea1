"""What a property of a footprint is called in OpenStreetMap, whoever wrote the file.

Names are translated where a schema says what they mean (`SCHEMAS`), and in tables made of OpenStreetMap's
keys, which nest them (`tags`, `other_tags`) or write an underscore for the colon. A column of any other name,
such as `HAUTEUR` or `BLDG_HT`, may be in feet or above the sea: it is read only where a user names it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets.radio.heights import LENGTHS, LEVELS, read_length
from datasets.radio.mapped import MapError

SCHEMAS = {
    "num_floors": "building:levels",
    "num_floors_underground": "building:levels:underground",
    "min_floor": "building:min_level",
    "roof_height": "roof:height",
    "numFloors": "building:levels",
    "isUnderground": "is_underground",
    "minHeight": "min_height",
    "minLevel": "building:min_level",
    "render_min_height": "min_height",
}
"""Names of Overture Maps, of its releases before 2024, of OSM Buildings and of OpenMapTiles."""
COLONS = (
    "building:part",
    "building:height",
    "building:levels",
    "building:levels:underground",
    "building:min_level",
    "building:max_level",
    "roof:levels",
)
NESTED = ("tags", "other_tags")
LOOKS_LIKE = re.compile(
    r"height|hauteur|h(oe|ö|o)he|hoogte|altura|altezza|h[øo]yde|h[öo]jd|wysoko|korkeus|^(bldg_?)?h(t|gt)?$"
    r"|stor(e?y|e?ys|i?es)$|floors?$|levels?$|etages?|étages?|geschoss|bouwlag|^piani|planta|^pisos",
    re.IGNORECASE,
)
OTHERWISE = re.compile(
    r"^roof|underground|ground|base|^m(in|ax)|[:_]m(in|ax)|^level$|area|restrict|limit|ceiling|addr|[:_]level$",
    re.IGNORECASE,
)
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Columns:
    """Which properties hold heights, in words of the user; the names of the schemas by default.

    Attributes
    ----------
    height
        Property with the height above the ground.
    levels
        Property with the number of storeys.
    unit
        Unit of numbers in `height`: ``m`` or ``ft``.
    """

    height: str | None = None
    levels: str | None = None
    unit: str = "m"

    def applied(self, tags: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """Return tags with the named properties as their heights, instead of `height` and `building:levels`.

        Raises
        ------
        MapError
            If no building has a named property.
        """
        for name in filter(None, (self.height, self.levels)):
            if name not in (*LENGTHS, *LEVELS) and not any(name in each for each in tags):
                known = sorted({key for each in tags for key in each})
                near = difflib.get_close_matches(name, known, 3, 0.4) or known[:8]
                raise MapError(
                    f"no building has the property '{name}'; there are {', '.join(near) or 'none'}"
                )
        return [self._applied(each) for each in tags] if self.height or self.levels else list(tags)

    def _applied(self, tags: dict[str, str]) -> dict[str, str]:
        changed = {key: text for key, text in tags.items() if key not in self._replaced()}
        if self.height and self.height in tags:
            text = tags[self.height]
            changed["height"] = f"{text} ft" if self.unit == "ft" and _is_number(text) else text
        if self.levels and self.levels in tags:
            changed["building:levels"] = tags[self.levels]
        return changed

    def _replaced(self) -> tuple[str, ...]:
        lengths = ("height", "building:height") if self.height else ()
        return (*lengths, *(("building:levels", "roof:levels", "roof:height") if self.levels else ()))


def to_tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties of a footprint as OpenStreetMap's tags; what is no text or number is left."""
    tags = {str(key): str(value) for key, value in _flat(properties).items() if _is_plain(value)}
    for key in COLONS:
        if (flat := key.replace(":", "_")) in tags:
            tags.setdefault(key, tags[flat])
    for name, key in SCHEMAS.items():
        if name in tags:
            tags.setdefault(key, tags[name])
    return tags


def with_part(tags: dict[str, str]) -> dict[str, str]:
    """Return tags with `building:part` where Overture Maps has a part of a building."""
    is_part = tags.get("type") == "building_part" or "building_id" in tags
    return {"building:part": "yes"} | tags if is_part else tags


def alike(tags: Sequence[Mapping[str, str]], columns: Columns) -> Counter[str]:
    """Count the properties that look like heights and hold numbers, but are not read."""
    read = {*LENGTHS, *LEVELS, *COLONS, *SCHEMAS, columns.height, columns.levels}
    read |= {key.replace(":", "_") for key in (*LEVELS, *COLONS)}
    names = {key for each in tags for key in each} - read
    like = {key for key in names if LOOKS_LIKE.search(key) and not OTHERWISE.search(key)}
    return Counter(key for each in tags for key in like & each.keys() if read_length(each[key]))


def _flat(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with those that another program nested among them."""
    flat = dict(properties)
    for key in NESTED:
        nested = flat.get(key)
        if isinstance(nested, str):
            nested = _unpacked(nested)
        if isinstance(nested, dict):
            flat = {
                **nested,
                **{name: value for name, value in flat.items() if value is not None and name != key},
            }
    return flat


def _unpacked(text: str) -> dict[str, Any] | None:
    """Return what a text of JSON or of PostgreSQL's hstore (``"key"=>"value"``) holds."""
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except (ValueError, RecursionError):
            return None
    return {
        re.sub(r"\\(.)", r"\1", key): re.sub(r"\\(.)", r"\1", value) for key, value in _HSTORE.findall(text)
    }


def _is_plain(value: Any) -> bool:
    """Tell whether a value is text or a number; empty text and NaN are what tables write for nothing."""
    return isinstance(value, str | int | float) and str(value).lower() not in ("", "nan")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?(e[+-]?\d+)?", text.strip(), re.IGNORECASE))
