"""A file that is replaced is the previous one or the new one, whatever happens in between."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from surrogates.core.files import replacing, sync, write_atomic


@pytest.fixture
def path(tmp_path):
    """Return a file that holds ``old``, alone in its folder."""
    path = tmp_path / "answers.json"
    path.write_text("old")
    return path


def alone(path):
    """Whether nothing lies beside a file."""
    return list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["23 °C", "23 °C".encode(), memoryview("23 °C".encode())])
def test_text_and_bytes_replace_what_was_there(path, content):
    write_atomic(path, content)
    assert path.read_text(encoding="utf-8") == "23 °C"
    assert alone(path)


def test_a_new_file_gets_its_folders_and_everyday_rights(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "a" / "b" / "new"
    plain.touch()
    write_atomic(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode == plain.stat().st_mode


def test_the_place_to_write_at_has_the_name_of_the_target_on_its_disk(path):
    with replacing(path) as staging, replacing(path) as other:
        assert staging.name == path.name and staging != other
        assert staging.parent.parent == path.parent
        staging.write_text("first")
        other.write_text("second")
        assert path.read_text() == "old"
    assert path.read_text() == "first"
    assert alone(path)


def test_a_folder_appears_as_a_whole(tmp_path):
    path = tmp_path / "store.zarr"
    with replacing(path) as staging:
        (staging / "c" / "0").mkdir(parents=True)
        (staging / "c" / "0" / "0").write_text("values")
        assert not path.exists()
    assert (path / "c" / "0" / "0").read_text() == "values"
    assert alone(path)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_block_that_fails_changes_nothing(path, error):
    with pytest.raises(type(error)), replacing(path) as staging:
        staging.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert alone(path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_of_the_system_changes_nothing(path, call, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left"):
            write_atomic(path, "new")
    assert path.read_text() == "old"
    assert alone(path)


def test_a_disk_that_fills_up_half_way_changes_nothing(path):
    """The system itself refuses what goes past the limit of a file's size."""
    code = """
    import resource, signal, sys
    from pathlib import Path
    from surrogates.core.files import write_atomic
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        write_atomic(Path(sys.argv[1]), b"x" * 100_000)
    except OSError as error:
        print(error.errno)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == errno.EFBIG
    assert path.read_text() == "old"
    assert alone(path)


def test_everything_is_on_the_disk_before_the_name_and_the_name_before_the_end(path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        calls.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def replaced(*paths):
        calls.append("replace")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_atomic(path, "new")
    staging, name, folder = calls
    assert (staging.name, name, folder) == (path.name, "replace", path.parent)


def test_a_folder_is_synced_with_all_that_is_in_it(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").touch()
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda fd: synced.add(Path(f"/proc/self/fd/{fd}").readlink()))
    sync(tmp_path)
    assert synced == {tmp_path, *tmp_path.rglob("*")}


def test_a_killed_process_leaves_the_previous_file_or_the_new_one(tmp_path):
    code = """
    import itertools, sys
    from pathlib import Path
    from surrogates.core.files import write_atomic
    for number in itertools.count(1):
        write_atomic(Path(sys.argv[1]), f"{number}\\n" * 50_000)
        print(number, flush=True)
    """
    path = tmp_path / "numbers"
    for turn in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.0013 * turn)
        os.kill(process.pid, signal.SIGKILL)
        last = [1, *map(int, process.stdout.read().split())][-1]
        process.wait()
        lines = path.read_text().splitlines()
        assert len(lines) == 50_000 and len(set(lines)) == 1
        assert int(lines[0]) in (last, last + 1)


def test_a_folder_is_no_file_to_write_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="expected the name of a file") as caught:
        write_atomic(tmp_path, "new")
    assert caught.value.filename == str(tmp_path)
