"""CSI-4CAST: convolutions, corrections, ShuffleNet and a transformer that forecast a complex channel."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal, cast

from pydantic import Field
from torch import Tensor, nn

from surrogates.core.ranges import Depth, Halvings, Width
from surrogates.nn.complex_steps import (
    ComplexSteps,
    Over,
    features_to_image,
    future_channels,
    image_to_features,
    inverse_fourier,
    standardise,
)
from surrogates.nn.conv import Hourglass
from surrogates.nn.sequence import TokenEmbedding
from surrogates.nn.shuffle import InvertedResidual, Pooling, ShuffleBlock

Operation = Literal["add", "multiply", "none"]
Corrections = Literal["time", "time_and_features", "norm", "none"]
Embedding = Literal["shuffle", "mobilenet", "mlp"]
Predictor = Literal["transformer", "lstm", "mlp"]
_BLOCKS = 4  # of an embedding
_DROPOUT = 0.1  # of corrections and embeddings; that of the predictor is an argument


class CSI4CAST(nn.Module):
    """Denoise, standardise, correct and embed in two domains, predict, project to the future [1]_.

    The two domains are the values along the points, such as sub-carriers, and their inverse Fourier
    transform, along delays. The defaults are smaller than the published sizes. Every ablation of the
    reference is an argument.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the tensors ``(batch, channel, points)``: real and imaginary part of each step in turn.
    in_shape
        Points, ``(points,)``.
    denoiser
        Convolutions each way of the network whose answer is subtracted from the input; 0 for none.
    corrections
        Perceptrons along the steps; then others along all numbers of a step (`time_and_features`); only a
        normalisation along the steps; or none.
    time_width, feature_width
        Units of their hidden layers.
    delay_branch
        Also correct and embed along delays.
    delay_correction
        How the answer of the perceptron along the numbers of a step changes the delays; along the points it
        is added. The reference multiplies, since it does not hand its setting on.
    embedding
        Blocks of both domains before the tokens.
    channels
        Channels of these blocks; units of `mlp`.
    groups, pooling, reduction
        Groups of the convolutions and attention of the `shuffle` blocks.
    predictor
        Layers on the tokens.
    width
        Numbers of each token; even, and for a transformer a multiple of `heads`.
    depth
        Layers of the predictor; of `mlp` the hidden ones.
    heads
        Parallel attentions.
    hidden
        Units inside the layers of the predictor.
    dropout
        Share of the numbers that the predictor drops in training.
    normalisation
        What shares a mean and a standard deviation. As published it is the `batch`, so that each answer
        depends on what is asked beside it.

    References
    ----------
    .. [1] S. Cheng et al., "CSI-4CAST: A hybrid deep learning model for CSI prediction with comprehensive
       robustness and generalization testing", 2025, arXiv:2510.12996.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_shape: tuple[int, ...],
        denoiser: Halvings = 2,
        corrections: Corrections = "time",
        time_width: Width = 64,
        feature_width: Width = 128,
        delay_branch: bool = True,
        delay_correction: Literal["multiply", "add"] = "multiply",
        embedding: Embedding = "shuffle",
        channels: Width = 8,
        groups: Width = 4,
        pooling: Pooling = "average",
        reduction: Width = 2,
        predictor: Predictor = "transformer",
        width: Width = 96,
        depth: Depth = 2,
        heads: Width = 4,
        hidden: Width = 128,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        normalisation: Over = "record",
    ) -> None:
        if width % 2 or (predictor == "transformer" and width % heads):
            raise ValueError(
                f"width is {width} with {heads} heads; expected an even multiple of the heads, "
                f"e.g. {2 * heads * max(1, round(width / heads / 2))}"
            )
        if embedding == "shuffle" and channels % groups:
            raise ValueError(
                f"channels is {channels} with {groups} groups; expected a multiple of the groups, "
                f"e.g. {groups * max(1, round(channels / groups))}"
            )
        super().__init__()
        self._steps = steps = ComplexSteps.of("CSI-4CAST", in_channels, out_channels, in_shape)
        self._over = normalisation
        features = 2 * steps.points
        self.denoiser = Hourglass(denoiser, nn.ReLU, norm=True) if denoiser else None
        shuffle_block = partial(ShuffleBlock, channels, groups, reduction, pooling)
        self.branches = nn.ModuleDict()
        for domain in ("points", "delays") if delay_branch else ("points",):
            operation = "add" if domain == "points" else delay_correction
            self.branches[domain] = nn.Sequential(
                *_corrections(corrections, steps, (time_width, feature_width), operation),
                _embedding(embedding, features, channels, shuffle_block),
            )
        self.tokens = TokenEmbedding(features, width, steps.past, _DROPOUT)
        self.predictor = _predictor(predictor, width, depth, heads, hidden, dropout)
        self.to_features = nn.Linear(width, features)
        self.to_future = nn.Linear(steps.past, steps.horizon)

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, in_channels, points)`` to ``(batch, out_channels, points)``."""
        image = self._steps.image("CSI-4CAST", channels)
        if self.denoiser is not None:
            image = image - self.denoiser(image)
        image, mean, deviation = standardise(image, self._over)
        domains = {"points": image}
        if "delays" in self.branches:
            domains["delays"] = inverse_fourier(image)
        embedded = sum(branch(domains[name]) for name, branch in self.branches.items())
        tokens = self.predictor(self.tokens(image_to_features(cast(Tensor, embedded))))
        return future_channels(tokens, self.to_features, self.to_future, mean, deviation)


class AdaptiveCorrection(nn.Module):
    """A perceptron along one axis, whose answer replaces, is added to, or multiplies its input.

    Parameters
    ----------
    size
        Length of the axis.
    width
        Units of the hidden layers.
    hidden_layers
        Their number.
    operation
        `none` to replace the input; the others end the perceptron with a ReLU.
    """

    def __init__(self, size: int, width: int, hidden_layers: int, operation: Operation) -> None:
        super().__init__()
        self.perceptron = _perceptron(size, width, hidden_layers, size, _DROPOUT)
        self.after = nn.Sequential(nn.LayerNorm(size), nn.Dropout(_DROPOUT))
        self._operation = operation

    def forward(self, values: Tensor) -> Tensor:
        """Map (..., size) to the same shape."""
        change = self.perceptron(values)
        if self._operation == "add":
            change = values + change.relu()
        elif self._operation == "multiply":
            change = values * change.relu()
        return cast(Tensor, self.after(change))


class AlongTime(nn.Module):
    """Apply a layer along the steps of an image (batch, 2, steps, points)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, image: Tensor) -> Tensor:
        """Return an image of the same shape."""
        return cast(Tensor, self.layer(image.transpose(2, 3)).transpose(2, 3))


