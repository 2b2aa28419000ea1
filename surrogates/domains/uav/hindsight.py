"""Scores of the predictions of a stream, as soon as their truth has arrived."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from surrogates.domains.uav.recent import RecentTrack

KEPT = 10_000  # evaluated predictions in memory, about 20 MB; the scores are of all
PUT_OFF = 1.0  # s: scoring one by one would cost a stream a tenth of its time


@dataclass(frozen=True)
class Prediction:
    """Positions ahead, from those up to `time`.

    Attributes
    ----------
    time
        Time of the newest sample, "now", s on the clock of the stream.
    times
        Shape (horizon,), s on the same clock.
    position
        Shape (horizon, 3), m.
    standard_deviation
        Standard deviation of `position`, same shape, m; None if the surrogate predicts none.
    history_times
        Shape (history,), s; the last is `time`.
    history
        Input of the surrogate, shape (history, 3), m.
    """

    time: float
    times: np.ndarray
    position: np.ndarray
    standard_deviation: np.ndarray | None
    history_times: np.ndarray
    history: np.ndarray


@dataclass(frozen=True)
class Evaluated:
    """A prediction and its truth.

    Attributes
    ----------
    prediction
        The prediction.
    truth
        Measured positions, linear between the samples, shape (horizon, 3), m.
    """

    prediction: Prediction
    truth: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Distance between prediction and truth, shape (horizon,), m."""
        error = self.prediction.position - self.truth
        return np.sqrt((error * error).sum(axis=1))


class Hindsight:
    """Scores of all predictions whose truth has arrived.

    A prediction counts once the whole of its horizon has been measured. One whose horizon reaches into a gap
    of the stream never is; it is `abandoned`.

    Parameters
    ----------
    track
        Measured positions, kept `PUT_OFF` longer than the longest horizon.
    slack
        Times closer than this are the same, s.
    """

    def __init__(self, track: RecentTrack, slack: float) -> None:
        self._track, self._slack = track, slack
        self._count = self._abandoned = 0
        self._evaluated: deque[Evaluated] = deque(maxlen=KEPT)
        self._pending: deque[Prediction] = deque()
        self._square = self._distance = self._final = 0.0

    @property
    def count(self) -> int:
        """Number of scored predictions."""
        self._look_back()
        return self._count

    @property
    def abandoned(self) -> int:
        """Number of predictions that will never be scored."""
        return self._abandoned

    @property
    def evaluated(self) -> Sequence[Evaluated]:
        """The last of those scored, oldest first."""
        self._look_back()
        return self._evaluated

    @property
    def mse(self) -> float:
        """Mean squared error of a coordinate, m2; NaN before the first score, as for all others."""
        return self._square / self.count if self.count else float("nan")

    @property
    def rmse(self) -> float:
        """Root of `mse`, m."""
        return float(np.sqrt(self.mse))

    @property
    def ade(self) -> float:
        """Mean distance over the horizon (average displacement error), m."""
        return self._distance / self.count if self.count else float("nan")

    @property
    def fde(self) -> float:
        """Mean distance at the end of the horizon (final displacement error), m."""
        return self._final / self.count if self.count else float("nan")

    def wait_for(self, prediction: Prediction) -> None:
        """Score a prediction when its truth has arrived."""
        self._pending.append(prediction)
        if prediction.time - self._pending[0].times[-1] > PUT_OFF:
            self._look_back()

    def abandon(self) -> None:
        """Drop the predictions that still wait, since their truth will not arrive."""
        self._look_back()
        self._abandoned += len(self._pending)
        self._pending.clear()

    def row(self) -> dict[str, float]:
        """Return the scores by name, in m and m2."""
        return {
            "predictions": self.count,
            "abandoned": self.abandoned,
            "mse": self.mse,
            "rmse": self.rmse,
            "ade": self.ade,
            "fde": self.fde,
        }

    def dataset(self) -> xr.Dataset:
        """Return `evaluated`: prediction and truth, with their times on the clock of the stream."""
        kept = list(self.evaluated)
        if not kept:
            raise ValueError(
                "no prediction of the stream has been scored yet; push positions until a whole horizon has "
                "passed after the first prediction"
            )
        dims = ("prediction", "horizon", "axis")
        said = [each.prediction for each in kept]
        data = {
            "position_forecast": (dims, np.stack([each.position for each in said])),
            "position": (dims, np.stack([each.truth for each in kept])),
        }
        if all(each.standard_deviation is not None for each in said):
            spread = np.stack([np.asarray(each.standard_deviation) for each in said])
            data["position_forecast_standard_deviation"] = (dims, spread)
        coords = {
            "time": ("prediction", [each.time for each in said], {"units": "s"}),
            "target_time": (dims[:2], np.stack([each.times for each in said]), {"units": "s"}),
            "axis": ["x", "y", "z"],
        }
        found = xr.Dataset(data, coords=coords, attrs=self.row())
        for name in data:
            found[name].attrs["units"] = "m"
        return found

    def _look_back(self) -> None:
        """Score the predictions whose horizon has been measured, all at once."""
        newest = self._track.newest + self._slack if len(self._track) else float("-inf")
        due: list[Prediction] = []
        while self._pending and self._pending[0].times[-1] <= newest:
            due.append(self._pending.popleft())
        if not due:
            return
        truth = self._track.at(np.concatenate([each.times for each in due])).reshape(len(due), -1, 3)
        self._count += len(due)
        error = np.stack([each.position for each in due]) - truth
        distance = np.sqrt((error * error).sum(axis=2))
        self._square += float((distance * distance).mean(axis=1).sum()) / 3
        self._distance += float(distance.mean(axis=1).sum())
        self._final += float(distance[:, -1].sum())
        self._evaluated.extend(Evaluated(*pair) for pair in zip(due, truth, strict=True))
