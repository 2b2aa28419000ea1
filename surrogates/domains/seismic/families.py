"""Scores of networks that learned one family of velocity models on the others: rows of runs, columns of data.

``python -m surrogates.domains.seismic.families RUN... --on STORE... --out FOLDER`` writes `families.json`
and a picture of each matrix. A store may hold several families; tiles of a section are one like any other.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.core.files import write_atomic

if TYPE_CHECKING:
    from surrogates.experiment.experiment import Experiment

FAMILY = "family"
METRICS = ("mae", "rmse", "ssim")
Cells = dict[tuple[str, str], dict[tuple[str, str], float]]


@dataclass(frozen=True)
class Matrix:
    """A score of a network on each family, for each family that it learned.

    Attributes
    ----------
    network
        Name of the network.
    target, metric, units
        Target, metric and units of the score.
    trained, tested
        Families of the rows and of the columns.
    values
        Shape (trained, tested); NaN where nothing was scored.
    """

    network: str
    target: str
    metric: str
    units: str
    trained: tuple[str, ...]
    tested: tuple[str, ...]
    values: np.ndarray

    @classmethod
    def of(
        cls, network: str, target: str, metric: str, units: str, cells: Mapping[tuple[str, str], float]
    ) -> "Matrix":
        """Arrange values of (trained, tested): columns in their order, rows like the columns."""
        tested = tuple(dict.fromkeys(pair[1] for pair in cells))
        rows = dict.fromkeys(pair[0] for pair in cells)
        trained = (*(name for name in tested if name in rows), *(name for name in rows if name not in tested))
        values = [[cells.get((row, column), np.nan) for column in tested] for row in trained]
        return cls(network, target, metric, units, trained, tested, np.array(values))

    @property
    def at_home(self) -> float:
        """Return the mean over families of the score on the family of training; NaN without any."""
        return self._mean(same=True)

    @property
    def elsewhere(self) -> float:
        """Return the mean over pairs of different families; NaN without any."""
        return self._mean(same=False)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; None for what was not scored."""

        def number(value: float) -> float | None:
            return None if np.isnan(value) else float(value)

        return {
            "network": self.network,
            "target": self.target,
            "metric": self.metric,
            "units": self.units,
            "trained": list(self.trained),
            "tested": list(self.tested),
            "values": [[number(value) for value in row] for row in self.values],
            "at_home": number(self.at_home),
            "elsewhere": number(self.elsewhere),
        }

    def _mean(self, *, same: bool) -> float:
        wanted = np.array([[(row == column) is same for column in self.tested] for row in self.trained])
        known = self.values[wanted & np.isfinite(self.values)]
        return float(known.mean()) if known.size else float("nan")


def cross_family(
    runs: Iterable[Path], stores: Sequence[str], *, split: str = "test", device: str = "auto"
) -> list[Matrix]:
    """Score runs on the families of some stores: one matrix for each network, target and metric.

    Parameters
    ----------
    runs
        Folders of finished runs. Those of the same network that learned the same families, such as several
        seeds, are averaged. Networks of one kind with other arguments are numbered as they come.
    stores
        Data of the same variables, each of one family or several.
    split
        Subset of the stores.
    device
        Device to compute on.
    """
    found: dict[tuple[str, str, str, str], dict[tuple[str, str], list[float]]] = {}
    for network, run in _by_network(runs):
        for store in stores:
            for key, pair, value in _scores(run, store, split, device):
                found.setdefault((network, *key), {}).setdefault(pair, []).append(value)
    return [
        Matrix.of(*key, {pair: float(np.mean(values)) for pair, values in cells.items()})
        for key, cells in found.items()
    ]


def write(matrices: Sequence[Matrix], folder: Path) -> list[Path]:
    """Write `families.json` and a picture of each matrix that holds a score; return the paths."""
    from datasets.store.units import display
    from surrogates.domains.seismic.plots import draw_matrix

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "families.json"
    write_atomic(path, json.dumps([matrix.as_dict() for matrix in matrices], indent=2) + "\n")
    written, several = [path], len({matrix.network for matrix in matrices}) > 1
    for matrix in matrices:
        if not np.isfinite(matrix.values).any():
            continue
        units = display(matrix.units)
        label = (
            (f"{matrix.network}, " if several else "")
            + f"{matrix.target.replace('_', ' ')}: {matrix.metric.upper()}"
            + (f", {units}" if units else "")
        )
        figure = draw_matrix(matrix.values, matrix.trained, matrix.tested, label)
        name = (matrix.network.replace(" ", "_"),) * several + (matrix.target, matrix.metric)
        written.append(folder / f"{'_'.join(name)}.png")
        figure.savefig(written[-1], dpi=110)
    return written


def _by_network(runs: Iterable[Path]) -> Iterable[tuple[str, Path]]:
    """Yield runs with the names of their networks."""
    from surrogates.runs.folder import read_config

    known: dict[str, list[Any]] = {}
    for run in runs:
        model = read_config(run)["model"]
        alike = known.setdefault(model["name"], [])
        if model not in alike:
            alike.append(model)
        number = alike.index(model)
        yield model["name"] + (f" {number + 1}" if number else ""), run


def _scores(
    run: Path, store: str, split: str, device: str
) -> Iterable[tuple[tuple[str, str, str], tuple[str, str], float]]:
    from surrogates.core.build import validate
    from surrogates.evaluation.tables import ALL
    from surrogates.experiment.config import RunConfig
    from surrogates.experiment.experiment import Experiment
    from surrogates.runs.evaluate import evaluate_elsewhere
    from surrogates.runs.folder import merge, read_config

    asked = {"groups": FAMILY, "baselines": [], "derivations": [], "metrics": list(METRICS)}
    values = merge(read_config(run), {"task": asked})
    trained = Experiment.open(validate(RunConfig, values, str(run)))
    on = Experiment.open(validate(RunConfig, merge(values, {"dataset": [{"url": store}]}), store))
    home = "+".join(_families(trained, "train"))
    tested = _families(on, split)
    table = evaluate_elsewhere(run, trained, on, split=split, device=device).table
    for row in table.rows:
        family = tested[0] if len(tested) == 1 else row.group
        if (row.group == ALL) == (len(tested) == 1):
            yield (row.target, row.metric, row.units), (home, family), row.value


def _families(experiment: "Experiment", subset: str) -> list[str]:
    """Return the names of the families in a subset of the data, in the order of the records."""
    groups = experiment.data.groups(experiment.data.index(subset))
    return [] if groups is None else list(groups.values)


def main(arguments: Sequence[str]) -> None:
    """Score runs on stores, print the matrices and write them."""
    parser = argparse.ArgumentParser(prog="python -m surrogates.domains.seismic.families")
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs, each of one family")
    parser.add_argument("--on", nargs="+", required=True, metavar="STORE", help="data to score them on")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    given = parser.parse_args(arguments)
    matrices = cross_family(given.runs, given.on, split=given.split, device=given.device)
    for matrix in matrices:
        print(
            f"{matrix.network}, {matrix.target} {matrix.metric}: {matrix.at_home:.4g} on the family of "
            f"training, {matrix.elsewhere:.4g} elsewhere"
        )
    for path in write(matrices, given.out):
        print(f"-> {path}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
