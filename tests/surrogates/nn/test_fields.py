"""Shapes behind convolutions are those that the convolutions give."""

import pytest
import torch
from torch import nn

from surrogates.nn.fields import shape_after


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(250, 20), (31, 32)])
@pytest.mark.parametrize("kernel", [(7, 1), (3, 3), (4, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (3, 0)])
def test_shape_behind_a_convolution_is_what_it_returns(transposed, shape, kernel, stride, padding) -> None:
    conv = (nn.ConvTranspose2d if transposed else nn.Conv2d)(1, 1, kernel, stride, padding)
    assert tuple(conv(torch.zeros(1, 1, *shape)).shape[-2:]) == shape_after(conv, shape)
