"""The network of VECTOR."""

import pytest
import torch

from surrogates.models.vector import VECTOR


@pytest.mark.parametrize(
    ("width", "depth", "parameters"), [(64, 2, 88_323), (128, 3, 546_819), (256, 5, 3_753_987)]
)
def test_published_sizes_have_their_number_of_parameters(width: int, depth: int, parameters: int) -> None:
    with torch.device("meta"):
        network = VECTOR(3, 3, 10, width, depth)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_weights_are_called_as_published() -> None:
    names = {name.split(".")[0] for name in VECTOR(3, 3, 10).state_dict()}
    assert names == {"gru1", "gru2", "fc"}


def test_decoder_runs_on_from_the_encoder_without_input() -> None:
    """Step by step: a cell that is fed with zeros from the encoder's last state."""
    network, past = VECTOR(2, 3, 4, width=5, depth=1), torch.randn(6, 2, 7)
    _, state = network.gru1(past.transpose(1, 2))
    cell = torch.nn.GRUCell(5, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in network.gru2.named_parameters()})
    state, steps = state[0], []
    for _ in range(4):
        state = cell(torch.zeros(6, 5), state)
        steps.append(network.fc(state))
    torch.testing.assert_close(network(past), torch.stack(steps, dim=2))


def test_dropout_acts_between_the_layers_of_the_encoder_alone() -> None:
    network, past = VECTOR(3, 3, 10, width=8, depth=2), torch.randn(2, 3, 20)
    assert not torch.equal(network(past), network(past))
    network.eval()
    torch.testing.assert_close(network(past), network(past), rtol=0, atol=0)
    assert network.gru2.dropout == 0
    single = VECTOR(3, 3, 10, width=8, depth=1)
    torch.testing.assert_close(single(past), single(past), rtol=0, atol=0)
