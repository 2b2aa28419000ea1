"""Baselines that fill the field of each record from what was measured of it, without training.

Samples are an input on the target's grid, NaN where nothing was measured. Distances are those between the
coordinates of the grid, which share one unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from math import prod
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
import torch
from pydantic import PositiveInt
from sklearn.neighbors import KNeighborsRegressor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from surrogates.learning.directions import angle_of, full_turn, is_direction
from surrogates.learning.layout import field_dims, require_number


class Answer(NamedTuple):
    """Mean at some points, (points,), and its standard deviation if a method has one."""

    mean: np.ndarray
    deviation: np.ndarray | None = None


@dataclass(frozen=True)
class Points:
    """Points of a field; a subclass adds what else is known of them.

    Attributes
    ----------
    position
        Coordinates, (points, dimensions).
    """

    position: np.ndarray

    def take(self, chosen: np.ndarray) -> Self:
        """Return the points with these indices, or those where a mask is true."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        taken: dict[str, Any] = {
            name: values if values is None else values[chosen] for name, values in known.items()
        }
        return replace(self, **taken)


P = TypeVar("P", bound=Points)


class Scattered(Baseline, Generic[P]):
    """Predict a field from its own samples only.

    Every target gets the same field, and a method with an error adds ``<target>_standard_deviation``. Where
    the targets are directions, cosine and sine of the samples are filled in, each as a field of its own; the
    deviation is the root of the sum of the squares of both.

    Parameters
    ----------
    context
        Of the data.
    samples
        Variable that holds the samples, NaN elsewhere.
    """

    def __init__(self, context: Context, samples: str) -> None:
        self.targets, self.samples = context.target_names, samples
        self.variables: Sequence[str] = (samples,)
        self._direction = _direction(context)

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the field for each target."""
        samples = inputs[self.samples]
        values = samples.detach().cpu().double().numpy()
        fill = self._field if self._direction is None else partial(self._directions, self._direction)
        found = [fill(*each) for each in zip(values, self.points(inputs, values.shape[1:]), strict=True)]
        answer = {"": np.stack([each.mean for each in found])}
        if found[0].deviation is not None:
            answer["_standard_deviation"] = np.stack([np.asarray(each.deviation) for each in found])
        return {
            target + suffix: torch.from_numpy(value).to(samples).view_as(samples)
            for target in self.targets
            for suffix, value in answer.items()
        }

    def points(self, inputs: Batch, shape: tuple[int, ...]) -> Sequence[P]:
        """Return all points of each record's field of this shape, row by row."""
        raise NotImplementedError

    def interpolate(self, known: P, values: np.ndarray, asked: P) -> Answer:
        """Return mean and deviation at the asked points.

        Parameters
        ----------
        known, values
            Measured points and their values.
        asked
            Points to predict.
        """
        raise NotImplementedError

    def _field(self, samples: np.ndarray, points: P) -> Answer:
        flat = samples.reshape(-1)
        known = np.isfinite(flat)
        if not known.any():
            raise ValueError(
                f"{type(self).__name__} needs at least one measured cell in every record, found one whose "
                f"'{self.samples}' is NaN throughout; leave the record out"
            )
        return self.interpolate(points.take(known), flat[known], points)

    def _directions(self, spec: VariableSpec, samples: np.ndarray, points: P) -> Answer:
        """Return the field of directions from those of their cosine and sine."""
        turn = full_turn(spec) or math.tau
        angle = samples * (math.tau / turn)
        cosine, sine = (self._field(part, points) for part in (np.cos(angle), np.sin(angle)))
        mean = angle_of(torch.from_numpy(np.stack([cosine.mean, sine.mean], axis=-1)), spec).numpy()
        if cosine.deviation is None or sine.deviation is None:
            return Answer(mean)
        return Answer(mean, np.hypot(cosine.deviation, sine.deviation) * (turn / math.tau))


class OnGrid(Scattered[Points]):
    """Predict a field on a grid that all records share.

    Parameters
    ----------
    context
        Of the data, with a coordinate for each dimension of the targets, all in one unit.
    samples
        Input with the samples; None takes the only one on the targets' grid that has missing values.
    """

    takes_directions = True

    def __init__(self, context: Context, samples: str | None = None) -> None:
        super().__init__(context, _samples(context) if samples is None else samples)
        self._points = Points(_positions(context))

    def points(self, inputs: Batch, shape: tuple[int, ...]) -> Sequence[Points]:
        """Return the points of the grid for each record."""
        return [self._points] * len(inputs[self.samples])


