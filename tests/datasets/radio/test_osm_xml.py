"""XML as JOSM and Overpass write it: negative numbers, deleted objects, another order, answers cut short."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.radio.buildings import read_buildings
from datasets.radio.mapped import DELETED, MapError
from datasets.radio.osm import read_osm
from tests.datasets.radio.maps import OsmMap, square

YES = {"building": "yes", "height": "20"}


def text_of(tmp_path: Path) -> str:
    """A house and one with a courtyard."""
    drawn = OsmMap()
    drawn.way(square(100, 0, 40), YES, number=70)
    drawn.relation([drawn.way(square(0, 0, 40))], [drawn.way(square(10, 10, 20))], YES)
    return drawn.write(tmp_path / "drawn.osm").read_text()


def negative(text: str) -> str:
    return re.sub(r'\b(id|ref)="(\d+)"', r'\1="-\2"', text)


def ways_first(text: str) -> str:
    nodes = "".join(re.findall(r"<node .*?/>", text))
    return re.sub(r"<node .*?/>", "", text).replace("</osm>", f"{nodes}</osm>")


def positions_inside(text: str) -> str:
    nodes = re.findall(r'<node id="(\d+)" lon="([^"]+)" lat="([^"]+)"', text)
    where = {number: f'lat="{lat}" lon="{lon}"' for number, lon, lat in nodes}
    text = re.sub(r"<node .*?/>", "", text)
    return re.sub(r'<nd ref="(\d+)"', lambda found: f"{found[0]} {where[found[1]]}", text)


def unsorted(text: str) -> str:
    ways = re.findall(r"<way .*?</way>", text)
    return re.sub(r"<way .*?</way>", "", text).replace("<relation", "".join(ways[::-1]) + "<relation")


def twice_without_tags(text: str) -> str:
    """As `out body; >; out skel qt;` answers, Overpass Turbo's own query."""
    text = text.replace(' version="1"', "")
    skeletons = "".join(re.sub("<tag .*?/>", "", way) for way in re.findall(r"<way .*?</way>", text))
    return ways_first(text.replace("</osm>", f"{skeletons}</osm>"))


def tags_apart(text: str) -> str:
    """As `out tags; out skel;` answers."""
    bare = "".join(re.sub("<nd .*?/>", "", way) for way in re.findall(r"<way .*?</way>", text))
    text = re.sub("(<way .*?</way>)", lambda way: re.sub("<tag .*?/>", "", way[0]), text)
    return text.replace("</osm>", f"{bare}</osm>")


@pytest.mark.parametrize(
    "change", [str, negative, ways_first, positions_inside, unsorted, twice_without_tags, tags_apart]
)
@pytest.mark.parametrize("packed", [str.encode, lambda text: gzip.compress(text.encode())])
def test_buildings_are_found_whatever_the_order_and_the_numbers(
    change: Callable[[str], str], packed: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.osm"
    path.write_bytes(packed(change(text_of(tmp_path))))
    buildings = read_buildings(path)
    assert buildings.polygons.size == 2
    assert sum(len(polygon.interiors) for polygon in buildings.polygons) == 1
    assert sorted(key.split("/")[0] for key in buildings.keys) == ["relation", "way"]
    assert ("way/-70" if change is negative else "way/70") in buildings.keys
    assert buildings.left_out == {}


@pytest.mark.parametrize("mark", ["action='delete' visible='true'", 'visible="false"'])
def test_deleted_building_is_left_out_and_counted(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    path.write_text(text_of(tmp_path).replace('<way id="70"', f'<way id="70" {mark}'))
    mapped = read_osm(path)
    assert [key.split("/")[0] for key in mapped.keys] == ["relation"]
    assert mapped.left_out == {DELETED: 1}


def test_modified_building_is_built(tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    path.write_text(text_of(tmp_path).replace('<way id="70"', '<way id="70" action="modify"'))
    assert "way/70" in read_osm(path).keys


def test_newest_of_several_versions_counts(tmp_path: Path) -> None:
    text = negative(text_of(tmp_path))
    older, newer = (re.search(r'<way id="-70".*?</way>', text)[0] for _ in range(2))  # type: ignore[index]
    newer = newer.replace('version="1"', 'version="3"').replace('v="20"', 'v="44"')
    (tmp_path / "a.osm").write_text(text.replace(older, newer + older))
    assert read_buildings(tmp_path / "a.osm").top.max() == 44.0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda text: text.replace("<osm ", "<osmChange ").replace("</osm>", "</osmChange>"),
            "lists changes .* is no map; apply it to one by `osmium apply-changes",
        ),
        (
            lambda text: text.replace("</osm>", "<remark> runtime error: timed out </remark></osm>"),
            r"is no whole answer of Overpass \('runtime error: timed out'\); ask again for a smaller area",
        ),
        (lambda text: negative(text)[:-200], "is no whole OSM file .*save or download it again"),
        (
            lambda text: re.sub(r"<node .*?/>", "", text),
            r"no corner in the file, or have it behind them; sort it by `osmium sort`, or ask .*`\(\._;>;\);",
        ),
    ],
    ids=["changes", "remark", "cut", "no nodes"],
)
def test_file_that_is_no_whole_map_is_answered_with_what_to_do(
    spoil: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.osm").write_text(spoil(text_of(tmp_path)))
    with pytest.raises(MapError, match=said) as error:
        read_buildings(tmp_path / "a.osm")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("order", "numbers", "said"),
    [
        ("nodes", -1, "corners with negative numbers, .* save it as .osm"),
        ("ways", 1, "sort it by `osmium sort`"),
        ("twice", 1, r"Way IDs out of order: 8\); sort it by `osmium sort`"),
        ("nodes", 1, None),
    ],
)
def test_pbf_that_osmium_cannot_place_says_why(
    order: str, numbers: int, said: str | None, tmp_path: Path
) -> None:
    import osmium

    corners = [(24.94, 60.17), (24.941, 60.17), (24.941, 60.1705), (24.94, 60.1705)]
    nodes = [osmium.osm.mutable.Node(id=numbers * (n + 1), location=at) for n, at in enumerate(corners)]
    way = osmium.osm.mutable.Way(id=9, nodes=[numbers * n for n in (1, 2, 3, 4, 1)], tags=YES)
    path = tmp_path / "a.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        if order == "ways":
            writer.add_way(way)
        for node in nodes:
            writer.add_node(node)
        if order != "ways":
            writer.add_way(way)
        if order == "twice":
            writer.add_way(osmium.osm.mutable.Way(id=8, nodes=way.nodes, tags=YES))
    if said is None:
        assert read_buildings(path).keys.tolist() == ["way/9"]
        return
    with pytest.raises(MapError, match=said):
        read_buildings(path)


def test_history_is_refused(tmp_path: Path) -> None:
    import osmium

    header = osmium.io.Header()
    header.has_multiple_object_versions = True
    path = tmp_path / "a.osh.pbf"
    osmium.SimpleWriter(str(path), header=header).close()
    with pytest.raises(MapError, match=r"holds the history of its objects; .*`osmium time-filter"):
        read_buildings(path)
