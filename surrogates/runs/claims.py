"""Claims of papers, measured: experiments over seeds, rows with intervals, and whether each claim holds."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev
from types import ModuleType
from typing import Any, Literal

from scipy.stats import t as student

from surrogates.core.checkout import commit
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.text import listing, nearest

Compare = Literal["lower_by", "higher_by", "times_lower", "at_most", "at_least"]
_FORMULAS = {
    "lower_by": "baseline - ours >= {}",
    "higher_by": "ours - baseline >= {}",
    "times_lower": "baseline / ours >= {}",
    "at_most": "ours <= {}",
    "at_least": "ours >= {}",
}


@dataclass(frozen=True)
class Experiment:
    """One thing to run per seed; several claims may read its numbers.

    Parameters
    ----------
    name
        Unique within the domain.
    command
        What a reader types to run one seed; `{seed}` is filled in.
    run
        `run(seed)` returns named numbers, e.g. `{"unet": 8.1, "log_distance": 10.0}`.
    seeds
        Seeds to run.
    """

    name: str
    command: str
    run: Callable[[int], Mapping[str, float]]
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class Claim:
    """A statement that numbers can contradict.

    Parameters
    ----------
    claim, source
        The statement, and where it was published (citation).
    metric
        What is compared, with unit and cells, e.g. "RMSE in dB, outdoor cells above -140 dB".
    experiment
        Gives the numbers.
    ours, baseline
        Names of the numbers of the experiment.
    baseline_name
        For people.
    compare, bound
        The target: "lower_by" 3 means baseline - ours >= 3; "higher_by", "times_lower" (baseline / ours),
        "at_most" and "at_least" (ours alone) accordingly.
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
    compare: Compare
    bound: float
    published: float | None = None
    surely_above: float | None = None

    def margin(self, values: Mapping[str, float]) -> float:
        """What the target bounds from below, for one seed."""
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
        """The target as a formula."""
        formula = _FORMULAS[self.compare].format(f"{self.bound:g}")
        return formula if self.surely_above is None else f"{formula}, low > {self.surely_above:g}"

    def holds(self, margins: Sequence[float], low: float | None = None) -> bool:
        """Whether the mean over seeds meets the target, and the lower end of its interval where one is asked.

        Parameters
        ----------
        margins
            Of each seed.
        low
            Lower end of the interval of ours; None with a single seed.
        """
        if self.surely_above is not None and (low is None or low <= self.surely_above):
            return False
        return mean(margins) >= (-self.bound if self.compare == "at_most" else self.bound)

    def _number(self, values: Mapping[str, float], name: str) -> float:
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


def claims_of(domain: str) -> list[Claim]:
    """Return the claims of a domain: `claims()` in `surrogates.domains.DOMAIN.claims`.

    Raises
    ------
    ValueError
        When the domain has none.
    """
    return list(_module(domain).claims())


@dataclass(frozen=True)
class ResultTable:
    """Numbers of a domain that are shown beside its claims.

    Parameters
    ----------
    title
        What the numbers are, with their unit.
    header
        Titles of the columns.
    rows
        One text for each column.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables_of(domain: str, seeds: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the tables that a domain makes of the numbers of its seeds; most domains have none."""
    make = getattr(_module(domain), "tables", None)
    return list(make(seeds)) if make else []


def _module(domain: str) -> ModuleType:
    name = f"surrogates.domains.{domain}.claims"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise ValueError(f"The domain '{domain}' has no claims: there is no module {name}.") from None


def run_seeds(claims: Iterable[Claim], path: Path, root: Path) -> list[dict[str, Any]]:
    """Run the seeds that `path` (one JSON row per line) lacks, append each at once, and return all rows.

    A row counts when experiment, seed and command agree, so a changed command runs again.
    """
    rows = read_seeds(path)
    experiments = {claim.experiment.name: claim.experiment for claim in claims}
    for experiment in experiments.values():
        for seed in experiment.seeds:
            command = experiment.command.format(seed=seed)
            key = (experiment.name, seed, command)
            if any((row["experiment"], row["seed"], row["command"]) == key for row in rows):
                continue
            start = time.perf_counter()
            values = {name: float(value) for name, value in experiment.run(seed).items()}
            row = {
                "experiment": experiment.name,
                "seed": seed,
                "command": command,
                "values": values,
                "seconds": round(time.perf_counter() - start, 2),
                "commit": commit(root),
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
            rows.append(row)
    return rows


def read_seeds(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a seeds file; a last line that a kill cut off is dropped from the file."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        write_atomic(path, "".join(lines))
    return [json.loads(line) for line in lines if line.strip()]


def claim_rows(claims: Iterable[Claim], seeds: Sequence[Mapping[str, Any]]) -> list[ClaimRow]:
    """Turn the numbers of all seeds into one row per claim, held or not."""
    rows = []
    for claim in claims:
        experiment = claim.experiment
        wanted = {(experiment.name, seed, experiment.command.format(seed=seed)) for seed in experiment.seeds}
        runs = [run for run in seeds if (run["experiment"], run["seed"], run["command"]) in wanted]
        if not runs:
            raise ValueError(f"No seed of experiment '{experiment.name}' has run.")
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
                command=experiment.command.format(seed=experiment.seeds[0]),
                seconds=sum(run["seconds"] for run in runs),
                commit=", ".join(dict.fromkeys(run["commit"] for run in runs)),
                seeds=len(runs),
            )
        )
    return rows


def seed_interval(values: Sequence[float], level: float = 0.95) -> tuple[float | None, float | None]:
    """Student's interval of the mean over seeds; None with fewer than two."""
    count = len(values)
    if count < 2:
        return None, None
    half = float(student.ppf((1 + level) / 2, count - 1)) * stdev(values) / count**0.5
    return mean(values) - half, mean(values) + half


def write_claims(rows: Sequence[ClaimRow | ResultTable], path: Path) -> None:
    """Write the rows or the tables of a domain as a JSON list."""
    write_atomic(path, json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def averages(rows: Sequence[Mapping[str, Any]], experiment: str) -> dict[str, float]:
    """Return the mean over the seeds of each number of an experiment; nothing where none has run."""
    values = [row["values"] for row in rows if row["experiment"] == experiment]
    names = set.intersection(*(set(each) for each in values)) if values else set()
    return {name: mean(each[name] for each in values) for name in names}


def cell(values: Mapping[str, float], *names: str, digits: int = 3) -> str:
    """Return numbers of a table's cell; one that does not exist is a dash."""
    return " / ".join(f"{values[name]:.{digits}f}" if name in values else "-" for name in names)


def run_one(claims: Iterable[Claim], name: str, seed: int) -> None:
    """Print the numbers of an experiment and a seed, as the command of a row of seeds does.

    Raises
    ------
    ConfigError
        When no claim has such an experiment.
    """
    experiments = {claim.experiment.name: claim.experiment for claim in claims}
    if name not in experiments:
        raise ConfigError(
            f"no experiment '{name}'.{nearest(name, experiments)} There are: {listing(experiments)}"
        )
    print(json.dumps(dict(experiments[name].run(seed)), indent=2))
