"""OpenStreetMap's XML as editors and Overpass write it, put in the order and numbers that osmium expects.

osmium finds the corners of a way only if they come before it and have positive numbers. JOSM gives what was
never uploaded negative numbers and keeps what was deleted (``action="delete"``); Overpass may write ways
before their nodes, or positions inside the ways (``out geom``).
"""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as xml

from datasets.factory.errors import BuildError
from datasets.factory.limits import MOST_BYTES, RATIO, Metered, require_regular
from datasets.radio.mapped import MapError
from datasets.radio.standing import is_building

OPEN = {"osm": open, "gzip": gzip.open, "bzip2": bz2.open}
CHUNK = 1 << 24  # bytes
OVERLAP = 512
_ODD = re.compile(
    rb"""(?:\b(?:id|ref)\s*=\s*['"]-|\baction\s*=\s*['"]delete|\bvisible\s*=\s*['"]false|<nd\s[^>]*\blat\s*=)"""
)
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_NUMBERED = re.compile(rb"""<(way|relation)\s(?:[^>]*?\s)?id\s*=\s*['"](\d+)""")
_REMARK = re.compile(rb"<remark>\s*([^<]*?)\s*</remark>")


@dataclass(frozen=True)
class Ordered:
    """A file in the order of osmium.

    Attributes
    ----------
    content
        XML, or None where the file itself is in order.
    numbers
        Numbers that the file gives, by kind and number in `content`, where they differ.
    deleted
        Buildings that were deleted in the editor.
    """

    content: bytes | None = None
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    deleted: int = 0

    def key(self, kind: str, number: int) -> str:
        """Return what names a way or relation in its file, such as ``way/-12``."""
        return f"{kind}/{self.numbers.get((kind, number), number)}"


def in_order(path: Path, found: str, most: int = MOST_BYTES) -> Ordered:
    """Return a file of XML in order.

    Parameters
    ----------
    path
        The file.
    found
        Its format: ``osm``, ``gzip`` or ``bzip2``; others are left as they are.
    most
        Most bytes, unpacked, of a file that has to be put in order, which happens in memory; a packed one
        in order may unpack to more, as text does.

    Raises
    ------
    MapError
        If it lists changes, was not finished by its server, declares entities, is too large, or is no whole
        XML.
    """
    if found not in OPEN:
        return Ordered()
    try:
        size = require_regular(path).st_size
        with OPEN[found](path, "rb") as file:  # type: ignore[operator]
            if not _is_odd(Metered(file, path, max(most, RATIO * size)), path):
                return Ordered()
        with OPEN[found](path, "rb") as file:  # type: ignore[operator]
            return _ordered(Metered(file, path, most))
    except MapError:
        raise
    except BuildError as error:
        raise MapError(str(error)) from None
    except (xml.ParseError, EOFError, OSError, zlib.error) as error:
        raise MapError(f"{path} is no whole OSM file ({error}); save or download it again") from None
    except ValueError as error:  # of `int`
        found_text = str(error).rpartition(": ")[2][:80]
        raise MapError(f"{path} has {found_text} for a number; save or download it again") from None


def _is_odd(file: Metered, path: Path) -> bool:
    """Tell whether osmium would not find all that the file holds; refuse what is no map."""
    head = file.read(4096)
    if b"<osmChange" in head:
        raise MapError(
            f"{path} lists changes (osmChange) and is no map; apply it to one by "
            "`osmium apply-changes map.osm.pbf changes.osc.gz -o new.osm.pbf`"
        )
    odd, way_seen, before = False, False, b""
    start, last_seen, last = 0, -1, dict[bytes, int]()
    while head:
        text = before + head
        if _DECLARED.search(text):
            raise MapError(
                f"{path} declares a document type or entities, which no OSM file has; download it again"
            )
        if remark := _REMARK.search(text):
            reason = remark[1].decode("utf-8", "replace")
            raise MapError(
                f"{path} is no whole answer of Overpass ('{reason}'); ask again for a smaller area"
            )
        way = text.find(b"<way ")
        odd |= bool(_ODD.search(text)) or text.rfind(b"<node ") > (
            0 if way_seen else way if way >= 0 else len(text)
        )
        for found in () if odd else _NUMBERED.finditer(text):
            if start + found.start() > last_seen:
                kind, number, last_seen = found[1], int(found[2]), start + found.start()
                odd |= number <= last.get(kind, 0)
                last[kind] = number
        way_seen |= way >= 0
        start += len(text) - len(head[-OVERLAP:])
        before, head = head[-OVERLAP:], file.read(CHUNK)
    return odd


