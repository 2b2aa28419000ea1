"""Stores of strangers are refused in one line: links, pipes, sizes, metadata that lie, paths of their own."""

import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hostile import store_work as work
from tests.hostile.attempt import Outcome, attempt
from tests.hostile.work import build

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A complete store, a bundle that predicts from it, and a store whose build has not ended."""
    folder = tmp_path_factory.mktemp("sound")
    build(str(folder / "w.zarr"))
    work.unfinished(str(folder / "half.zarr"))
    work.bundle(str(folder / "bundle"))
    return folder


@pytest.fixture
def folder(sound, tmp_path) -> Path:
    """A copy of the sound ones in `ours`, which may be written to, and a neighbour that may not."""
    shutil.copytree(sound, tmp_path / "ours")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.csv").write_text("secret")
    return tmp_path / "ours"


def root(change: Callable[[dict], None]) -> Spoil:
    """Change the root's metadata."""

    def spoil(store: Path) -> None:
        path = store / "zarr.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return spoil


def attribute(key: str, value: object) -> Spoil:
    return root(lambda whole: whole["attributes"].__setitem__(key, value))


def without(key: str) -> Spoil:
    return root(lambda whole: whole["attributes"].pop(key))


def both(name: str, change: Callable[[dict], None]) -> Spoil:
    """Change an array's own metadata and their gathered copy alike."""

    def spoil(store: Path) -> None:
        own = store / name / "zarr.json"
        value = json.loads(own.read_text())
        change(value)
        own.write_text(json.dumps(value))
        root(lambda whole: whole["consolidated_metadata"]["metadata"].__setitem__(name, value))(store)

    return spoil


def many(names: list[str], change: Callable[[dict], None]) -> Spoil:
    def spoil(store: Path) -> None:
        for name in names:
            both(name, change)(store)

    return spoil


