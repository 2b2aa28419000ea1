"""Kriging: a Gaussian process on position beside a drift, its covariance by maximum likelihood."""

from itertools import product
from typing import NamedTuple

import numpy as np
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from surrogates.core.ranges import Count
from surrogates.evaluation.likelihood import OnColumns, most_likely
from surrogates.evaluation.scattered import Answer, OnGrid, Points
from surrogates.learning.context import Context

SMALLEST = 1e-3
"""Least spread of values that they are divided by, so that equal ones can be."""
VAGUE = 1e4
"""Prior variance of a drift's coefficient, of standardised values on a standardised column."""


class Lengths(NamedTuple):
    """Correlation lengths that are looked among, in the units of the positions.

    Attributes
    ----------
    least, most
        Bounds.
    starts
        Where searches begin.
    """

    least: float
    most: float
    starts: tuple[float, ...]


def krige(known: np.ndarray, rest: np.ndarray, asked: np.ndarray, lengths: Lengths) -> Answer:
    """Interpolate residuals of mean zero (simple kriging).

    Exponential covariance (Matern 1/2) with nugget; variance, length and nugget by maximum likelihood. The
    deviation includes the nugget: it is that of another measurement.

    Parameters
    ----------
    known, rest
        Positions of the samples, (samples, dimensions), and residuals.
    asked
        Positions to predict.
    lengths
        Correlation lengths.
    """
    spread = max(float(rest.std()), SMALLEST)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * _exponential(lengths) + WhiteKernel(0.2, (1e-3, 1e1))
    starts = [np.log([1.0, length, nugget]) for length, nugget in product(lengths.starts, (0.05, 0.3))]
    process = most_likely(kernel, known, rest / spread, starts, searches=2)
    expected, deviation = process.predict(asked, return_std=True)
    return Answer(spread * expected, spread * deviation)


def universal_krige(
    known: np.ndarray,
    values: np.ndarray,
    asked: np.ndarray,
    lengths: Lengths,
    drift: tuple[np.ndarray, np.ndarray] | None = None,
) -> Answer:
    """Interpolate values about a drift with unknown coefficients (universal kriging).

    The coefficients have a vague prior, so that the likelihood of covariance and nugget is the restricted
    one, the drift is that of generalised least squares, and the deviation holds what is not known of it.

    Parameters
    ----------
    known, values, asked, lengths
        As for `krige`.
    drift
        Columns of the drift beside the constant, at the known and at the asked positions, (points, columns);
        None leaves only the constant (ordinary kriging).

    References
    ----------
    N. Cressie, "Statistics for Spatial Data", 1993, section 3.4. C. E. Rasmussen, C. K. I. Williams,
    "Gaussian Processes for Machine Learning", 2006, section 2.7.
    """
    of_known, of_asked = (np.empty((len(each), 0)) for each in (known, asked)) if drift is None else drift
    middle, scale = of_known.mean(0), of_known.std(0)
    scale = np.where(scale > 1e-9, scale, np.inf)  # a constant column tells nothing beside the constant
    columns = of_known.shape[1]

    def table(position: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones((len(of), 1)), (of - middle) / scale, position], axis=1)

    level, spread = values.mean(), max(float(values.std()), SMALLEST)
    smooth = ConstantKernel(VAGUE, "fixed") * DotProduct(0.0, "fixed")
    rough = ConstantKernel(0.5, (1e-3, 1e2)) * _exponential(lengths)
    kernel = OnColumns(smooth, 0, columns + 1) + OnColumns(rough, columns + 1, columns + 1 + known.shape[1])
    starts = [np.log(each) for each in product((0.1, 1.0), lengths.starts, (0.02, 0.2))]
    process = most_likely(
        kernel + WhiteKernel(0.1, (1e-4, 1e1)),
        table(known, of_known),
        (values - level) / spread,
        starts,
        searches=2,
    )
    expected, deviation = process.predict(table(asked, of_asked), return_std=True)
    return Answer(level + spread * expected, spread * deviation)


def _exponential(lengths: Lengths) -> Matern:
    return Matern(lengths.starts[0], (lengths.least, lengths.most), nu=0.5)


def spread_evenly(count: int, most: int) -> np.ndarray:
    """Return the indices of at most so many of some samples, evenly spread over their order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


class OrdinaryKriging(OnGrid):
    """Krige the samples of each record about their unknown mean.

    The correlation length lies between a two-hundredth of the grid's diagonal and the whole of it.

    Parameters
    ----------
    context, samples
        As for every method on a grid.
    max_samples
        Of more samples, so many are used, spread evenly over the grid; time grows with the third power.
    """

    def __init__(self, context: Context, samples: str | None = None, max_samples: Count = 400) -> None:
        super().__init__(context, samples)
        self.max_samples = max_samples

    def interpolate(self, known: Points, values: np.ndarray, asked: Points) -> Answer:
        kept = spread_evenly(len(values), self.max_samples)
        diagonal = float(np.linalg.norm(np.ptp(self._points.position, axis=0)))
        lengths = Lengths(diagonal / 200, diagonal, (diagonal / 40, diagonal / 10, diagonal / 4))
        return universal_krige(known.position[kept], values[kept], asked.position, lengths)
