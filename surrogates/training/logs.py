"""What records a run: the loss curves as CSV, and TensorBoard.

A logger is any object with ``log_metrics(metrics, step)``, ``log_hyperparams(params)`` and
``finalize(status)``, as Lightning's are. The program supplies ``folder`` (the run's ``logs/``),
``first_step`` (the run goes on after it), ``experiment`` and ``run`` (their names).
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.fabric.loggers import TensorBoardLogger
from lightning.fabric.loggers.logger import Logger

from surrogates.core.files import write_atomic

TRAIN, VALIDATION, CALLBACKS = "train", "validation", "callbacks"
PARTS = (TRAIN, VALIDATION, CALLBACKS)


class CurveLogger(Logger):
    """Write ``train.csv`` and ``validation.csv``, a row per step, values with all their digits.

    What callbacks record goes to ``callbacks.csv``, whose columns may grow.

    Parameters
    ----------
    folder
        Where the files lie.
    first_step
        A run goes on after this step: rows after it, left by a process that was killed, are dropped.
    """

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        self._columns: dict[str, list[str]] = {}
        for part in PARTS:
            kept = [row for row in read_curve(folder / f"{part}.csv") if int(row["step"]) <= first_step]
            self._rewrite(part, kept)

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "curve"

    @property
    def version(self) -> str:
        """Nothing: one set of files per run."""
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: ``config.yaml`` has them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a row to the file of each part that the metrics' names begin with."""
        rows: dict[str, dict[str, str]] = {}
        for name, value in metrics.items():
            rows.setdefault(_part(name, metrics), {"step": str(step)})[name] = repr(float(value))
        for part, row in rows.items():
            self._append(part, row)

    def finalize(self, status: str) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def _append(self, part: str, row: Mapping[str, str]) -> None:
        columns = self._columns.setdefault(part, [])
        if any(name not in columns for name in row):
            self._rewrite(part, [*read_curve(self._folder / f"{part}.csv"), row])
        else:
            csv.DictWriter(self._open[part], columns).writerow(row)

    def _rewrite(self, part: str, rows: list[Any]) -> None:
        """Write a part anew with the columns of all its rows."""
        path = self._folder / f"{part}.csv"
        if part in self._open:
            self._open[part].close()
        if not rows:
            path.unlink(missing_ok=True)
            return
        self._columns[part] = list(dict.fromkeys(name for row in rows for name in row))
        lines = [self._columns[part], *([row.get(name, "") for name in self._columns[part]] for row in rows)]
        write_atomic(path, "".join(f"{','.join(line)}\r\n" for line in lines))
        self._open[part] = path.open("a", newline="", buffering=1)


def _part(name: str, metrics: Mapping[str, float]) -> str:
    """Return the file of a value: that of a loss only beside the loss, so that its column has no gaps."""
    if (name == "learning_rate" or name.startswith("train/")) and "train/loss" in metrics:
        return TRAIN
    return VALIDATION if name.startswith("validation/") and "validation/loss" in metrics else CALLBACKS


def read_curve(path: Path) -> list[dict[str, str]]:
    """Return the rows of a curve; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["step"].isdigit() and None not in row.values()]


def tensorboard(folder: Path, first_step: int) -> Logger:
    """Return Lightning's logger for TensorBoard, in ``logs/tensorboard``."""
    purge = first_step + 1 if first_step else None
    return TensorBoardLogger(
        folder, name="tensorboard", version="", purge_step=purge, default_hp_metric=False
    )


def kept(path: Path, value: str) -> str:
    """Return what a file holds; one that is not there gets a value."""
    if not path.exists():
        write_atomic(path, value)
    return path.read_text()
