"""Structural similarity agrees with its formula and with torchmetrics, and can be a loss."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torchmetrics.functional.image import structural_similarity_index_measure

from surrogates.nn.similarity import structural_similarity


def images(*shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    one = rng.random(shape)
    return torch.from_numpy(one), torch.from_numpy(np.clip(one + 0.2 * rng.normal(size=shape), 0, 1))


def by_definition(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, radius=5, mode="constant", axes=(-2, -1))

    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return (2 * mx * my + 1e-4) * (2 * vxy + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))


def test_it_is_the_formula_with_zeros_beyond_the_edges() -> None:
    one, other = images(2, 3, 20, 24)
    expected = by_definition(one.numpy(), other.numpy())
    np.testing.assert_allclose(structural_similarity(one, other), expected, rtol=1e-10)


def test_away_from_the_edges_it_is_that_of_torchmetrics() -> None:
    one, other = images(1, 1, 30, 26)
    _, full = structural_similarity_index_measure(
        other, one, gaussian_kernel=True, sigma=1.5, kernel_size=11, data_range=1.0, return_full_image=True
    )
    inside = (..., slice(5, -5), slice(5, -5))
    torch.testing.assert_close(structural_similarity(one, other)[inside], full[inside])


def test_equal_images_score_one_and_the_order_does_not_matter() -> None:
    one, other = images(4, 16, 16)
    torch.testing.assert_close(structural_similarity(one, one), torch.ones_like(one))
    forth, back = structural_similarity(one, other), structural_similarity(other, one)
    torch.testing.assert_close(forth, back)
    assert forth.mean() < 0.9


def test_following_its_gradient_makes_images_alike() -> None:
    one, other = images(1, 16, 16)
    guess = other.clone().requires_grad_()
    before = structural_similarity(one, guess).mean()
    (gradient,) = torch.autograd.grad(before, guess)
    assert structural_similarity(one, guess + 5.0 * gradient).mean() > before + 0.01


@pytest.mark.parametrize("rows", [1, 5])
def test_an_image_may_be_smaller_than_the_window(rows: int) -> None:
    one, other = images(rows, 30)
    expected = by_definition(one.numpy(), other.numpy())
    np.testing.assert_allclose(structural_similarity(one, other), expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    one, other = (0.9 + 0.01 * image.float() for image in images(2, 20, 24))
    expected = structural_similarity(one, other)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close(structural_similarity(one, other), expected, rtol=0, atol=0)
        halves = structural_similarity(one.to(dtype), other.to(dtype))
    assert halves.dtype == torch.float32
    torch.testing.assert_close(halves, structural_similarity(one.to(dtype).float(), other.to(dtype).float()))


def test_a_volume_is_compared_in_three_dimensions() -> None:
    """Against the definition, with a cube of weights around every cell."""
    rng = np.random.default_rng(3)
    one, other = torch.from_numpy(rng.random((2, 6, 9, 12)))
    offsets = np.arange(-5, 6)
    line = np.exp(-0.5 * (offsets / 1.5) ** 2)
    line /= line.sum()
    cube = torch.from_numpy(np.einsum("i,j,k->ijk", line, line, line))[None, None]

    def mean(volume: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv3d(volume[None, None], cube, padding=5)[0, 0]

    m1, m2 = mean(one), mean(other)
    squares, both = mean(one**2) + mean(other**2) - m1**2 - m2**2, mean(one * other) - m1 * m2
    expected = (2 * m1 * m2 + 1e-4) * (2 * both + 9e-4) / ((m1**2 + m2**2 + 1e-4) * (squares + 9e-4))
    torch.testing.assert_close(structural_similarity(one, other, 3), expected)
    layers = torch.stack([structural_similarity(a, b) for a, b in zip(one, other, strict=True)])
    torch.testing.assert_close(structural_similarity(one, other), layers)
