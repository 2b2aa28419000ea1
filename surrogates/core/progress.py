"""Progress of a task: a bar on a terminal, about ten plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from surrogates.core.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINES = 10
"""Plain lines of a whole work."""
PAUSE = 0.1
"""Least seconds between two changes of the bar."""
_LABEL = ContextVar("label", default="")


@contextmanager
def labelled(label: str) -> Iterator[None]:
    """Give a label to all progress inside the block that has none of its own.

    Parameters
    ----------
    label
        What is being done, such as a network and its stage.
    """
    token = _LABEL.set(label)
    try:
        yield
    finally:
        _LABEL.reset(token)


class Progress:
    """Show progress on stderr, with rate and remaining time; used with ``with``.

    Parameters
    ----------
    total
        Units of the whole work.
    unit
        Name of one.
    label
        What is being done; that of `labelled` by default.
    shown
        False keeps silent.
    bar
        True or False forces a bar or plain lines; None looks whether stderr is a terminal.
    """

    def __init__(
        self, total: int, unit: str = "step", *, label: str = "", shown: bool = True, bar: bool | None = None
    ) -> None:
        self.total = total
        label = printable(label or _LABEL.get())
        self._unit, self._label, self._note = unit, label, ""
        self._plain = shown and not (sys.stderr.isatty() if bar is None else bar)
        self._bar = _bar() if shown and not self._plain else None
        if self._bar is not None:
            self._task = self._bar.add_task(label, total=total, said="")
        self.start(0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()
        elif self._plain and kind is None and self._before < self.done < self.total:
            self._say(f" in {clock(self._seconds())}")

    def start(self, done: int) -> None:
        """Begin to measure; `done` was finished before."""
        self._before = self.done = done
        self._begun = monotonic()
        if self._bar is not None:
            self._draw()

    def note(self, text: str) -> None:
        """Show a text behind the numbers."""
        self._note = text

    def advance(self, count: int = 1) -> None:
        """Count what is done."""
        lines, self.done = self._lines(), self.done + count
        if self._bar is not None:
            if monotonic() - self._drawn > PAUSE:
                self._draw()
        elif self._plain and self._lines() > lines:
            self._say(f" in {clock(self._seconds())}" if self.done >= self.total else "")

    def _lines(self) -> int:
        return LINES * self.done // max(self.total, 1)

    def _seconds(self) -> float:
        return max(monotonic() - self._begun, 1e-9)

    def _numbers(self) -> str:
        """Return the rate, the time that is left, and the note."""
        shown = [self._note]
        if made := self.done - self._before:
            rate = made / self._seconds()
            left = f"{clock((self.total - self.done) / rate)} left" if self.done < self.total else ""
            shown = [f"{rate:.3g} {self._unit}s/s", left, self._note]
        return ", ".join(filter(None, shown))

    def _draw(self) -> None:
        assert self._bar is not None
        self._drawn = monotonic()
        self._bar.update(self._task, completed=self.done, said=self._numbers())

    def _say(self, ended: str) -> None:
        done = (
            f"{self._label}: {self.done} of {self.total} {self._unit}s"
            if self._label
            else f"{self._unit} {self.done}/{self.total}"
        )
        print(f"{done}{ended}, {self._numbers()}", file=sys.stderr, flush=True)


def _bar() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        console=Console(stderr=True),
        expand=True,
        refresh_per_second=4,
        redirect_stdout=sys.stdout.isatty(),  # rich would print it on stderr, past a file that takes it
    )


def clock(seconds: float) -> str:
    """Return a duration as text: ``12 s``, ``3 min 20 s``, ``5 h 10 min``.

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
