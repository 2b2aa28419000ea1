"""Score a finished run with its baselines; the end of `surrogates train`, and `surrogates evaluate`."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON, step_of
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.derivations import Cycle
from surrogates.evaluation.evaluate import Method, Target, derived_targets
from surrogates.evaluation.overhead import Overhead, overheads
from surrogates.evaluation.ranking import rankings
from surrogates.evaluation.scoring import calibrations_of, fitted_baselines, one_record, score, targets_of
from surrogates.evaluation.tables import ALL, UNDISTURBED, Table, joined
from surrogates.experiment.devices import choose_device
from surrogates.experiment.experiment import Experiment
from surrogates.inference.attributes import check_facts
from surrogates.inference.bundle import Bundle, load_bundle, update_calibration, update_metrics
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Derivation, Plot
from surrogates.learning.pipeline import Pipeline
from surrogates.report.examples import examples_of
from surrogates.report.page import loss_figure, render
from surrogates.report.pictures import coverage_curves
from surrogates.report.scenarios import scores_csv

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
    """

    table: Table
    targets: Sequence[Target]
    about: Mapping[str, Any]
    overhead: Sequence[Overhead] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what `metrics.json` holds, with all rows."""
        ranks = [ranking.as_dict() for ranking in rankings(self.table)]
        overhead = [each.as_dict() for each in self.overhead]
        return {
            **self.about,
            **self.table.as_dict(),
            **({"ranks": ranks} if ranks else {}),
            **({"overhead": overhead} if overhead else {}),
        }


@dataclass(frozen=True)
class Direction:
    """A direction of a bundle: its pipeline and its calibrations."""

    bundle: Bundle
    experiment: Experiment
    methods: Mapping[str, Method]
    calibrations: Calibrations

    @property
    def cycles(self) -> list[Derivation]:
        """Predictions of the other direction for an answer, if there is one."""
        if not self.bundle.both_ways:
            return []
        (back,) = model_of(self.bundle.reversed()).values()
        return [Cycle(self.experiment.inputs, back)]


def evaluate_run(folder: str | Path, experiment: Experiment, *, device: str = "auto") -> Evaluation:
    """Score a run on its test split; write `metrics.json`, `report.html`, and the scores into its bundle.

    With several groups or conditions `scores.csv` holds all rows. If they are more than `MOST_ROWS`,
    `metrics.json` holds only those of all groups together.

    The run's validation split calibrates the intervals of every method, the bundle's included. A network that
    answers both directions is scored in both.

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
    directions = directions_of(load_bundle(folder / "bundle", choose_device(device)), experiment)
    evaluation = _evaluate(directions, [direction.experiment for direction in directions], "test")
    metrics, table = evaluation.as_dict(), evaluation.table
    whole = [row for row in metrics["rows"] if row["group"] == ALL]
    if calibration := _of_the_model(directions):
        update_calibration(folder / "bundle", calibration)
    kept = {key: value for key, value in metrics.items() if key not in ("ranks", "overhead")}
    own = [row for row in whole if row.get("condition", UNDISTURBED) == UNDISTURBED]
    update_metrics(folder / "bundle", {**kept, "rows": own})
    if len(table.groups) > 1 or len(table.conditions) > 1:
        write_atomic(folder / SCORES, scores_csv(table))
    if len(metrics["rows"]) > MOST_ROWS:
        metrics = {**metrics, "rows": whole, "all_rows": SCORES}
    write_atomic(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_atomic(folder / "report.html", _page(folder, directions, evaluation))
    return evaluation


def calibrate_run(folder: str | Path, experiment: Experiment, *, device: str = "auto") -> None:
    """Calibrate the intervals of a run's bundle on its validation split, without a score."""
    directions = directions_of(
        load_bundle(Path(folder) / "bundle", choose_device(device)), experiment, baselines=False
    )
    update_calibration(Path(folder) / "bundle", _of_the_model(directions))


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
    bundle = load_bundle(folder, choose_device(device))
    free = free_dimensions(bundle.parts[0][0])
    for spec in (*experiment.inputs, *experiment.targets):
        _require_same(spec, on.data.spec(spec.name, "task"), free, on.data.stores[0].url)
    index = on.data.index(split)
    for number, store in enumerate(on.data.stores):
        records = index.of_store(number)
        if len(records):
            check_facts(store.dataset().isel({store.record_dimension: records}), bundle.parts[0][0])
    return _evaluate(
        directions_of(bundle, experiment), [on, *([on.reversed()] if bundle.both_ways else [])], split
    )


def directions_of(bundle: Bundle, experiment: Experiment, *, baselines: bool = True) -> list[Direction]:
    """Return the directions of a bundle, calibrated: one, or two where it answers both directions."""
    turned = [(bundle.reversed(), experiment.reversed())] if bundle.both_ways else []
    directions = []
    for each, on in [(bundle, experiment), *turned]:
        methods = methods_of(each, on) if baselines else model_of(each)
        directions.append(Direction(each, on, methods, calibrations_of(methods, on, device=bundle.device)))
    return directions


def _of_the_model(directions: Sequence[Direction]) -> dict[str, Calibration]:
    """Return the calibration of the model's targets in all directions."""
    found: dict[str, Calibration] = {}
    for direction in directions:
        found |= direction.calibrations.get(next(iter(direction.methods)), {})
    return found


def _evaluate(directions: Sequence[Direction], data: Sequence[Experiment], split: str) -> Evaluation:
    """Score each direction on its data."""
    first, on = directions[0], data[0]
    about = {
        "experiment": on.config.experiment,
        "model": first.bundle.title,
        "parameters": first.bundle.parameters,
        "split": split,
        "intervals": _calibrated_on(first.calibrations),
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
    scored = [target for each in data for target in targets_of(each)]
    derived = [*on.derivations, *(cycle for direction in directions for cycle in direction.cycles)]
    known = {first.bundle.title: first.bundle.parameters}
    overhead = overheads(first.methods, one_record(on, split, first.bundle.device), known)
    return Evaluation(joined(tables), [*scored, *derived_targets(derived)], about, overhead)


def free_dimensions(pipeline: Pipeline) -> set[str]:
    """Return the dimensions along which a network maps fields of any length to fields as long."""
    answered = set(pipeline.layout.grid)
    return answered & (set(pipeline.grid) | set(pipeline.transform.any_length)) - {HORIZON}


def _require_same(trained: VariableSpec, found: VariableSpec, free: Container[str], url: str) -> None:
    """Refuse a variable with another meaning; along free dimensions its length may differ."""

    def facts(spec: VariableSpec) -> dict[str, object]:
        inner = spec.dims[len(spec.dims) - len(spec.shape) :]
        lengths = {dim: n for dim, n in zip(inner, spec.shape, strict=True) if dim not in free}
        return {
            "dimensions": spec.dims,
            "units": spec.units,
            "lengths": lengths,
            "spacing of samples": step_of(spec),
        }

    for what, expected in facts(trained).items():
        other = facts(found)[what]
        if other != expected:
            raise ConfigError(
                f"variable '{trained.name}' has the {what} {other} in {url}, but {expected} in training; "
                "convert or resample the data, or score another run on them"
            )


def _calibrated_on(calibrations: Calibrations) -> str:
    """Return what the intervals were calibrated on, as text."""
    tables = [table for of_method in calibrations.values() for table in of_method.values()]
    if not tables:
        return "none: the run has no validation split to calibrate them on"
    fewest = min(table.blocks for table in tables)
    highest = min(table.highest for table in tables)
    reach = "" if highest >= 0.99 else f"; enough for levels up to {highest:.2g}"
    return f"calibrated on the validation split, {fewest} blocks{reach}"


def methods_of(bundle: Bundle, experiment: Experiment) -> dict[str, Method]:
    """Return the model first, then the baselines, fitted on the training split."""
    methods = model_of(bundle)
    for name, baseline in fitted_baselines(experiment).items():
        methods[name if name not in methods else f"{name} (baseline)"] = baseline
    return methods


def model_of(bundle: Bundle) -> dict[str, Method]:
    """Return only the model, under its name."""
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]

    def model(inputs: Batch, rng: torch.Generator) -> Batch:
        return bundle.ask({name: inputs[name] for name in names}, rng)

    return {bundle.title: model}


def _page(folder: Path, directions: Sequence[Direction], evaluation: Evaluation) -> str:
    bundle, config = directions[0].bundle, directions[0].experiment.config
    figures: dict[str, Figure] = {}
    for direction in directions:
        examples = examples_of(direction.methods, direction.experiment, split="test", device=bundle.device)
        for node in config.task.plots:
            figures.update(Plot.build(node, direction.experiment.context)(examples))
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
        figures,
        configuration,
        loss_figure(folder),
        coverage_curves(evaluation.table.curves),
        evaluation.overhead,
    )
