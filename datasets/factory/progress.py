"""Shows how far a build is: a bar on a terminal, else one plain line now and then."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn

EVERY = 30.0
"""Seconds between two plain lines."""


class Progress:
    """Counts records on stderr, with rate and remaining time.

    Parameters
    ----------
    label
        What is being built.
    total
        Records in all.
    shown
        False keeps silent.
    bar
        True or False forces a bar or plain lines; None looks whether stderr is a terminal.
    """

    def __init__(self, label: str, total: int, *, shown: bool = True, bar: bool | None = None) -> None:
        self.total = total
        self._label = label
        self._before = self._done = 0
        self._shown = shown
        self._bar = make_bar() if shown and (sys.stderr.isatty() if bar is None else bar) else None
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self.total, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None and self._done > self._before:
            self._say(f"{self._done} of {self.total} records in {clock(time.monotonic() - self._start)}")

    def start(self, done: int) -> None:
        """Begin to measure, with records that were there before."""
        self._before = self._done = done
        self._start = self._last = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def advance(self, records: int) -> None:
        """Count finished records."""
        self._done += records
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, rate=f"{self._rate():.3g}/s")
        elif time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            left = (self.total - self._done) / self._rate()
            self._say(
                f"{self._done} of {self.total} records, {self._rate():.3g} a second, {clock(left)} left"
            )

    def _rate(self) -> float:
        return (self._done - self._before) / max(time.monotonic() - self._start, 1e-9)

    def _say(self, text: str) -> None:
        if self._shown:
            print(f"{self._label}: {text}", file=sys.stderr, flush=True)


def make_bar() -> "RichProgress":
    """Return a progress bar with count, rate and remaining time."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    return RichProgress(*columns, console=Console(stderr=True), refresh_per_second=4)


def clock(seconds: float) -> str:
    """Return a duration as people say it: ``12 s``, ``3 min 20 s``, ``5 h 10 min``.

    >>> clock(200)
    '3 min 20 s'
    """
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
