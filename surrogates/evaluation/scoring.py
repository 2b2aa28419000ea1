"""Methods on the data of an experiment: fitted, calibrated, scored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.data.disturbance import Disturbance
from surrogates.data.index import ExampleIndex
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.calibration import Calibrations, calibrate
from surrogates.evaluation.evaluate import Method, Target, evaluate, inputs_of
from surrogates.evaluation.tables import UNDISTURBED, Table, under_conditions
from surrogates.experiment.experiment import Experiment
from surrogates.learning.contract import Derivation


def fitted_baselines(experiment: Experiment) -> dict[str, Method]:
    """Return the baselines of an experiment, fitted on its training split.

    Raises
    ------
    ConfigError
        When there are baselines, but no records to fit them on.
    """
    baselines = experiment.build_baselines()
    if not baselines:
        return {}
    if not len(experiment.data.index("train")):
        raise ConfigError(
            f"{listing(store.url for store in experiment.data.stores)} has no training records to fit the "
            f"baselines on ({listing(baselines)}); leave them out with task.baselines=[]"
        )
    training = experiment.loader("train")
    start = training.state_dict()
    methods: dict[str, Method] = {}
    for name, baseline in baselines.items():
        training.load_state_dict(start)  # the one before may have stopped in the middle
        methods[name] = baseline.fit(training)
    return methods


def calibrations_of(
    methods: Mapping[str, Method], experiment: Experiment, *, device: torch.device
) -> Calibrations:
    """Calibrate methods on a run's validation subset; return nothing without one."""
    index = experiment.data.index("validation")
    return calibrations_on(index, methods, experiment, device=device) if len(index) else {}


def calibrations_on(
    index: ExampleIndex, methods: Mapping[str, Method], experiment: Experiment, *, device: torch.device
) -> Calibrations:
    """Calibrate methods on some examples, as ``task.intervals`` says."""
    intervals, groups = experiment.config.task.intervals, experiment.data.interval_groups(index)
    blocks = experiment.data.blocks(index) if groups is None else groups.labels
    return calibrate(
        methods,
        on_device(device, experiment.loader("validation", index=index)),
        targets_of(experiment),
        np.arange(len(index)) if blocks is None else blocks,
        groups=intervals.groups,
        scale=intervals.scale,
        seed=experiment.config.seed,
    )


def score(
    methods: Mapping[str, Method],
    experiment: Experiment,
    *,
    split: str,
    device: torch.device,
    calibrations: Calibrations | None = None,
    cycles: Sequence[Derivation] = (),
    conditions: Sequence[Disturbance] = (),
) -> Table:
    """Score methods on a subset of an experiment's data in all draws; calibrated ones get intervals.

    Under each condition that changes what they see they are scored once more, on the same examples. Batches
    are disturbed as they are read, one condition after the other.
    """
    index = replace(experiment.data.index(split), draws=experiment.config.task.draws)
    groups, blocks = experiment.data.groups(index), blocks_of(experiment, index)
    loader = experiment.loader(split, index=index, also=experiment.scored_only)

    def scored(batches: Iterable[Batch | tuple[Batch, Batch]], condition: str) -> Table:
        return evaluate(
            methods,
            batches,
            targets_of(experiment),
            experiment.pieces.metrics,
            blocks,
            condition=condition,
            calibrations=calibrations,
            derivations=experiment.derivations,
            cycles=cycles,
            hidden=experiment.scored_only,
            seed=experiment.config.seed,
        )

    tables = [scored(on_device(device, loader), UNDISTURBED)]
    for each in conditions:
        if experiment.disturbed_by(each, index):
            tables.append(scored(_pairs_on_device(device, loader.disturbed(each)), each.name))
    table = under_conditions(tables)
    if groups is None:
        return table
    return replace(table, group_variables=groups.variables, group_values=groups.values)


def one_record(experiment: Experiment, split: str, device: torch.device) -> Batch:
    """Return what methods see of the first example of a subset, a batch of one."""
    index = experiment.data.index(split).take(np.arange(1))
    loader = experiment.loader(split, index=index, batch_size=1)
    (batch,) = on_device(device, loader)
    return inputs_of(batch, targets_of(experiment))


def blocks_of(experiment: Experiment, index: ExampleIndex) -> Blocks:
    """Return groups and blocks of the rows of an index; draws that belong together stay in one block."""
    groups, blocks = experiment.data.groups(index), experiment.data.blocks(index)
    owners = np.arange(len(index.record)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    divisions = np.arange(index.draws) // experiment.data.draws_together
    labels = owners[:, None] * (divisions[-1] + 1) + divisions
    repeated = None if groups is None else np.repeat(groups.labels, index.draws)
    return Blocks.of(len(index), groups=repeated, blocks=labels.ravel())


def targets_of(experiment: Experiment) -> list[Target]:
    """Return the scored variables and the cells of each that count."""
    limits, mask_of = experiment.config.task.valid_min, experiment.context.mask_of
    return [Target(spec, mask_of(spec.name), limits.get(spec.name)) for spec in experiment.targets]


def on_device(device: torch.device, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield batches on a device."""
    for batch in batches:
        yield {name: value.to(device) for name, value in batch.items()}


def _pairs_on_device(
    device: torch.device, pairs: Iterable[tuple[Batch, Batch]]
) -> Iterator[tuple[Batch, Batch]]:
    for pair in pairs:
        batch, seen = on_device(device, pair)
        yield batch, seen
