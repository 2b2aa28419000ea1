"""One process at a time builds a shard row."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.store.patience import Unanswered

_ROWS = re.compile(r"rows-(\d+)-(\d+)\.json")

BEAT = 30.0
"""Seconds between two signs of life."""
SILENCE = 600.0
"""Seconds of silence after which a process on another machine counts as dead."""


_held: set[str] = set()
"""Locks that this process holds."""


class RowsLock:
    """Holds a range of shard rows for this process while it builds them.

    A lock is a file with host, process and the time of its last sign of life. The lock of a process that died
    is taken over: at once on the same machine, after `SILENCE` on another.

    Parameters
    ----------
    store
        Folder of the store.
    rows
        Rows to hold.

    Raises
    ------
    BuildError
        On entering, when a living process holds some of the rows.
    """

    def __init__(self, store: Files, rows: range) -> None:
        self._store = store
        self._files = store.folder("build/locks")
        self._rows = rows
        self._name = f"rows-{rows.start:06d}-{rows.stop:06d}.json"
        self._heart = _Heart(self._files, self._name)

    def __enter__(self) -> Self:
        sign = _sign()
        while not self._files.create(self._name, sign):
            self._refuse_if_alive(self._name)
            self._files.write(self._name, sign)
            if _still_ours(self._files, self._name, sign):
                break
        try:
            for name in self._files.names():
                if name != self._name and _overlap(name, self._rows):
                    self._refuse_if_alive(name)
                    self._files.remove(name)
        except BuildError:
            self._files.remove(self._name)
            raise
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heart.stop(error)

    def _refuse_if_alive(self, name: str) -> None:
        holder = _holder(_content(self._files, name) or b"")
        if holder is not None and _is_alive(holder) and not _was_left(self._files, name, holder):
            raise BuildError(
                f"Process {holder.pid} on {holder.host} is building {self._store.url} at this moment "
                f"({name.removesuffix('.json')}). Wait for it, or stop it and run the command again."
            )


class _Heart:
    """Shows signs of life in a lock that this process has taken, until it lets go."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._name = files, name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="build-lock", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        _held.add(self._files.url + self._name)
        self._thread.start()

    def stop(self, error: BaseException | None) -> None:
        """Let go of the lock, unless its server is lost: then it stays, and who resumes takes it over."""
        self._stop.set()
        _held.discard(self._files.url + self._name)
        if not isinstance(error, Unanswered):
            self._thread.join()
            self._files.remove(self._name)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            try:
                self._files.write(self._name, _sign())
            except (OSError, Unanswered):  # the build itself reports a full disk and a lost server
                continue


def is_held(store: Files) -> bool:
    """Return whether a build of a store is under way, or was killed and will be resumed."""
    return bool(store.folder("build/locks").names())


@contextmanager
def alone(files: Files, name: str) -> Iterator[bool]:
    """Wait until no other living process holds a lock, hold it, and yield whether its previous holder died.

    Parameters
    ----------
    files, name
        Where the lock lies.
    """
    inherited = False
    sign = _sign()
    while not files.create(name, sign) or (inherited and not _still_ours(files, name, sign)):
        found = _content(files, name)
        if found is None:  # let go since: try again
            continue
        holder = _holder(found)
        if holder is not None and _is_alive(holder) and not _was_left(files, name, holder):
            time.sleep(0.05)
        elif _content(files, name) == found:
            inherited = True
            files.remove(name)
    heart = _Heart(files, name)
    heart.start()
    try:
        yield inherited
    except BaseException as error:
        heart.stop(error)
        raise
    heart.stop(None)


def _was_left(files: Files, name: str, holder: "Holder") -> bool:
    """Return whether this process could not let go of a lock, since its server was lost."""
    return files.local is None and holder.is_this_process() and files.url + name not in _held


def _still_ours(files: Files, name: str, sign: bytes) -> bool:
    """Look again after a moment: two processes may have found the same dead holder."""
    time.sleep(0.2)
    return _content(files, name) == sign


def _content(files: Files, name: str) -> bytes | None:
    try:
        return files.read(name)
    except FileNotFoundError:
        return None


class Holder(BaseModel):
    """Who signed a lock, and when it was last seen, s since 1970."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    host: str
    pid: int = Field(gt=0, lt=1 << 31)
    born: str | None
    seen: float

    def is_this_process(self) -> bool:
        """Return whether this process signed."""
        here = socket.gethostname(), os.getpid(), _born(os.getpid())
        return (self.host, self.pid, self.born) == here


def _holder(sign: bytes) -> Holder | None:
    """Return who signed a lock; None where it is torn, or no process of ours wrote it."""
    try:
        return Holder.model_validate_json(sign)
    except ValidationError:
        return None


def _is_alive(holder: Holder) -> bool:
    """Return whether the process that signed a lock is alive, as far as this machine can know.

    Clocks of two machines differ, but a time far ahead is no sign of life.
    """
    if holder.host != socket.gethostname():
        return abs(time.time() - holder.seen) < SILENCE
    return holder.born is not None and holder.born == _born(holder.pid)


def _sign() -> bytes:
    pid = os.getpid()
    holder = Holder(host=socket.gethostname(), pid=pid, born=_born(pid), seen=time.time())
    return holder.model_dump_json().encode()


def _born(pid: int) -> str | None:
    """Return when a process started, which tells later processes of the same number apart; None if dead."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    return "alive"


def _overlap(name: str, rows: range) -> bool:
    found = _ROWS.fullmatch(name)
    return found is not None and max(int(found[1]), rows.start) < min(int(found[2]), rows.stop)