def claim(records: int, chunk: int | None = None) -> Spoil:
    """Claim a number of records everywhere, so that nothing contradicts anything else."""

    def longer(value: dict) -> None:
        value["shape"][0] = records

    names = ["height", "slope", "split"]
    names += [f"statistics/{n}/{f}" for n in names[:2] for f in ("count", "mean", "m2", "minimum", "maximum")]

    def spoil(store: Path) -> None:
        many(names, longer)(store)
        if chunk:
            attribute("records_per_shard", chunk)(store)
            many(
                names, lambda each: each["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, chunk)
            )(store)

    return spoil


def replace(name: str, make: Callable[[Path], None]) -> Spoil:
    def spoil(store: Path) -> None:
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        make(path)

    return spoil


def text(name: str, content: str) -> Spoil:
    return replace(name, lambda path: path.write_text(content))


def twice(store: Path) -> None:
    path = store / "zarr.json"
    path.write_text(path.read_text().replace('"attributes"', '"attributes": {}, "attributes"', 1))


def large(store: Path) -> None:
    path = store / "zarr.json"
    path.write_text(path.read_text().rstrip()[:-1] + ', "x": "' + "x" * (100 << 20) + '"}')


def shift(key: str, value: object) -> Callable[[dict], None]:
    return lambda whole: whole.__setitem__(key, value)


def codec(name: str) -> Callable[[dict], None]:
    def change(whole: dict) -> None:
        whole["codecs"][0]["configuration"]["codecs"][-1] = {"name": name}

    return change


def inner(length: int) -> Callable[[dict], None]:
    def change(whole: dict) -> None:
        whole["codecs"][0]["configuration"]["chunk_shape"][0] = length

    return change


def labels(store: Path) -> None:
    import zarr

    zarr.open_group(store, use_consolidated=False)["split"][:] = np.full(8, 7, np.int8)


SHARD, SUMMARY = "height/c/0/0/0", "build/summary-1"

SPOILT: dict[str, tuple[Spoil, str]] = {
    "a link to a shard": (
        replace(SHARD, lambda p: p.symlink_to("/etc/hostname")),
        "height.* is a link to /etc",
    ),
    "a link to metadata": (replace("zarr.json", lambda p: p.symlink_to("/etc/hostname")), "is a link to"),
    "a link to a variable": (replace("height", lambda p: p.symlink_to("/etc")), "height is a link to /etc"),
    "a link in build": (replace("build/staging", lambda p: p.symlink_to("/tmp")), "build/staging is a link"),
    "a pipe for a shard": (replace(SHARD, os.mkfifo), "height/c/0/0/0 is no plain file"),
    "a pipe for metadata": (replace("zarr.json", os.mkfifo), "zarr.json is no plain file"),
    "a pipe for a receipt": (replace("build/row-000000/zarr.json", os.mkfifo), "is no plain file"),
    "a pipe for statistics": (replace("statistics/height/mean/c/0", os.mkfifo), "is no plain file"),
    "a folder for metadata": (replace("zarr.json", Path.mkdir), "zarr.json is a folder"),
    "metadata of 100 MB": (large, "has 10[0-9] MB, expected at most"),
    "metadata nested deep": (text("zarr.json", "[" * 10_000 + "]" * 10_000), "nested too deep|holds list"),
    "deep attributes": (text("zarr.json", '{"a": ' * 10_000 + "1" + "}" * 10_000), "nested too deep"),
    "metadata that are a list": (text("zarr.json", "[1]"), "holds list, expected a JSON object"),
    "metadata in no UTF-8": (replace("zarr.json", lambda p: p.write_bytes(b"\xff\xfe{}")), "no sound JSON"),
    "a key twice": (twice, "names the key 'attributes' twice"),
    "1e12 records": (claim(10**12), r"1000000000000 records in \d+ shard rows, expected at most"),
    "1e12 records in one row": (claim(10**12, 10**12), "zarr.json.*bytes"),
    "2e9 records in some rows": (claim(2 * 10**9, 2**27), "claims .* bytes .*but its files hold"),
    "a shape that contradicts": (
        both("slope", shift("shape", [9, 8, 8])),
        "'slope' has shape .*expected 8 rec",
    ),
    "another split": (both("split", shift("shape", [7])), "the split 'split' has shape"),
    "a chunk of nothing": (
        both("height", lambda v: v["chunk_grid"]["configuration"].__setitem__("chunk_shape", [0, 8, 8])),
        "w.zarr",
    ),
    "shards of -1": (attribute("records_per_shard", -1), "'records_per_shard' is -1, expected 1 or more"),
    "shards of NaN": (attribute("records_per_shard", float("nan")), "is nan, expected a whole number"),
    "shards of text": (attribute("records_per_shard", "4"), "is '4', expected a whole number"),
    "shards of others": (attribute("records_per_shard", 2), "has shards of 4 records"),
    "no variables": (attribute("record_variables", ""), "'record_variables' is '', expected distinct names"),
    "variables as a list": (attribute("record_variables", ["height"]), "expected text"),
    "a variable above": (attribute("record_variables", "height ../slope"), "names '../slope'"),
    "a variable that is none": (attribute("record_variables", "height flow"), "there is no array 'flow'"),
    "no record dimension": (without("record_dimension"), "'record_dimension' is missing"),
    "no list of variables": (without("record_variables"), "'record_variables' is missing"),
    "attributes that are a list": (root(shift("attributes", [1])), "w.zarr"),
    "another version": (attribute("format_version", {"a": 1}), "has format_version"),
    "a version without a config": (
        root(lambda v: v["attributes"].update(format_version=9, recipe_config="[")),
        "9",
    ),
    "statistics of other shapes": (
        both("statistics/slope/mean", shift("shape", [8, 3])),
        "chunk_shape. and .shape. need",
    ),
    "statistics that lack": (replace("statistics/slope/m2", lambda p: None), "slope/m2|slope"),
    "labels out of range": (labels, r"split 'split' .* has labels \[7\]"),
    "an unknown codec": (both("height", codec("wibble")), "wibble"),
    "a codec of objects": (both("height", codec("numcodecs.pickle")), "pickle"),
    "an absurd index": (both("height", inner(3)), "w.zarr"),
    "a huge chunk": (many(["height"], inner(2**40)), "w.zarr"),
    "names of axes missing": (
        both("height", lambda v: v.pop("dimension_names")),
        "'height' has 3 axes and dimen",
    ),
    "names of axes twice": (
        both("height", shift("dimension_names", ["sample", "y", "y"])),
        "dimension_names",
    ),
    "text as records": (both("height", shift("data_type", "string")), "w.zarr"),
    "a copy that contradicts": (
        root(lambda v: v["consolidated_metadata"]["metadata"]["height"]["attributes"].update(units="km")),
        "height/zarr.json is lost, damaged or not what",
    ),
    "a copy of nothing": (root(shift("consolidated_metadata", {"metadata": {"a": 1}})), "w.zarr"),
    "a receipt that is none": (text("build/row-000000/zarr.json", "{"), "row-000000"),
    "receipts that are none": (text(f"{SUMMARY}/receipts/c/0", "{"), "summary-1/receipts is damaged"),
    "receipts of other rows": (both(f"{SUMMARY}/receipts", shift("shape", [3])), "receipts is damaged"),
    "receipts of 1 TB": (both(f"{SUMMARY}/receipts", shift("shape", [10**12])), "claims .* bytes"),
    "receipts of objects": (both(f"{SUMMARY}/receipts", shift("data_type", "string")), "w.zarr"),
    "sums that are none": (text(f"{SUMMARY}/statistics/slope/c/0/0", "{"), "slope is damaged"),
    "sums of other shapes": (both(f"{SUMMARY}/statistics/slope", shift("shape", [5, 7])), "slope is damaged"),
    "sums of 1 TB": (both(f"{SUMMARY}/statistics/slope", shift("shape", [5, 10**11])), "claims .* bytes"),
}
"""What is done to a store, and what is said."""

RECEIPTS = {
    "a receipt that is none",
    "receipts that are none",
    "receipts of other rows",
    "sums that are none",
    "sums of other shapes",
}
LENIENT = {
    # the summary is read instead of the receipt; `verify` compares them
    "info": {"a receipt that is none"},
    # the card is a text among the attributes: nothing else is read for it
    "card": {"labels out of range", "statistics that lack", "a copy that contradicts"} | RECEIPTS,
    "plot": {"labels out of range"} | RECEIPTS,
    # read by verify as a problem of the store, told on stdout
    "predict": {"labels out of range"} | RECEIPTS,
    "train": {"a receipt that is none", "sums that are none", "sums of other shapes"},
}


def one_line(found: Outcome, pattern: str) -> None:
    said = found.error or found.output
    assert found.forbidden == [], found
    assert found.kind not in ("", "too long") and not found.kind.startswith("signal"), found
    assert "Traceback" not in said, found
    assert re.search(pattern, said), found
    assert found.megabytes < 1024
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(errors) <= 1, found


def check_all(commands: tuple[str, ...], cases: list[str], folder: Path) -> None:
    found = attempt(work.read_spoilt, cases, commands, folder=folder, seconds=180)
    assert (found.kind, found.error, found.forbidden) == ("", "", []), found
    assert found.megabytes < 1024
    for case, said in json.loads(found.output.splitlines()[-1]).items():
        for command, line in said.items():
            if line == "" and case in LENIENT.get(command, ()):
                continue
            assert line and "Traceback" not in line and "\n" not in line, (case, command, line)
            assert re.search(SPOILT[case][1], line), (case, command, line)


def test_a_spoilt_store_is_refused_by_all_that_read_it(folder):
    check_all(("info", "verify", "predict"), list(SPOILT), folder)


@pytest.mark.slow
def test_a_spoilt_store_is_neither_drawn_nor_described(folder):
    check_all(("plot", "card"), list(SPOILT), folder)


GROUP = 11


@pytest.mark.slow  # a composed run for each store
@pytest.mark.parametrize("first", range(0, len(SPOILT), GROUP))
def test_no_run_is_trained_on_a_spoilt_store(first, folder):
    check_all(("train",), list(SPOILT)[first : first + GROUP], folder)


ASKED = {
    "title": "info",
    "license": "info",
    "recipe": "info",
    "recipe_version": "info",
    "recipe_config": "info",
    "software": "info",
}


def test_missing_attributes_are_named(folder):
    for key in ASKED:
        for value in (None, 7.5):
            path = folder / "w.zarr" / "zarr.json"
            before = path.read_text()
            (without(key) if value is None else attribute(key, value))(folder / "w.zarr")
            said = work.said(work.read, "info", str(folder / "w.zarr"))
            assert f"attribute '{key}' is {'missing' if value is None else '7.5'}" in said, said
            path.write_text(before)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1, "a": 2}', "NaN", '{"samples": NaN}'])
