"""The examples that pictures show: inputs, reference, and the prediction of each method."""

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
import xarray as xr

from surrogates.data.batch import Batch
from surrogates.evaluation.derivations import derive_prediction, derive_truth
from surrogates.evaluation.evaluate import Method, ask, counted, inputs_of
from surrogates.evaluation.scoring import on_device, targets_of
from surrogates.experiment.experiment import Experiment
from surrogates.inference.outputs import specs_of
from surrogates.learning.answers import deviation_name, member_name
from surrogates.report.pictures import Examples

MANY, FEW, SMALL_FIELD = 64, 4, 4096


def examples_of(
    methods: Mapping[str, Method], experiment: Experiment, *, split: str, device: torch.device
) -> Examples:
    """Return a few evenly spaced examples with each method's predictions and derivations."""
    index = experiment.data.index(split)
    small = all(prod(spec.shape) <= SMALL_FIELD for spec in experiment.targets)
    chosen = np.unique(np.linspace(0, len(index) - 1, MANY if small else FEW).astype(int))
    few = index.take(chosen)
    hidden = [*experiment.scored_only, *experiment.drawn_only]
    loader = experiment.loader(split, index=few, batch_size=len(few), also=hidden)
    batch = next(iter(on_device(device, loader)))
    targets, derivations = targets_of(experiment), experiment.derivations
    known = inputs_of(batch, targets)
    inputs = {name: value for name, value in known.items() if name not in hidden}
    predictions = {}
    for name, method in methods.items():
        answer = ask(method, inputs, seed=experiment.config.seed)
        answer = answer | derive_prediction(answer, known, derivations)
        predictions[name] = _dataset(answer, experiment)
    data = _dataset(batch | derive_truth(counted(batch, targets), derivations), experiment)

    def ask_again(method: str, changed: Mapping[str, np.ndarray]) -> xr.Dataset:
        given = {name: torch.as_tensor(value).to(inputs[name]) for name, value in changed.items()}
        return _dataset(ask(methods[method], inputs | given, seed=experiment.config.seed), experiment)

    return Examples(data, predictions, targets, experiment.data.record_dimension, ask_again)


def _dataset(batch: Batch, experiment: Experiment) -> xr.Dataset:
    targets = {spec.name: spec for spec in experiment.targets}
    drawn = {name: len(batch[name][0]) for name in map(member_name, targets) if name in batch}
    shown = {deviation_name(name) for name in targets} | drawn.keys()
    around = specs_of(targets, shown, None, samples=max(drawn.values(), default=0))
    specs = experiment.data.specs | experiment.derived | around
    variables = {
        name: (specs[name].dims, value.cpu().numpy(), {"units": specs[name].units})
        for name, value in batch.items()
        if name in specs
    }
    sizes = {
        dim: n for dims, values, _ in variables.values() for dim, n in zip(dims, values.shape, strict=False)
    }
    fitting = {
        name: value
        for name, value in experiment.data.coordinates.items()
        if all(sizes.get(str(dim)) == n for dim, n in value.sizes.items()) and name not in variables
    }
    return xr.Dataset(variables, coords=fitting)
