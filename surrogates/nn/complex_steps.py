"""Complex numbers along a line, step by step: the forms in which networks take them, their spectrum."""

from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

Over = Literal["record", "batch", "none"]
"""What shares a mean and a standard deviation: one record, as many as are asked at once, or nothing."""
SMALLEST_DEVIATION = 1e-6


class ComplexSteps(NamedTuple):
    """Sizes of complex values on `points` along a line, of `past` known and `horizon` future steps.

    Outside a network they are real channels, (batch, 2 * steps, points): the real part of step t is channel
    2t, its imaginary part channel 2t + 1. Inside they are an *image* (batch, 2, steps, points), whose two
    channels are the parts, or *features* (batch, steps, 2 * points), where the parts of each point alternate.
    """

    past: int
    horizon: int
    points: int

    @classmethod
    def of(cls, name: str, in_channels: int, out_channels: int, in_shape: tuple[int, ...]) -> Self:
        """Return the sizes that channels make.

        Raises
        ------
        ValueError
            When the channels do not come in pairs, or do not lie on one line.
        """
        if in_channels % 2 or out_channels % 2 or len(in_shape) != 1:
            raise ValueError(
                f"{name} needs real and imaginary parts in turn on one line of points; found {in_channels} "
                f"channels in, {out_channels} out, on a grid of shape {tuple(in_shape)}; give both parts of "
                "every step, and one dimension beside them"
            )
        return cls(in_channels // 2, out_channels // 2, in_shape[0])

    def image(self, name: str, channels: Tensor) -> Tensor:
        """Return channels (batch, 2 * past, points) as an image (batch, 2, past, points).

        Raises
        ------
        ValueError
            For another shape.
        """
        if channels.ndim != 3 or tuple(channels.shape[1:]) != (2 * self.past, self.points):
            raise ValueError(
                f"{name} needs (batch, {2 * self.past}, {self.points}); found {tuple(channels.shape)}; give "
                "steps as the network was built for, or train one on these"
            )
        return channels.unflatten(1, (self.past, 2)).transpose(1, 2)


def image_to_channels(image: Tensor) -> Tensor:
    """Return an image (batch, 2, steps, points) as channels (batch, 2 * steps, points)."""
    return image.transpose(1, 2).flatten(1, 2)


def image_to_features(image: Tensor) -> Tensor:
    """Return an image (batch, 2, steps, points) as features (batch, steps, 2 * points)."""
    return image.permute(0, 2, 3, 1).flatten(2)


def features_to_image(features: Tensor) -> Tensor:
    """Return features (batch, steps, 2 * points) as an image (batch, 2, steps, points)."""
    return features.unflatten(2, (-1, 2)).permute(0, 3, 1, 2)


def future_channels(
    tokens: Tensor, to_features: nn.Module, to_future: nn.Module, mean: Tensor, deviation: Tensor
) -> Tensor:
    """Return the channels of the future steps that follow from tokens of the past.

    Parameters
    ----------
    tokens
        Shape (batch, past, width).
    to_features
        From the width to the numbers of a step, (..., 2 * points).
    to_future
        Along the steps, from `past` to `horizon`.
    mean, deviation
        Of the past, as `standardise` returned them; they are put back.
    """
    future = to_future(to_features(tokens).transpose(1, 2)).transpose(1, 2)
    return image_to_channels(features_to_image(future) * deviation + mean)


def inverse_fourier(image: Tensor) -> Tensor:
    """Return the inverse discrete Fourier transform of an image along its points, as an image.

    It is computed in float32 at least, also under autocast.
    """
    exact = image.to(torch.promote_types(image.dtype, torch.float32))
    values = torch.fft.ifft(torch.complex(exact[:, 0], exact[:, 1]), dim=-1)
    return torch.stack([values.real, values.imag], dim=1).to(image.dtype)


def standardise(values: Tensor, over: Over) -> tuple[Tensor, Tensor, Tensor]:
    """Return values with mean 0 and standard deviation 1, and what they had before.

    Parameters
    ----------
    values
        Shape (batch, ...).
    over
        Over `batch` each answer depends on what is asked beside it.

    Returns
    -------
    tuple of Tensor
        Values; mean; population standard deviation, at least 1e-6. The last two have one number for each
        record or one in all, with as many dimensions as the values.
    """
    if over == "none":
        one = values.new_ones([1] * values.ndim)
        return values, torch.zeros_like(one), one
    dims = list(range(1 if over == "record" else 0, values.ndim))
    mean = values.mean(dims, keepdim=True)
    deviation = (values - mean).square().mean(dims, keepdim=True).sqrt().clamp(min=SMALLEST_DEVIATION)
    return (values - mean) / deviation, mean, deviation