class AlongFeatures(nn.Module):
    """Apply layers along all numbers of each step of an image (batch, 2, steps, points)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, image: Tensor) -> Tensor:
        """Return an image of the same shape."""
        return features_to_image(self.layer(image_to_features(image)))


class LSTMPredictor(nn.Module):
    """Stacked long short-term memory on tokens, with a layer back to their width."""

    def __init__(self, width: int, depth: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.cells = nn.LSTM(width, hidden, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.out = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape."""
        return cast(Tensor, self.out(self.cells(tokens)[0]))


def _corrections(
    kind: Corrections, steps: ComplexSteps, widths: tuple[int, int], operation: Operation
) -> list[nn.Module]:
    if kind == "none":
        return []
    if kind == "norm":
        return [AlongTime(nn.LayerNorm(steps.past))]
    layers: list[nn.Module] = [AlongTime(AdaptiveCorrection(steps.past, widths[0], 3, "none"))]
    if kind == "time_and_features":
        layers.append(AlongFeatures(AdaptiveCorrection(2 * steps.points, widths[1], 2, operation)))
    return layers


def _embedding(
    kind: Embedding, features: int, channels: int, shuffle_block: Callable[[], nn.Module]
) -> nn.Module:
    if kind == "mlp":
        return AlongFeatures(_perceptron(features, channels, 2, features, _DROPOUT))
    if kind == "shuffle":
        first: list[nn.Module] = [nn.Conv2d(2, channels, 3, padding=1)]
        blocks = [shuffle_block() for _ in range(_BLOCKS)]
    else:
        stem = nn.Conv2d(2, channels, 3, padding=1, bias=False)
        first = [stem, nn.BatchNorm2d(channels), nn.Hardswish()]
        blocks = [InvertedResidual(channels) for _ in range(_BLOCKS)]
    return nn.Sequential(*first, *blocks, nn.Conv2d(channels, 2, 3, padding=1))


def _predictor(kind: Predictor, width: int, depth: int, heads: int, hidden: int, dropout: float) -> nn.Module:
    if kind == "lstm":
        return LSTMPredictor(width, depth, hidden, dropout)
    if kind == "mlp":
        return _perceptron(width, hidden, depth, width, dropout)
    layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True)
    return nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)


def _perceptron(inputs: int, width: int, hidden_layers: int, outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *[width] * hidden_layers]):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width, outputs))
