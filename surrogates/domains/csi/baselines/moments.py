"""First and second moments of vectors, added up batch by batch, and the linear maps that follow from them."""

import torch
from torch import Tensor

from surrogates.domains.csi.baselines.linear_prediction import SMALLEST


class Moments:
    """Sums of vectors and of their outer products, for each of several groups, in double precision."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = self._products = torch.zeros(0)

    def add(self, vectors: Tensor) -> None:
        """Add vectors, (group, vector, component), complex128."""
        products = vectors.mT @ vectors.conj()
        if self.count:
            self._sum += vectors.sum(1)
            self._products += products
        else:
            self._sum, self._products = vectors.sum(1), products
        self.count += vectors.shape[1]

    @property
    def components(self) -> int:
        """Number of components of a vector."""
        return self._products.shape[-1]

    def regression(self, inputs: slice, outputs: slice, ridge: float) -> tuple[Tensor, Tensor]:
        """Return the linear map from some components to others, by centred least squares.

        Parameters
        ----------
        inputs, outputs
            Components that are known, and those that follow from them.
        ridge
            Weight of the squared coefficients, in units of the mean variance of the inputs.

        Returns
        -------
        tuple
            The maps, (group, output, input), and what to add, (group, output).
        """
        # Group by group, since all normal equations may take gigabytes.
        found = [
            _regression(mean, products / self.count, inputs, outputs, ridge)
            for mean, products in zip(self._sum / self.count, self._products, strict=True)
        ]
        maps, offsets = zip(*found, strict=True)
        return torch.stack(maps), torch.stack(offsets)


def _regression(
    mean: Tensor, products: Tensor, inputs: slice, outputs: slice, ridge: float
) -> tuple[Tensor, Tensor]:
    covariance = products - torch.outer(mean, mean.conj())
    normal, cross = covariance[inputs, inputs].clone(), covariance[outputs, inputs]
    damping = (ridge * normal.diagonal().real.mean()).clamp(min=SMALLEST)
    normal.diagonal().add_(damping)
    # The covariance is Hermitian: the map M of M C = X follows from C M^H = X^H.
    maps = torch.linalg.solve(normal, cross.mH).mH
    return maps, mean[outputs] - maps @ mean[inputs]
