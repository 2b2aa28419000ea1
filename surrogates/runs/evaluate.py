"""Score a finished run with its baselines; the end of `surrogates train`, and `surrogates evaluate`."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.data.index import ExampleIndex
from surrogates.data.window import HORIZON, step_of
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.derivations import Cycle
from surrogates.evaluation.evaluate import Method, Target, derived_targets
from surrogates.evaluation.overhead import Overhead, overheads
from surrogates.evaluation.ranking import rankings
from surrogates.evaluation.reliability import Reliability, reliability
from surrogates.evaluation.scoring import (
    calibrations_of,
    fitted_baselines,
    on_device,
    one_record,
    score,
    targets_of,
)
from surrogates.evaluation.tables import ALL, UNDISTURBED, Table, joined
from surrogates.experiment.devices import choose_device
from surrogates.experiment.experiment import Experiment
from surrogates.inference.attributes import check_facts
from surrogates.inference.bundle import CALIBRATIONS, Bundle, load_bundle, update_calibration, update_metrics
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Derivation, Plot
from surrogates.learning.distance import DISTANCE, MOST_RECORDS, Neighbours, evenly
from surrogates.learning.pipeline import Pipeline
from surrogates.report.examples import examples_of
from surrogates.report.page import loss_figure, render
from surrogates.report.pictures import coverage_curves
from surrogates.report.scenarios import scores_csv
from surrogates.report.sounds import Tracks
from surrogates.runs.folder import read_run

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


def calibrate_run(folder: str | Path, experiment: Experiment, *, device: str = "auto") -> None:
    """Calibrate the intervals of a run's bundle on its validation split, without a score."""
    bundle = with_neighbours(load_bundle(Path(folder) / "bundle", choose_device(device)), experiment)
    directions = directions_of(bundle, experiment, baselines=False)
    write_calibration(Path(folder) / "bundle", bundle.neighbours, of_the_model(directions))


def with_neighbours(bundle: Bundle, experiment: Experiment) -> Bundle:
    """Return a bundle that tells distances to the training data, those of an experiment.

    A bundle that does already stays as it is, and so does one of which no network is asked, or with a
    training subset of a single example.
    """
    index = experiment.data.index("train")
    if bundle.neighbours is not None or len(index.record) < 2:
        return bundle
    few = index.take(evenly(len(index.record), MOST_RECORDS))
    blocks = experiment.data.blocks(few)
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]
    found = []
    for batch in on_device(bundle.device, experiment.loader("train", index=few)):
        described = bundle.describe({name: batch[name] for name in names})
        if described is None:
            return bundle
        found.append(described)
    labels = np.arange(len(few)) if blocks is None else blocks
    return replace(bundle, neighbours=Neighbours.of(torch.cat(found), labels))


def noted(on: Experiment, subset: str, tables: Mapping[str, Calibration]) -> dict[str, Any]:
    """Return what a bundle's history says of a calibration, plain JSON values."""
    intervals = on.config.task.intervals
    return {
        "calibrated": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "dataset": listing(store.url for store in on.data.stores),
        "fingerprint": listing(store.fingerprint for store in on.data.stores),
        "subset": subset,
        "groups": ", ".join(intervals.groups),
        "scale": ", ".join(intervals.scale),
        "blocks": min(table.blocks for table in tables.values()),
    }


def write_calibration(
    folder: Path,
    neighbours: Neighbours | None,
    tables: Mapping[str, Calibration],
    note: Mapping[str, Any] | None = None,
) -> None:
    """Write the calibration of a model's targets, and of trust, into its bundle."""
    targets = {name: table for name, table in tables.items() if name != DISTANCE}
    trust = tables.get(DISTANCE)
    kept = neighbours if trust is not None else None
    update_calibration(folder, targets, neighbours=kept, trust=trust, note=note)


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
    if _is_calibrated_apart(bundle) and experiment.config.task.intervals != read_run(folder).task.intervals:
        raise ConfigError(
            "task.intervals: a score keeps the intervals of a bundle that `surrogates calibrate` has "
            "calibrated; give the key to that command"
        )
    require_alike(bundle, (*experiment.inputs, *experiment.targets), on, on.data.index(split))
    return _evaluate(
        directions_of(bundle, experiment), [on, *([on.reversed()] if bundle.both_ways else [])], split
    )


