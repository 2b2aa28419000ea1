"""Convolutions from two channels to many and back."""

import torch
from torch import nn

from surrogates.nn.conv import Hourglass


def test_hourglass_doubles_and_halves_its_channels_from_bounded_weights() -> None:
    torch.manual_seed(0)
    net = Hourglass(3, nn.Tanh, norm=False)
    convs = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    assert [conv.in_channels for conv in convs] == [2, 4, 8, 16, 8, 4]
    assert convs[-1].out_channels == 2
    for conv in convs:
        bound = conv.in_channels**-0.5
        assert 0.8 * bound < float(conv.weight.detach().abs().max()) <= bound
        assert not conv.bias.any()
    image = torch.randn(1, 2, 5, 7)
    assert net(image).shape == image.shape
