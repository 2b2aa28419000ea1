"""What a refinement left: how much misfit beyond the noise, and whether its velocities can be trusted."""

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

TRUSTED_BELOW = 0.15
"""Largest remaining misfit of a refinement that is trusted; see `inversion.invert`."""
NAMED = 10
"""Records that a warning names."""


class RefinementWarning(UserWarning):
    """Refinement left a misfit that noise does not explain."""


def judged(misfit: np.ndarray, noise: np.ndarray, trusted_below: float, record: str) -> xr.Dataset:
    """Return what refinement left of the misfit, by itself and against the network's, and whom to trust.

    Parameters
    ----------
    misfit : (records, steps + 1) array
        Relative L2 misfits, the network's first.
    noise : (records,) array
        Noise as a misfit; NaN where it is not known, which explains nothing.
    trusted_below
        Largest remaining misfit of a refinement that can be trusted.
    record
        Name of the record dimension.

    Returns
    -------
    xr.Dataset
        `remaining_misfit`, `remaining_share` and the flag `refinement_trusted`, along `record`.
    """
    known = np.nan_to_num(noise)[:, None] ** 2
    # Noise and what a wrong model misses are independent, so that their energies add up.
    beyond = np.sqrt(np.clip(misfit.astype(np.float64) ** 2 - known, 0, None) / (1 - known))
    network, left = beyond[:, 0], beyond[:, -1]
    share = np.divide(left, network, out=np.zeros_like(left), where=network > 0)
    flag = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "not_trusted trusted"}
    about = {
        "remaining_misfit": (left, {"units": "1", "long_name": "misfit after refinement beyond the noise"}),
        "remaining_share": (share, {"units": "1", "long_name": "remaining misfit over that of the network"}),
        "refinement_trusted": (
            (left <= trusted_below).astype(np.int8),
            {
                "units": "1",
                "long_name": f"whether the remaining misfit is at most {trusted_below:g}",
                "remaining_misfit_limit": trusted_below,
                **flag,
            },
        ),
    }
    return xr.Dataset({name: (record, values, attrs) for name, (values, attrs) in about.items()})


def warn_of(verdict: xr.Dataset, records: Sequence[object], stacklevel: int) -> None:
    """Warn in one line of records whose refinement cannot be trusted: how many, which, and what to do."""
    trusted = verdict["refinement_trusted"]
    wrong = np.flatnonzero(trusted.to_numpy() == 0)
    if not wrong.size:
        return
    names = ", ".join(str(records[number]) for number in wrong[:NAMED])
    more = f" and {wrong.size - NAMED} more" if wrong.size > NAMED else ""
    limit = trusted.attrs["remaining_misfit_limit"]
    warnings.warn(
        f"refinement of {wrong.size} of {len(trusted)} records left a misfit above {limit:g} that noise "
        f"does not explain ({trusted.dims[0]} {names}{more}; 'refinement_trusted' is 0), so their velocities "
        "may be further from the truth than the network's own; give more `refine_steps`, lower `frequencies` "
        "or wider `smoothing`, or keep 'velocity_model'",
        RefinementWarning,
        stacklevel,
    )
