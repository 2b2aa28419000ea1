"""Baselines with samples: each map from its own measured cells, with and without geometry."""

from collections.abc import Mapping
from itertools import product
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import PositiveInt
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from surrogates.data.batch import Batch
from surrogates.domains.radio.baselines.gaussian_process import OnColumns, most_likely
from surrogates.domains.radio.baselines.geometry import (
    FEATURES,
    VARIABLES,
    Cells,
    cells_of,
    geometry_features,
    positions_of,
)
from surrogates.domains.radio.channels.cascade import SAMPLES
from surrogates.domains.radio.link import CELL, POSITION, RECEIVER_HEIGHT
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Baseline

LENGTHS = (8.0, 300.0)  # m; correlation lengths of a covariance on position
SMALLEST = 1e-3  # dB; least spread of samples, so that equal ones can be divided by it


class Answer(NamedTuple):
    """Mean at some cells, (cells,), and its standard deviation if a method has one."""

    mean: np.ndarray
    deviation: np.ndarray | None = None


class Interpolator(Baseline):
    """Predict a map from its own samples only.

    Every target gets the same map, and a method with an error adds ``<target>_standard_deviation``.

    Parameters
    ----------
    context
        Context of the data.
    cell
        Side of a cell, m.
    samples
        Variable that holds the samples, NaN elsewhere.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}

    def __init__(self, context: Context, cell: float, samples: str = SAMPLES) -> None:
        self.targets, self.cell, self.samples = context.target_names, cell, samples
        self.variables = (samples, POSITION)

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the interpolated map for each target."""
        samples = inputs[self.samples]
        values = samples.cpu().double().numpy()
        maps = [self._map(*each) for each in zip(values, self.cells(inputs, values.shape[1:]), strict=True)]
        answer = {"": np.stack([each.mean for each in maps])}
        if maps[0].deviation is not None:
            answer["_standard_deviation"] = np.stack([np.asarray(each.deviation) for each in maps])
        return {
            target + suffix: torch.from_numpy(value).to(samples).view_as(samples)
            for target in self.targets
            for suffix, value in answer.items()
        }

    def cells(self, inputs: Batch, shape: tuple[int, ...]) -> list[Cells]:
        """Return all cells of each map of a batch, whose shape is (y, x)."""
        return [cells_of(shape, position, self.cell) for position in positions_of(inputs)]

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        """Return mean and deviation at the asked cells.

        Parameters
        ----------
        known, values
            Measured cells and their values, dB or dBm.
        asked
            Cells to predict.
        """
        raise NotImplementedError

    def _map(self, samples: np.ndarray, cells: Cells) -> Answer:
        flat = samples.reshape(-1)
        known = np.isfinite(flat)
        if not known.any():
            raise ValueError(f"{type(self).__name__} needs at least one measured cell in every map")
        return self.interpolate(cells.take(known), flat[known], cells)


