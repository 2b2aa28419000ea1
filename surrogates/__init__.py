"""Surrogates: load a trained bundle, predict in physical units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from surrogates.inference.surrogate import Surrogate

__all__ = ["load"]


def load(path: str | Path | Sequence[str | Path], device: str = "auto") -> Surrogate:
    """Open a trained surrogate.

    Parameters
    ----------
    path
        A run's folder or a bundle's; several become one ensemble.
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
