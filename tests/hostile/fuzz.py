"""Inputs of strangers, made by changing sound ones: strategies, and what reads them in a watched child."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import InMemoryExampleDatabase

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([0, 1, -1, 2, 200_000, 1 << 24, 1 << 31, 1 << 63]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", ".", "..", "../x", "/etc/passwd", "${oc.env:HOME}", "1e400", "400000000", "\x1b[2J", "nan"]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to everything in a JSON value."""
    found = [path]
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return found
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


@st.composite
def changed(draw: Any, value: Any) -> Any:
    """Draw a JSON value in which one to three entries are replaced, deleted, added or repeated."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        found = paths(value)[1:]
        if not found:
            return draw(VALUES)
        *parents, last = draw(st.sampled_from(found))
        holder = value
        for key in parents:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "delete", "add", "repeat"])):
            case "replace":
                holder[last] = draw(VALUES)
            case "delete":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = draw(VALUES)
            case "repeat" if isinstance(holder, list):
                holder += [holder[last]] * draw(st.integers(1, 5))
            case _:
                holder[last] = draw(LEAVES)
    return value


@st.composite
def damaged(draw: Any, content: bytes, head: int) -> bytes:
    """Draw bytes of which some among the first are others, or whose end is missing."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        where = draw(st.integers(0, min(head, len(found)) - 1))
        new = draw(
            st.binary(min_size=1, max_size=4)
            | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff"])
        )
        found[where : where + len(new)] = new
    if draw(st.integers(0, 4)) == 0:
        del found[draw(st.integers(0, len(found) - 1)) :]
    return bytes(found)


def examine(
    strategy: st.SearchStrategy[Any], read: Callable[[Any], Any], examples: int, number: int = 0
) -> int:
    """Read many drawn inputs; raise what is no error of a user's, with the smallest input that causes it.

    Returns
    -------
    int
        How many were read without an error, so that a test can tell that not all were refused at the door.
    """
    from surrogates.cli.main import _is_users_mistake

    sound = 0
    set_hypothesis_home_dir(Path.cwd() / ".hypothesis")

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(strategy)
    def each(drawn: Any) -> None:
        nonlocal sound
        try:
            read(drawn)
            sound += 1
        except Exception as error:
            if not _is_users_mistake(error):
                raise

    each()
    return sound


def manifests(folder: str, examples: int) -> int:
    """Load a bundle with changed manifests; the hashes fit."""
    import yaml

    from surrogates.inference.bundle import load_bundle

    path = Path(folder) / "bundle.yaml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))

    def read(drawn: Any) -> None:
        path.write_text(yaml.safe_dump(drawn, sort_keys=False, allow_unicode=True), encoding="utf-8")
        load_bundle(folder)

    return examine(changed(value), read, examples)


def attributes(store: str, examples: int) -> int:
    """Open, describe and verify a store with changed metadata at its root."""
    from datasets.factory.info import info
    from datasets.factory.verify import verify
    from datasets.store.layout import open_store

    path = Path(store) / "zarr.json"
    value = json.loads(path.read_text(encoding="utf-8"))

    def read(drawn: Any) -> None:
        path.write_text(json.dumps(drawn), encoding="utf-8")
        for each in (open_store, info, verify):
            each(store)

    return examine(changed(value), read, examples)


def shards(store: str, examples: int) -> int:
    """Read a store whose shard has a damaged index, at its end."""
    from datasets.store.layout import open_store

    path = next(
        each for each in sorted(Path(store).rglob("c/0*")) if each.is_file() and "statistics" not in str(each)
    )
    content = path.read_bytes()
    end = min(len(content), 64)

    def read(drawn: bytes) -> None:
        path.write_bytes(content[: len(content) - end] + drawn)
        opened = open_store(store)
        opened.reader(list(opened.specs)).read(list(range(opened.records)))

    return examine(damaged(content[-end:], end), read, examples)


def imports(name: str, sample: str, head: int, examples: int) -> int:
    """Import a damaged file by the importer of its kind, as far as to the variables and the first record."""
    import numpy as np

    from datasets.factory.find import find_recipe

    path = Path(sample)
    content = path.read_bytes()
    recipe = find_recipe(name)

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        made = recipe.make({"folder": str(path)})
        made.prepare()
        made.specs()
        made.shared()
        made.simulate(np.arange(min(1, made.records())), [])

    return examine(damaged(content, head), read, examples)


def footprints(sample: str, examples: int) -> int:
    """Read buildings of a changed GeoJSON."""
    from datasets.radio.buildings import read_buildings

    path = Path(sample)
    value = json.loads(path.read_text(encoding="utf-8"))

    def read(drawn: Any) -> None:
        path.write_text(json.dumps(drawn), encoding="utf-8")
        read_buildings(str(path))

    return examine(changed(value), read, examples)


def arrays(sample: str, examples: int) -> int:
    """Import a `.npy` whose header is damaged by a mapping."""
    from datasets.factory.importing import import_generic

    path = Path(sample)
    content = path.read_bytes()
    mapping = {
        "title": "t",
        "files": path.name,
        "variables": {path.stem: {"units": "m", "long_name": "u", "dims": ["sample", "x"]}},
    }

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        shutil.rmtree("o.zarr", ignore_errors=True)
        import_generic(mapping, "o.zarr", workers=0, progress=False)

    os.chdir(path.parent)
    return examine(damaged(content, 128), read, examples)


def readings(reader: str, sample: str, head: int, examples: int) -> int:
    """Read a damaged file by a reader of `tests.hostile.reading`."""
    from tests.hostile.reading import READERS

    path = Path(sample)
    content = path.read_bytes()

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        shutil.rmtree(f"{sample}.out.zarr", ignore_errors=True)
        READERS[reader](sample)

    return examine(damaged(content, head), read, examples)
