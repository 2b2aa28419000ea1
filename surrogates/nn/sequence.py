"""What networks for sequences share."""

import torch
from torch import Tensor


def as_steps(channels: Tensor, network: str) -> Tensor:
    """Return channels (batch, channel, time) as steps (batch, time, channel).

    Raises
    ------
    ValueError
        If there are more or fewer dimensions.
    """
    if channels.ndim != 3:
        raise ValueError(
            f"the {network} needs (batch, channel, time), found {tuple(channels.shape)}; "
            "give inputs whose one dimension beside the records is that of the window"
        )
    return channels.transpose(1, 2)


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Return the encoding of the places 0 to `length` - 1, shape (length, width).

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5; the cosines follow the sines
    here instead of taking turns with them.
    """
    places = torch.arange(length, device=like.device, dtype=like.dtype)
    rates = 1e4 ** (-torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    angles = places[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
