"""A sweep on one page: a table of the best trials and a picture of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from surrogates.core.files import replacing

COLUMNS = 3
BEST = 10


@dataclass(frozen=True)
class Tried:
    """A finished trial.

    Attributes
    ----------
    number
        Counted from 0.
    settings
        Value of each key, as text.
    value
        What was minimised or maximised, NaN when it failed.
    run
        Folder of the run, or "".
    error
        Why it failed, or "".
    largest
        Whether the value was maximised.
    """

    number: int
    settings: dict[str, str]
    value: float
    run: str = ""
    error: str = ""
    largest: bool = False


def table(ranked: Sequence[Tried], metric: str) -> str:
    """Return the best trials as text, best first."""
    if not ranked:
        return "no trial has ended well"
    keys = list(ranked[0].settings)
    lines = [["trial", metric, *keys]]
    lines += [[str(t.number + 1), f"{t.value:.5g}", *(t.settings[k] for k in keys)] for t in ranked[:BEST]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def draw(trials: Sequence[Tried], metric: str, path: Path, *, log: Sequence[str] = ()) -> None:
    """Draw the course of a sweep, and its values against each searched key.

    Parameters
    ----------
    trials
        Finished trials in their order.
    metric
        Name of the values.
    path
        The picture, .png.
    log
        Keys that are drawn on a logarithmic axis.
    """
    good = [trial for trial in trials if not trial.error]
    if not good:
        return
    keys = list(good[0].settings)
    panels = 1 + len(keys)
    columns = min(panels, COLUMNS)
    rows = -(-panels // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False).ravel())
    numbers = np.array([trial.number + 1 for trial in good])
    values = np.array([trial.value for trial in good])
    course = np.maximum.accumulate(values) if good[0].largest else np.minimum.accumulate(values)
    axes[0].plot(numbers, values, "o", alpha=0.6, label="trial")
    axes[0].step(numbers, course, where="post", label="best so far")
    axes[0].set_xlabel("trial")
    axes[0].legend(frameon=False)
    for panel, key in zip(axes[1:], keys, strict=False):
        texts = [trial.settings[key] for trial in good]
        panel.scatter(_coordinates(texts), values, c=numbers, cmap="viridis", alpha=0.8)
        panel.set_xlabel(key)
        if key in log:
            panel.set_xscale("log")
    for panel in axes[:panels]:
        panel.set_ylabel(metric)
        panel.grid(alpha=0.3)
    for panel in axes[panels:]:
        panel.set_axis_off()
    with replacing(path) as staging:
        figure.savefig(staging, format="png", dpi=110)


def _coordinates(texts: Sequence[str]) -> list[float] | list[str]:
    """Return numbers if all texts are numbers, else the texts, which matplotlib spaces evenly."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return list(texts)
