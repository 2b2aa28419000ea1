"""The study of a sweep: Optuna's journal, which a process killed at any moment leaves sound."""

import fcntl
import os
from pathlib import Path
from typing import Literal

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

JOURNAL = "study.journal"
JOURNAL_LOCK = ".study.lock"


class FileLock:
    """A lock that ends with its process; Optuna's own stays behind a killed one, and stalls the next.

    Parameters
    ----------
    path
        The file that is locked; it stays, empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait until no other process holds the lock."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next process go on."""
        os.close(self._descriptor)


def open_study(folder: Path, direction: Literal["minimize", "maximize"]) -> optuna.Study:
    """Open the study of a sweep's folder, or begin one.

    Parameters
    ----------
    folder
        Folder of the sweep.
    direction
        Which values are good.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal, lock = folder / JOURNAL, FileLock(folder / JOURNAL_LOCK)
    lock.acquire()
    try:
        drop_torn_line(journal)
    finally:
        lock.release()
    return optuna.create_study(
        study_name="sweep",
        storage=JournalStorage(JournalFileBackend(str(journal), lock)),  # type: ignore[arg-type]
        direction=direction,
        load_if_exists=True,
    )


def drop_torn_line(path: Path) -> None:
    """Cut off a last line that a full disk or a kill has left without its end; the next would continue it."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
