"""Scores that were published for networks trained on one family of OpenFWI and tested on another.

They come from the tables of the GFI framework as one CSV file with the columns `model`, `metric`,
`trained_on`, `evaluated_on` and `value`, which is not part of this package: name it, or the folder that holds
it, in the environment variable SURROGATES_SEISMIC_DATA. Published values stand beside ours as context. They
were measured on other data with networks of other sizes, and are no reproduction.

References
----------
N. Gupta et al., "A unified framework for forward and inverse problems in subsurface imaging using latent
space translations", ICLR 2025, arXiv:2410.11247.
"""

import csv
import math
import os
from pathlib import Path
from typing import Literal

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.domains.seismic.families import Matrix
from surrogates.domains.seismic.names import GATHER, VELOCITY

FILE = "gfi_reported_metrics.csv"
COLUMNS = ("model", "metric", "trained_on", "evaluated_on", "value")
PREFIXES = {VELOCITY: "Velocity", GATHER: "Waveform"}
UNITS = {VELOCITY: "m s-1", GATHER: "1"}
Metric = Literal["mae", "rmse", "ssim"]


def published_file() -> Path:
    """Return where the published scores are expected."""
    given = Path(os.environ.get("SURROGATES_SEISMIC_DATA", "../shared/data/seismic"))
    return given / FILE if given.is_dir() else given


def published_matrix(
    model: str, target: str = VELOCITY, metric: Metric = "mae", path: Path | None = None
) -> Matrix:
    """Return what was published for a model, in physical units (m/s, pressure for a source of amplitude 1).

    Parameters
    ----------
    model
        As the file names it, e.g. `InversionNet`, `UNetInverseModel_33M` or `Invertible_XNet`.
    target
        `velocity_model` or `shot_gather`. Gathers have no SSIM here: the published one is of normalised
        amplitudes without bounds.
    metric
        `mae`, `rmse` or `ssim`.
    path
        The file; by default that of `published_file`.

    Raises
    ------
    ConfigError
        When the file is not there or holds something else, or has no such model.
    """
    if target not in PREFIXES or (target, metric) == (GATHER, "ssim"):
        raise ConfigError(
            f"no {metric} of '{target}' was published that compares with ours; take mae or rmse of "
            f"{listing(PREFIXES)}, or ssim of {VELOCITY}"
        )
    column = {"mae": "unnorm_MAE", "rmse": "unnorm_MSE", "ssim": "SSIM"}[metric]
    wanted = f"{PREFIXES[target]}_{column}"
    rows = _rows(path or published_file())
    models = {row["model"] for row in rows if row["metric"] == wanted}
    if model not in models:
        raise ConfigError(
            f"no {wanted} of '{model}' was published.{nearest(model, models)} There is {listing(models)}."
        )
    cells = {}
    for row in rows:
        if (row["model"], row["metric"]) == (model, wanted):
            value = float(row["value"])
            pair = row["trained_on"].lower(), row["evaluated_on"].lower()
            cells[pair] = math.sqrt(value) if metric == "rmse" else value
    return Matrix.of(model, target, metric, "1" if metric == "ssim" else UNITS[target], cells)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise ConfigError(
            f"{path} is missing; set SURROGATES_SEISMIC_DATA to the published scores of GFI ({FILE}) or to "
            "the folder that holds them"
        )
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ConfigError(
                f"{path} has the columns {reader.fieldnames}, expected {list(COLUMNS)}; take the file of the "
                "published scores"
            )
        return list(reader)
