"""The past of each target, as the baselines see it: (batch, antenna, time, sub-carrier)."""

import torch
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.persistence import Past
from surrogates.learning.context import Context

TIME = 2
"""Axis of the snapshots."""


def pasts_of(context: Context, *, same_band: bool) -> list[Past]:
    """Return the past of each target.

    Parameters
    ----------
    context
        Of the data.
    same_band
        Whether only the band of the past can be predicted (time-division duplex).

    Raises
    ------
    ConfigError
        For a target of other dimensions than (sample, antenna, horizon, sub-carrier), or of another band.
    """
    pasts = []
    for spec in context.targets:
        past = Past.of(spec, context)
        if past.axis != TIME or len(spec.dims) != 4:
            raise ConfigError(
                f"'{spec.name}' has the dimensions {spec.dims}, expected (sample, antenna, horizon, "
                "subcarrier), as csi/rrg makes them"
            )
        if same_band and not past.alike:
            raise ConfigError(
                f"'{spec.name}' lies in another band than '{past.name}', which this baseline continues in "
                "its own; predict the uplink, or take csi/wiener or persistence"
            )
        pasts.append(past)
    return pasts


def snapshots(batch: Batch, name: str) -> Tensor:
    """Return a variable of a batch in double precision, not observed cells as 0."""
    return batch[name].detach().to(torch.complex128).nan_to_num(0.0)
