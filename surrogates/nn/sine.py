"""Layers with sines, whose weights begin as those of a SIREN, and Fourier features."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn

FIRST_FACTOR = 30.0
"""Factor on the first layer of a SIREN, and the divisor of the weights of the layers behind it."""


def first_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a layer on the inputs: weights between -1 and 1 over their number, biases zero."""
    return _linear(inputs, outputs, 1 / inputs)


def later_linear(inputs: int, outputs: int, divisor: float = FIRST_FACTOR) -> nn.Linear:
    """Return a layer behind sines: weights up to ``sqrt(6 / inputs) / divisor``, biases zero."""
    return _linear(inputs, outputs, sqrt(6 / inputs) / divisor)


def _linear(inputs: int, outputs: int, bound: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(layer.bias)
    return layer


class SineMLP(nn.Module):
    """Fully connected layers with sines between them (SIREN) [1]_.

    The factor 30 multiplies the inputs' product with the first weights, not the bias.

    Parameters
    ----------
    inputs, outputs
        Lengths of the vectors.
    width
        Units of each hidden layer.
    depth
        Number of hidden layers.
    divisor
        Of the first weights behind sines: 30 if such a layer multiplies its product by 30, as in [1]_. Here
        none does, so that 1 begins with the same function.

    References
    ----------
    .. [1] V. Sitzmann, J. Martel, A. Bergman, D. Lindell, G. Wetzstein, "Implicit Neural Representations with
       Periodic Activation Functions", NeurIPS 2020, arXiv:2006.09661, section 3.2.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, depth: int, divisor: float = FIRST_FACTOR
    ) -> None:
        super().__init__()
        self.first = first_linear(inputs, width)
        self.hidden = nn.ModuleList(later_linear(width, width, divisor) for _ in range(depth - 1))
        self.last = later_linear(width, outputs, divisor)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map ``(..., inputs)`` to ``(..., outputs)``."""
        state = _first_sine(self.first, vectors)
        for layer in self.hidden:
            state = torch.sin(layer(state))
        return self.last(state)


class ModifiedMLP(nn.Module):
    """Hidden layers that mix two encodings of the input, with sines [1]_ [2]_.

    With encodings ``U`` and ``V`` each hidden layer ``h`` becomes ``h * U + (1 - h) * V``.

    Parameters
    ----------
    inputs, outputs
        Lengths of the vectors.
    width
        Units of each hidden layer.
    depth
        Number of hidden layers.
    encode_by_sine
        Whether the encodings end with a sine; the weights published with [2]_ belong to encodings without.
    divisor
        Of the first weights behind sines, see `SineMLP`; the published code has 30.

    References
    ----------
    .. [1] S. Wang, Y. Teng, P. Perdikaris, "Understanding and Mitigating Gradient Flow Pathologies in
       Physics-Informed Neural Networks", SIAM J. Sci. Comput. 43(5), 2021, arXiv:2001.04536, section 2.6.
    .. [2] N. Borrel-Jensen, S. Goswami, A. Engsig-Karup, G. Karniadakis, C.-H. Jeong, "Sound propagation in
       realistic interactive 3D scenes with parameterized sources using deep neural operators", PNAS 121,
       2024, arXiv:2308.05141, and its repository.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        depth: int,
        encode_by_sine: bool = True,
        divisor: float = FIRST_FACTOR,
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(first_linear(inputs, width) for _ in range(2))
        self.first = first_linear(inputs, width)
        self.hidden = nn.ModuleList(later_linear(width, width, divisor) for _ in range(depth - 1))
        self.last = later_linear(width, outputs, divisor)
        self._encode_by_sine = encode_by_sine

    def forward(self, vectors: Tensor) -> Tensor:
        """Map ``(..., inputs)`` to ``(..., outputs)``."""
        one, two = (encoder(vectors) for encoder in self.encoders)
        if self._encode_by_sine:
            one, two = torch.sin(one), torch.sin(two)
        state = torch.lerp(two, one, _first_sine(self.first, vectors))
        for layer in self.hidden:
            state = torch.lerp(two, one, torch.sin(layer(state)))
        return self.last(state)


def _first_sine(layer: nn.Linear, vectors: Tensor) -> Tensor:
    return torch.sin(FIRST_FACTOR * (vectors @ layer.weight.T) + layer.bias)


class FourierFeatures(nn.Module):
    """Coordinates, followed by cosine and sine of each for each wave number.

    Parameters
    ----------
    wave_numbers
        Radians per unit of the coordinates.
    """

    def __init__(self, wave_numbers: Sequence[float]) -> None:
        super().__init__()
        self._wave_numbers = tuple(wave_numbers)

    def count(self, coordinates: int) -> int:
        """Return the number of features of some number of coordinates."""
        return coordinates * (1 + 2 * len(self._wave_numbers))

    def forward(self, coordinates: Tensor) -> Tensor:
        """Map ``(..., coordinate)`` to ``(..., feature)``: the coordinates, cosines, sines, cosines, ..."""
        parts = [coordinates]
        for wave_number in self._wave_numbers:
            phase = wave_number * coordinates
            parts += [torch.cos(phase), torch.sin(phase)]
        return torch.cat(parts, dim=-1)
