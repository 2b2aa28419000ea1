"""An invertible U-Net of additive couplings and orthogonal convolutions.

Every piece has `forward` and `inverse`. Nothing is padded inside, so that the inverse is exact up to rounding
whatever the weights are.

References
----------
L. Dinh, D. Krueger, Y. Bengio, "NICE: Non-linear independent components estimation", ICLR workshop 2015,
arXiv:1410.8516 (coupling); C. Etmann, R. Ke, C.-B. Schönlieb, "iUNets: Learnable invertible up- and
downsampling for large-scale inverse problems", MLSP 2020, arXiv:2005.05220 (the rest).
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


def cayley(weight: Tensor) -> Tensor:
    """Return the orthogonal matrices (I + A)^-1 (I - A) of A = W - W^T, shape (..., n, n)."""
    skew = weight - weight.mT
    identity = torch.eye(weight.shape[-1], dtype=weight.dtype, device=weight.device)
    if torch.compiler.is_exporting():  # ONNX solves no equations; its runtime folds this into a constant
        return _inverse_by_products(identity + skew) @ (identity - skew)
    return torch.linalg.solve(identity + skew, identity - skew)


def _inverse_by_products(matrix: Tensor, steps: int = 30) -> Tensor:
    """Return the inverse by the iteration of Schulz 1933, which squares the error once it is below one."""
    norms = matrix.abs().sum(-2).amax(-1) * matrix.abs().sum(-1).amax(-1)
    inverse = matrix.mT / norms[..., None, None]
    for _ in range(steps):
        inverse = 2 * inverse - inverse @ matrix @ inverse
    return inverse


class AdditiveCoupling(nn.Module):
    """Exchange the halves of the channels and add to one of them a function of the other.

    The function is a 3 x 3 convolution, LeakyReLU(0.01) and a normalisation whose scale starts at zero: at
    first the coupling only exchanges the halves.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cut = channels // 2
        conv = nn.Conv2d(self.cut, self.cut, 3, padding=1, bias=False)
        norm = nn.GroupNorm(1, self.cut, eps=1e-3)
        nn.init.kaiming_uniform_(conv.weight, a=0.01, mode="fan_out")
        nn.init.zeros_(norm.weight)
        self.change = nn.Sequential(conv, nn.LeakyReLU(0.01), norm)

    def forward(self, x: Tensor) -> Tensor:
        """Return (x2, x1 + change(x2)) of the halves (x1, x2)."""
        first, second = x.split(self.cut, dim=1)
        return torch.cat([second, first + self.change(second)], dim=1)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        first, second = y.split(self.cut, dim=1)
        return torch.cat([second - self.change(first), first], dim=1)


class OrthogonalMixing(nn.Module):
    """An orthogonal matrix on the channels of every cell; it starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Mix the channels."""
        return functional.conv2d(x, cayley(self.weight)[..., None, None])

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        return functional.conv2d(y, cayley(self.weight).mT[..., None, None])


class OrthogonalDownsampling(nn.Module):
    """Turn each 2 x 2 patch of a channel into four channels by an orthogonal matrix; it starts as Haar's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        start = torch.zeros(4, 4)
        start[0, 2:], start[1, 2:] = 0.5, -0.5
        self.weight = nn.Parameter(start.expand(channels, 4, 4).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, 4 channels, height / 2, width / 2)."""
        return functional.conv2d(x, self._kernel(), stride=2, groups=len(self.weight))

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        return functional.conv_transpose2d(y, self._kernel(), stride=2, groups=len(self.weight))

    def _kernel(self) -> Tensor:
        return cayley(self.weight).reshape(-1, 1, 2, 2)


class InvertibleUNet(nn.Module):
    """Invertible blocks on several levels; half of the channels of each level pass by the levels below.

    Parameters
    ----------
    channels
        Even number of channels of the tensors (batch, channel, height, width); each level has twice as many
        as the one above.
    architecture
        Couplings on the way down, and again on the way up, on each level. Height and width have to be
        divisible by ``2 ** (levels - 1)``.
    """

    def __init__(self, channels: int, architecture: Sequence[int]) -> None:
        super().__init__()
        if channels % 2 or not architecture or min(architecture) < 1:
            raise ValueError(
                f"the invertible U-Net needs an even number of channels and at least one coupling on each "
                f"level; found {channels} channels and architecture {tuple(architecture)}; change them"
            )
        widths = [channels * 2**level for level in range(len(architecture))]
        self.factor = 2 ** (len(architecture) - 1)
        self.before = nn.ModuleList(_couplings(w, n) for w, n in zip(widths, architecture, strict=True))
        self.after = nn.ModuleList(_couplings(w, n) for w, n in zip(widths, architecture, strict=True))
        self.mix_before = nn.ModuleList(OrthogonalMixing(w) for w in widths[:-1])
        self.mix_after = nn.ModuleList(OrthogonalMixing(w) for w in widths[:-1])
        self.lower = nn.ModuleList(OrthogonalDownsampling(w // 2) for w in widths[:-1])
        self.raise_ = nn.ModuleList(OrthogonalDownsampling(w // 2) for w in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, height, width) to the same shape."""
        self.require_divisible(x.shape[-2:])
        skips = []
        for level, (mix, lower) in enumerate(zip(self.mix_before, self.lower, strict=True)):
            x = mix(_through(self.before[level], x))
            skip, x = x.chunk(2, dim=1)
            skips.append(skip)
            x = lower(x)
        x = _through(self.after[-1], _through(self.before[-1], x))
        for level in reversed(range(len(self.raise_))):
            x = torch.cat([skips.pop(), _inverse(self.raise_[level], x)], dim=1)
            first, *others = cast(nn.ModuleList, self.after[level])
            x = _through(others, self.mix_after[level](first(x)))
        return x

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        self.require_divisible(y.shape[-2:])
        skips = []
        for level, raise_ in enumerate(self.raise_):
            first, *others = cast(nn.ModuleList, self.after[level])
            y = _inverse(self.mix_after[level], _back(others, y))
            skip, y = _inverse(first, y).chunk(2, dim=1)
            skips.append(skip)
            y = raise_(y)
        y = _back(self.before[-1], _back(self.after[-1], y))
        for level in reversed(range(len(self.lower))):
            y = torch.cat([skips.pop(), _inverse(self.lower[level], y)], dim=1)
            y = _back(self.before[level], _inverse(self.mix_before[level], y))
        return y

    def require_divisible(self, shape: Sequence[int]) -> None:
        """Refuse a height and width that the levels do not divide."""
        if any(cells % self.factor for cells in shape):
            raise ValueError(
                f"latent: {' x '.join(map(str, shape))} found, sides divisible by {self.factor} expected for "
                f"{len(self.before)} levels; padding would cost the inverse, so take "
                f"{-(-max(shape) // self.factor) * self.factor} or fewer levels"
            )


def _couplings(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(AdditiveCoupling(channels) for _ in range(count))


def _inverse(block: nn.Module, y: Tensor) -> Tensor:
    return cast(Tensor, block.inverse(y))  # type: ignore[operator]


def _through(blocks: object, x: Tensor) -> Tensor:
    for block in cast(Sequence[nn.Module], blocks):
        x = block(x)
    return x


def _back(blocks: object, y: Tensor) -> Tensor:
    for block in reversed(list(cast(Sequence[nn.Module], blocks))):
        y = _inverse(block, y)
    return y
