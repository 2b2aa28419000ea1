"""One living process at a time holds a row."""

import errno
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from datasets.factory import lock
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.factory.lock import RowsLock, alone
from datasets.store.patience import Unanswered


def leave(store: Path, **holder: Any) -> None:
    """Leave the lock of rows 0 to 3 behind."""
    folder = store / "build" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    sign = {"host": socket.gethostname(), "pid": 1, "born": "0", "seen": time.time()} | holder
    (folder / "rows-000000-000004.json").write_text(json.dumps(sign))


def test_rows_that_a_living_process_holds_are_refused_with_its_number(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    with RowsLock(files, range(4)):
        with pytest.raises(BuildError, match=f"Process .* on {socket.gethostname()} is building"):
            RowsLock(files, range(3, 6)).__enter__()
        with RowsLock(files, range(4, 6)):
            pass
    with RowsLock(files, range(3, 6)):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    leave(tmp_path, pid=dead.pid)
    with RowsLock(Files(str(tmp_path)), range(2, 9)):
        (held,) = (tmp_path / "build" / "locks").glob("rows-*.json")
        assert json.loads(held.read_text())["pid"] == os.getpid()


def test_a_reused_process_number_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    leave(tmp_path, pid=1, born="not when process 1 was born")
    with RowsLock(Files(str(tmp_path)), range(4)):
        pass


def test_of_two_processes_that_find_the_same_dead_holder_one_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, pid=1, born="not when process 1 was born")
    write = Files.write

    def before_another(self: Files, name: str, content: bytes) -> None:
        write(self, name, content)
        leave(tmp_path, host="elsewhere", pid=7)

    monkeypatch.setattr(Files, "write", before_another)
    with pytest.raises(BuildError, match="Process 7 on elsewhere"):
        RowsLock(Files(str(tmp_path)), range(4)).__enter__()
    (held,) = (tmp_path / "build" / "locks").glob("rows-*.json")
    assert json.loads(held.read_text())["pid"] == 7


def test_another_machine_counts_as_dead_after_a_long_silence(tmp_path: Path) -> None:
    leave(tmp_path, host="elsewhere")
    with pytest.raises(BuildError, match="Process 1 on elsewhere"):
        RowsLock(Files(str(tmp_path)), range(4)).__enter__()
    leave(tmp_path, host="elsewhere", seen=time.time() - 2 * lock.SILENCE)
    with RowsLock(Files(str(tmp_path)), range(4)):
        pass


def test_a_holder_shows_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.01)
    path = tmp_path / "build" / "locks" / "rows-000000-000004.json"
    with RowsLock(Files(str(tmp_path)), range(4)):
        first = json.loads(path.read_text())["seen"]
        deadline = time.monotonic() + 5
        while json.loads(path.read_text())["seen"] == first:
            assert time.monotonic() < deadline
    assert not path.exists()


def test_who_is_alone_for_long_shows_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with alone(Files(str(tmp_path)), "x"):
        first = (tmp_path / "x").read_text()
        deadline = time.monotonic() + 5
        while (tmp_path / "x").read_text() == first:
            assert time.monotonic() < deadline
    assert not (tmp_path / "x").exists()


def test_alone_tells_whether_the_holder_before_died(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    with alone(files, "x") as inherited:
        assert not inherited
    (tmp_path / "x").write_text(json.dumps({"host": socket.gethostname(), "pid": 1, "born": "0", "seen": 0}))
    with alone(files, "x") as inherited:
        assert inherited
    assert not files.exists("x")


def test_a_lock_that_is_let_go_in_between_is_not_taken_for_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(str(tmp_path))
    assert files.create("x", b"held")

    def let_go(self: Files, name: str) -> bytes:
        self.remove(name)
        raise FileNotFoundError

    monkeypatch.setattr(Files, "read", let_go)
    with alone(files, "x") as inherited:
        assert not inherited


def test_a_lock_whose_server_was_lost_is_taken_over_by_the_same_process() -> None:
    files = Files("memory://lost-lock")
    with pytest.raises(Unanswered), alone(files, "x"):
        raise Unanswered("gone")
    assert files.exists("x")
    with alone(files, "x") as inherited:
        assert inherited
    assert not files.exists("x")


def test_locks_work_where_the_file_system_knows_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    files = Files(str(tmp_path))
    assert files.create("x", b"first") and not files.create("x", b"second")
    assert files.read("x") == b"first" and [path.name for path in tmp_path.iterdir()] == ["x"]
    with RowsLock(files, range(4)), pytest.raises(BuildError, match="is building"):
        RowsLock(files, range(4)).__enter__()
