"""The loss curves as CSV files that survive a kill and go on after it."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.pytorch.loggers import Logger

PARTS = ("train", "validation")


class CurveLogger(Logger):
    """Write ``train.csv`` and ``validation.csv``, a row per step, values with all their digits.

    Parameters
    ----------
    folder
        Where the files lie.
    first_step
        A run goes on after this step: rows after it, left by a process that was killed, are dropped.
    """

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        for part in PARTS:
            kept = [row for row in read_curve(folder / f"{part}.csv") if int(row["step"]) <= first_step]
            (folder / f"{part}.csv").unlink(missing_ok=True)
            for row in kept:
                self._append(part, row)

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "curve"

    @property
    def version(self) -> str:
        """Nothing: one pair of files per run."""
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: ``config.yaml`` has them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a row to the file of the part that the metrics' names begin with."""
        part = "validation" if any(name.startswith("validation/") for name in metrics) else "train"
        values = {name: repr(float(value)) for name, value in metrics.items()}
        self._append(part, {"step": str(step), **values})

    def finalize(self, status: str) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def _append(self, part: str, row: Mapping[str, str]) -> None:
        if part not in self._open:
            self._open[part] = (self._folder / f"{part}.csv").open("w", newline="", buffering=1)
            csv.writer(self._open[part]).writerow(row)
        csv.writer(self._open[part]).writerow(row.values())


def read_curve(path: Path) -> list[dict[str, str]]:
    """Return the rows of a curve; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["step"].isdigit() and None not in row.values()]
