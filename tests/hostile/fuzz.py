"""Inputs of strangers, made by changing sound ones: strategies, and what reads them in a watched child."""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import InMemoryExampleDatabase

LETTERS = "ab Z09_-./\\$'\"{}[]:%,;*&!#<>\0\n\x1b\x7f\u00e9\u2028\u202e\u6f22\ufeff\U0001f600"
"""What names are drawn from: a table of all of Unicode takes each child seconds to make."""
TEXTS = st.text(LETTERS, max_size=8)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([0, 1, -1, 2, 200_000, 1 << 24, 1 << 31, 1 << 63]),
    st.floats(),
    TEXTS,
    st.sampled_from(
        ["", ".", "..", "../x", "/etc/passwd", "${oc.env:HOME}", "1e400", "400000000", "\x1b[2J", "nan"]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
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
    """Draw a JSON value in which some entries, most often one, are moved, replaced, deleted or repeated."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        found = paths(value)[1:]
        if not found:
            return draw(VALUES)
        *parents, last = draw(st.sampled_from(found))
        holder = value
        for key in parents:
            holder = holder[key]
        match draw(st.sampled_from(["move", "move", "replace", "delete", "add", "repeat"])):
            case "move":
                holder[last] = draw(moved(holder[last]))
            case "replace":
                holder[last] = draw(VALUES)
            case "delete":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(TEXTS)] = draw(VALUES)
            case "repeat" if isinstance(holder, list):
                holder += [holder[last]] * draw(st.integers(1, 5))
            case _:
                holder[last] = draw(LEAVES)
    return value


def moved(value: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of values that are like another."""
    match value:
        case bool() | None:
            return st.sampled_from([True, False, None])
        case int():
            return st.integers(value - 2, value + 2)
        case float():
            return st.sampled_from([value / 2, -value, value + 1, value * (1 + 1e-9), value * 1e9])
        case str():
            return st.sampled_from([value + "x", value[:-1], value.upper(), f" {value}", f"{value}\n"])
        case list():
            return st.permutations(value)
        case _:
            return st.just(dict(reversed(value.items())))


@st.composite
def damaged(draw: Any, content: bytes, head: int) -> bytes:
    """Draw bytes of which some among the first, most often one, are others, or whose end is missing.

    Most often a byte becomes one of its kind (a digit a digit), so that a good share is still read.
    """
    found = bytearray(content)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
        if not found:
            break
        where = draw(st.integers(0, min(head, len(found)) - 1))
        match draw(st.sampled_from(["like", "like", "like", "other", "repeat", "delete"])):
            case "like":
                found[where] = draw(st.sampled_from(like(found[where])))
            case "other":
                new = draw(
                    st.binary(min_size=1, max_size=4)
                    | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff"])
                )
                found[where : where + len(new)] = new
            case "repeat":
                found[where:where] = found[where : where + draw(st.integers(1, 16))]
            case "delete":
                del found[where : where + draw(st.integers(1, 4))]
    if draw(st.integers(0, 9)) == 9:
        del found[draw(st.integers(0, max(len(found) - 1, 0))) :]
    return bytes(found)


CRC, INDEX = 4, 16
"""Bytes of a checksum, and of the index of a shard of one chunk."""
KINDS = (b"0123456789", b" \n\t", b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b".,;:-")


def like(byte: int) -> bytes:
    """Return the bytes of the same kind."""
    return next((kind for kind in KINDS if byte in kind), bytes({byte ^ 1, byte ^ 128, (byte + 1) % 256}))


def of_right_sums(content: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums of what they hold, or the bytes as they are."""
    found, where = bytearray(content), 8
    while where + 12 <= len(found):
        (length,) = struct.unpack_from(">I", found, where)
        end = where + 8 + length
        if end + 4 > len(found):
            break
        found[end : end + 4] = struct.pack(">I", zlib.crc32(found[where + 4 : end]))
        where = end + 4
    return bytes(found)


def of_a_right_sum(content: bytes) -> bytes:
    """Return a tar archive whose first header has its checksum."""
    head = bytearray(content[:512])
    if len(head) == 512:
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content[512:]


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
            if isinstance(error, MemoryError) or not _is_users_mistake(error):
                raise

    each()
    return sound


def each_of(kinds: dict[str, tuple[Any, ...]], examples: int) -> str:
    """Read inputs of several kinds, each by its function and arguments; return how many of each were read."""
    found = {}
    for kind, (work, *arguments) in kinds.items():
        try:
            found[kind] = work(*arguments, examples)
        except Exception as error:
            raise AssertionError(f"{kind}: {error!r}") from error
    return "\n" + json.dumps(found)


def manifests(folder: str, examples: int) -> int:
    """Load a bundle with changed manifests; the hashes fit."""
    import yaml

    from surrogates.inference.bundle import load_bundle

    path = Path(folder) / "bundle.yaml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))

    def read(drawn: Any) -> None:
        text = yaml.dump(drawn, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        load_bundle(folder)

    return examine(changed(value), read, examples)


def attributes(store: str, examples: int) -> int:
    """Describe and verify a store with changed metadata at its root; the certificate fits."""
    from datasets.factory.info import info
    from datasets.factory.verify import verify

    path = Path(store) / "zarr.json"
    value = json.loads(path.read_text(encoding="utf-8"))

    def read(drawn: Any) -> None:
        content = json.dumps(drawn).encode()
        path.write_bytes(content)
        (Path(store) / "build" / "metadata.sha256").write_text(hashlib.sha256(content).hexdigest())
        info(store)
        verify(store, progress=False)

    return examine(changed(value), read, examples)


def shards(store: str, examples: int) -> int:
    """Read a store whose shard has a damaged index or chunk, mostly with checksums that fit."""
    import google_crc32c

    from datasets.store.layout import open_store

    path = Path(store, "height", "c", "0", "0", "0")
    content = path.read_bytes()
    chunk, index = content[: -CRC - INDEX - CRC], content[-INDEX - CRC : -CRC]

    def summed(part: bytes) -> bytes:
        return part + struct.pack("<I", google_crc32c.value(part))

    opened = open_store(store)

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        opened.reader(["height"]).read(list(range(opened.records)))

    def indexed(chunk: bytes) -> bytes:
        return summed(chunk) + summed(struct.pack("<QQ", 0, len(chunk) + CRC))

    end = damaged(content[-INDEX - CRC :], INDEX + CRC).map(lambda drawn: content[: -INDEX - CRC] + drawn)
    fitting = damaged(index, INDEX).map(lambda drawn: summed(chunk) + summed(drawn))
    return examine(end | fitting | damaged(chunk, 64).map(indexed), read, examples)


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
    """Import a `.npy` by a mapping: its header is damaged, or states another type, order and shape."""
    from tests.hostile.reading import READERS

    path = Path(sample)
    content = path.read_bytes()

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        READERS["records"](sample)

    return examine(damaged(content, 128) | npys(content[128:]), read, examples)


@st.composite
def npys(draw: Any, content: bytes) -> bytes:
    """Draw a `.npy` whose header parses."""
    from tests.hostile.files import npy_header

    about = {
        "descr": draw(
            st.sampled_from(["<f8", ">f8", "<f4", "<i2", "|u1", "|b1", "<c16", "|O", "<U4", "<M8[s]"])
        ),
        "fortran_order": draw(st.booleans()),
        "shape": draw(st.lists(st.sampled_from([4, 3, 2, 1, 12, 0, -1, 1 << 40]), max_size=3).map(tuple)),
    }
    version = draw(st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]))
    return npy_header(repr(about), version) + content[: draw(st.integers(0, len(content)))] * draw(
        st.integers(0, 2)
    )


def readings(reader: str, sample: str, head: int, examples: int) -> int:
    """Read a damaged file by a reader of `tests.hostile.reading`, half with checksums that fit."""
    from tests.hostile.reading import READERS

    path = Path(sample)
    drawn_from = damaged(path.read_bytes(), head)
    for suffix, fitting in {".png": of_right_sums, ".tar": of_a_right_sum}.items():
        if path.suffix == suffix:
            drawn_from |= drawn_from.map(fitting)

    def read(drawn: bytes) -> None:
        path.write_bytes(drawn)
        READERS[reader](sample)

    return examine(drawn_from, read, examples)
