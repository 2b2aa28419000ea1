"""A server of objects may be away for a while; when it stays away, the build resumes where it was."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from datasets.factory.build import build, resume
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.store import patience
from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from datasets.store.urls import matching
from tests.bucket_server import bucket_at, empty_server
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Counted
from tests.gate import Gate, Mode

UNITS = 12
LOST = (
    r"^s3://bucket/\S+ has not answered for \d+ s \(.*\)\. Finished units are kept: .*surrogates data resume"
)


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    """The way to a server of S3 with a bucket."""
    with empty_server() as port:
        way = Gate(port)
        with bucket_at(way.url):
            yield way
        way.close()


@pytest.fixture(scope="module")
def store(gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small store in the bucket."""
    url = "s3://bucket/small.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_LOG", str(tmp_path_factory.mktemp("small") / "log"))
        build(Counted(units=4), url, workers=0, progress=False)
    return url


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units are noted when they are begun."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("TOY_LOG", str(path))
    return path


@pytest.fixture
def undisturbed(log: Path, tmp_path: Path) -> str:
    """The same store on a disk."""
    url = str(tmp_path / "undisturbed.zarr")
    build(Counted(), url, workers=0, progress=False)
    log.write_text("")
    return url


def begun(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def leave(gate: Gate, log: Path, units: int, mode: Mode, seconds: float | None) -> threading.Thread:
    """Turn the gate when some units have begun, and open it after a time, or never."""

    def act() -> None:
        while len(begun(log)) < units:
            time.sleep(0.002)
        gate.turn(mode)
        if seconds is not None:
            time.sleep(seconds)
            gate.turn("open")

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def require_same(url: str, other: str) -> None:
    assert content(url) == content(other)
    assert not fsspec.filesystem("s3").find(f"{url}/build/staging")


def test_what_another_process_writes_is_seen(gate: Gate) -> None:
    files, other = Files("s3://bucket/seen"), fsspec.filesystem("s3", skip_instance_cache=True)
    files.write("a", b"1")
    assert files.names() == ["a"]
    other.pipe_file("bucket/seen/b", b"2")
    assert files.read("b") == b"2" and files.exists("b")
    other.rm_file("bucket/seen/a")
    assert not files.exists("a")


def test_files_that_another_process_wrote_since_are_matched(gate: Gate) -> None:
    other = fsspec.filesystem("s3", skip_instance_cache=True)
    for number in range(2):
        other.pipe_file(f"bucket/matched/{number}.nc", b"")
        assert len(matching("s3://bucket/matched/*.nc")) == number + 1


def test_what_a_server_keeps_is_not_deleted_for_ever(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files("s3://bucket/kept")
    files.write("a", b"")
    asked: list[str] = []
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    monkeypatch.setattr(files._system, "rm", lambda path, recursive: asked.append(path))
    with pytest.raises(ContractError, match=r"^s3://bucket/kept has not .* not everything in it was deleted"):
        files.remove_all()
    assert 1 < len(asked) < 5


@pytest.mark.parametrize(
    ("mode", "workers", "seconds"),
    [
        ("refuse", 0, 1.0),
        pytest.param("fail", 0, 1.0, marks=pytest.mark.slow),
        pytest.param("hang", 0, 1.0, marks=pytest.mark.slow),
        pytest.param("refuse", 2, 10.0, marks=pytest.mark.slow),
        pytest.param("fail", 2, 10.0, marks=pytest.mark.slow),
        pytest.param("hang", 2, 10.0, marks=pytest.mark.slow),
    ],
)
def test_a_build_goes_on_when_the_server_was_away(
    gate: Gate, log: Path, undisturbed: str, mode: Mode, workers: int, seconds: float
) -> None:
    url = f"s3://bucket/away-{mode}-{workers}.zarr"
    away = leave(gate, log, UNITS // 2, mode, seconds)
    build(Counted(), url, workers=workers, progress=False)
    away.join()
    require_same(url, undisturbed)
    assert sorted(begun(log)) == list(range(UNITS))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_build_whose_server_stays_away_ends_in_one_line_and_resumes(
    gate: Gate, log: Path, undisturbed: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://bucket/lost-{workers}.zarr"
    monkeypatch.setattr(patience, "PATIENCE", 1.0)
    away = leave(gate, log, UNITS // 2, "refuse", None)
    try:
        with pytest.raises(BuildError, match=LOST) as caught:
            build(Counted(), url, workers=workers, progress=False)
    finally:
        away.join()
        gate.turn("open")
    assert "\n" not in str(caught.value) and url in str(caught.value)
    staged_or_written = set(begun(log)) if workers == 0 else set()
    lost = set(begun(log)[-max(1, 2 * workers) :])
    log.write_text("")
    resume(url, recipe_class=Counted, workers=workers, progress=False)
    require_same(url, undisturbed)
    assert not set(begun(log)) & (staged_or_written - lost)


@pytest.mark.parametrize(
    ("mode", "seconds"),
    [
        ("refuse", 1.0),
        pytest.param("fail", 10.0, marks=pytest.mark.slow),
        pytest.param("hang", 10.0, marks=pytest.mark.slow),
    ],
)
def test_records_are_read_when_the_server_was_away(
    gate: Gate, store: str, undisturbed: str, mode: Mode, seconds: float
) -> None:
    reader, wanted = open_store(store).reader(["draw"]), np.arange(8)
    expected = open_store(undisturbed).reader(["draw"]).read(wanted)["draw"]
    gate.turn(mode)
    back = threading.Timer(seconds, gate.turn, ("open",))
    back.start()
    np.testing.assert_array_equal(reader.read(wanted)["draw"], expected)
    np.testing.assert_array_equal(open_store(store).dataset().draw[wanted], expected)
    back.join()


def test_a_store_whose_server_is_lost_is_told_in_one_line(
    gate: Gate, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.5)
    gate.turn("refuse")
    try:
        with pytest.raises(ContractError, match=rf"^{store} has not answered .*then resume$") as caught:
            open_store(store)
    finally:
        gate.turn("open")
    assert "\n" not in str(caught.value)
