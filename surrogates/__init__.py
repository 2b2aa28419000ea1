"""Surrogates: load a trained bundle, predict in physical units."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from surrogates.inference.surrogate import Surrogate

__all__ = ["load"]

# Threads of torch that wait for each other spin; beside another busy process they then keep the thread that
# they wait for from its core. OpenMP reads this when torch is loaded; a user's own choice wins. libgomp spins
# for a short while: without any, a step of a small network takes up to three times as long when idle.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["GOMP_SPINCOUNT"] = "1000"


def load(path: str | Path | Sequence[str | Path], device: str = "auto") -> Surrogate:
    """Open a trained surrogate.

    Parameters
    ----------
    path
        A run's folder, a bundle's, `zoo:NAME` of `surrogates zoo`, `hf://OWNER/NAME[@REVISION]`, or the URL
        of a bundle's folder such as `s3://BUCKET/BUNDLE`; several become one ensemble.
    device
        `auto` takes an accelerator when there is one; otherwise a torch device such as `cpu` or `cuda:1`.

    Returns
    -------
    Surrogate
        Its `predict(dataset)` takes and returns an `xarray.Dataset` in physical units.
    """
    # torch comes in here and not with `import surrogates`: the command line has to start at once.
    from surrogates.inference.surrogate import load as load_surrogate

    return load_surrogate(path, device=device)
