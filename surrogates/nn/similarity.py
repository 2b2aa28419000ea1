"""How alike two images are: a score and, being differentiable, a loss."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""They keep the quotient finite in flat windows, for values between 0 and 1."""


def structural_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the structural similarity at every pixel; its mean is the SSIM of two images.

    Means, variances and the covariance are those under a Gaussian window of 11 pixels and a standard
    deviation of 1.5. Beyond its edges an image is 0, as in the benchmarks of OpenFWI, so that the outermost
    five pixels also compare what is not there; scikit-image leaves them out of its mean.

    Parameters
    ----------
    one, other
        Shape (..., rows, columns), values between 0 and 1.

    Returns
    -------
    Tensor
        Shape (..., rows, columns), at most 1.

    References
    ----------
    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE Trans.
    Image Processing 13(4), 2004, eq. 13; zero padding as in `pytorch_ssim`, with which OpenFWI scores.
    """
    one, other = torch.broadcast_tensors(one, other)
    parts = (one, other, one * one, other * other, one * other)
    m1, m2, s11, s22, s12 = _smooth(torch.stack(parts)).unbind()
    means, covariance = m1 * m2, s12 - m1 * m2
    squares, variances = m1 * m1 + m2 * m2, s11 - m1 * m1 + s22 - m2 * m2
    return (2 * means + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))


def _smooth(images: Tensor) -> Tensor:
    """Weighted mean around each pixel, along rows and columns in turn."""
    offsets = torch.arange(WINDOW, device=images.device, dtype=images.dtype) - WINDOW // 2
    weights = torch.exp(-0.5 * (offsets / SIGMA).square())
    weights = weights / weights.sum()
    flat = images.reshape(-1, 1, *images.shape[-2:])
    flat = conv2d(flat, weights.view(1, 1, -1, 1), padding=(WINDOW // 2, 0))
    return conv2d(flat, weights.view(1, 1, 1, -1), padding=(0, WINDOW // 2)).reshape(images.shape)
