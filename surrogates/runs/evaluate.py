"""Score a finished run with its baselines; the end of `surrogates train`, and `surrogates evaluate`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.evaluation.evaluate import Target, derived_targets
from surrogates.evaluation.overhead import Overhead, overheads
from surrogates.evaluation.ranking import rankings
from surrogates.evaluation.reliability import Reliability, reliability
from surrogates.evaluation.scoring import one_record, score, targets_of
from surrogates.evaluation.tables import ALL, UNDISTURBED, Table, joined
from surrogates.experiment.devices import choose_device
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import load_bundle, update_metrics
from surrogates.learning.contract import Plot
from surrogates.report.examples import examples_of
from surrogates.report.page import loss_figure, render
from surrogates.report.pictures import coverage_curves
from surrogates.report.scenarios import scores_csv
from surrogates.report.sounds import Tracks
from surrogates.runs.alike import require_alike
from surrogates.runs.calibrations import calibrated_on, of_the_model, with_neighbours, write_calibration
from surrogates.runs.folder import read_run
from surrogates.runs.methods import Direction, directions_of, is_calibrated_apart, model_of

SCORES = "scores.csv"
MOST_ROWS = 5000


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they belong to.

    Attributes
    ----------
    table
        Scores of all methods.
    targets
        What was scored, and where.
    about
        Experiment, model, split, data sets, seed, date: plain JSON values.
    overhead
        What an answer of each method costs.
    reliability
        Whether the model knows where it is wrong, for each target with intervals.
    """

    table: Table
    targets: Sequence[Target]
    about: Mapping[str, Any]
    overhead: Sequence[Overhead] = ()
    reliability: Sequence[Reliability] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what `metrics.json` holds, with all rows."""
        ranks = [ranking.as_dict() for ranking in rankings(self.table)]
        overhead = [each.as_dict() for each in self.overhead]
        reliable = [each.as_dict() for each in self.reliability]
        return {
            **self.about,
            **self.table.as_dict(),
            **({"ranks": ranks} if ranks else {}),
            **({"overhead": overhead} if overhead else {}),
            **({"reliability": reliable} if reliable else {}),
        }


def evaluate_run(folder: str | Path, experiment: Experiment, *, device: str = "auto") -> Evaluation:
    """Score a run on its test split; write `metrics.json`, `report.html`, and the scores into its bundle.

    With several groups or conditions `scores.csv` holds all rows. If they are more than `MOST_ROWS`,
    `metrics.json` holds only those of all groups together.

    The run's validation split calibrates the intervals of every method, the bundle's included, unless
    `surrogates calibrate` has calibrated it. A network that answers both directions is scored in both.

    Parameters
    ----------
    folder
        The run's folder, with `bundle/`.
    experiment
        The run's, opened.
    device
        Where the methods run; `auto` takes an accelerator when there is one.
    """
    folder = Path(folder)
    bundle = with_neighbours(load_bundle(folder / "bundle", choose_device(device)), experiment)
    directions = directions_of(bundle, experiment)
    evaluation = _evaluate(directions, [direction.experiment for direction in directions], "test")
    metrics, table = evaluation.as_dict(), evaluation.table
    whole = [row for row in metrics["rows"] if row["group"] == ALL]
    if calibration := of_the_model(directions):
        write_calibration(folder / "bundle", bundle.neighbours, calibration)
    kept = {key: value for key, value in metrics.items() if key not in ("ranks", "overhead", "reliability")}
    own = [row for row in whole if row.get("condition", UNDISTURBED) == UNDISTURBED]
    update_metrics(folder / "bundle", {**kept, "rows": own})
    if len(table.groups) > 1 or len(table.conditions) > 1:
        write_atomic(folder / SCORES, scores_csv(table))
    if len(metrics["rows"]) > MOST_ROWS:
        metrics = {**metrics, "rows": whole, "all_rows": SCORES}
    write_atomic(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_atomic(folder / "report.html", _page(folder, directions, evaluation))
    return evaluation


def evaluate_elsewhere(
    folder: str | Path,
    experiment: Experiment,
    on: Experiment,
    *,
    split: str = "test",
    device: str = "auto",
) -> Evaluation:
    """Score a run on other data or another split; write nothing.

    Parameters
    ----------
    folder, experiment
        Of the run, or of its bundle; baselines are fitted on the experiment's training split, intervals
        calibrated on its validation split.
    on
        The experiment whose data are scored.
    split
        `test`, `validation` or `train`.
    device
        Where the methods run.

    Raises
    ------
    ConfigError
        When the variables are not those that the run was trained on.
    """
    folder = Path(folder)
    bundle = load_bundle(folder, choose_device(device))
    if is_calibrated_apart(bundle) and experiment.config.task.intervals != read_run(folder).task.intervals:
        raise ConfigError(
            "task.intervals: a score keeps the intervals of a bundle that `surrogates calibrate` has "
            "calibrated; give the key to that command"
        )
    require_alike(bundle, (*experiment.inputs, *experiment.targets), on, on.data.index(split))
    return _evaluate(
        directions_of(bundle, experiment), [on, *([on.reversed()] if bundle.both_ways else [])], split
    )


def _evaluate(directions: Sequence[Direction], data: Sequence[Experiment], split: str) -> Evaluation:
    """Score each direction on its data."""
    first, on = directions[0], data[0]
    about = {
        "experiment": on.config.experiment,
        "model": first.bundle.title,
        "parameters": first.bundle.parameters,
        "split": split,
        "intervals": calibrated_on(first),
        "dataset": [each.url for each in on.config.dataset],
        "seed": on.config.seed,
        "evaluated": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    tables = [
        score(
            direction.methods,
            each,
            split=split,
            device=direction.bundle.device,
            calibrations=direction.calibrations,
            cycles=direction.cycles,
            conditions=each.conditions,
        )
        for direction, each in zip(directions, data, strict=True)
    ]
    reliable = [
        each
        for table, where in zip(tables, data, strict=True)
        for each in _reliabilities(table, where, split)
    ]
    scored = [target for each in data for target in targets_of(each)]
    derived = [*on.derivations, *(cycle for direction in directions for cycle in direction.cycles)]
    known = {first.bundle.title: first.bundle.parameters}
    plain = {**first.methods, **model_of(replace(first.bundle, neighbours=None))}
    overhead = overheads(plain, one_record(on, split, first.bundle.device), known)
    return Evaluation(joined(tables), [*scored, *derived_targets(derived)], about, overhead, reliable)


def _reliabilities(table: Table, experiment: Experiment, split: str) -> list[Reliability]:
    """Return whether the model knows where it is wrong, by target."""
    groups = experiment.data.whole_groups(experiment.data.index(split))
    labels = None if groups is None else np.repeat(groups.labels, experiment.config.task.draws)
    variables = () if groups is None else groups.variables
    units = {spec.name: spec.units for spec in experiment.targets}
    return [reliability(name, units[name], found, variables, labels) for name, found in table.records.items()]


def _page(folder: Path, directions: Sequence[Direction], evaluation: Evaluation) -> str:
    bundle, config = directions[0].bundle, directions[0].experiment.config
    shown: dict[str, Figure | Tracks] = {}
    for direction in directions:
        examples = examples_of(direction.methods, direction.experiment, split="test", device=bundle.device)
        for node in config.task.plots:
            shown.update(Plot.build(node, direction.experiment.context)(examples))
    facts = {
        "model": f"{bundle.title}, {bundle.parameters:,} parameters",
        "data": ", ".join(each.url for each in config.dataset),
        "seed": config.seed,
        "commit": bundle.manifest.provenance.get("commit", "unknown"),
        "versions": ", ".join(f"{name} {version}" for name, version in bundle.manifest.versions.items()),
        "intervals": evaluation.about["intervals"],
        "evaluated": evaluation.about["evaluated"],
    }
    configuration = config.model_dump(mode="json")
    return render(
        config.experiment,
        facts,
        evaluation.table,
        evaluation.targets,
        shown,
        configuration,
        loss_figure(folder),
        coverage_curves(evaluation.table.curves),
        evaluation.overhead,
        evaluation.reliability,
    )
