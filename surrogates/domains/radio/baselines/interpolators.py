"""Baselines with samples: each map from its own measured cells, with and without geometry."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import ClassVar

import numpy as np
import torch
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.radio.baselines.geometry import (
    FEATURES,
    VARIABLES,
    Cells,
    cells_of,
    geometry_features,
    positions_of,
    sector_pattern,
)
from surrogates.domains.radio.channels.cascade import SAMPLES
from surrogates.domains.radio.link import AZIMUTH, CELL, POSITION, RECEIVER_HEIGHT
from surrogates.evaluation.kriging import SMALLEST, Lengths, krige, spread_evenly, universal_krige
from surrogates.evaluation.likelihood import OnColumns, most_likely
from surrogates.evaluation.scattered import Answer, Scattered
from surrogates.learning.context import Context, Fact

LENGTHS = Lengths(8.0, 300.0, (15.0, 60.0, 200.0))  # m; of a covariance on position
SAMPLES_AT_MOST = 512  # of universal kriging, as of the sector process


class Interpolator(Scattered[Cells]):
    """Predict a map from its own samples and where its transmitter stands.

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
        super().__init__(context, samples)
        self.cell = cell
        self.variables = (samples, POSITION)

    def points(self, inputs: Batch, shape: tuple[int, ...]) -> list[Cells]:
        """Return all cells of each map of a batch, whose shape is (y, x)."""
        return [cells_of(shape, position, self.cell) for position in positions_of(inputs)]


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

    def points(self, inputs: Batch, shape: tuple[int, ...]) -> list[Cells]:
        """Return all cells of each map of a batch, with their geometry."""
        features = geometry_features(inputs, self.cell, self.receiver_height)
        each = zip(positions_of(inputs), features, strict=True)
        return [cells_of(shape, position, self.cell, of_map) for position, of_map in each]


class SampleLogDistance(Interpolator):
    """Fit a log-distance law to the samples of the map by least squares."""

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        line = _distance_law(known, values)
        rest = values - _design(known) @ line
        return Answer(_design(asked) @ line, np.full(len(asked.position), rest.std()))


class Kriging(Interpolator):
    """Fit a log-distance law, and a Gaussian process to its residuals.

    Exponential covariance (Matern 1/2) with nugget; variance, length (8 to 300 m) and nugget of every map by
    maximum likelihood. The deviation includes the nugget: it is that of another measurement.
    """

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        line = _distance_law(known, values)
        rest = krige(known.position, values - _design(known) @ line, asked.position, LENGTHS)
        return Answer(_design(asked) @ line + rest.mean, rest.deviation)


class UniversalKriging(Interpolator):
    """Krige about the drift of a sector: a log-distance law and the pattern of 3GPP TR 38.901.

    Coefficients of level, law and pattern are estimated with the covariance (generalised least squares), and
    the deviation holds their error. No building is used. At most 512 samples are, spread evenly over the map.
    """

    def __init__(self, context: Context, cell: float, samples: str = SAMPLES) -> None:
        super().__init__(context, cell, samples)
        self.variables = (samples, POSITION, AZIMUTH)

    def points(self, inputs: Batch, shape: tuple[int, ...]) -> list[Cells]:
        """Return all cells of each map of a batch, with the columns of the drift."""
        azimuths = inputs[AZIMUTH].cpu().double()
        return [
            _with_drift(cells, position, azimuth)
            for cells, position, azimuth in zip(
                super().points(inputs, shape), positions_of(inputs), azimuths, strict=True
            )
        ]

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        kept = spread_evenly(len(values), SAMPLES_AT_MOST)
        known = known.take(kept)
        drift = (np.asarray(known.features), np.asarray(asked.features))
        return universal_krige(known.position, values[kept], asked.position, LENGTHS, drift)


class GeometryRidge(GeometryInterpolator):
    """Fit ridge regression on geometry, the penalty by leave-one-out, and krige its residuals."""

    def interpolate(self, known: Cells, values: np.ndarray, asked: Cells) -> Answer:
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2.0, 3.0, 11)))
        with np.errstate(invalid="ignore"):  # a single sample cannot be left out
            ridge.fit(known.features, values)
        rest = krige(known.position, values - ridge.predict(known.features), asked.position, LENGTHS)
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
        rough = ConstantKernel(1.0, (1e-3, 1e2)) * Matern(40.0, LENGTHS[:2], nu=0.5)
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


def _with_drift(cells: Cells, transmitter: np.ndarray, azimuth: Tensor) -> Cells:
    """Return cells whose features are the logarithm of the distance and the sector pattern."""
    east, north = torch.from_numpy(cells.position - transmitter[:2]).unbind(-1)
    pattern = sector_pattern(torch.atan2(east, north) - azimuth)
    return replace(cells, features=np.stack([_logarithm(cells), pattern.numpy()], axis=1))


def _distance_law(known: Cells, values: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(_design(known), values, rcond=None)[0])


def _design(cells: Cells) -> np.ndarray:
    return np.stack([np.ones(len(cells.distance)), _logarithm(cells)], axis=1)


def _logarithm(cells: Cells) -> np.ndarray:
    return np.asarray(np.log10(np.maximum(cells.distance, 1.0)))
