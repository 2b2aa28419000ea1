"""Scores by scenario, a group of examples under a condition: a table to filter, heat maps, a file of all."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from surrogates.evaluation.ranking import badness, ranked_by, scores_of
from surrogates.evaluation.tables import ALL, Score, Table
from surrogates.report.panels import VALUES, quantity, spoken

FEW = 12  # groups that stand side by side as the columns of a table
MOST_LINES = 1000  # of a table of the page
NUMBERED = 60  # cells of a heat map in which their values are written
MOST_TICKS = 30
PANELS = 4  # side by side
SPREAD = 30.0  # largest over smallest value beyond which colours are logarithmic


@dataclass(frozen=True)
class Scenarios:
    """A table of the page with a line for each scenario.

    Attributes
    ----------
    title, note
        Above it.
    header
        Variables of the groups, the condition if there are several, and the methods.
    lines
        Texts of each line, and the number of its best column.
    """

    title: str
    note: str
    header: list[str]
    lines: list[tuple[list[str], int | None]]


def has_many(table: Table) -> bool:
    """Return whether the scenarios of a table are more than fit side by side."""
    return len(table.conditions) > 1 or len(table.groups) - 1 > FEW


def scenario_tables(table: Table) -> list[Scenarios]:
    """Return a table for each target, by its first metric that ranks methods; too many have no lines."""
    found = []
    for target, rows, shown in _targets(table):
        methods, scenarios, values = scores_of(rows, shown.metric)
        title = f"{target}: {_heading(shown)} by scenario"
        if len(scenarios) > MOST_LINES:
            note = f"{len(scenarios):,} scenarios, too many for a page; all are in scores.csv."
            found.append(Scenarios(title, note, [], []))
            continue
        worse = badness(shown.best, values)
        best = np.full(len(values), -1)
        if worse is not None and len(methods) > 1:
            known = np.isfinite(worse).any(axis=1)
            best[known] = np.where(np.isfinite(worse), worse, np.inf)[known].argmin(axis=1)
        header = [*_axes(table), *methods]
        first = len(header) - len(methods)
        lines = [
            (
                [*_labels(table, scenario), *(f"{v:.4g}" if np.isfinite(v) else "-" for v in row)],
                first + int(at) if at >= 0 else None,
            )
            for scenario, row, at in zip(scenarios, values, best, strict=True)
        ]
        note = f"{len(scenarios):,} scenarios; their intervals and all other metrics are in scores.csv."
        found.append(Scenarios(title, note, header, lines))
    return found


def scores_csv(table: Table) -> str:
    """Return all rows of a table as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    numbers = ("value", "low", "high", "blocks", "above_first", "above_first_low", "above_first_high")
    writer.writerow([*_axes(table), "target", "metric", "units", "method", *numbers])
    for row in table.rows:
        texts = (row.target, row.metric, row.units, row.method)
        values = (getattr(row, name) for name in numbers)
        writer.writerow([*_labels(table, row.scenario), *texts, *(_number(value) for value in values)])
    return stream.getvalue()


def heat_maps(table: Table) -> dict[str, Figure]:
    """Draw for each target the scores of every method over groups and conditions, by caption.

    Without conditions the last variable of the groups stands in the place of the conditions; with one
    variable alone the methods do.
    """
    figures = {}
    for target, rows, shown in _targets(table):
        methods, scenarios, values = scores_of(rows, shown.metric)
        places = [_place(table, scenario) for scenario in scenarios]
        lines, columns = (_ordered([place[side] for place in places]) for side in (0, 1))
        whole = np.full((len(methods), len(lines), len(columns)), np.nan)
        for (line, column), row in zip(places, values, strict=True):
            whole[:, lines.index(line), columns.index(column)] = row
        panels = {method: whole[number] for number, method in enumerate(methods)}
        if len(columns) == 1:
            columns, panels = [spoken(method) for method in methods], {"": whole[:, :, 0].T}
        label = _heading(shown)
        figures[f"{target}: {label} by scenario"] = _draw(panels, lines, columns, label)
    return figures


def _targets(table: Table) -> list[tuple[str, list[Score], Score]]:
    """Return each target with its rows, and a row of the metric that is shown."""
    by_target: dict[str, list[Score]] = {}
    for row in table.rows:
        by_target.setdefault(row.target, []).append(row)
    return [(target, rows, ranked_by(rows) or rows[0]) for target, rows in by_target.items()]


def _heading(row: Score) -> str:
    return quantity(row.metric.replace("_", " "), row.units)


def _axes(table: Table) -> list[str]:
    variables = list(table.group_variables) or ["group"]
    return [*(variables if len(table.groups) > 1 else []), *(["condition"] * (len(table.conditions) > 1))]


def _labels(table: Table, scenario: tuple[str, str]) -> list[str]:
    group, condition = scenario
    count = len(table.group_variables) or 1
    values = list(table.group_values.get(group, (group,) * count)) if len(table.groups) > 1 else []
    return [*values, *([condition] * (len(table.conditions) > 1))]


def _place(table: Table, scenario: tuple[str, str]) -> tuple[str, str]:
    """Return line and column of a scenario in a heat map."""
    group, condition = scenario
    values = table.group_values.get(group, (group,))
    if len(table.conditions) == 1 and len(values) > 1:
        return ", ".join(values[:-1]), values[-1]
    return ("" if group == ALL else group), condition


def _ordered(labels: Sequence[str]) -> list[str]:
    """Return different labels in their order, by their numbers where each begins with one."""
    found = list(dict.fromkeys(labels))
    try:
        return sorted(found, key=lambda each: [float(part.split()[0]) for part in each.split(", ")])
    except (ValueError, IndexError):
        return found


def _draw(panels: dict[str, np.ndarray], lines: Sequence[str], columns: Sequence[str], label: str) -> Figure:
    wide, high = min(PANELS, len(panels)), -(-len(panels) // PANELS)
    width = float(np.clip(0.5 + 0.45 * len(columns), 1.8, 5.0))
    height = float(np.clip(0.6 + 0.22 * len(lines), 1.4, 8.0))
    figure = Figure(figsize=(wide * width + 3.0, high * height + 1.4), layout="constrained")
    grid = figure.subplots(high, wide, squeeze=False, sharex=True, sharey=True)
    everything = np.concatenate([each.ravel() for each in panels.values()])
    known = everything[np.isfinite(everything)]
    low, top = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    logarithmic = low > 0 and top > SPREAD * low
    norm = LogNorm(low, top) if logarithmic else Normalize(low, top if top > low else low + 1)
    image = None
    for axes, (title, values) in zip(grid.flat, panels.items(), strict=False):
        image = axes.imshow(values, norm=norm, cmap=VALUES, aspect="auto", interpolation="nearest")
        axes.set_title(spoken(title), fontsize=9)
        axes.set_facecolor("0.9")
        for axis, names in ((axes.xaxis, columns), (axes.yaxis, lines)):
            shown = range(0, len(names), -(-len(names) // MOST_TICKS))
            axis.set_ticks(list(shown), [names[number] for number in shown], fontsize=7)
        axes.tick_params(axis="x", rotation=90)
        if values.size <= NUMBERED:
            for (line, column), value in np.ndenumerate(values):
                if np.isfinite(value):
                    style = {"ha": "center", "va": "center", "color": "w" if norm(value) < 0.6 else "k"}
                    axes.text(column, line, f"{value:.3g}", fontsize=6, **style)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    if image is not None:
        figure.colorbar(image, ax=list(grid.flat), label=label, shrink=0.85)
    return figure


def _number(value: float) -> str:
    return "" if isinstance(value, float) and not np.isfinite(value) else repr(value)
