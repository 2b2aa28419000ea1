"""Invertible pieces have an exact inverse after random weights, not only at the start."""

import math

import pytest
import torch
from torch import nn

from surrogates.nn.invertible import (
    AdditiveCoupling,
    InvertibleUNet,
    OrthogonalDownsampling,
    OrthogonalMixing,
    _inverse_by_products,
    cayley,
)


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter, the normalisations' too, another value."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_((0.5 * noise / math.sqrt(max(1, parameter[0].numel()))).to(parameter.dtype))
    return module


PIECES = {
    "coupling": lambda: AdditiveCoupling(8),
    "mixing": lambda: OrthogonalMixing(8),
    "downsampling": lambda: OrthogonalDownsampling(8),
    "one level": lambda: InvertibleUNet(8, (2,)),
    "three levels": lambda: InvertibleUNet(8, (2, 3, 2)),
    "as published": lambda: InvertibleUNet(8, (4, 4, 4, 4)),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize("piece", PIECES)
def test_round_trip_is_exact_after_random_weights(piece: str, dtype: torch.dtype, tolerance: float) -> None:
    net, x = randomise(PIECES[piece]()).to(dtype), torch.randn(2, 8, 24, 16, dtype=dtype)
    there = net(x)
    for back, known in ((net.inverse(there), x), (net(net.inverse(there)), there)):
        assert (back - known).norm() < tolerance * known.norm()


def test_random_weights_make_the_unet_more_than_a_change_of_places() -> None:
    """Otherwise the round trips above would say nothing."""
    net, x = randomise(InvertibleUNet(8, (2, 2))), torch.randn(2, 8, 16, 16)
    assert not torch.allclose(net(x).sort().values, x.sort().values, atol=0.1)
    nonlinear = net(2 * x) - 2 * net(x)
    assert nonlinear.norm() > 0.05 * net(x).norm()


def test_coupling_follows_its_formula() -> None:
    net, x = randomise(AdditiveCoupling(6)), torch.randn(2, 6, 5, 5)
    first, second = x[:, :3], x[:, 3:]
    torch.testing.assert_close(net(x), torch.cat([second, first + net.change(second)], dim=1))


def test_coupling_starts_as_an_exchange() -> None:
    x = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(AdditiveCoupling(6)(x), x.roll(3, 1), rtol=0, atol=0)


def test_cayley_is_orthogonal_and_starts_as_the_identity() -> None:
    matrix = cayley(torch.randn(3, 7, 7, dtype=torch.float64))
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(7, dtype=torch.float64).expand(3, 7, 7))
    torch.testing.assert_close(cayley(torch.zeros(4, 4)), torch.eye(4), rtol=0, atol=0)


@pytest.mark.parametrize("size", [0.1, 1.0, 10.0])
def test_products_reach_the_inverse_that_onnx_cannot_solve_for(size: float) -> None:
    weight = size * torch.randn(3, 32, 32)
    matrix = torch.eye(32) + weight - weight.mT
    torch.testing.assert_close(_inverse_by_products(matrix), torch.linalg.inv(matrix), rtol=1e-4, atol=1e-5)


def test_downsampling_starts_as_the_wavelet_of_haar_and_keeps_energy() -> None:
    net = OrthogonalDownsampling(1)
    kernels = net(torch.eye(4).reshape(4, 1, 2, 2)).squeeze().T
    assert {tuple(row) for row in (kernels * kernels[:, :1].sign()).round(decimals=5).tolist()} == {
        (0.5, 0.5, 0.5, 0.5),
        (0.5, 0.5, -0.5, -0.5),
        (0.5, -0.5, 0.5, -0.5),
        (0.5, -0.5, -0.5, 0.5),
    }
    x = torch.randn(2, 3, 8, 8)
    net = randomise(OrthogonalDownsampling(3))
    torch.testing.assert_close(net(x).norm(), x.norm())


def test_mixing_leaves_the_length_of_every_cell() -> None:
    x = torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(randomise(OrthogonalMixing(6))(x).norm(dim=1), x.norm(dim=1))


def test_published_translator_has_its_number_of_weights() -> None:
    with torch.device("meta"):
        net = InvertibleUNet(128, (4, 4, 4, 4))
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(25.79e6, rel=0.001)


def test_sides_that_the_levels_do_not_divide_are_refused() -> None:
    net = InvertibleUNet(4, (1, 1, 1, 1))
    message = (
        r"^latent: 70 x 70 found, sides divisible by 8 expected for 4 levels; .* take 72 or fewer levels$"
    )
    for ask in (net, net.inverse):
        assert ask(torch.randn(1, 4, 72, 72)).shape == (1, 4, 72, 72)
        with pytest.raises(ValueError, match=message):
            ask(torch.randn(1, 4, 70, 70))


@pytest.mark.parametrize(("channels", "architecture"), [(7, (1, 1)), (8, ()), (8, (2, 0))])
def test_odd_channels_and_empty_levels_are_refused(channels: int, architecture: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"even number of channels .* found {channels} channels"):
        InvertibleUNet(channels, architecture)
