"""Baselines that fit any data set: what a practitioner tries before a network.

A baseline is built with the context of the data, fitted on batches in physical units, and called like a
method. These work on the CPU; NaN (not observed) in an input counts as 0. Like the model they learn from the
cells that the task's mask leaves.
"""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import torch
from pydantic import NonNegativeFloat, PositiveInt
from sklearn.linear_model import Ridge as RidgeRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.evaluation.evaluate import align
from surrogates.evaluation.metrics import exact
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from surrogates.learning.directions import angle_of, turns_of, unit_vector
from surrogates.learning.layout import require_number


class Mean(Baseline):
    """Mean of each target over the training examples, cell by cell; NaN (not observed) is left out.

    That of directions is the direction of the mean unit vector. A cell that no training example has seen gets
    the mean over all cells.
    """

    takes_complex = True
    takes_directions = True

    def __init__(self, context: Context) -> None:
        for spec in context.targets:
            require_number(spec)
        self.targets = context.target_names
        self.inputs = _varying(context)
        self._turns = turns_of(context.targets)
        self._context = context
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Accumulate the targets' sums."""
        for batch in batches:
            for name in self.targets:
                values = _observed(batch, name, self._context)
                if name in self._turns:
                    values = torch.view_as_complex(unit_vector(values, self._turns[name]))
                known = ~values.isnan()
                zero = torch.zeros(values.shape[1:], dtype=torch.float64)
                self._sums[name] = self._sums.get(name, zero) + values.where(known, 0.0).sum(0)
                self._counts[name] = self._counts.get(name, zero) + known.sum(0)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Repeat the means for each example."""
        like = inputs[self.inputs[0]]
        means = {}
        for name in self.targets:
            overall = self._sums[name].sum() / self._counts[name].sum()
            mean = torch.where(self._counts[name] > 0, self._sums[name] / self._counts[name], overall)
            if name in self._turns:
                mean = angle_of(torch.view_as_real(mean), self._context.specs[name])
            single = mean.to(torch.complex64) if mean.is_complex() else mean.float()
            means[name] = single.to(like.device).expand(len(like), *mean.shape)
        return means


class Flattened(Baseline):
    """Fit and call on standardised, flattened inputs and flattened targets.

    Parameters
    ----------
    context
        Of the data.
    max_examples
        At most this many training examples are used.
    inputs
        Names of the inputs that it reads; None reads all that vary with the record.
    """

    def __init__(self, context: Context, max_examples: int, inputs: Sequence[str] | None = None) -> None:
        self.inputs = _varying(context) if inputs is None else list(inputs)
        for spec in (*(each for each in context.inputs if each.name in self.inputs), *context.targets):
            require_number(spec)
        self.targets = context.target_names
        self._context = context
        self.max_examples = max_examples
        self._scaler = StandardScaler()
        self._shapes: dict[str, torch.Size] = {}
        self._saw_all = True

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn from the first `max_examples` examples."""
        rows, labels, seen = [], [], 0
        stream = iter(batches)
        for batch in stream:
            rows.append(self._rows(batch))
            self._shapes = {name: batch[name].shape[1:] for name in self.targets}
            known = [_observed(batch, name, self._context) for name in self.targets]
            labels.append(np.concatenate([_flat(values) for values in known], axis=1))
            seen += len(rows[-1])
            if seen >= self.max_examples:
                break
        self._saw_all = seen <= self.max_examples and next(stream, None) is None
        if not rows:
            raise ValueError(f"{type(self).__name__} got no training examples to fit.")
        x, y = np.concatenate(rows)[: self.max_examples], np.concatenate(labels)[: self.max_examples]
        self._fit(self._scaler.fit_transform(x), np.where(np.isnan(y), _column_means(y), y))
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Predict the targets of a batch."""
        return self._named(self._predict(self._scaler.transform(self._rows(inputs))), inputs)

    def _named(self, values: np.ndarray, inputs: Batch) -> Batch:
        """Return flattened values as the targets, on the device of the inputs."""
        like = next(iter(inputs.values()))
        flat = torch.from_numpy(values).float()
        sizes = [self._shapes[name].numel() for name in self.targets]
        tensors = flat.reshape(len(flat), -1).split(sizes, dim=1)
        return {
            name: each.reshape(-1, *self._shapes[name]).to(like.device)
            for name, each in zip(self.targets, tensors, strict=True)
        }

    def _rows(self, batch: Batch) -> np.ndarray:
        missing = [name for name in self.inputs if name not in batch]
        if missing:
            raise ValueError(f"The inputs {missing} are not in the batch, which has {sorted(batch)}.")
        return np.nan_to_num(np.concatenate([_flat(batch[name]) for name in self.inputs], axis=1))

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        raise NotImplementedError

    def _predict(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Ridge(Flattened):
    """Linear regression of the flattened targets on the flattened, standardised inputs.

    Parameters
    ----------
    alpha : float
        Weight of the squared coefficients.
    max_examples : int
        At most this many training examples are used.
    """

    def __init__(
        self, context: Context, alpha: NonNegativeFloat = 1.0, max_examples: PositiveInt = 5000
    ) -> None:
        super().__init__(context, max_examples)
        self._model = RidgeRegression(alpha=alpha)

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self._model.fit(x, y)

    def _predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._model.predict(x))


class NearestNeighbours(Flattened):
    """Mean target of the `k` training examples whose standardised inputs are nearest.

    Parameters
    ----------
    k : int
        Number of neighbours; fewer when there are fewer training examples.
    max_examples : int
        At most this many training examples are kept.
    """

    def __init__(self, context: Context, k: PositiveInt = 5, max_examples: PositiveInt = 5000) -> None:
        super().__init__(context, max_examples)
        self.k = k
        self._neighbours = NearestNeighbors()
        self._labels = np.empty((0, 0))

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self._labels = y
        self._neighbours.set_params(n_neighbors=min(self.k, len(x))).fit(x)

    def _predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._labels[self._neighbours.kneighbors(x, return_distance=False)].mean(axis=1))


def _observed(batch: Batch, name: str, context: Context) -> Tensor:
    """Return a target on the CPU in double precision, NaN where the mask says that it does not count."""
    values = exact(batch[name].detach().cpu())
    mask = context.mask_of(name)
    if mask is None:
        return values
    return values.where(align(batch[mask.name].cpu(), mask, context.specs[name]) > 0, torch.nan)


def _varying(context: Context) -> list[str]:
    """Return the names of the inputs that vary with the record; one that all share tells nothing."""
    return [spec.name for spec in context.inputs if context.record_dimension in spec.dims]


def _flat(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().reshape(len(values), -1).numpy()


def _column_means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0.0).sum(0), known.sum(0)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), sums.sum() / max(counts.sum(), 1)))
