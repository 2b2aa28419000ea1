"""Structural similarity of two images or volumes: a score and, being differentiable, a loss."""

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""They keep the quotient finite in flat windows, for values between 0 and 1."""


def structural_similarity(one: Tensor, other: Tensor, dimensions: int = 2) -> Tensor:
    """Return the structural similarity at every pixel; its mean is the SSIM of two images.

    Means, variances and the covariance are those under a Gaussian window of 11 pixels a side and a standard
    deviation of 1.5. Beyond its edges an image is 0, as in the benchmarks of OpenFWI, so that the outermost
    five pixels also compare what is not there; scikit-image leaves them out of its mean.

    Parameters
    ----------
    one, other
        Shape (..., rows, columns), values between 0 and 1.
    dimensions
        2 for images; 3 for volumes (..., layers, rows, columns), whose window is a cube.

    Returns
    -------
    Tensor
        Shape of the images, at most 1; at least float32 also under autocast, since variances are
        small differences of large numbers.

    References
    ----------
    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE Trans.
    Image Processing 13(4), 2004, eq. 13; zero padding as in `pytorch_ssim`, with which OpenFWI scores.
    """
    exact = torch.promote_types(torch.promote_types(one.dtype, other.dtype), torch.float32)
    one, other = torch.broadcast_tensors(one.to(exact), other.to(exact))
    images = (one, other, one * one, other * other, one * other)
    with torch.autocast(one.device.type, enabled=False):
        m1, m2, s11, s22, s12 = _smooth(torch.stack(images), dimensions).unbind()
    means, covariance = m1 * m2, s12 - m1 * m2
    squares, variances = m1 * m1 + m2 * m2, s11 - m1 * m1 + s22 - m2 * m2
    return (2 * means + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))


def _smooth(images: Tensor, dimensions: int) -> Tensor:
    """Weighted mean around each pixel, along each dimension in turn.

    As products with banded matrices: on a CPU convolutions of single channels take ten times as long.
    """
    rows, columns = (_band(length, images) for length in images.shape[-2:])
    smooth = rows @ images @ columns
    for axis in range(-dimensions, -2):
        across = smooth.movedim(axis, -1)
        smooth = (across @ _band(across.shape[-1], images)).movedim(-1, axis)
    return smooth


def _band(length: int, like: Tensor) -> Tensor:
    """Weights of the pixels (columns) around each pixel (rows) of a line; it is symmetric."""
    indices = torch.arange(length, device=like.device, dtype=like.dtype)
    offsets = indices - indices[:, None]
    weights = torch.exp(-0.5 * (offsets / SIGMA).square()) * (offsets.abs() <= WINDOW // 2)
    inside = torch.arange(WINDOW, device=like.device, dtype=like.dtype) - WINDOW // 2
    return weights / torch.exp(-0.5 * (inside / SIGMA).square()).sum()
