"""Predictors: how a trained pipeline predicts."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Horizon
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON, known_name, window_dimension
from surrogates.learning.answers import deviation_name
from surrogates.learning.contract import Predictor
from surrogates.learning.pipeline import Pipeline


class Direct(Predictor):
    """One forward pass."""

    takes_complex = True
    takes_directions = True

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units."""
        return pipeline(inputs)


class Rollout(Predictor):
    """Predict one horizon after the other; each forecast becomes the past of the next.

    Variables that are forecast move on; every other input stays as it was given. Where the pipeline answers
    standard deviations, the variance at the end of one horizon is added to those of the next, as the errors
    of a walk add up.

    Parameters
    ----------
    steps
        How often the pipeline is asked; the task's horizon is as many times the pipeline's.
    """

    takes_complex = True

    def __init__(self, steps: Horizon = 1) -> None:
        self.steps = steps

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units, over the whole horizon."""
        if self.steps == 1:
            return pipeline(inputs)
        state, answers = dict(inputs), []
        for _ in range(self.steps):
            answers.append(ask(pipeline, state))
            state |= advanced(pipeline, state, answers[-1])
        axes = {spec.name: spec.dims.index(HORIZON) for spec in pipeline.config.targets}
        axes |= {deviation_name(name): axis for name, axis in axes.items()}
        return {name: torch.cat([each[name] for each in answers], dim=axes[name]) for name in answers[0]}


def ask(pipeline: Pipeline, inputs: Mapping[str, Tensor]) -> Batch:
    """Return one horizon; its variances add to those of the past it starts from, as `advanced` notes them."""
    answer = pipeline(inputs)
    for name in map(deviation_name, pipeline.target_names):
        if name in answer and name in inputs:
            answer[name] = (answer[name].square() + inputs[name].square()).sqrt()
    return answer


def advanced(pipeline: Pipeline, inputs: Mapping[str, Tensor], answer: Mapping[str, Tensor]) -> Batch:
    """Return the inputs of the next horizon: forecasts are appended to the past, its oldest samples dropped.

    `<target>_standard_deviation` is then that of the new past's end, in the target's shape.
    """
    moved: Batch = {}
    for target in pipeline.config.targets:
        name = deviation_name(target.name)
        if name in answer:
            last = answer[name].narrow(target.dims.index(HORIZON), -1, 1)
            moved[name] = last.expand_as(answer[name])
    for spec in pipeline.config.inputs:
        along = window_dimension(spec)
        for target in pipeline.config.targets:
            if along is not None and known_name(target.name) == spec.name:
                axis = spec.dims.index(along)
                ahead = answer[target.name].movedim(target.dims.index(HORIZON), axis)
                kept = inputs[spec.name].shape[axis]
                whole = torch.cat([inputs[spec.name], ahead], dim=axis)
                moved[spec.name] = whole.narrow(axis, whole.shape[axis] - kept, kept)
    return moved


def targets_of_one_step(
    predictor: Predictor, inputs: Iterable[VariableSpec], targets: Sequence[VariableSpec]
) -> list[VariableSpec]:
    """Return the pipeline's targets for those of a task.

    Raises
    ------
    ConfigError
        When the task's horizon is no multiple of the predictor's steps, or an input has a window that nothing
        moves on from one step to the next.
    """
    steps = predictor.steps
    forecast = {known_name(spec.name) for spec in targets}
    still = [s.name for s in inputs if window_dimension(s) is not None and s.name not in forecast]
    if steps > 1 and still:
        raise ConfigError(
            f"the predictor takes {steps} steps, but {listing(still)} of task.inputs would stay as in the "
            "first: a window moves on only with its own forecast; forecast it too (task.targets), leave it "
            "out, or take one step"
        )
    return [_with_horizon(spec, 1, steps) for spec in targets]


def answered(predictor: Predictor, targets: Iterable[VariableSpec]) -> list[VariableSpec]:
    """Return the specs of a predictor's answer for a pipeline's targets; undoes `targets_of_one_step`."""
    return [_with_horizon(spec, predictor.steps, 1) for spec in targets]


def _with_horizon(spec: VariableSpec, times: int, steps: int) -> VariableSpec:
    if (times, steps) == (1, 1):
        return spec
    if HORIZON not in spec.dims:
        raise ConfigError(
            f"the target '{spec.name}' has no dimension '{HORIZON}' for a rollout; give task.window.horizon "
            "and name targets '<variable>_forecast', or take the predictor 'direct'"
        )
    axis = spec.dims.index(HORIZON) - len(spec.dims) + len(spec.shape)
    length, rest = divmod(spec.shape[axis] * times, steps)
    if rest:
        raise ConfigError(
            f"task.window.horizon is {spec.shape[axis]}, which {steps} steps of the predictor do not divide; "
            f"take a multiple of {steps}"
        )
    shape = list(spec.shape)
    shape[axis] = length
    return spec.model_copy(update={"shape": tuple(shape)})
