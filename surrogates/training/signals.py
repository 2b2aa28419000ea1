"""Signals that ask a run to end; they are noted during a step and answered after it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

AGAIN = 1.0
"""Seconds after which another Ctrl-C ends a step that hangs; terminal and parent may both send the first."""
STATUS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 75}
"""Exit status of a process that each signal has ended: SIGUSR1 announces the end of a SLURM job's time, and
75 is what `sysexits.h` calls a temporary failure."""


class Stopped(SystemExit):
    """Raised when a signal ends a run; uncaught, it ends the process with the signal's status.

    Attributes
    ----------
    number, name
        Of the signal.
    step
        Steps that are done and saved; None before the first and after the last one.
    told
        Whether somebody has said so.
    """

    def __init__(self, number: int, step: int | None = None) -> None:
        self.number = signal.Signals(number)
        super().__init__(STATUS[self.number])
        self.name, self.step = self.number.name, step
        self.told = False


class Signals:
    """The signals received since `listening` began.

    Attributes
    ----------
    run
        Folder of the run that a signal ends, once there is one.
    tells
        Whether this process tells of it.
    noted
        The first signal that came while they were deferred, 0 for none.
    """

    def __init__(self, run: Path | None = None) -> None:
        self.run, self.tells = run, True
        self.noted = 0
        self._deferred, self._came = False, 0.0

    @contextmanager
    def listening(self) -> Iterator["Signals"]:
        """Answer signals by raising `Stopped` instead of ending at once.

        Those that are ignored, as SIGHUP under `nohup`, stay so; and so do all in a thread, since Python lets
        the main thread alone choose.
        """
        before = {}
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.signal(number, self._answer) for number in answered()}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note signals for a while; answer one that is still pending at the end."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.noted:
            raise Stopped(self.noted)

    def _answer(self, number: int, _: FrameType | None) -> None:
        if not self.noted:
            self.noted, self._came = number, monotonic()
            if not self._deferred:
                raise Stopped(number)
        elif number == signal.SIGINT and monotonic() - self._came > AGAIN:
            raise KeyboardInterrupt


def answered() -> list[signal.Signals]:
    """Return the signals that are not ignored."""
    return [number for number in STATUS if signal.getsignal(number) is not signal.SIG_IGN]
