"""A stream from its first position to its last: what the command shows, writes and draws."""

import csv
import statistics
import time as clock
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import TextIOBase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from surrogates.domains.uav.hindsight import Prediction
from surrogates.domains.uav.streaming import TrajectoryPredictor

KEPT = 100_000  # measured positions in memory, for the picture
RATE_OF = 50  # positions over which the rate is averaged
COLUMNS = ("now", "time", "east", "north", "up")
DEVIATIONS = ("east_standard_deviation", "north_standard_deviation", "up_standard_deviation")


class Session(AbstractContextManager["Session"]):
    """Push positions, count refused ones, write predictions line by line.

    Parameters
    ----------
    predictor
        Predictor of the positions ahead.
    table
        CSV file for all predictions, a line for each step of the horizon, made with the first; or None.

    Attributes
    ----------
    times, positions
        Last measured positions and their times, m and s.
    latest
        Newest prediction.
    predictions, refused
        Counts of predictions, and of refused positions.
    refusal
        Reason for the last refusal.
    """

    def __init__(self, predictor: TrajectoryPredictor, table: Path | None = None) -> None:
        self.predictor = predictor
        self.times: deque[float] = deque(maxlen=KEPT)
        self.positions: deque[np.ndarray] = deque(maxlen=KEPT)
        self.latest: Prediction | None = None
        self.predictions = self.refused = 0
        self.refusal = ""
        self._spent: deque[float] = deque(maxlen=1000)
        self._table = table
        self._file: TextIOBase | None = None
        self._rows: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def push(self, time: float, position: Sequence[float] | np.ndarray) -> None:
        """Push one position; count it if the predictor refuses it."""
        start = clock.perf_counter()
        try:
            prediction = self.predictor.push(time, position)
        except ValueError as error:
            self.refused += 1
            self.refusal = str(error)
            return
        self.times.append(float(time))
        self.positions.append(np.asarray(position, dtype=float))
        if prediction is not None:
            self._spent.append(clock.perf_counter() - start)
            self.predictions += 1
            self.latest = prediction
            self._write(prediction)

    def line(self) -> str:
        """Return the state of the stream in one line."""
        score = self.predictor.hindsight
        if not self.times:
            return "no position yet"
        shown = [f"{self.times[-1]:.1f} s", f"{self._rate():.0f} Hz"]
        if score.count:
            last = score.evaluated[-1].distance[-1]
            shown.append(
                f"last error {last:.2f} m  ADE {score.ade:.2f}  FDE {score.fde:.2f}  RMSE {score.rmse:.2f} m"
            )
        elif self.predictions:
            shown.append(f"{self.predictions} predictions, none scored yet")
        else:
            need = (self.predictor.history - 1) * self.predictor.step
            shown.append(f"filling the history of {need:g} s")
        return "  ".join(shown + self._troubles())

    def summary(self) -> str:
        """Return the scores of the stream in one line."""
        score = self.predictor.hindsight
        shown = [f"{len(self.times)} positions, {self.predictions} predictions, {score.count} scored"]
        if score.count:
            shown.append(f"ADE {score.ade:.3f} m, FDE {score.fde:.3f} m, RMSE {score.rmse:.3f} m")
        if self._spent:
            shown.append(f"{1e3 * statistics.median(self._spent):.2f} ms each (median)")
        return "; ".join(shown + self._troubles())

    def _troubles(self) -> list[str]:
        counts = (("resets", self.predictor.resets), ("refused", self.refused))
        return [f"{name} {count}" for name, count in counts if count]

    def _rate(self) -> float:
        first = self.times[-min(RATE_OF, len(self.times))]
        span = self.times[-1] - first
        return (min(RATE_OF, len(self.times)) - 1) / span if span > 0 else 0.0

    def _write(self, prediction: Prediction) -> None:
        if self._table is None:
            return
        spread = prediction.standard_deviation
        if self._file is None:
            self._table.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._table.open("w", encoding="utf-8", newline="", buffering=1)
            self._rows = csv.writer(self._file)
            self._rows.writerow(COLUMNS if spread is None else COLUMNS + DEVIATIONS)
        for step, (when, position) in enumerate(zip(prediction.times, prediction.position, strict=True)):
            numbers = position if spread is None else (*position, *spread[step])
            self._rows.writerow([f"{prediction.time:.6f}", f"{when:.6f}", *(f"{x:.4f}" for x in numbers)])
