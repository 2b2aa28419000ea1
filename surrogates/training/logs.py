"""Loggers of a run: the loss curves as CSV, and TensorBoard.

A logger is any object with ``log_metrics(metrics, step)``, ``log_hyperparams(params)`` and
``finalize(status)``, as Lightning's are. The program supplies ``folder`` (the run's ``logs/``),
``first_step`` (the run resumes after it), ``experiment`` and ``run`` (their names).
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.fabric.loggers import TensorBoardLogger
from lightning.fabric.loggers.logger import Logger

from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic

TRAIN, VALIDATION, CALLBACKS = "train", "validation", "callbacks"
KINDS = (TRAIN, VALIDATION, CALLBACKS)


class CurveLogger(Logger):
    """Write ``train.csv`` and ``validation.csv``, a row per step, values with all their digits.

    What callbacks record goes to ``callbacks.csv``, whose columns may grow.

    Parameters
    ----------
    folder
        Where the files lie.
    first_step
        A run resumes after this step: rows after it, left by a process that was killed, are dropped.
    """

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        self._columns: dict[str, list[str]] = {}
        for kind in KINDS:
            kept = [row for row in read_curve(folder / f"{kind}.csv") if int(row["step"]) <= first_step]
            self._rewrite(kind, kept)

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
        """Append a row to the file of each kind of metric (``train``, ``validation``, ``callbacks``)."""
        rows: dict[str, dict[str, str]] = {}
        for name, value in metrics.items():
            rows.setdefault(_kind(name, metrics), {"step": str(step)})[name] = repr(float(value))
        for kind, row in rows.items():
            self._append(kind, row)

    def finalize(self, status: str) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def _append(self, kind: str, row: Mapping[str, str]) -> None:
        columns = self._columns.setdefault(kind, [])
        if any(name not in columns for name in row):
            self._rewrite(kind, [*read_curve(self._folder / f"{kind}.csv"), row])
        else:
            csv.DictWriter(self._open[kind], columns).writerow(row)

    def _rewrite(self, kind: str, rows: list[Any]) -> None:
        """Rewrite the file of a kind with the columns of all its rows."""
        path = self._folder / f"{kind}.csv"
        if kind in self._open:
            self._open[kind].close()
        if not rows:
            path.unlink(missing_ok=True)
            return
        self._columns[kind] = list(dict.fromkeys(name for row in rows for name in row))
        lines = [self._columns[kind], *([row.get(name, "") for name in self._columns[kind]] for row in rows)]
        write_atomic(path, "".join(f"{','.join(line)}\r\n" for line in lines))
        self._open[kind] = path.open("a", newline="", encoding="utf-8", buffering=1)


def _kind(name: str, metrics: Mapping[str, float]) -> str:
    """Return the file of a value: that of a loss only if logged with the loss, so that no column has gaps."""
    if (name == "learning_rate" or name.startswith("train/")) and "train/loss" in metrics:
        return TRAIN
    return VALIDATION if name.startswith("validation/") and "validation/loss" in metrics else CALLBACKS


def read_curve(path: Path) -> list[dict[str, str]]:
    """Return the rows of a curve, without a last line that a kill cut short, be it inside its last number.

    Raises
    ------
    ConfigError
        When a row is no row of numbers; names the file and the line.
    """
    if not path.exists():
        return []
    text = path.read_bytes().decode(errors="replace")
    whole = text[: text.rfind("\n") + 1]  # a line ends with it, however well a shorter one reads
    rows = list(csv.DictReader(whole.splitlines()))
    for number, row in enumerate(rows, start=2):
        if not (row.get("step") or "").isdigit() or None in row or not all(map(_is_number, row.values())):
            raise ConfigError(
                f"{path}: line {number} is no row of a loss curve; restore the file, or remove it"
            )
    return rows


def require_whole(path: Path, steps: int) -> list[dict[str, str]]:
    """Return the rows of a curve of validations, none of which may be missing.

    Parameters
    ----------
    path
        The file.
    steps
        Step at which the run ended.

    Raises
    ------
    ConfigError
        When it does not go on evenly to the end of the run.
    """
    rows = read_curve(path)
    found = [int(row["step"]) for row in rows]
    every = found[0] if found else 1
    if found != sorted({*range(every, steps, every), steps}):
        raise ConfigError(f"{path} is not whole: rows are missing before step {steps}; train the run again")
    return rows


def _is_number(text: str | None) -> bool:
    """Return whether a cell holds a number, or nothing where a column has gaps."""
    try:
        return text == "" or float(text or "none") is not None
    except ValueError:
        return False


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
    return path.read_text(encoding="utf-8")
