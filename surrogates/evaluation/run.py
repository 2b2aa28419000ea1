"""Score a finished run with its baselines; the end of `surrogates train`, and `surrogates evaluate`."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.data.index import ExampleIndex
from surrogates.data.window import HORIZON, step_of
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.calibration import Calibrations, calibrate
from surrogates.evaluation.derivations import Cycle, Derivation, derive_prediction, derive_truth
from surrogates.evaluation.evaluate import (
    Batch,
    Method,
    Target,
    ask,
    counted,
    derived_targets,
    evaluate,
    inputs_of,
)
from surrogates.evaluation.pictures import Examples, coverage_curves
from surrogates.evaluation.report import loss_figure, render
from surrogates.evaluation.tables import ALL, Table, joined
from surrogates.inference.bundle import Bundle, load_bundle, update_calibration, update_metrics
from surrogates.inference.conformal import Calibration
from surrogates.inference.outputs import specs_of
from surrogates.inference.surrogate import choose_device
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import deviation_name

if TYPE_CHECKING:
    from surrogates.training.experiment import Experiment

MANY, FEW, SMALL_FIELD = 64, 4, 4096


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
    """

    table: Table
    targets: Sequence[Target]
    about: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return what `metrics.json` holds."""
        return {**self.about, **self.table.as_dict()}


@dataclass(frozen=True)
class Way:
    """A direction of a bundle: what answers it, and how sure its answers are."""

    bundle: Bundle
    experiment: "Experiment"
    methods: Mapping[str, Method]
    calibrations: Calibrations

    @property
    def cycles(self) -> list[Derivation]:
        """What the other direction makes of an answer, where there is one."""
        if not self.bundle.both_ways:
            return []
        (back,) = model_of(self.bundle.reversed()).values()
        return [Cycle(self.experiment.inputs, back)]


def evaluate_run(folder: str | Path, experiment: "Experiment", *, device: str = "auto") -> Evaluation:
    """Score a run on its test split; write `metrics.json`, `report.html`, and the scores into its bundle.

    The run's validation split calibrates the intervals of every method, the bundle's included. A network that
    answers both ways is scored in both.

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
    ways = ways_of(load_bundle(folder / "bundle", choose_device(device)), experiment)
    evaluation = _evaluate(ways, [way.experiment for way in ways], "test")
    metrics = evaluation.as_dict()
    if calibration := _of_the_model(ways):
        update_calibration(folder / "bundle", calibration)
    update_metrics(folder / "bundle", {**metrics, "rows": [r for r in metrics["rows"] if r["group"] == ALL]})
    _write(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    _write(folder / "report.html", _page(folder, ways, evaluation))
    return evaluation


def calibrate_run(folder: str | Path, experiment: "Experiment", *, device: str = "auto") -> None:
    """Calibrate the intervals of a run's bundle on its validation split, without a score."""
    ways = ways_of(load_bundle(Path(folder) / "bundle", choose_device(device)), experiment, baselines=False)
    update_calibration(Path(folder) / "bundle", _of_the_model(ways))


def evaluate_elsewhere(
    folder: str | Path,
    experiment: "Experiment",
    on: "Experiment",
    *,
    split: str = "test",
    device: str = "auto",
) -> Evaluation:
    """Score a run on other data or another split, and write nothing.

    Parameters
    ----------
    folder, experiment
        The run's; baselines are fitted on its training split, intervals calibrated on its validation split.
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
    bundle = load_bundle(Path(folder) / "bundle", choose_device(device))
    free = free_dimensions(bundle.parts[0][0])
    for spec in (*experiment.inputs, *experiment.targets):
        _require_same(spec, on.spec(spec.name, "task"), free, on.stores[0].url)
    return _evaluate(ways_of(bundle, experiment), [on, *([on.reversed()] if bundle.both_ways else [])], split)


def ways_of(bundle: Bundle, experiment: "Experiment", *, baselines: bool = True) -> list[Way]:
    """Return the directions of a bundle, calibrated: one, or two where it answers both ways."""
    turned = [(bundle.reversed(), experiment.reversed())] if bundle.both_ways else []
    ways = []
    for each, on in [(bundle, experiment), *turned]:
        methods = methods_of(each, on) if baselines else model_of(each)
        ways.append(Way(each, on, methods, calibrations_of(methods, on, device=bundle.device)))
    return ways


def _of_the_model(ways: Sequence[Way]) -> dict[str, Calibration]:
    """Return the calibration of the model's targets in all directions."""
    found: dict[str, Calibration] = {}
    for way in ways:
        found |= way.calibrations.get(next(iter(way.methods)), {})
    return found


def _evaluate(ways: Sequence[Way], data: Sequence["Experiment"], split: str) -> Evaluation:
    """Score each direction on the data that are given for it."""
    first, on = ways[0], data[0]
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
            way.methods,
            each,
            split=split,
            device=way.bundle.device,
            calibrations=way.calibrations,
            cycles=way.cycles,
        )
        for way, each in zip(ways, data, strict=True)
    ]
    scored = [target for each in data for target in targets_of(each)]
    derived = [*on.derivations, *(cycle for way in ways for cycle in way.cycles)]
    return Evaluation(joined(tables), [*scored, *derived_targets(derived)], about)


def free_dimensions(pipeline: Pipeline) -> set[str]:
    """Return the dimensions along which a network answers fields of any length by fields as long."""
    answered = set(pipeline.layout.grid)
    return answered & set(getattr(pipeline.transform, "grid", answered)) - {HORIZON}


def _require_same(trained: VariableSpec, found: VariableSpec, free: Container[str], url: str) -> None:
    """Refuse a variable that means something else; along some dimensions it may have another length."""

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