class GeometryInterpolator(Interpolator):
    """Predict a map from its own samples and the geometry between its cells and the transmitter.

    Parameters
    ----------
    context, cell, samples
        As for every interpolator.
    receiver_height
        Height of the receivers above the ground, m.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL, "receiver_height": RECEIVER_HEIGHT}

    def __init__(self, context: Context, cell: float, receiver_height: float, samples: str = SAMPLES) -> None:
        super().__init__(context, cell, samples)
        self.receiver_height = receiver_height
        self.variables = (samples, *VARIABLES)

    def cells(self, inputs: Batch, shape: tuple[int, ...]) -> list[Cells]:
        """Return all cells of each map of a batch, with their geometry."""
        features = geometry_features(inputs, self.cell, self.receiver_height)
        each = zip(positions_of(inputs), features, strict=True)
        return [cells_of(shape, position, self.cell, of_map) for position, of_map in each]


class SampleMean(Interpolator):
    """Predict the mean of the samples everywhere."""

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        count = len(asked.position)
        return Answer(np.full(count, values.mean()), np.full(count, values.std()))


class SampleLogDistance(Interpolator):
    """Fit a log-distance law to the samples of the map by least squares."""

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        line = _distance_law(known, values)
        rest = values - _design(known) @ line
        return Answer(_design(asked) @ line, np.full(len(asked.position), rest.std()))


class InverseDistance(Interpolator):
    """Predict the mean of all samples, weighted with the inverse square of their distance.

    The deviation is that of each sample from its prediction by the others.
    """

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        among = _inverse_square(known, known)
        np.fill_diagonal(among, 0.0)
        deviation = np.nan if len(values) < 2 else _spread(values - _weighted_mean(among, values))
        mean = _weighted_mean(_inverse_square(asked, known), values)
        return Answer(mean, np.full(mean.size, deviation))


class NearestSamples(Interpolator):
    """Predict the mean of the `k` nearest samples; the deviation is that of leaving each sample out.

    Parameters
    ----------
    context, cell, samples
        As for every interpolator.
    k
        Number of samples.
    """

    def __init__(self, context: Context, cell: float, samples: str = SAMPLES, k: PositiveInt = 3) -> None:
        super().__init__(context, cell, samples)
        self.k = k

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        model = KNeighborsRegressor(n_neighbors=min(self.k, len(values))).fit(known.position, values)
        deviation = np.nan
        if len(values) > 1:
            others = model.kneighbors(return_distance=False, n_neighbors=min(self.k, len(values) - 1))
            deviation = _spread(values - values[others].mean(1))
        mean = model.predict(asked.position)
        return Answer(mean, np.full(mean.size, deviation))


class Kriging(Interpolator):
    """Fit a log-distance law, and a Gaussian process to its residuals.

    Exponential covariance (Matern 1/2) with nugget; variance, length (8 to 300 m) and nugget of every map by
    maximum likelihood. The deviation includes the nugget: it is that of another measurement.
    """

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        line = _distance_law(known, values)
        rest = _krige(known, values - _design(known) @ line, asked)
        return Answer(_design(asked) @ line + rest.mean, rest.deviation)


class GeometryRidge(GeometryInterpolator):
    """Fit ridge regression on geometry, the penalty by leave-one-out, and krige its residuals."""

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2.0, 3.0, 11)))
        with np.errstate(invalid="ignore"):  # a single sample cannot be left out
            ridge.fit(known.features, values)
        rest = _krige(known, values - ridge.predict(known.features), asked)
        return Answer(ridge.predict(asked.features) + rest.mean, rest.deviation)


class GeometryProcess(GeometryInterpolator):
    """Fit one Gaussian process on geometry and position.

    Its covariance is the sum of a squared exponential with a length for each geometric feature and each axis,
    and an exponential one (Matern 1/2) on position, with nugget; all parameters by maximum likelihood.
    """

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        table = np.concatenate([known.features, known.position], axis=1)
        middle, spreads = table.mean(0), table.std(0)
        scale = np.where(spreads > 1e-9, spreads, np.inf)  # a constant feature teaches nothing

        def points(cells: Cells) -> np.ndarray:
            whole = np.concatenate([cells.features, cells.position], axis=1)
            return np.concatenate([(whole - middle) / scale, cells.position], axis=1)

        count = len(FEATURES) + 2
        smooth = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(np.ones(count), (1e-1, 1e2))
        rough = ConstantKernel(1.0, (1e-3, 1e2)) * Matern(40.0, LENGTHS, nu=0.5)
        kernel = OnColumns(smooth, 0, count) + OnColumns(rough, count, count + 2)
        starts = [
            np.log([share, *[length] * count, 1.1 - share, metres, nugget])
            for share, length, metres, nugget in product((0.3, 0.9), (1.0, 3.0), (20.0, 80.0), (0.02, 0.1))
        ]
        mean, spread = values.mean(), max(float(values.std()), SMALLEST)
        process = most_likely(
            kernel + WhiteKernel(1.0, (1e-3, 1e1)), points(known), (values - mean) / spread, starts
        )
        expected, deviation = process.predict(points(asked), return_std=True)
        return Answer(mean + spread * expected, spread * deviation)


def _krige(known: Cells, rest: np.ndarray, asked: Cells) -> Answer:
    """Interpolate residuals of mean zero by maximum likelihood."""
    spread = max(float(rest.std()), SMALLEST)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(40.0, LENGTHS, nu=0.5) + WhiteKernel(0.2, (1e-3, 1e1))
    starts = [np.log([1.0, length, nugget]) for length, nugget in product((15.0, 60.0, 200.0), (0.05, 0.3))]
    process = most_likely(kernel, known.position, rest / spread, starts, searches=2)
    expected, deviation = process.predict(asked.position, return_std=True)
    return Answer(spread * expected, spread * deviation)


def _inverse_square(asked: Cells, known: Cells) -> np.ndarray:
    """Return the weights of the known cells for each asked one, 1/m^2, (asked, known)."""
    squared = ((asked.position[:, None, :] - known.position[None, :, :]) ** 2).sum(-1)
    return np.asarray(1.0 / np.maximum(squared, 1e-6))


def _weighted_mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray((weights @ values) / weights.sum(1))


def _spread(rest: np.ndarray) -> float:
    return float(np.sqrt(np.mean(rest**2)))


def _distance_law(known: Cells, values: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(_design(known), values, rcond=None)[0])


def _design(cells: Cells) -> np.ndarray:
    return np.stack([np.ones(len(cells.distance)), np.log10(np.maximum(cells.distance, 1.0))], axis=1)
