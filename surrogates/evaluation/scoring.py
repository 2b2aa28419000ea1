"""Methods on the data of an experiment: fitted, calibrated, scored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from surrogates.data.batch import Batch
from surrogates.data.index import ExampleIndex
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.calibration import Calibrations, calibrate
from surrogates.evaluation.evaluate import Method, Target, evaluate
from surrogates.evaluation.tables import Table
from surrogates.experiment.experiment import Experiment
from surrogates.learning.contract import Derivation


def fitted_baselines(experiment: Experiment) -> dict[str, Method]:
    """Return the baselines of an experiment, fitted on its training split."""
    baselines = experiment.build_baselines()
    if not baselines:
        return {}
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
    if not len(index):
        return {}
    blocks = experiment.data.labels("blocks", index)
    return calibrate(
        methods,
        on_device(device, experiment.loader("validation", index=index)),
        targets_of(experiment),
        np.arange(len(index)) if blocks is None else blocks,
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
) -> Table:
    """Score methods on a subset of an experiment's data in all draws; calibrated ones get intervals."""
    index = replace(experiment.data.index(split), draws=experiment.config.task.draws)
    return evaluate(
        methods,
        on_device(device, experiment.loader(split, index=index, also=experiment.scored_only)),
        targets_of(experiment),
        experiment.pieces.metrics,
        blocks_of(experiment, index),
        calibrations=calibrations,
        derivations=experiment.derivations,
        cycles=cycles,
        hidden=experiment.scored_only,
        seed=experiment.config.seed,
    )


def blocks_of(experiment: Experiment, index: ExampleIndex) -> Blocks:
    """Return groups and blocks of the rows of an index; draws that belong together stay in one block."""
    groups, blocks = (experiment.data.labels(key, index) for key in ("groups", "blocks"))
    owners = np.arange(len(index.record)) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    divisions = np.arange(index.draws) // experiment.data.draws_together
    labels = owners[:, None] * (divisions[-1] + 1) + divisions
    repeated = None if groups is None else np.repeat(groups, index.draws)
    return Blocks.of(len(index), groups=repeated, blocks=labels.ravel())


def targets_of(experiment: Experiment) -> list[Target]:
    """Return the scored variables and the cells of each that count."""
    task = experiment.config.task
    return [Target(spec, experiment.mask, task.valid_min.get(spec.name)) for spec in experiment.targets]


def on_device(device: torch.device, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield batches on a device."""
    for batch in batches:
        yield {name: value.to(device) for name, value in batch.items()}
