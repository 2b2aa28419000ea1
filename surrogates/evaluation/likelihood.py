"""Gaussian processes whose parameters are those of maximum likelihood; scikit-learn does the work."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
from threadpoolctl import threadpool_limits


class OnColumns(Kernel):
    """A kernel that sees some columns of the points: sums of kernels on different coordinates.

    Parameters
    ----------
    kernel
        Kernel of scikit-learn.
    first, stop
        Its columns.
    """

    def __init__(self, kernel: Kernel, first: int, stop: int) -> None:
        self.kernel, self.first, self.stop = kernel, first, stop

    def __call__(self, X: np.ndarray, Y: np.ndarray | None = None, eval_gradient: bool = False) -> Any:
        """Return the covariance of points, and its gradient with respect to `theta`."""
        return self.kernel(self._of(X), None if Y is None else self._of(Y), eval_gradient=eval_gradient)

    def diag(self, X: np.ndarray) -> np.ndarray:
        """Return the variances of points."""
        return np.asarray(self.kernel.diag(self._of(X)))

    def is_stationary(self) -> bool:
        """Return whether the covariance depends only on differences."""
        return bool(self.kernel.is_stationary())

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """Return the parameters of the kernel inside."""
        return [Hyperparameter(f"kernel__{each.name}", *each[1:]) for each in self.kernel.hyperparameters]

    @property
    def theta(self) -> np.ndarray:
        """Return the logarithms of the parameters."""
        return np.asarray(self.kernel.theta)

    @theta.setter
    def theta(self, theta: np.ndarray) -> None:
        self.kernel.theta = theta

    @property
    def bounds(self) -> np.ndarray:
        """Return the bounds of `theta`, (parameters, 2)."""
        return np.asarray(self.kernel.bounds)

    def clone_with_theta(self, theta: np.ndarray) -> Self:
        """Return a copy with other parameters."""
        return type(self)(self.kernel.clone_with_theta(theta), self.first, self.stop)

    def _of(self, points: np.ndarray) -> np.ndarray:
        return points[:, self.first : self.stop]


def most_likely(
    kernel: Kernel, points: np.ndarray, values: np.ndarray, starts: Sequence[np.ndarray], searches: int = 1
) -> GaussianProcessRegressor:
    """Fit a process with zero mean by maximum likelihood.

    Parameters
    ----------
    kernel
        Covariance, noise included, with bounds of its parameters.
    points, values
        Shapes (n, d) and (n,).
    starts
        Values of ``kernel.theta`` to begin from.
    searches
        Local searches, from the likeliest of the starts.
    """
    process = GaussianProcessRegressor(kernel, optimizer=_search(starts, searches))
    # Small matrices: several threads cost more than they save, above all beside other processes.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound is an answer too
        return process.fit(points, values)


def _search(starts: Sequence[np.ndarray], searches: int) -> Callable[..., tuple[np.ndarray, float]]:
    """Return an optimiser for scikit-learn that starts where the likelihood is largest."""

    def optimiser(
        objective: Callable[..., Any], initial: np.ndarray, bounds: np.ndarray
    ) -> tuple[np.ndarray, float]:
        best = sorted(starts, key=lambda theta: float(objective(theta, eval_gradient=False)))[:searches]
        found = [minimize(objective, theta, jac=True, method="L-BFGS-B", bounds=bounds) for theta in best]
        end = min(found, key=lambda result: float(result.fun))
        return end.x, float(end.fun)

    return optimiser