def test_a_configuration_that_is_none_is_told(content, folder):
    attribute("recipe_config", content)(folder / "half.zarr")
    said = work.said(work.resume, str(folder / "half.zarr"))
    assert "recipe" in said and "Traceback" not in said, said


CONFIGS = {
    "generic": {"sources": [{"path": "PATH", "sha256": "0" * 64}]},
    "radio/osm": {"osm_file": [{"path": "PATH", "sha256": "0" * 64}]},
    "radio/drive_test": {
        "measurements": [{"path": "PATH", "sha256": "0" * 64}],
        "buildings": {"path": "x.npy", "sha256": "0" * 64},
    },
    "uav/ulog": {"sources": [{"path": "PATH", "sha256": "0" * 64}]},
}
PATHS = (
    "../secret/a.csv",
    "SECRET",
    "a/../../secret/a.csv",
    "http://127.0.0.1:9/a.csv",
    "file:///etc/hostname",
    "memory://a",
    "~/a.csv",
    "simplecache::http://127.0.0.1:9/a",
    "way/a.csv",
    "",
)


@pytest.mark.parametrize("recipe", CONFIGS)
def test_a_store_names_no_files_of_its_own(recipe, folder):
    (folder / "way").symlink_to(folder.parent / "secret")
    found = attempt(
        work.resume_with,
        recipe,
        CONFIGS[recipe],
        PATHS,
        str(folder.parent / "secret" / "a.csv"),
        folder=folder,
    )
    assert (found.kind, found.error, found.forbidden) == ("", "", []), found
    for path, line in json.loads(found.output.splitlines()[-1]).items():
        assert "recipe_config names the file" in line, (path, line)


