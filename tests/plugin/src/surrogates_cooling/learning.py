"""What is learned, and how: a transform, a network, a head and a predictor."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from surrogates.data.batch import Batch
from surrogates.learning.answers import Answer
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Predictor
from surrogates.learning.heads import Head, WayBack
from surrogates.learning.layout import Layout
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.transform import Features, Transform

FIVE_MINUTES = 300.0  # s


class Factors(Transform):
    """How much warmer than the room a body is, and what is left of that after five, ten, fifteen minutes.

    Parameters
    ----------
    context
        Of the data.
    ambient
        Temperature of the room, K.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"ambient": Scalar("K")}

    def __init__(self, context: Context, ambient: float) -> None:
        super().__init__()
        self._ambient = ambient
        self._targets = Layout(context.targets, (), context.record_dimension).channels
        self.channel_names = ["excess", "left after 5 min", "left after 10 min", "left after 15 min"]
        self.in_channels = {"excess": 1, "left": 3}

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return two tensors; the network answers how much warmer than the room the body is."""
        minutes = FIVE_MINUTES * torch.arange(1, 4, device=inputs["start"].device)
        excess = (inputs["start"] - self._ambient)[:, None]
        left = torch.exp(-minutes / inputs["time_constant"][:, None])
        room = excess.new_full((len(excess), self._targets), self._ambient)
        return Features({"excess": excess, "left": left}, offset=room)


class Bilinear(nn.Module):
    """Products of the channels of two tensors, and the channels themselves, in a linear layer.

    Parameters
    ----------
    in_channels
        Channels of `excess` and of `left`.
    out_channels
        Channels of the answer.
    bias
        Whether a constant is added.
    """

    def __init__(self, in_channels: Mapping[str, int], out_channels: int, bias: bool = True) -> None:
        super().__init__()
        one, two = in_channels["excess"], in_channels["left"]
        self.linear = nn.Linear(one + two + one * two, out_channels, bias=bias)

    def forward(self, excess: Tensor, left: Tensor) -> Tensor:
        """Return the answer, (batch, channel)."""
        products = torch.einsum("bi,bj->bij", excess, left).flatten(1)
        return self.linear(torch.cat([excess, left, products], dim=1))


class Cautious(Head):
    """One value, rather too warm than too cold: errors to the cold side cost more.

    Parameters
    ----------
    cold
        Share of the cost that errors to the cold side have, from 0 to 1.
    """

    def __init__(self, cold: float = 0.6) -> None:
        self._cold = cold

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the squared error, weighted by its side."""
        error = target - outputs
        return 2 * torch.where(error > 0, self._cold, 1 - self._cold) * error.square()

    def answer(self, outputs: Tensor, back: WayBack) -> Answer:
        """Return the value in kelvin."""
        return Answer(back.value(outputs))


class Bounded(Predictor):
    """One forward pass, kept between the room and the start, as thermodynamics demands.

    Parameters
    ----------
    ambient
        Temperature of the room, K.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"ambient": Scalar("K")}

    def __init__(self, ambient: float) -> None:
        self._ambient = ambient

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the temperature."""
        answer = pipeline(inputs)
        hottest = inputs["start"][:, None]
        return answer | {"temperature": answer["temperature"].clamp(min=self._ambient).minimum(hottest)}