class SampleMean(OnGrid):
    """Predict the mean of the samples everywhere; the deviation is their spread."""

    def interpolate(self, known: Points, values: np.ndarray, asked: Points) -> Answer:
        count = len(asked.position)
        return Answer(np.full(count, values.mean()), np.full(count, values.std()))


class InverseDistance(OnGrid):
    """Predict the mean of all samples, weighted with the inverse square of their distance.

    The deviation is that of each sample from its prediction by the others.
    """

    def interpolate(self, known: Points, values: np.ndarray, asked: Points) -> Answer:
        among = _inverse_square(known, known)
        np.fill_diagonal(among, 0.0)
        deviation = np.nan if len(values) < 2 else _spread(values - _weighted_mean(among, values))
        mean = _weighted_mean(_inverse_square(asked, known), values)
        return Answer(mean, np.full(mean.size, deviation))


class NearestSamples(OnGrid):
    """Predict the mean of the `k` nearest samples; the deviation is that of leaving each sample out.

    Parameters
    ----------
    context, samples
        As for every method on a grid.
    k
        Number of samples.
    """

    def __init__(self, context: Context, samples: str | None = None, k: PositiveInt = 3) -> None:
        super().__init__(context, samples)
        self.k = k

    def interpolate(self, known: Points, values: np.ndarray, asked: Points) -> Answer:
        model = KNeighborsRegressor(n_neighbors=min(self.k, len(values))).fit(known.position, values)
        deviation = np.nan
        if len(values) > 1:
            others = model.kneighbors(return_distance=False, n_neighbors=min(self.k, len(values) - 1))
            deviation = _spread(values - values[others].mean(1))
        mean = model.predict(asked.position)
        return Answer(mean, np.full(mean.size, deviation))


def _direction(context: Context) -> VariableSpec | None:
    """Return the spec of the field if it is one of directions."""
    kinds = {is_direction(spec): spec for spec in context.targets}
    if len(kinds) > 1:
        raise ConfigError(
            f"of the targets {listing(context.target_names)} '{kinds[True].name}' is a direction and "
            f"'{kinds[False].name}' is none, but they get one field; predict them apart"
        )
    return kinds.get(True)


def _samples(context: Context) -> str:
    """Return the name of the only input on the targets' grid that has missing values."""
    grids = {spec.dims for spec in context.targets}
    fitting = [spec.name for spec in context.inputs if spec.missing and spec.dims in grids]
    if len(fitting) != 1:
        raise ConfigError(
            f"samples: of the inputs {listing(context.input_names)} {len(fitting)} have missing values on "
            f"the grid of {listing(context.target_names)}, one expected; name it, such as samples=NAME"
        )
    return fitting[0]


def _positions(context: Context) -> np.ndarray:
    """Return the coordinates of all points of the targets' grid, (points, dimensions)."""
    for spec in context.targets:
        require_number(spec)
    grids = {field_dims(spec, context.record_dimension): spec.shape for spec in context.targets}
    if len(grids) != 1:
        raise ConfigError(
            f"the targets {listing(context.target_names)} lie on {len(grids)} grids, one expected; this "
            "baseline predicts one field"
        )
    ((dims, shape),) = grids.items()
    lacking = [dim for dim in dims if dim not in context.shared]
    if lacking or not dims:
        raise ConfigError(
            f"the grid {dims} of {listing(context.target_names)} has no coordinate {listing(lacking)} that "
            "all records share; write it into the store, with units, or leave this baseline out"
        )
    units = str(context.shared[dims[0]].attrs.get("units", ""))
    axes = [np.asarray(context.field(dim, units)) for dim in dims]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(prod(shape), len(dims))


def _inverse_square(asked: Points, known: Points) -> np.ndarray:
    """Return the weights of the known points for each asked one, (asked, known)."""
    squared = ((asked.position[:, None, :] - known.position[None, :, :]) ** 2).sum(-1)
    return np.asarray(1.0 / np.maximum(squared, 1e-6))


def _weighted_mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray((weights @ values) / weights.sum(1))


def _spread(rest: np.ndarray) -> float:
    return float(np.sqrt(np.mean(rest**2)))