def require_alike(bundle: Bundle, specs: Sequence[VariableSpec], on: Experiment, index: ExampleIndex) -> None:
    """Refuse data whose variables or facts are not those that a bundle was trained on.

    Parameters
    ----------
    bundle
        The trained one.
    specs
        Of its inputs and targets.
    on, index
        The other data, and the examples of them that are used.
    """
    free = free_dimensions(bundle.parts[0][0])
    for spec in specs:
        _require_same(spec, on.data.spec(spec.name, "task"), free, on.data.stores[0].url)
    for number, store in enumerate(on.data.stores):
        records = index.of_store(number)
        if len(records):
            check_facts(store.dataset().isel({store.record_dimension: records}), bundle.parts[0][0])


def directions_of(bundle: Bundle, experiment: Experiment, *, baselines: bool = True) -> list[Direction]:
    """Return the directions of a bundle, calibrated: one, or two where it answers both directions."""
    turned = [(bundle.reversed(), experiment.reversed())] if bundle.both_ways else []
    directions = []
    for each, on in [(bundle, experiment), *turned]:
        methods = methods_of(each, on) if baselines else model_of(each)
        calibrations = calibrations_of(methods, on, device=bundle.device)
        if _is_calibrated_apart(each):
            calibrations[each.title] = _own_calibration(each, on)
        directions.append(Direction(each, on, methods, calibrations))
    return directions


def _is_calibrated_apart(bundle: Bundle) -> bool:
    """Return whether `surrogates calibrate` has calibrated a bundle, which a score then keeps."""
    return CALIBRATIONS in bundle.manifest.provenance


def _own_calibration(bundle: Bundle, experiment: Experiment) -> dict[str, Calibration]:
    names = {spec.name for spec in experiment.targets}
    tables = {name: table for name, table in bundle.manifest.calibration.items() if name in names}
    trust = bundle.manifest.trust
    return tables if trust is None else {**tables, DISTANCE: trust}


def of_the_model(directions: Sequence[Direction]) -> dict[str, Calibration]:
    """Return the calibration of the model's targets in all directions, and of trust by `DISTANCE`."""
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


def calibrated_on(direction: Direction) -> str:
    """Return what the intervals were calibrated on, as text."""
    tables = [
        table
        for of_method in direction.calibrations.values()
        for name, table in of_method.items()
        if name != DISTANCE
    ]
    if _is_calibrated_apart(direction.bundle):
        *_, last = cast(list[Mapping[str, Any]], direction.bundle.manifest.provenance[CALIBRATIONS])
        return f"of the model as calibrated on {last['subset']} of {last['dataset']}, {last['blocks']} blocks"
    if not tables:
        return "none: the run has no validation split to calibrate them on"
    fewest = min(table.blocks for table in tables)
    highest = min(table.highest for table in tables)
    reach = "" if highest >= 0.99 else f"; enough for levels up to {highest:.2g}"
    variables = direction.experiment.config.task.intervals.groups
    kind = f"groups of {', '.join(variables)}" if variables else "blocks"
    return f"calibrated on the validation split, {fewest} {kind}{reach}{_known_groups(direction.experiment)}"


def _known_groups(experiment: Experiment) -> str:
    """Return a remark on groups of the validation subset that were trained on, if there are some."""
    train, validation = (
        experiment.data.interval_groups(experiment.data.index(subset)) for subset in ("train", "validation")
    )
    if train is None or validation is None:
        return ""
    both = np.intersect1d(train.labels, validation.labels).size
    return (
        f"; {both} of the groups were trained on, so that new ones may lie outside more often" if both else ""
    )


def methods_of(bundle: Bundle, experiment: Experiment) -> dict[str, Method]:
    """Return the model first, then the baselines, fitted on the training split."""
    methods = model_of(bundle)
    for name, baseline in fitted_baselines(experiment).items():
        methods[name if name not in methods else f"{name} (baseline)"] = baseline
    return methods


def model_of(bundle: Bundle) -> dict[str, Method]:
    """Return only the model, under its name."""
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]

    ask = bundle.ask if bundle.neighbours is None else bundle.ask_far

    def model(inputs: Batch, rng: torch.Generator) -> Batch:
        return ask({name: inputs[name] for name in names}, rng)

    return {bundle.title: model}


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
