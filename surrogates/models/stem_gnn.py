"""StemGNN: forecasts in the spectrum of a graph that is learned from the past."""

from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.ranges import Few
from surrogates.nn.complex_steps import ComplexSteps, features_to_image, image_to_channels, image_to_features

_TERMS = 4  # of the Chebyshev series
_GATES = 3
_SMALLEST_DEGREE = 1e-4  # keeps a node that dropout cut off from the graph finite


class StemGNN(nn.Module):
    """Attention makes a graph, two blocks forecast on its spectrum, the second what the first leaves [1]_.

    Nodes are the real and imaginary parts of the points. As in the published code the attention takes the
    units of the recurrent states for the nodes, whose number is the same, and the first term of the
    Chebyshev series, the identity, is zero.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, points)``: real and imaginary part of each step in turn.
    in_shape
        Points, ``(points,)``.
    widening
        Features of a node inside a block, as a multiple of the steps of the past.
    dropout
        Share of the edges of the graph that is dropped in training.
    graph
        One graph for each record; or, as published, their mean over the `batch`, so that each answer depends
        on what is asked beside it.

    References
    ----------
    .. [1] D. Cao et al., "Spectral temporal graph neural network for multivariate time-series forecasting",
       NeurIPS 2020, arXiv:2103.07719.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: tuple[int, ...],
        widening: Few = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        graph: Literal["record", "batch"] = "record",
    ) -> None:
        super().__init__()
        self._steps = steps = ComplexSteps.of("StemGNN", in_channels, out_channels, in_shape)
        self._graph = graph
        nodes = 2 * steps.points
        self.cells = nn.GRU(steps.past, nodes, batch_first=True)
        self.key, self.query = (nn.Parameter(torch.empty(nodes, 1)) for _ in range(2))
        for weight in (self.key, self.query):
            nn.init.xavier_uniform_(weight, gain=2**0.5)
        self.drop = nn.Dropout(dropout)
        self.first = SpectralBlock(steps.past, widening)
        self.second = SpectralBlock(steps.past, widening, last=True)
        self.head = nn.Sequential(
            nn.Linear(steps.past, steps.past), nn.LeakyReLU(), nn.Linear(steps.past, steps.horizon)
        )

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, points)`` to ``(batch, out_channels, points)``."""
        nodes = image_to_features(self._steps.image("StemGNN", channels)).transpose(1, 2)
        laplacian = normalised_laplacian(self._attention(nodes))
        first, rest = self.first(nodes, laplacian)
        second, _ = self.second(cast(Tensor, rest), laplacian)
        return image_to_channels(features_to_image(self.head(first + second).transpose(1, 2)))

    def _attention(self, nodes: Tensor) -> Tensor:
        """Return how much each node heeds each other, (batch or 1, node, node)."""
        units = self.cells(nodes)[0].transpose(1, 2)
        score = functional.leaky_relu(units @ self.key + (units @ self.query).mT, 0.2)
        attention = cast(Tensor, self.drop(score.softmax(dim=2)))
        return attention.mean(0, keepdim=True) if self._graph == "batch" else attention


class SpectralBlock(nn.Module):
    """Gates on the spectrum over the terms of a Chebyshev series, a graph convolution, a forecast.

    Parameters
    ----------
    steps
        Steps of the past, the features of a node.
    widening
        Features inside, as a multiple of them.
    last
        Whether no block follows, so that nothing is left for one.
    """

    def __init__(self, steps: int, widening: int, last: bool = False) -> None:
        super().__init__()
        wide = widening * steps
        self.weight = nn.Parameter(torch.empty(1, _TERMS, 1, wide, wide))
        nn.init.xavier_normal_(self.weight)
        sizes = [steps * _TERMS, *[wide * _TERMS] * _GATES]
        self.real, self.imaginary = (
            nn.Sequential(*(_Gate(before, wide * _TERMS) for before in sizes[:-1])) for _ in range(2)
        )
        self.forecast = nn.Sequential(nn.Linear(wide, wide), nn.Sigmoid(), nn.Linear(wide, steps))
        self.backcast = None if last else nn.Linear(wide, steps)
        self.shortcut = nn.Linear(steps, steps).requires_grad_(not last)  # the published last one is idle

    def forward(self, nodes: Tensor, laplacian: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the forecast and what it leaves, both (batch, node, steps)."""
        spectrum = torch.fft.fft(chebyshev(laplacian, nodes), dim=1)
        real, imaginary = (
            gates(part.transpose(1, 2).flatten(2)).unflatten(2, (_TERMS, -1)).transpose(1, 2)
            for gates, part in ((self.real, spectrum.real), (self.imaginary, spectrum.imag))
        )
        terms = torch.fft.irfft(torch.complex(real, imaginary), n=_TERMS, dim=1)
        mixed = (terms @ self.weight[:, :, 0]).sum(dim=1)
        if self.backcast is None:
            return self.forecast(mixed), None
        return self.forecast(mixed), torch.sigmoid(self.backcast(mixed) - self.shortcut(nodes))


class _Gate(nn.Module):
    """Gated linear unit (Dauphin et al. 2017)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(before, after), nn.Linear(before, after)

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.value(features) * torch.sigmoid(self.gate(features)))


def normalised_laplacian(attention: Tensor) -> Tensor:
    """Return the symmetric normalised Laplacian of directed weights, (batch, node, node).

    The degrees are those of the directed graph, as published.
    """
    degree = attention.sum(dim=2).clamp(min=_SMALLEST_DEGREE)
    scale = degree.rsqrt()
    symmetric = (attention + attention.mT) / 2
    return scale[:, :, None] * (torch.diag_embed(degree) - symmetric) * scale[:, None, :]


def chebyshev(laplacian: Tensor, nodes: Tensor) -> Tensor:
    """Apply the Chebyshev polynomials of a Laplacian up to order 3, the first of which is zero as published.

    Parameters
    ----------
    laplacian
        Shape (batch or 1, node, node).
    nodes
        Shape (batch, node, feature).

    Returns
    -------
    Tensor
        Shape (batch, 4, node, feature).
    """
    once = laplacian @ nodes
    twice = 2 * laplacian @ once
    return torch.stack([torch.zeros_like(nodes), once, twice, 2 * laplacian @ twice - once], dim=1)
