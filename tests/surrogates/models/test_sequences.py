"""Networks for sequences: shapes, what they see, and what they refuse."""

import pytest
import torch

from surrogates.core.build import build
from surrogates.models.lstm import LSTM
from surrogates.models.sequence_transformer import SequenceTransformer
from surrogates.models.tcn import TCN
from surrogates.nn.sequence import sinusoids

FORECASTERS = ("vector", "lstm", "tcn", "sequence_transformer")


@pytest.fixture(autouse=True)
def _equal_weights() -> None:
    torch.manual_seed(0)


def small(name: str) -> torch.nn.Module:
    context = {} if name == "gru_state" else {"horizon": 4}
    return build("models", {"name": name, "width": 8}, in_channels=2, out_channels=3, **context)


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("history", [5, 20])
def test_forecasts_have_the_horizon_whatever_the_history(name: str, history: int) -> None:
    network = build("models", {"name": name}, in_channels=6, out_channels=3, horizon=10)
    assert network(torch.randn(4, 6, history)).shape == (4, 3, 10)


@pytest.mark.parametrize("name", [*FORECASTERS, "gru_state"])
def test_sequences_of_fields_are_refused(name: str) -> None:
    network = small(name)
    with pytest.raises(ValueError, match=r"\(batch, channel, time\), found \(1, 2, 4, 4\)"):
        network(torch.randn(1, 2, 4, 4))


@pytest.mark.parametrize("name", [*FORECASTERS, "gru_state"])
def test_every_step_of_the_past_matters(name: str) -> None:
    network = small(name)
    past = torch.randn(1, 2, 12, requires_grad=True)
    network(past).sum().backward()
    assert past.grad is not None
    assert (past.grad.abs().amax((0, 1)) > 0).all()


@pytest.mark.parametrize(("depth", "reach"), [(1, 5), (2, 13)])
def test_tcn_looks_as_far_back_as_its_dilations(depth: int, reach: int) -> None:
    network = TCN(1, 1, 2, width=4, depth=depth)
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.1)  # no unit of a rectifier is off
    past = torch.ones(1, 1, 40, requires_grad=True)
    network(past).sum().backward()
    assert past.grad is not None
    seen = past.grad[0, 0].nonzero()[:, 0]
    assert 40 - int(seen.min()) == reach


def test_tcn_blocks_see_no_later_step() -> None:
    network = TCN(2, 1, 3, width=8)
    past = torch.randn(1, 2, 20)
    later = past.clone()
    later[..., 12:] += 1
    torch.testing.assert_close(network.blocks(past)[..., :12], network.blocks(later)[..., :12])


def test_transformer_knows_the_order_of_the_steps() -> None:
    """Without places, attention is blind to the order of all but the last token."""
    network, past = SequenceTransformer(2, 1, 3, width=8), torch.randn(1, 2, 9)
    swapped = past[..., [1, 0, *range(2, 9)]]
    assert (network(past) - network(swapped)).abs().max() > 1e-4


def test_places_differ_and_have_the_rates_of_the_paper() -> None:
    places = sinusoids(50, 8, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(places[3, :4], torch.sin(3 * 1e4 ** (-torch.arange(0, 8, 2).double() / 8)))
    torch.testing.assert_close(places.square().sum(1), torch.full((50,), 4.0, dtype=torch.float64))
    assert torch.pdist(places).min() > 0.1


def test_transformer_refuses_heads_that_do_not_divide_its_width() -> None:
    with pytest.raises(ValueError, match=r"width is 10 with 4 heads.*e\.g\. 8"):
        SequenceTransformer(2, 1, 3, width=10, heads=4)


@pytest.mark.parametrize("network", [LSTM, SequenceTransformer, TCN])
def test_head_keeps_the_names_and_the_order_of_saved_weights(network) -> None:
    """Features of a horizon of 4 lie channel by channel: row ``channel * 4 + step`` of the matrix."""
    net = network(2, 3, horizon=4, width=8).eval()
    head = {key: value for key, value in net.state_dict().items() if key.startswith("head.")}
    assert {key: tuple(value.shape) for key, value in head.items()} == {
        "head.weight": (12, 8),
        "head.bias": (12,),
    }
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.arange(12.0))
        answer = net(torch.randn(1, 2, 5))
    torch.testing.assert_close(answer[0], torch.arange(12.0).reshape(3, 4))