@pytest.mark.parametrize(
    "config",
    [
        {"osm_file": "../secret/a.csv"},
        {"osm_file": ["../secret/a.csv"]},
        {"osm_file": [{"path": "a.osm"}]},
        {"osm_file": [{"path": 7, "sha256": "0"}]},
        {"osm_file": [{"path": "a.osm", "sha256": "0" * 64}], "folder": "/etc"},
    ],
)
def test_a_store_gives_files_only_as_they_were_found(config, folder):
    found = attempt(work.resume_with, "radio/osm", config, ("",), "", folder=folder)
    (line,) = json.loads(found.output.splitlines()[-1]).values()
    assert "recipe_config" in line and found.forbidden == [], found


def test_a_link_that_the_user_types_is_followed(folder):
    (folder / "typed.zarr").symlink_to(folder / "half.zarr")
    assert work.said(work.resume, str(folder / "typed.zarr")) == ""
    assert work.said(work.read, "verify", str(folder / "half.zarr")) == ""


def link_out(store: Path) -> Path:
    return store.parent.parent / "secret"


PREPARED: dict[str, Callable[[Path], None]] = {
    "staging": replace("build/staging", lambda p: p.symlink_to(link_out(p.parents[1]))),
    "locks": replace("build/locks", lambda p: p.symlink_to(link_out(p.parents[1]))),
    "a receipt": replace("build/row-000000", lambda p: p.symlink_to(link_out(p.parents[1]))),
    "a variable": replace("slope", lambda p: p.symlink_to(link_out(p.parents[0]))),
    "a chunk's folder": replace("slope/c", lambda p: p.symlink_to(link_out(p.parents[1]))),
    "metadata": replace("zarr.json", lambda p: p.symlink_to(link_out(p.parents[0]) / "a.csv")),
    "a half-written file": replace("a.partial", lambda p: p.symlink_to(link_out(p.parents[0]))),
    "a folder aside": replace(".secret-x.aside", lambda p: p.symlink_to(link_out(p.parents[0]))),
}


