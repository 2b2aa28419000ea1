"""The journal of a sweep: a process killed while it writes neither stalls nor spoils what comes after."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

from surrogates.runs.study import JOURNAL, FileLock, open_study


def test_a_process_killed_in_the_middle_of_a_write_does_not_stall_the_next(tmp_path):
    open_study(tmp_path, "minimize").ask()
    child = os.fork()
    if child == 0:
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # the journal is locked while it is called
        open_study(tmp_path, "minimize").ask()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    start = monotonic()
    assert open_study(tmp_path, "minimize").ask().number == 1
    assert monotonic() - start < 15
    assert sorted(each.name for each in tmp_path.iterdir()) == [".study.lock", JOURNAL]


def test_a_line_without_its_end_does_not_swallow_the_next(tmp_path):
    open_study(tmp_path, "minimize").ask()
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":4,"worker')
    assert open_study(tmp_path, "minimize").ask().number == 1
    assert [each.number for each in open_study(tmp_path, "minimize").trials] == [0, 1]


def test_the_lock_has_one_holder(tmp_path):
    first, second, free = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock"), Event()
    first.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: second.acquire() and free.is_set())
        assert not waiting.done()
        free.set()
        first.release()
        assert waiting.result()
    second.release()
