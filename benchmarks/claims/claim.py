"""Claims: an experiment over seeds, a comparison of two of its numbers, and whether it holds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Literal

from scipy.stats import t as student

from benchmarks.claims.tables import ResultTable
from surrogates.core.text import nearest

Values = Mapping[str, float]
Compare = Literal["lower_by", "higher_by", "times_lower", "at_most", "at_least"]
_FORMULAS = {
    "lower_by": "baseline - ours >= {}",
    "higher_by": "ours - baseline >= {}",
    "times_lower": "baseline / ours >= {}",
    "at_most": "ours <= {}",
    "at_least": "ours >= {}",
}


def _no_tables(values: Sequence[Values]) -> list[ResultTable]:
    return []


@dataclass(frozen=True)
class Experiment:
    """One thing to run per seed; several claims may read its numbers.

    Parameters
    ----------
    domain
        Folder of `benchmarks.claims`.
    name
        Unique within the domain. An experiment that changes its numbers gets another name, since recorded
        seeds are known by it.
    run
        `run(seed)` returns named numbers, e.g. `{"unet": 8.1, "log_distance": 10.0}`.
    seeds
        Seeds to run.
    tables
        `tables(values)` returns tables of the numbers of all seeds that have run.
    """

    domain: str
    name: str
    run: Callable[[int], Values]
    seeds: tuple[int, ...] = (0, 1, 2)
    tables: Callable[[Sequence[Values]], list[ResultTable]] = _no_tables

    def command(self, seed: int) -> str:
        """Return the command that runs one seed."""
        return f"python -m benchmarks.claims {self.domain} {self.name} {seed}"

    @property
    def commands(self) -> list[str]:
        """The command of every seed."""
        return [self.command(seed) for seed in self.seeds]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement that numbers can contradict.

    Parameters
    ----------
    claim, source
        The statement, and where it was published (citation).
    metric
        What is compared, with unit and cells, e.g. "RMSE in dB, outdoor cells above -140 dB".
    experiment
        Experiment that gives the numbers.
    ours, baseline
        Names of the numbers of the experiment.
    baseline_name
        Name of the baseline for readers.
    compare, bound
        The target: "lower_by" 3 means baseline - ours >= 3; "higher_by", "times_lower" (baseline / ours),
        "at_most" and "at_least" (only ours) accordingly.
    published
        The paper's own number for ours, if it gives one.
    surely_above
        What the lower end of the 95 % interval of ours has to exceed as well.
    """

    claim: str
    source: str
    metric: str
    experiment: Experiment
    ours: str
    baseline: str
    baseline_name: str
    compare: Compare = "lower_by"
    bound: float = 0.0
    published: float | None = None
    surely_above: float | None = None

    def margin(self, values: Values) -> float:
        """Return what the target bounds from below, for one seed."""
        ours, baseline = self._number(values, self.ours), self._number(values, self.baseline)
        margins: dict[str, float] = {"lower_by": baseline - ours, "higher_by": ours - baseline}
        margins |= {
            "at_most": -ours,
            "at_least": ours,
            "times_lower": baseline / ours if ours else float("inf"),
        }
        return margins[self.compare]

    @property
    def target(self) -> str:
        """Return the target as a formula."""
        formula = _FORMULAS[self.compare].format(f"{self.bound:g}")
        return formula if self.surely_above is None else f"{formula}, low > {self.surely_above:g}"

    def holds(self, margins: Sequence[float], low: float | None = None) -> bool:
        """Return whether the mean over seeds, and the lower end of its interval, meet the target.

        Parameters
        ----------
        margins
            Margin of each seed.
        low
            Lower end of the interval of ours; None with a single seed.
        """
        if self.surely_above is not None and (low is None or low <= self.surely_above):
            return False
        return mean(margins) >= (-self.bound if self.compare == "at_most" else self.bound)

    def _number(self, values: Values, name: str) -> float:
        if name not in values:
            raise ValueError(
                f"Experiment '{self.experiment.name}' gave {sorted(values)}, not '{name}'."
                f"{nearest(name, values)}"
            )
        return values[name]


@dataclass(frozen=True)
class ClaimRow:
    """A row of `docs/results/DOMAIN.json`; low and high enclose ours with 95 %, over seeds."""

    claim: str
    source: str
    metric: str
    ours: float
    baseline: float
    baseline_name: str
    low: float | None
    high: float | None
    published: float | None
    target: str
    holds: bool
    command: str
    seconds: float
    commit: str
    seeds: int


def experiments_of(claims: Iterable[Claim]) -> dict[str, Experiment]:
    """Return the experiments of claims by name."""
    return {claim.experiment.name: claim.experiment for claim in claims}


def runs_of(experiment: Experiment, seeds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of seeds that are an experiment's, in the order in which they ran."""
    return [row for row in seeds if row["command"] in experiment.commands]


def claim_rows(claims: Iterable[Claim], seeds: Sequence[Mapping[str, Any]]) -> list[ClaimRow]:
    """Return one row for each claim, held or not, from the numbers of all seeds."""
    rows = []
    for claim in claims:
        runs = runs_of(claim.experiment, seeds)
        if not runs:
            raise ValueError(f"No seed of experiment '{claim.experiment.name}' has run.")
        margins = [claim.margin(run["values"]) for run in runs]
        ours = [run["values"][claim.ours] for run in runs]
        low, high = seed_interval(ours)
        rows.append(
            ClaimRow(
                claim=claim.claim,
                source=claim.source,
                metric=claim.metric,
                ours=mean(ours),
                baseline=mean(run["values"][claim.baseline] for run in runs),
                baseline_name=claim.baseline_name,
                low=low,
                high=high,
                published=claim.published,
                target=claim.target,
                holds=claim.holds(margins, low),
                command=claim.experiment.commands[0],
                seconds=sum(run["seconds"] for run in runs),
                commit=", ".join(dict.fromkeys(run["commit"] for run in runs)),
                seeds=len(runs),
            )
        )
    return rows


def seed_interval(values: Sequence[float], level: float = 0.95) -> tuple[float | None, float | None]:
    """Return Student's interval of the mean over seeds; None with fewer than two."""
    count = len(values)
    if count < 2:
        return None, None
    half = float(student.ppf((1 + level) / 2, count - 1)) * stdev(values) / count**0.5
    return mean(values) - half, mean(values) + half
