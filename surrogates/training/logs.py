"""The loss curve as a CSV file that survives a kill and goes on after it."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

COLUMNS = ("step", "metric", "value")


class CurveLogger(Logger):
    """Append ``step, metric, value`` to a file; values are written with all their digits.

    Parameters
    ----------
    path
        The file.
    first_step
        Rows after this step, left by a run that was killed, are dropped.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = (
            [row for row in read_curve(path) if row[0] <= first_step] if path.exists() and first_step else []
        )
        self._file = path.open("w", newline="", buffering=1)
        self._writer = csv.writer(self._file)
        self._writer.writerow(COLUMNS)
        self._writer.writerows((step, metric, repr(value)) for step, metric, value in kept)

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "curve"

    @property
    def version(self) -> str:
        """Nothing: one file per run."""
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: ``config.yaml`` has them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one row per metric."""
        self._writer.writerows((step, name, repr(float(value))) for name, value in metrics.items())

    def finalize(self, status: str) -> None:
        """Close the file."""
        self._file.close()


def read_curve(path: Path) -> list[tuple[int, str, float]]:
    """Return the rows of a curve; a last line that a kill cut short is left out."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    complete = []
    for row in rows:
        try:
            step, metric, value = row
            complete.append((int(step), metric, float(value)))
        except ValueError:
            continue
    return complete