def _ordered(file: Metered) -> Ordered:
    """Read elements, leave out those that were deleted, and write them by kind under positive numbers."""
    found: dict[str, dict[int, xml.Element]] = {"node": {}, "way": {}, "relation": {}}
    bounds: list[xml.Element] = []
    deleted = 0
    for element in _elements(file):
        if element.tag == "bounds":
            bounds.append(element)
        elif element.get("action") == "delete" or element.get("visible") == "false":
            deleted += is_building({tag.get("k", ""): tag.get("v", "") for tag in element.iter("tag")})
        else:
            number = int(element.get("id", "0"))
            found[element.tag][number] = _newest(element, found[element.tag].get(number))
    for way in found["way"].values():
        _give_positions(way, found["node"])
    numbers = {kind: _positive(elements) for kind, elements in found.items()}
    root = xml.Element("osm", version="0.6")
    root.extend(bounds)
    for kind, elements in found.items():
        for old, new in sorted(numbers[kind].items(), key=lambda pair: pair[1]):
            root.append(_renumbered(elements[old], new, numbers))
    old_numbers = {
        (kind, new): old for kind, each in numbers.items() for old, new in each.items() if new != old
    }
    return Ordered(xml.tostring(root, "utf-8"), old_numbers, deleted)


def _newest(element: xml.Element, other: xml.Element | None) -> xml.Element:
    """Return the newer of two copies of an element; copies of one version complete each other.

    Overpass parts them: ``out tags`` and ``out skel`` write tags without corners and corners without tags,
    and no version.
    """
    if other is None:
        return element
    versions = [int(each.get("version", "0")) for each in (element, other)]
    if all(versions) and versions[0] != versions[1]:
        return element if versions[0] > versions[1] else other
    kinds = {child.tag for child in element}
    element.extend([child for child in other if child.tag not in kinds])
    element.attrib.update({**other.attrib, **element.attrib})
    return element


def _elements(file: Metered) -> Iterator[xml.Element]:
    """Yield nodes, ways, relations and bounds; below the root, so not those inside of ways."""
    events = xml.iterparse(file, ("start", "end"))
    depth = 0
    root: xml.Element | None = None
    for event, element in events:
        root = element if root is None else root
        depth += 1 if event == "start" else -1
        if event == "end" and depth == 1:
            if element.tag in ("node", "way", "relation", "bounds"):
                yield element
            root.remove(element)


def _give_positions(way: xml.Element, nodes: dict[int, xml.Element]) -> None:
    """Make nodes of the positions that stand inside of a way."""
    for corner in way.iter("nd"):
        number, position = int(corner.get("ref", "0")), {key: corner.get(key, "") for key in ("lat", "lon")}
        if number not in nodes and all(position.values()):
            nodes[number] = xml.Element("node", {"id": str(number), **position})


def _positive(elements: dict[int, xml.Element]) -> dict[int, int]:
    """Return a positive number for each: its own, or one above all others."""
    above = max((number for number in elements if number > 0), default=0)
    negative = sorted((number for number in elements if number <= 0), reverse=True)
    return {number: number for number in elements if number > 0} | {
        number: above + count for count, number in enumerate(negative, 1)
    }


def _renumbered(element: xml.Element, number: int, numbers: dict[str, dict[int, int]]) -> xml.Element:
    """Return an element under another number; a member that is missing gets one that no other has."""
    position: dict[str, str] = {key: element.get(key, "") for key in ("lat", "lon") if key in element.attrib}
    copy = xml.Element(element.tag, {"id": str(number), "version": "1"} | position)
    for child in element:
        kind = "node" if child.tag == "nd" else child.get("type", "")
        attributes = {key: value for key, value in child.attrib.items() if key not in ("lat", "lon")}
        if child.tag in ("nd", "member"):
            old = int(child.get("ref", "0"))
            known = numbers.get(kind, {})
            attributes["ref"] = str(known.get(old, max(known.values(), default=0) + abs(old) + 1))
        xml.SubElement(copy, child.tag, attributes)
    return copy