@pytest.mark.parametrize("case", PREPARED)
def test_nothing_is_written_or_deleted_through_a_link(case, folder):
    PREPARED[case](folder / "half.zarr")
    found = attempt(work.resume, str(folder / "half.zarr"), folder=folder)
    one_line(found, "is a link to")
    assert (folder.parent / "secret" / "a.csv").read_text() == "secret"


def test_what_is_cleaned_up_is_neither_a_link_nor_above(tmp_path):
    from surrogates.core.files import clean_up

    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir(), ours.mkdir()
    (theirs / "a").write_text("x")
    for name in (".x-1.aside", "..-1.aside", "...-1.aside", ".aside", ".1.aside", "y.partial"):
        (ours / name).symlink_to(theirs)
    (ours / "...-2.aside").mkdir()
    (ours / ".aside.aside").mkdir()
    clean_up(ours)
    assert (theirs / "a").read_text() == "x"
    assert ours.is_dir() and not (ours / "y.partial").is_symlink()


def creating(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "new.zarr.creating").write_bytes(content)


def test_a_lock_beside_a_users_folder_does_not_delete_it(folder):
    (folder / "new.zarr").mkdir()
    (folder / "new.zarr" / "thesis.txt").write_text("mine")
    creating(b"dead")(folder)
    found = attempt(build, str(folder / "new.zarr"), folder=folder)
    one_line(found, "new.zarr is not empty and not a store")
    assert (folder / "new.zarr" / "thesis.txt").read_text() == "mine"


def sign(**changes: object) -> bytes:
    here = {"host": socket.gethostname(), "pid": 1, "born": "1", "seen": time.time()}
    return json.dumps(here | changes).encode()


LOCKS = {
    "in the future": sign(host="elsewhere", seen=time.time() + 1e6),
    "without end": sign(host="elsewhere", seen=float("inf")),
    "at no time": sign(host="elsewhere", seen=float("nan")),
    "of text": sign(host="elsewhere", seen="now"),
    "of a negative pid": sign(pid=-1, born=None),
    "of a pid beyond": sign(pid=1 << 70, born=None),
    "of a path": sign(pid="../../etc/passwd", born=None),
    "of no pid": sign(pid=None),
    "of a dead one": sign(pid=99999999, born=None),
    "that is a list": b"[1, 2]",
    "that is empty": b"",
    "that is no text": b"\xff\xfe",
    "nested deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", LOCKS)
def test_an_impossible_lock_does_not_block(case, tmp_path, monkeypatch):
    from datasets.factory import lock
    from datasets.factory.files import Files

    monkeypatch.setattr(lock, "_still_ours", lambda *_: True)
    (tmp_path / "x.creating").write_bytes(LOCKS[case])
    with lock.alone(Files(str(tmp_path)), "x.creating") as interrupted:
        assert interrupted
    folder = tmp_path / "s" / "build" / "locks"
    folder.mkdir(parents=True)
    (folder / "rows-000000-000002.json").write_bytes(LOCKS[case])
    (folder / "rows-a-b.json").write_bytes(LOCKS[case])
    with lock.RowsLock(Files(str(tmp_path / "s")), range(1, 2)):
        pass


def test_a_pipe_for_a_lock_is_told(tmp_path):
    os.mkfifo(tmp_path / "w.zarr.creating")
    one_line(attempt(build, str(tmp_path / "w.zarr"), folder=tmp_path), "is no plain file")


def bomb() -> bytes:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("=height.npy", b"\0" * (64 << 20))
    return packed.getvalue()


def staged(**arrays: np.ndarray) -> bytes:
    from datasets.factory.staging import _pack

    return bytes(_pack(arrays))


def objects() -> bytes:
    import io

    packed = io.BytesIO()
    np.savez(packed, **{"=height": np.array([{}], object), "=slope": np.zeros(1)})
    return packed.getvalue()


