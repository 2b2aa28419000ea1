"""Methods ranked in every scenario: a group of examples under a condition.

In a scenario the best method has rank 1; methods with equal scores share the mean of their ranks, as in
M. Friedman, "The use of ranks to avoid the assumption of normality implicit in the analysis of variance",
Journal of the American Statistical Association 32, 1937.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from surrogates.evaluation.bootstrap import interval, resampled
from surrogates.evaluation.tables import ALL, Score, Table
from surrogates.learning.contract import Best


@dataclass(frozen=True)
class Rank:
    """The ranks of a method over all scenarios, each number with the ends of its 95 % interval.

    Attributes
    ----------
    method
        Name of the method.
    mean
        Mean rank.
    shares
        Share of the scenarios in which the method has rank 1, 2, ...; methods that share ranks share their
        scenario in equal parts.
    """

    method: str
    mean: tuple[float, float, float]
    shares: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Ranking:
    """The methods of a table, in its order, ranked by one metric of one target."""

    target: str
    metric: str
    scenarios: int
    ranks: tuple[Rank, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, with four digits behind the point."""
        plain = asdict(self)
        for rank in plain["ranks"]:
            rank["mean"] = [round(value, 4) for value in rank["mean"]]
            rank["shares"] = [[round(value, 4) for value in share] for share in rank["shares"]]
        return plain


def scenarios_of(rows: Sequence[Score]) -> list[tuple[str, str]]:
    """Return group and condition of each scenario: of every group if there are several, else of all."""
    found = list(dict.fromkeys(row.scenario for row in rows))
    return [each for each in found if each[0] != ALL] or found


def badness(best: Best, values: np.ndarray) -> np.ndarray | None:
    """Return numbers that grow as scores get worse, NaN for no score; None where no score is the best."""
    if best == "none":
        return None
    if best == "zero":
        return np.abs(values)
    return -values if best == "largest" else values


def ranked_by(rows: Sequence[Score]) -> Score | None:
    """Return a row of the metric by which methods are ranked: the first that has a best score."""
    return next((row for row in rows if np.isfinite(row.value) and row.best != "none"), None)


def rankings(table: Table) -> list[Ranking]:
    """Rank the methods of each target in all scenarios; nothing without two methods and two scenarios."""
    found = []
    for target in dict.fromkeys(row.target for row in table.rows):
        rows = [row for row in table.rows if row.target == target]
        if (row := ranked_by(rows)) is None:
            continue
        methods, _, values = scores_of(rows, row.metric)
        worse = badness(row.best, values)
        if worse is None or (ranking := rank(methods, worse)) is None:
            continue
        found.append(Ranking(target, row.metric, *ranking))
    return found


def scores_of(rows: Sequence[Score], metric: str) -> tuple[list[str], list[tuple[str, str]], np.ndarray]:
    """Return methods, scenarios, and the scores of one target, (scenarios, methods), NaN where none is."""
    methods, scenarios = list(dict.fromkeys(row.method for row in rows)), scenarios_of(rows)
    columns = {method: number for number, method in enumerate(methods)}
    lines = {scenario: number for number, scenario in enumerate(scenarios)}
    values = np.full((len(scenarios), len(methods)), np.nan)
    for row in rows:
        if row.metric == metric and row.scenario in lines:
            values[lines[row.scenario], columns[row.method]] = row.value
    return methods, scenarios, values


def rank(
    methods: Sequence[str], worse: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> tuple[int, tuple[Rank, ...]] | None:
    """Rank methods in each scenario and bootstrap over scenarios.

    Parameters
    ----------
    methods
        Names of the methods.
    worse
        Shape (scenarios, methods): larger is worse; a method without a finite number comes last. Scenarios
        in which no method has one do not count.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    int, tuple of Rank
        Number of scenarios that count, and the ranks; None if fewer than two scenarios or methods are there.
    """
    worse = worse[np.isfinite(worse).any(axis=1)]
    count, width = worse.shape
    if count < 2 or width < 2:
        return None
    worse = np.where(np.isfinite(worse), worse, np.inf)
    first, last = (rankdata(worse, method=way, axis=1) for way in ("min", "max"))
    number = np.arange(1, width + 1)
    held = (first[..., None] <= number) & (number <= last[..., None])  # (scenarios, methods, ranks)
    shares = held / (last - first + 1)[..., None]
    numbers = np.concatenate([((first + last) / 2)[..., None], shares], axis=2).reshape(count, -1)
    values = numbers.mean(axis=0)
    samples = resampled(count, resamples, seed) @ numbers / count
    ends = [interval(column) for column in samples.T]
    table = np.array([(value, *end) for value, end in zip(values, ends, strict=True)])
    table = table.reshape(width, 1 + width, 3)
    return count, tuple(
        Rank(method, _triple(own[0]), tuple(map(_triple, own[1:])))
        for method, own in zip(methods, table, strict=True)
    )


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    value, low, high = values.tolist()
    return value, low, high
