"""Persistence: what continues a past stays as it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import torch

from datasets.store.specs import VariableSpec
from datasets.store.units import same
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON, known_name
from surrogates.learning.answers import deviation_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from surrogates.learning.directions import turns_of, wrapped
from surrogates.learning.layout import is_complex


@dataclass(frozen=True)
class Past:
    """The input that a target continues.

    Attributes
    ----------
    target, name
        Names of the target and of the input.
    axis
        Axis of the steps in a batch of either.
    horizon
        Steps ahead.
    alike
        Whether both have the same dimensions but for the steps; they have the same lengths in any case.
    """

    target: str
    name: str
    axis: int
    horizon: int
    alike: bool

    @classmethod
    def of(cls, target: VariableSpec, context: Context) -> Self:
        """Return the past of a target: ``v`` of ``v_forecast``, or the only input of a fitting shape.

        Raises
        ------
        ConfigError
            If the target has no horizon, or no or several inputs fit.
        """
        if HORIZON not in target.dims:
            raise ConfigError(
                f"'{target.name}' has the dimensions {target.dims}, expected '{HORIZON}' among them; this "
                "baseline continues a past"
            )
        axis = target.dims.index(HORIZON)
        rest = _without(target.shape, axis - 1)
        fitting = [
            spec
            for spec in context.inputs
            if len(spec.dims) == len(target.dims)
            and _without(spec.shape, axis - 1) == rest
            and same(spec.units, target.units)
            and is_complex(spec) == is_complex(target)
        ]
        if len(fitting) > 1:
            fitting = [spec for spec in fitting if spec.name == known_name(target.name)]
        if len(fitting) != 1:
            raise ConfigError(
                f"the past of '{target.name}', {target.dims} of {target.shape}, is not clear from the inputs "
                f"{listing(context.input_names)}; expected one in the same units, of the "
                "same shape but for the steps"
            )
        past = fitting[0]
        alike = _without(past.dims, axis) == _without(target.dims, axis)
        return cls(target.name, past.name, axis, target.shape[axis - 1], alike)


def _without(values: tuple[Any, ...], index: int) -> tuple[Any, ...]:
    return values[:index] + values[index + 1 :]


class Persistence(Baseline):
    """Repeat the last known step at each step ahead: no prediction.

    A target may lie on another grid of the same shape, such as another frequency band. The standard deviation
    is that of the errors on training windows, for each step ahead and cell.
    """

    takes_complex = True
    takes_directions = True

    def __init__(self, context: Context) -> None:
        self.pasts = [Past.of(spec, context) for spec in context.targets]
        self._turns = turns_of(context.targets)
        self._deviations: Batch = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn the standard deviation of the errors."""
        self._deviations = learned_deviations(batches, self._repeated, self._turns)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the last step of each past, repeated, and its standard deviation once fitted."""
        answers = self._repeated(inputs)
        return answers | expanded(self._deviations, answers)

    def _repeated(self, inputs: Batch) -> Batch:
        answers = {}
        for past in self.pasts:
            last = inputs[past.name].narrow(past.axis, -1, 1)
            last = last.where(last.isfinite(), 0.0)
            answers[past.target] = last.repeat_interleave(past.horizon, dim=past.axis)
        return answers


def learned_deviations(
    batches: Iterable[Batch],
    predict: Callable[[Batch], Batch],
    turns: Mapping[str, float] = MappingProxyType({}),
) -> Batch:
    """Return the root mean squared error of each target, cell by cell, over all batches.

    Parameters
    ----------
    batches
        Inputs and truth; NaN is ignored.
    predict
        Function that forecasts a batch.
    turns
        Full turns of the directions among the targets, whose errors are taken the shorter way round.
    """
    squares: Batch = {}
    counts: Batch = {}
    for batch in batches:
        for name, mean in predict(batch).items():
            error = mean - batch[name]
            if name in turns:
                error = wrapped(error, turns[name])
            error = error.detach().cpu().abs().double()
            squares[name] = squares.get(name, 0) + error.square().nan_to_num(0.0).sum(0)
            counts[name] = counts.get(name, 0) + (~error.isnan()).sum(0)
    if not squares:
        raise ValueError("no training window to learn the spread of the errors from; check split and window")
    return {name: (squares[name] / counts[name]).sqrt() for name in squares}


def expanded(deviations: Batch, means: Batch) -> Batch:
    """Return learned deviations for each example of an answer, by the names of `deviation_name`."""
    return {
        deviation_name(name): deviation.to(means[name].device, means[name].real.dtype).expand(
            means[name].shape
        )
        for name, deviation in deviations.items()
    }
