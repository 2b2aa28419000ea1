"""How good were the predictions of a stream? Known once their time has come."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from surrogates.domains.uav.recent import RecentTrack

KEPT = 10_000  # evaluated predictions in memory, about 20 MB; the scores count all


@dataclass(frozen=True)
class Prediction:
    """Where it will be, from what was seen up to `time`.

    Attributes
    ----------
    time
        Of the newest sample, "now", s on the clock of the stream.
    times
        Shape (horizon,), s on the same clock.
    position
        Shape (horizon, 3), m.
    standard_deviation
        Of `position`, same shape, m; None where the surrogate predicts none.
    history_times
        Shape (history,), s; the last is `time`.
    history
        Shape (history, 3), m: what the surrogate was given.
    """

    time: float
    times: np.ndarray
    position: np.ndarray
    standard_deviation: np.ndarray | None
    history_times: np.ndarray
    history: np.ndarray


@dataclass(frozen=True)
class Evaluated:
    """A prediction whose time has come.

    Attributes
    ----------
    prediction
        What was said.
    truth
        Shape (horizon, 3), m: what was measured, linear between the samples.
    """

    prediction: Prediction
    truth: np.ndarray

    @cached_property
    def distance(self) -> np.ndarray:
        """Distance between prediction and truth, shape (horizon,), m."""
        return np.linalg.norm(self.prediction.position - self.truth, axis=1)


class Hindsight:
    """Scores of all predictions whose truth has arrived.

    A prediction counts once the whole of its horizon has been measured. One whose horizon reaches into a gap
    of the stream never is; it is `abandoned`.

    Attributes
    ----------
    count, abandoned
        Predictions that were scored, and that never will be.
    evaluated
        The last of those scored, oldest first.
    """

    def __init__(self) -> None:
        self.count = self.abandoned = 0
        self.evaluated: deque[Evaluated] = deque(maxlen=KEPT)
        self._pending: deque[Prediction] = deque()
        self._square = self._distance = self._final = 0.0

    @property
    def mse(self) -> float:
        """Mean squared error of a coordinate, m2; NaN before the first score, as for all others."""
        return self._mean(self._square)

    @property
    def rmse(self) -> float:
        """Root of `mse`, m."""
        return float(np.sqrt(self.mse))

    @property
    def ade(self) -> float:
        """Mean distance over the horizon (average displacement error), m."""
        return self._mean(self._distance)

    @property
    def fde(self) -> float:
        """Mean distance at the end of the horizon (final displacement error), m."""
        return self._mean(self._final)

    def wait_for(self, prediction: Prediction) -> None:
        """Score a prediction when its time has come."""
        self._pending.append(prediction)

    def look_back(self, track: RecentTrack, slack: float) -> None:
        """Score the predictions whose horizon has been measured.

        Parameters
        ----------
        track
            What was measured, back to the start of every waiting prediction's horizon.
        slack
            Times closer than this are the same, s.
        """
        while self._pending and self._pending[0].times[-1] <= track.newest + slack:
            prediction = self._pending.popleft()
            self._score(Evaluated(prediction, track.at(prediction.times)))

    def abandon(self) -> None:
        """Give up on what waits, since its truth will not come."""
        self.abandoned += len(self._pending)
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

    def _score(self, each: Evaluated) -> None:
        self.count += 1
        self.evaluated.append(each)
        self._square += float(np.mean((each.prediction.position - each.truth) ** 2))
        self._distance += float(each.distance.mean())
        self._final += float(each.distance[-1])

    def _mean(self, total: float) -> float:
        return total / self.count if self.count else float("nan")
