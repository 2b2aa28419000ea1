"""Scores that were published for networks trained on one family of OpenFWI and tested on another.

They come from the tables of the GFI framework as one CSV file with the columns `model`, `metric`,
`trained_on`, `evaluated_on` and `value`, which the project does not contain: SURROGATES_SEISMIC_DATA names
its folder. Published values stand beside ours as context. They were measured on other data with
networks of other sizes, and are no reproduction.

References
----------
N. Gupta et al., "A unified framework for forward and inverse problems in subsurface imaging using latent
space translations", ICLR 2025, arXiv:2410.11247.
"""

import csv

from benchmarks.claims import files
from surrogates.core.errors import ConfigError

FILE = "gfi_reported_metrics.csv"
COLUMNS = ("model", "metric", "trained_on", "evaluated_on", "value")
MODELS = {
    "inversion_net": "InversionNet",
    "latent_unet": "UNetInverseModel_17M",
    "invertible_x_net": "Invertible_XNet_Adam",
}
"""Names in the table of the publication; of its X-Nets that with Adam, as ours."""


def published(network: str, family: str) -> float | None:
    """Return the published MAE of velocity on the family of training, m/s; None without the file.

    Raises
    ------
    ConfigError
        When the file holds something else.
    """
    path = files.folder("seismic") / FILE
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ConfigError(
                f"{path} has the columns {reader.fieldnames}, expected {list(COLUMNS)}; take the file of the "
                "published scores"
            )
        key = (MODELS[network], "Velocity_unnorm_MAE", family, family)
        for row in reader:
            if (row["model"], row["metric"], row["trained_on"].lower(), row["evaluated_on"].lower()) == key:
                return float(row["value"])
    raise ConfigError(
        f"{path} has no {key[1]} of {key[0]} on {family}; take the file of the published scores"
    )
