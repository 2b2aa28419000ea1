"""A Gaussian process over a few numbers of each record: the floor of a surrogate of few simulations."""

import warnings
from collections.abc import Iterable
from itertools import product
from typing import Self

import numpy as np
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from surrogates.core.ranges import Count
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.evaluation.baselines import Flattened
from surrogates.evaluation.interpolation import parameter_names
from surrogates.evaluation.likelihood import most_likely
from surrogates.learning.answers import deviation_name
from surrogates.learning.context import Context

MOST_NUMBERS = 32
"""Numbers of a record; each has a length of its own, and the likelihood a gradient for each."""
COMPONENTS = 16
"""Most principal components of the targets that are learned."""
EXPLAINED = 0.9999
"""Share of the targets' variance at which no more components are added."""


class LeftOutWarning(UserWarning):
    """A baseline learned from fewer records than there are."""


class GaussianProcess(Flattened):
    """Learn the targets over a few numbers of each record by Gaussian processes.

    Fields are reduced to principal components, up to 16, each of which has a process of its own: covariance
    Matern 5/2 with a length for each number, and noise, by maximum likelihood. The deviation adds what the
    components leave out. Time grows with the third power of the records, so only `max_examples` of them are
    used, with a warning where there are more.

    Parameters
    ----------
    context
        Of the data.
    parameters
        Inputs that describe a record by at most 32 numbers; None takes all that vary with the record.
    max_examples
        At most this many training examples are used, the first ones.

    References
    ----------
    D. Higdon, J. Gattiker, B. Williams, M. Rightley, "Computer model calibration using high-dimensional
    output", Journal of the American Statistical Association 103, 2008.
    """

    def __init__(
        self, context: Context, parameters: tuple[str, ...] | None = None, max_examples: Count = 300
    ) -> None:
        super().__init__(context, max_examples, parameter_names(context, parameters, MOST_NUMBERS))
        self._mean = self._rest = np.empty(0)
        self._directions = np.empty((0, 0))
        self._processes: list[GaussianProcessRegressor] = []

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn from the first `max_examples` examples, and say if there are more."""
        super().fit(batches)
        if not self._saw_all:
            warnings.warn(
                f"gaussian_process learns {listing(self.targets)} from the first {self.max_examples} of more "
                "training records; raise max_examples for a stronger and slower floor",
                LeftOutWarning,
                stacklevel=2,
            )
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Predict the targets of a batch, and their standard deviations."""
        mean, deviation = self._posterior(self._scaler.transform(self._rows(inputs)))
        spread = self._named(deviation, inputs)
        return self._named(mean, inputs) | {deviation_name(name): value for name, value in spread.items()}

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self._mean = y.mean(0)
        left, sizes, directions = np.linalg.svd(y - self._mean, full_matrices=False)
        explained = np.cumsum(sizes**2) / max(float((sizes**2).sum()), np.finfo(float).tiny)
        count = min(int(np.searchsorted(explained, EXPLAINED)) + 1, COMPONENTS, int((sizes > 0).sum()))
        # Coordinates of unit variance; their scale goes into the directions.
        scale = sizes[:count] / np.sqrt(len(y))
        self._directions = directions[:count] * scale[:, None]
        self._processes = [_likely(x, left[:, each] * np.sqrt(len(y))) for each in range(count)]
        self._rest = (((y - self._mean) - (left * sizes)[:, :count] @ directions[:count]) ** 2).mean(0)

    def _posterior(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation, (records, cells)."""
        mean, variance = np.tile(self._mean, (len(x), 1)), np.tile(self._rest, (len(x), 1))
        for process, direction in zip(self._processes, self._directions, strict=True):
            expected, deviation = process.predict(x, return_std=True)
            mean += expected[:, None] * direction
            variance += (deviation[:, None] * direction) ** 2
        return mean, np.sqrt(variance)


def _likely(x: np.ndarray, values: np.ndarray) -> GaussianProcessRegressor:
    """Return the likeliest process of standardised values, (records,), over standardised numbers."""
    numbers = x.shape[1]
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(np.ones(numbers), (5e-2, 1e3), nu=2.5)
    starts = [
        np.log([1.0, *[length] * numbers, noise]) for length, noise in product((0.5, 2.0, 8.0), (1e-4, 1e-1))
    ]
    return most_likely(kernel + WhiteKernel(1e-2, (1e-8, 1e1)), x, values, starts)
