"""A run on one page: `report.html`, which needs no other file and no network."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from datasets.store.units import display
from surrogates.core.text import printable
from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.overhead import Overhead
from surrogates.evaluation.ranking import Ranking, badness, rankings
from surrogates.evaluation.reliability import Reliability
from surrogates.evaluation.tables import ALL, UNDISTURBED, Score, Table
from surrogates.report.pictures import curves, encode
from surrogates.report.reliability import kept_curves, reliability_tables
from surrogates.report.scenarios import has_many, heat_maps, scenario_tables
from surrogates.report.sounds import Tracks, encode_tracks
from surrogates.report.tables import Cell, Shown

MOST_RANKS = 6  # whose shares are shown


def render(
    title: str,
    facts: Mapping[str, object],
    table: Table,
    targets: Sequence[Target],
    shown: Mapping[str, Figure | Tracks],
    configuration: Mapping[str, Any],
    losses: Figure | None = None,
    coverage: Figure | None = None,
    overhead: Sequence[Overhead] = (),
    reliability: Sequence[Reliability] = (),
) -> str:
    """Return the page.

    Parameters
    ----------
    title
        Of the page: the experiment.
    facts
        What a reader wants to know first, by name.
    table
        Scores.
    targets
        What was scored, and where.
    shown
        Pictures, and sounds to play, by caption.
    configuration
        The run's resolved configuration.
    losses
        Loss curves.
    coverage
        Coverage of the intervals against their level.
    overhead
        What an answer of each method costs.
    reliability
        Whether the model knows where it is wrong, for each target.
    """
    kept = kept_curves(reliability)
    many = has_many(table)
    environment = Environment(
        loader=PackageLoader("surrogates.report", "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        title=title,
        facts=facts.items(),
        tables=tables(table, targets),
        scenarios=scenario_tables(table) if many else [],
        maps=[(name, encode(figure)) for name, figure in heat_maps(table).items()] if many else [],
        overhead=overhead_table(overhead) if overhead else None,
        curves=encode(losses) if losses is not None else "",
        coverage=encode(coverage) if coverage is not None else "",
        pictures=[(name, encode(each)) for name, each in shown.items() if isinstance(each, Figure)],
        sounds=[(name, encode_tracks(each)) for name, each in shown.items() if isinstance(each, Tracks)],
        reliability=reliability_tables(reliability),
        kept=encode(kept) if kept is not None else "",
        configuration=yaml.safe_dump(dict(configuration), sort_keys=False, allow_unicode=True),
    )


def tables(table: Table, targets: Sequence[Target]) -> list[Shown]:
    """Return for each target: methods by metrics, by groups if there are a few, and their ranks."""
    shown = []
    ranked = {each.target: each for each in rankings(table)}
    for target in targets:
        name = target.spec.name
        rows = [row for row in table.rows if row.target == name and row.condition == UNDISTURBED]
        if not rows:  # it follows from no method's answer
            continue
        shown.append(_by_metric(table, target, [row for row in rows if row.group == ALL]))
        if len(table.groups) > 1 and not has_many(table):
            first = rows[0].metric
            shown.append(_by_group(name, [row for row in rows if row.metric == first]))
        if name in ranked:
            shown.append(_by_rank(ranked[name]))
    return shown


def overhead_table(overhead: Sequence[Overhead]) -> Shown:
    """Return what an answer of each method costs."""
    first = overhead[0]
    lines = [
        {
            "method": each.method,
            "cells": [
                Cell(f"{each.parameters:,}"),
                Cell((">= " if each.is_lower_bound else "") + f"{each.flops:.4g}", ", ".join(each.uncounted)),
                Cell(_duration(each.latency), f"{each.runs} runs"),
                Cell(_size(each.memory)),
            ],
        }
        for each in overhead
    ]
    note = (
        f"One record at a time on {first.device}, {first.threads} thread{'s' * (first.threads > 1)}; median "
        "of the runs. FLOPs are those of matrix products, convolutions and attention; >= where the operators "
        f"named there are not counted. Memory beside inputs and method, {first.memory_of}. Parameters of a "
        "baseline are the numbers that it holds."
    )
    return Shown("Overhead", note, ["method", "parameters", "FLOPs", "latency", "peak memory"], lines)


def text_table(table: Table, targets: Sequence[Target], overhead: Sequence[Overhead] = ()) -> str:
    """Return the tables as text for a terminal."""
    blocks = []
    for shown in [*tables(table, targets), *([overhead_table(overhead)] if overhead else [])]:
        lines = [list(shown.header)]
        lines += [
            [
                row["method"],
                *(f"{c.text} {c.interval}".rstrip() + (" *" if c.best else "") for c in row["cells"]),
            ]
            for row in shown.rows
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        blocks.append("\n".join(map(printable, [shown.title, *body])))
    return "\n\n".join(blocks)


def loss_figure(run: Path) -> Figure | None:
    """Draw the columns of the run's CSV logs that are called `loss`; return None without any."""
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for path in sorted((run / "logs").rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        for name in rows[0] if rows else ():
            points = [
                (float(row.get("step") or n), float(row[name])) for n, row in enumerate(rows) if row[name]
            ]
            if "loss" in name and points:
                steps, values = np.array(points).T
                columns[name] = (steps, values)
    return curves(columns, "step") if columns else None


def _by_metric(table: Table, target: Target, rows: Sequence[Score]) -> Shown:
    known = [row for row in rows if np.isfinite(row.value)] or rows[:1]
    metrics = list(dict.fromkeys(row.metric for row in known))  # without what no method has
    columns = {metric: [row for row in rows if row.metric == metric] for metric in metrics}
    methods = [row.method for row in columns[metrics[0]]]
    spec = target.spec
    lines = []
    for number, method in enumerate(methods):
        cells = [_cell(columns[metric], number) for metric in metrics]
        gap = columns[metrics[0]][number]
        behind = _interval(gap.above_first_low, gap.above_first_high)
        cells.append(Cell(f"{gap.above_first:+.3g}", behind) if number else Cell(""))
        cells.append(Cell(_duration(table.seconds_per_example.get(method, np.nan))))
        lines.append({"method": method, "cells": cells})
    header = ["method", *(_heading(metric, columns[metric][0].units) for metric in metrics)]
    header += [f"{metrics[0].replace('_', ' ')} above the model", "time per example"]
    note = (
        f"{table.examples} examples in {rows[0].blocks} blocks, {table.cells[spec.name]:,} cells that count: "
        f"{target.describe()}."
    )
    return Shown(spec.long_name or spec.name, note, header, lines)


def _by_group(target: str, rows: Sequence[Score]) -> Shown:
    groups = list(dict.fromkeys(row.group for row in rows))
    columns = {group: [row for row in rows if row.group == group] for group in groups}
    methods = [row.method for row in columns[groups[0]]]
    lines = [
        {"method": method, "cells": [_cell(columns[group], number) for group in groups]}
        for number, method in enumerate(methods)
    ]
    title = f"{target}: {_heading(rows[0].metric, rows[0].units)} by group"
    return Shown(title, "", ["method", *groups], lines)


def _by_rank(ranking: Ranking) -> Shown:
    best = min(each.mean[0] for each in ranking.ranks)
    numbers = range(min(len(ranking.ranks), MOST_RANKS))
    lines = []
    for each in ranking.ranks:
        cells = [Cell(f"{each.mean[0]:.2f}", _interval(*each.mean[1:]), best=each.mean[0] == best)]
        shares = (each.shares[number] for number in numbers)
        cells += [Cell(f"{100 * v:.0f} %", f"[{100 * low:.0f}, {100 * high:.0f}]") for v, low, high in shares]
        lines.append({"method": each.method, "cells": cells})
    note = (
        f"{ranking.scenarios:,} scenarios, each a group of examples under a condition; rank 1 is best, "
        "equal scores share the mean of their ranks. Intervals by bootstrap over scenarios."
    )
    title = f"{ranking.target}: ranks by {ranking.metric.replace('_', ' ')}"
    return Shown(title, note, ["method", "mean rank", *(f"rank {n + 1}" for n in numbers)], lines)


def _cell(column: Sequence[Score], number: int) -> Cell:
    row = column[number]
    if not np.isfinite(row.value):
        return Cell("-")
    return Cell(f"{row.value:.4g}", _interval(row.low, row.high), best=number == _best(column))


def _best(column: Sequence[Score]) -> int | None:
    worse = badness(column[0].best, np.array([row.value for row in column]))
    if worse is None or len(worse) < 2 or not np.isfinite(worse).any():
        return None
    return int(np.nanargmin(worse))


def _heading(metric: str, units: str) -> str:
    shown = display(units)
    return f"{metric.replace('_', ' ')}, {shown}" if shown else metric.replace("_", " ")


def _interval(low: float, high: float) -> str:
    return f"[{low:.4g}, {high:.4g}]" if np.isfinite(low) else ""


def _duration(seconds: float) -> str:
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def _size(count: int) -> str:
    for limit, factor, unit in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if count < limit:
            return f"{count / factor:.3g} {unit}"
    return f"{count / 1e9:.3g} GB"
