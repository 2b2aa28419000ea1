"""Baselines that interpolate the targets between training records, over a few numbers of each.

Such numbers are the position of a source, an angle of attack, a frequency. Every target lies on the same
cells or points in all records. The numbers are standardised; those that never vary in training do not count.
"""

import warnings
from collections.abc import Callable
from math import prod

import numpy as np
from pydantic import PositiveInt
from scipy.interpolate import LinearNDInterpolator, RBFInterpolator, interp1d
from scipy.spatial import Delaunay, KDTree, QhullError

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.evaluation.baselines import Flattened
from surrogates.learning.context import Context

MOST_NUMBERS = 6
"""A triangulation of more grows beyond any memory."""
POINT = "point"
"""Dimension of targets that lie on no grid."""
SLACK = 1e-9
"""Distance from the hull, in standard deviations, that still counts as inside."""

Field = Callable[[np.ndarray], np.ndarray]


class OutsideHullWarning(UserWarning):
    """A record lies outside the convex hull of the training records."""


class _Interpolation(Flattened):
    """Interpolate the targets; outside the convex hull of training take the nearest record's, and warn.

    Parameters
    ----------
    context
        Of the data.
    parameters
        Inputs that describe a record by a few numbers; None takes all that vary with the record.
    max_examples
        At most this many training examples are kept.
    """

    def __init__(
        self, context: Context, parameters: tuple[str, ...] | None = None, max_examples: PositiveInt = 2000
    ) -> None:
        super().__init__(context, max_examples, parameter_names(context, parameters, MOST_NUMBERS))
        self._varying = np.empty(0, bool)
        self._nearest: Field = np.asarray
        self._between: Field = np.asarray
        self._inside: Callable[[np.ndarray], np.ndarray] = np.asarray

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self._varying = np.ptp(x, axis=0) > 0
        if not self._varying.any():
            raise ConfigError(
                f"the {len(x)} training records have the same {listing(self.inputs)}: there is nothing to "
                "interpolate between; name inputs that vary"
            )
        places, row = np.unique(x[:, self._varying], axis=0, return_inverse=True)
        values = np.zeros((len(places), y.shape[1]))
        np.add.at(values, row, y)
        values /= np.bincount(row)[:, None]
        tree = KDTree(places)
        self._nearest = lambda query: values[tree.query(query)[1]]
        self._inside = _hull(places, self.inputs)
        self._between = self._made(places, values)

    def _predict(self, x: np.ndarray) -> np.ndarray:
        query = x[:, self._varying]
        inside = self._inside(query) & (np.abs(x[:, ~self._varying]) <= SLACK).all(1)
        answer = self._nearest(query)
        if inside.any():
            between = self._between(query[inside])
            # NaN where rounding puts a record on the hull just outside of it.
            answer[inside] = np.where(np.isnan(between), answer[inside], between)
        if not inside.all():
            warnings.warn(
                f"{int((~inside).sum())} of {len(x)} records lie outside the convex hull of the training "
                f"records in {listing(self.inputs)}: they get the targets of the nearest one",
                OutsideHullWarning,
                stacklevel=3,
            )
        return answer

    def _made(self, places: np.ndarray, values: np.ndarray) -> Field:
        """Return the interpolant of values (record, cell) at places (record, number)."""
        raise NotImplementedError


class NearestRecord(_Interpolation):
    """Repeat the targets of the training record with the nearest parameters."""

    def _made(self, places: np.ndarray, values: np.ndarray) -> Field:
        return self._nearest


class LinearInterpolation(_Interpolation):
    """Interpolate linearly over a Delaunay triangulation of the training records' parameters."""

    def _made(self, places: np.ndarray, values: np.ndarray) -> Field:
        if places.shape[1] == 1:
            line = interp1d(places[:, 0], values, axis=0, assume_sorted=True, fill_value="extrapolate")
            return lambda query: np.asarray(line(query[:, 0]))
        return LinearNDInterpolator(places, values)


class CubicInterpolation(_Interpolation):
    """Interpolate by cubic radial functions and a linear polynomial: over one number, a natural cubic spline.

    Time grows with the third power of the training examples.

    References
    ----------
    G. Fasshauer, "Meshfree Approximation Methods with MATLAB", World Scientific, 2007, chapter 7.
    """

    def _made(self, places: np.ndarray, values: np.ndarray) -> Field:
        return RBFInterpolator(places, values, kernel="cubic", degree=1)


def parameter_names(context: Context, names: tuple[str, ...] | None, most: int) -> list[str]:
    """Return the names of the inputs that describe a record by a few numbers.

    Parameters
    ----------
    context
        Of the data.
    names
        Names that a configuration gives; None takes all inputs that vary with the record.
    most
        Largest number of numbers.

    Raises
    ------
    ConfigError
        When a name is no input, they are too many numbers, or the records have points of their own.
    """
    specs = {spec.name: spec for spec in context.inputs}
    own = [spec for spec in context.inputs if context.record_dimension in spec.dims]
    moving = [spec.name for spec in own if POINT in spec.dims]
    if moving and any(POINT in spec.dims for spec in context.targets):
        raise ConfigError(
            f"{listing(moving)}: each record has points of its own, so that targets of two records cannot be "
            "mixed; take data with the same points in all records, or leave this baseline out"
        )
    chosen = [spec.name for spec in own if spec.name not in moving] if names is None else list(names)
    for name in chosen:
        if name not in specs:
            raise ConfigError(
                f"parameters: '{name}' is not an input.{nearest(name, specs)} Inputs: {listing(specs)}."
            )
    numbers = sum(prod(specs[name].shape) for name in chosen)
    if not 1 <= numbers <= most:
        raise ConfigError(
            f"parameters: {listing(chosen)} hold {numbers} numbers for each record, 1 to "
            f"{most} expected; name the inputs that describe a record, such as parameters=[source]"
        )
    return chosen


def _hull(places: np.ndarray, names: list[str]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the test whether each of some places lies in the convex hull of others.

    Raises
    ------
    ConfigError
        When the places are too few, or lie on one line or plane.
    """
    if places.shape[1] == 1:
        low, high = places.min() - SLACK, places.max() + SLACK
        return lambda query: np.asarray((query[:, 0] >= low) & (query[:, 0] <= high))
    try:
        cells = Delaunay(places)
    except QhullError:
        raise ConfigError(
            f"{len(places)} training records with different {listing(names)} found, which span no volume in "
            f"{places.shape[1]} dimensions; more of them expected, not on one line or plane"
        ) from None
    return lambda query: np.asarray(cells.find_simplex(query, tol=SLACK) >= 0)
