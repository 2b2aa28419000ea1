"""The watch sees what it is for: a check of the attempts that hold nothing hostile of ours."""

import os
import pickle
import socket
import subprocess
from pathlib import Path

import pytest

from tests.hostile.attempt import attempt


class Payload:
    def __reduce__(self):
        return (os.getcwd, ())


def unpickle(content):
    pickle.loads(content)


def start_a_process():
    subprocess.run(["true"], check=True)


def connect():
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def write(path):
    Path(path).write_text("x")


def remove(path):
    Path(path).unlink(missing_ok=True)


def loop():
    while True:
        pass


def fill():
    return len(bytearray(3 << 30))


def die():
    os.abort()


def write_through_a_link(path):
    Path("link").symlink_to(Path(path).parent)
    (Path("link") / Path(path).name).write_text("x")


@pytest.mark.parametrize(
    ("work", "arguments", "word"),
    [
        (unpickle, (pickle.dumps(Payload()),), "pickle.find_class"),
        (start_a_process, (), "subprocess.Popen"),
        (connect, (), "socket.connect"),
        (write, ("OUTSIDE",), "open for writing"),
        (write_through_a_link, ("OUTSIDE",), "open for writing"),
        (remove, ("OUTSIDE",), "os.remove"),
    ],
)
def test_the_watch_notes(work, arguments, word, tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").write_text("theirs")
    given = [str(tmp_path / "outside") if each == "OUTSIDE" else each for each in arguments]
    found = attempt(work, *given, folder=tmp_path / "inside")
    assert any(word in each for each in found.forbidden), found


def test_the_watch_lets_files_inside_be_written(tmp_path):
    assert attempt(write, str(tmp_path / "a"), folder=tmp_path).forbidden == []
    assert (tmp_path / "a").read_text() == "x"


def test_what_never_ends_is_stopped(tmp_path):
    assert attempt(loop, folder=tmp_path, seconds=1).kind == "too long"


def test_what_takes_the_memory_is_stopped(tmp_path):
    assert attempt(fill, folder=tmp_path).kind == "MemoryError"


def test_what_dies_is_told(tmp_path):
    assert attempt(die, folder=tmp_path).kind == "signal 6"
