"""Convolutions from two channels to many and back."""

import pytest
import torch
from torch import nn

from surrogates.nn.conv import Hourglass, Tanh


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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_tanh_is_that_of_torch_up_to_rounding(dtype: torch.dtype) -> None:
    values = torch.linspace(-100, 100, 4001, dtype=dtype, requires_grad=True)
    ours, known = Tanh()(values), torch.tanh(values)
    assert ours.dtype == dtype
    wide = max(torch.finfo(dtype).eps, 4 * torch.finfo(torch.promote_types(dtype, torch.float32)).eps)
    assert float((ours - known).detach().abs().max()) <= wide
    gradients = [torch.autograd.grad(each.sum(), values)[0] for each in (ours, known)]
    torch.testing.assert_close(*gradients, rtol=0, atol=8 * torch.finfo(dtype).eps)
