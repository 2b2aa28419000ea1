"""Whether a method knows where it is wrong, as tables and a picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from surrogates.evaluation.reliability import (
    BY_ERROR,
    BY_TRUST,
    BY_WIDTH,
    SHARES,
    TENTH,
    Reliability,
)
from surrogates.report.panels import draw_legend, line_style, quantity
from surrogates.report.tables import Cell, Shown

FEW = 12
"""Groups of a table, the least covered ones."""


def reliability_tables(found: Sequence[Reliability]) -> list[Shown]:
    """Return the coverage by group of each target, and what orders its errors."""
    shown = []
    for each in found:
        if each.covered:
            shown.append(_coverage(each))
        if each.correlation:
            shown.append(_order(each))
    return shown


def kept_curves(found: Sequence[Reliability]) -> Figure | None:
    """Draw the error against the share of the records that is kept, one panel per target; None if empty."""
    drawn = [each for each in found if each.kept]
    if not drawn:
        return None
    figure = Figure(figsize=(3.6 * len(drawn), 3.6), layout="constrained")
    for axes, each in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        for number, name in enumerate(name for name in (BY_TRUST, BY_WIDTH) if name in each.kept):
            axes.plot(SHARES, each.kept[name], label=f"by {name}", linewidth=1.4, **line_style(number))
        axes.plot(SHARES, each.kept[BY_ERROR], label=f"by {BY_ERROR}", color="grey", linewidth=0.8)
        axes.set(title=each.target, xlabel="share kept", ylabel=quantity("RMS error", each.units))
        axes.set(xlim=(0, 1), ylim=(0, None))
        axes.grid(alpha=0.3)
        draw_legend([axes])
    return figure


def _coverage(each: Reliability) -> Shown:
    whole, *groups = each.covered
    lines = [
        {"method": one.group, "cells": [Cell(f"{one.coverage:.3g}"), Cell(f"{one.examples:,}")]}
        for one in (whole, *groups[:FEW])
    ]
    many = f" The {FEW} least covered of {len(groups):,} groups." if len(groups) > FEW else ""
    note = f"Share inside the interval of {100 * each.level:g} %, examples alike.{many}"
    variables = ", ".join(each.variables)
    title = f"{each.target}: coverage by {variables}" if groups else f"{each.target}: coverage"
    return Shown(title, note, [variables or "group", "coverage", "examples"], lines)


def _order(each: Reliability) -> Shown:
    lines = [
        {"method": name, "cells": [Cell(_number(value)), Cell(_number(each.tail.get(name, np.nan)))]}
        for name, value in each.correlation.items()
    ]
    note = (
        "Rank correlation (Spearman) of the errors with what trust falls with, with the width of the "
        "interval, and with only the distance to the training data where that is something else; and the "
        f"median error of the last {100 * TENTH:g} % over the median of all."
    )
    return Shown(f"{each.target}: what tells large errors", note, ["by", "correlation", "last tenth"], lines)


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"
