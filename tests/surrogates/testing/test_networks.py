"""Faulty networks are found."""

import pytest
import torch
from torch import Tensor, nn

from surrogates import testing
from tests.surrogates.testing.faults import SquareWithTwiceTheGradient

INPUTS = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A linear layer along the channel; without a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mT).mT


class WrongGradient(Net):
    def forward(self, x: Tensor) -> Tensor:
        return SquareWithTwiceTheGradient.apply(super().forward(x))


class MixesRecords(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


class KnowsTheOrder(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.1 * torch.arange(len(x)).view(-1, 1, 1))


class Draws(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + torch.randn_like(x))


class HidesNaN(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.nan_to_num())


class Unreached(Net):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(2, 2)


class Forgets(Net):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.rand(())

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * super().forward(x)

    def __deepcopy__(self, memo: object) -> "Forgets":
        other = Forgets()
        other.load_state_dict(self.state_dict())
        return other


class Flat(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flatten(1)


class Divides(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / (x[:, :1] - x[:, :1])


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (WrongGradient, "the gradient of its answer is .* differences say"),
        (MixesRecords, "a record alone is answered otherwise than in a batch"),
        (KnowsTheOrder, "a record alone is answered otherwise|the order of the records"),
        (Draws, "draws from the global generator of torch"),
        (HidesNaN, "a record of NaN is answered with finite values"),
        (Unreached, r"no gradient reaches the parameter 'spare\.weight'"),
        (Forgets, "networks of equal seeds differ|saved and loaded weights answer otherwise"),
        (Flat, r"it answers \(3, 15\); expected"),
        (Divides, "values that are not finite"),
    ],
)
def test_a_faulty_network_is_found(network: type[nn.Module], message: str) -> None:
    testing.check_model(Net(), INPUTS, (3, 5))
    with pytest.raises(AssertionError, match=rf"^model {network.__name__}.*({message})[^\n]*$"):
        testing.check_model(network(), INPUTS, (3, 5))


def test_known_answers_tell_another_network_of_the_same_shape() -> None:
    class Other(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.tanh())

    assert testing.known_answer(Net(), INPUTS, (3, 5)) == testing.known_answer(Net(), INPUTS, (3, 5))
    assert testing.known_answer(Other(), INPUTS, (3, 5)) != pytest.approx(
        testing.known_answer(Net(), INPUTS, (3, 5)), rel=1e-3
    )