def calibrations_of(
    methods: Mapping[str, Method], experiment: "Experiment", *, device: torch.device
) -> Calibrations:
    """Calibrate methods on a run's validation split; nothing without one."""
    index = experiment.index("validation")
    if not len(index):
        return {}
    blocks = experiment.labels("blocks", index)
    return calibrate(
        methods,
        _on(device, experiment.loader("validation", index=index)),
        targets_of(experiment),
        np.arange(len(index)) if blocks is None else blocks,
        seed=experiment.config.seed,
    )


def _calibrated_on(calibrations: Calibrations) -> str:
    """Say on how much the intervals rest."""
    tables = [table for of_method in calibrations.values() for table in of_method.values()]
    if not tables:
        return "none: the run has no validation split to calibrate them on"
    fewest = min(table.blocks for table in tables)
    highest = min(table.highest for table in tables)
    reach = "" if highest >= 0.99 else f"; enough for levels up to {highest:.2g}"
    return f"calibrated on the validation split, {fewest} blocks{reach}"


def methods_of(bundle: Bundle, experiment: "Experiment") -> dict[str, Method]:
    """Return the model first, then the baselines, fitted on the training split."""
    methods = model_of(bundle)
    baselines = experiment.build_baselines()
    if not baselines:
        return methods
    training = experiment.loader("train")
    start = training.state_dict()
    for name, baseline in baselines.items():
        training.load_state_dict(start)  # the one before may have stopped in the middle
        methods[name if name not in methods else f"{name} (baseline)"] = baseline.fit(training)
    return methods


def model_of(bundle: Bundle) -> dict[str, Method]:
    """Return the model alone, under its name."""
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]

    def model(inputs: Batch, rng: torch.Generator) -> Batch:
        return bundle.ask({name: inputs[name] for name in names}, rng)

    return {bundle.title: model}


def score(
    methods: Mapping[str, Method],
    experiment: "Experiment",
    *,
    split: str,
    device: torch.device,
    calibrations: Calibrations | None = None,
    cycles: Sequence[Derivation] = (),
) -> Table:
    """Score methods on a part of an experiment's data in all draws; calibrated ones get intervals."""
    index = replace(experiment.index(split), draws=experiment.config.task.draws)
    return evaluate(
        methods,
        _on(device, experiment.loader(split, index=index, also=experiment.scored_only)),
        targets_of(experiment),
        experiment.metrics,
        blocks_of(experiment, index),
        calibrations=calibrations,
        derivations=experiment.derivations,
        cycles=cycles,
        hidden=experiment.scored_only,
        seed=experiment.config.seed,
    )


def blocks_of(experiment: "Experiment", index: ExampleIndex) -> Blocks:
    """Return groups and blocks of the rows of an index; draws that belong together stay in one block."""
    groups, blocks = (experiment.labels(key, index) for key in ("groups", "blocks"))
    owners = np.arange(len(index.record)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    divisions = np.arange(index.draws) // experiment.draws_together
    labels = owners[:, None] * (divisions[-1] + 1) + divisions
    repeated = None if groups is None else np.repeat(groups, index.draws)
    return Blocks.of(len(index), groups=repeated, blocks=labels.ravel())


def targets_of(experiment: "Experiment") -> list[Target]:
    """Return what is scored, and where."""
    task = experiment.config.task
    return [Target(spec, experiment.mask, task.valid_min.get(spec.name)) for spec in experiment.targets]


def examples_of(
    methods: Mapping[str, Method], experiment: "Experiment", *, split: str, device: torch.device
) -> Examples:
    """Return a few evenly spaced examples with what each method predicts and what follows, for pictures."""
    index = experiment.index(split)
    small = all(prod(spec.shape) <= SMALL_FIELD for spec in experiment.targets)
    chosen = np.unique(np.linspace(0, len(index) - 1, MANY if small else FEW).astype(int))
    few = index.take(chosen)
    loader = experiment.loader(split, index=few, batch_size=len(few), also=experiment.scored_only)
    batch = next(iter(_on(device, loader)))
    targets, derivations = targets_of(experiment), experiment.derivations
    known = inputs_of(batch, targets)
    inputs = {name: value for name, value in known.items() if name not in experiment.scored_only}
    predictions = {}
    for name, method in methods.items():
        answer = ask(method, inputs, seed=experiment.config.seed)
        answer = answer | derive_prediction(answer, known, derivations)
        predictions[name] = _dataset(answer, experiment)
    data = _dataset(batch | derive_truth(counted(batch, targets), derivations), experiment)
    return Examples(data, predictions, targets, experiment.record_dimension)


def _page(folder: Path, ways: Sequence[Way], evaluation: Evaluation) -> str:
    bundle, config = ways[0].bundle, ways[0].experiment.config
    figures: dict[str, Figure] = {}
    for way in ways:
        examples = examples_of(way.methods, way.experiment, split="test", device=bundle.device)
        for node in config.task.plots:
            figures.update(build("plots", node)(examples))
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
    )


def _dataset(batch: Batch, experiment: "Experiment") -> xr.Dataset:
    targets = {spec.name: spec for spec in experiment.targets}
    deviations = specs_of(targets, {deviation_name(name) for name in targets}, None)
    specs = experiment.specs | experiment.derived | deviations
    variables = {
        name: (specs[name].dims, value.cpu().numpy(), {"units": specs[name].units})
        for name, value in batch.items()
        if name in specs
    }
    dims = {dim for names, *_ in variables.values() for dim in names}
    fitting = {
        name: value
        for name, value in experiment.coordinates.items()
        if set(value.dims) <= dims and name not in variables
    }
    return xr.Dataset(variables, coords=fitting)


def _on(device: torch.device, batches: Any) -> Iterator[Batch]:
    for batch in batches:
        yield {name: value.to(device) for name, value in batch.items()}


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole."""
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)
