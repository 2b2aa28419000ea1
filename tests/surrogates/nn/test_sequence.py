"""Tokens of a sequence."""

import torch

from surrogates.nn.sequence import TokenEmbedding, sinusoids


def test_tokens_see_their_neighbours_in_a_circle_and_their_position() -> None:
    torch.manual_seed(0)
    net, steps = TokenEmbedding(3, 4, 5).eval(), torch.randn(2, 5, 3)
    with torch.no_grad():
        net.along_time.weight.copy_(torch.eye(5))
        net.along_time.bias.zero_()
    kernel = net.conv.weight
    expected = sum(steps.roll(1 - tap, dims=1) @ kernel[:, :, tap].T for tap in range(3)) + net.conv.bias
    torch.testing.assert_close(net(steps), expected + sinusoids(5, 4, steps))