STAGED = {
    "a bomb": (bomb, "compressed"),
    "other variables": (lambda: staged(height=np.zeros((2, 8, 8), np.float32)), r"holds \['height'\]"),
    "other shapes": (
        lambda: staged(height=np.zeros((2, 8, 9), np.float32), slope=np.zeros((2, 8, 8), np.float32)),
        "'height' is float32",
    ),
    "Python objects": (objects, "damaged"),
    "nothing": (lambda: b"", "damaged"),
}


@pytest.mark.parametrize("case", STAGED)
def test_a_staged_unit_of_a_stranger_is_refused_and_removed(case, folder):
    make, pattern = STAGED[case]
    path = folder / "half.zarr" / "build" / "staging" / "unit-00000002.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make())
    (path.parent / "unit-x.npz").write_bytes(b"")
    found = attempt(work.resume, str(folder / "half.zarr"), folder=folder)
    one_line(found, f"staged unit 2 .*{pattern}.* is removed")
    assert not path.exists()
    assert work.said(work.resume, str(folder / "half.zarr")) == ""


def test_every_changed_byte_of_the_root_is_found(folder):
    path = folder / "w.zarr" / "zarr.json"
    whole = path.read_bytes()
    missed = []
    assert work.said(work.read, "verify", str(folder / "w.zarr")) == ""
    for place in np.linspace(0, len(whole) - 1, 80).astype(int).tolist():
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        if work.said(work.read, "verify", str(folder / "w.zarr")) == "":
            missed.append(place)
    assert missed == []


def test_a_store_of_an_older_release_is_told_to_be_uncertified(folder):
    (folder / "w.zarr" / "build" / "metadata.sha256").unlink()
    found = attempt(work.verify_text, str(folder / "w.zarr"), folder=folder)
    assert "not certified: an older release built the store" in found.output and found.kind == ""


def test_the_certificate_is_the_hash_of_the_root(folder):
    content = (folder / "w.zarr" / "zarr.json").read_bytes()
    stated = (folder / "w.zarr" / "build" / "metadata.sha256").read_text()
    assert stated == hashlib.sha256(content).hexdigest()


def test_a_build_of_other_records_than_its_recipe_is_refused(folder):
    attribute("recipe_config", '{"seed": 0, "samples": 16}')(folder / "half.zarr")
    found = attempt(work.resume, str(folder / "half.zarr"), folder=folder)
    one_line(found, "holds 8 records of height, slope, but its recipe 'tests/waves' makes 16")


@pytest.mark.parametrize("kilobytes", [0, 1, 16])
def test_a_limit_on_files_is_told_by_a_build_with_its_remedy(kilobytes, tmp_path):
    found = attempt(work.limited, kilobytes, "build", str(tmp_path / "w.zarr"), folder=tmp_path)
    if found.kind:
        one_line(found, "ulimit -f.*raise the limit")


@pytest.mark.parametrize("kilobytes", [0, 2, 20])
def test_a_limit_on_files_is_told_by_a_prediction_with_its_remedy(kilobytes, folder):
    found = attempt(work.limited, kilobytes, "predict", str(folder), folder=folder)
    if found.kind:
        one_line(found, "ulimit -f.*raise the limit")
        assert not (folder / "p.zarr").exists() and not list(folder.glob(".p.zarr*"))


@pytest.mark.parametrize("kilobytes", [0, 1, 4])
def test_a_full_disk_before_the_first_checkpoint_says_that_there_is_none(kilobytes, folder):
    found = attempt(work.limited, kilobytes, "train", str(folder), folder=folder, seconds=30)
    one_line(found, "no checkpoint yet|none before it|nothing was begun")
    assert "raise the limit" in found.error, found


@pytest.mark.parametrize(
    ("what", "pattern"), [("killed", "killed by SIGKILL while they started"), ("import", "cannot import")]
)
def test_a_worker_that_dies_while_it_starts_is_not_blamed_on_the_script(what, pattern, tmp_path):
    said = work.dying(what, tmp_path)
    assert pattern in said and "__main__" not in said, said
