"""One line that says how far a run is: a bar on a terminal, a few plain lines elsewhere."""

import sys
from time import monotonic

from tqdm import tqdm

LINES = 10


class Progress:
    """Report steps.

    Parameters
    ----------
    steps
        Steps of the whole run.
    done
        Steps already done when it starts.
    shown
        Off: stay silent.
    """

    def __init__(self, steps: int, done: int = 0, shown: bool = True) -> None:
        self.steps, self._done, self._first = steps, done, done
        self._note = ""
        self._started = monotonic()
        self._every = max(1, steps // LINES)
        terminal = shown and sys.stderr.isatty()
        self._plain = shown and not terminal
        self._bar = (
            tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, mininterval=0.2)
            if terminal
            else None
        )

    def note(self, text: str) -> None:
        """Show a text behind the bar."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def advance(self) -> None:
        """Count one step."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        elif self._plain and (self._done % self._every == 0 or self._done == self.steps):
            self._line()

    def close(self) -> None:
        """Leave the bar."""
        if self._bar is not None:
            self._bar.close()

    def _line(self) -> None:
        seconds = monotonic() - self._started
        rate = (self._done - self._first) / max(seconds, 1e-9)
        left = (self.steps - self._done) / max(rate, 1e-9)
        note = f", {self._note}" if self._note else ""
        print(
            f"step {self._done}/{self.steps}, {rate:.3g} steps/s, {left:.0f} s left{note}",
            file=sys.stderr,
            flush=True,
        )
