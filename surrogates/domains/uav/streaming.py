"""Prediction of a flight while it is flown: the next second after every position."""

import warnings
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import torch

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, display
from surrogates.data.window import HORIZON, known_name, step_of, window_dimension
from surrogates.domains.uav.hindsight import PUT_OFF, Hindsight, Prediction
from surrogates.domains.uav.recent import RecentTrack
from surrogates.inference.asking import SEED
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.reading import extrapolation
from surrogates.inference.surrogate import Surrogate, load
from surrogates.learning.answers import deviation_name

STEPS_OF_GAP = 5
SAME = 1e-4  # of a step: the stamps of a day in microseconds, or in seconds since 1970 as float64
RESETS_IN_A_ROW = 10
ORIGIN = np.zeros(3)


class TrajectoryPredictor:
    """Ask a trained surrogate after every measured position.

    The surrogate wants positions on a grid of constant step that ends now. The grid follows the stream: its
    last point is the newest stamp, the points before are interpolated linearly between the measurements, and
    so every push of a full history gives a fresh prediction, at any rate of the stream. Stamps on the grid
    are used as they are.

    Parameters
    ----------
    surrogate
        A forecast of `position` from only `position`, as `surrogates.load` returns it; or its folder, which
        is opened on the CPU (for one small network an accelerator only adds its latency).
    max_gap
        Longest time between two positions that is still interpolated, s; five steps of the grid by default.
        The position after a longer gap begins a new history.

    Attributes
    ----------
    step, history, horizon
        Step of the grid, s; points that the surrogate gets, and predicts.
    resets
        Number of gaps that have emptied the history.
    hindsight
        Scores of the predictions whose truth has arrived.

    Raises
    ------
    ValueError
        When the surrogate is not such a forecast.
    """

    def __init__(self, surrogate: Surrogate | str | Path, max_gap: float | None = None) -> None:
        if isinstance(surrogate, str | Path):
            surrogate = load(surrogate, device="cpu")
        self._bundle = surrogate.bundle
        self._input, self._target = _forecast_of(surrogate)
        self.step = _step_in_seconds(surrogate, self._input)
        self.history, self.horizon = self._input.shape[0], self._target.shape[0]
        self.max_gap = STEPS_OF_GAP * self.step if max_gap is None else float(max_gap)
        if not 0 < self.max_gap < float("inf"):
            raise ValueError(f"max_gap is {max_gap!r}; expected seconds above 0.")
        self.resets = 0
        self._slack = SAME * self.step
        self._back = self.step * np.arange(1 - self.history, 1)
        self._ahead = self.step * np.arange(1, self.horizon + 1)
        reach = max(self.history - 1, self.horizon) * self.step
        self._track = RecentTrack(reach + self.max_gap + PUT_OFF)
        self.hindsight = Hindsight(self._track, self._slack)
        self._device = self._bundle.device
        self._given = torch.zeros(1, self.history, 3)  # each time the same memory
        self._rng = torch.Generator(device=self._device)
        self._range = surrogate.bundle.manifest.ranges.get(self._input.name)
        self._outside = False
        self._lonely = 0
        # Whether a shifted flight gets the same prediction, shifted.
        self._moves_along = all(
            self._input.name in pipeline.transform.offset_free for pipeline, _ in self._bundle.parts
        )

    def __len__(self) -> int:
        """Return the number of measured positions in the present history."""
        return len(self._track)

    def push(self, time: float, position: Sequence[float] | np.ndarray) -> Prediction | None:
        """Push one measured position and predict the next ones.

        Parameters
        ----------
        time
            Stamp of the position, s on any clock; later than all before.
        position
            East, north and up, m.

        Returns
        -------
        Prediction or None
            None until the positions since the start, or since the last gap, span the surrogate's history.

        Raises
        ------
        ValueError
            For a stamp or position that is not finite, and for a stamp that is not later than the newest one
            (a repeated one included: drop it, the measurement has been counted). Nothing has changed then;
            the next position may follow.

        Warns
        -----
        OutOfRangeWarning
            When the history leaves the range of training; again only after it was inside. Surrogates whose
            prediction moves along with the flight ignore its position.
        UserWarning
            When ten positions in a row came after too long a gap.
        """
        time, point = _checked(time, position)
        track = self._track
        if len(track):
            wait = time - track.newest
            if wait <= 0:
                raise ValueError(_not_later(time, track.newest))
            if wait > self.max_gap + self._slack:
                self._lonely = self._lonely + 1 if len(track) == 1 else 0
                self.reset()
                self.resets += 1
                self._warn_of_gaps(wait)
        track.append(time, point)
        when = time + self._back
        if when[0] < track.oldest - self._slack:
            return None
        prediction = self._predict(time, when, track.at(when))
        self.hindsight.wait_for(prediction)
        return prediction

    def reset(self) -> None:
        """Begin a new history, e.g. before another flight; the scores stay."""
        self.hindsight.abandon()
        self._track.clear()

    def _predict(self, time: float, when: np.ndarray, history: np.ndarray) -> Prediction:
        # Far from the origin float32 is too coarse: at 5000 km its steps are half a metre.
        origin = history[-1] if self._moves_along else ORIGIN
        if not self._moves_along:
            self._warn_of_range(history)
        position, deviation = self._ask(history, origin)
        return Prediction(time, time + self._ahead, position, deviation, when, history)

    def _ask(self, history: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        np.subtract(history, origin, out=self._given.numpy()[0], casting="same_kind")
        name = self._target.name
        given = {self._input.name: self._given.to(self._device)}
        answer = self._bundle.predict(given, self._rng.manual_seed(SEED))
        deviation = answer.get(deviation_name(name))
        return (
            answer[name].cpu().numpy()[0] + origin,
            None if deviation is None else deviation.cpu().numpy()[0].astype(float),
        )

    def _warn_of_range(self, history: np.ndarray) -> None:
        if self._range is None:
            return
        found = extrapolation(self._input, float(history.min()), float(history.max()), self._range)
        if found is not None and not self._outside:
            warnings.warn(found, OutOfRangeWarning, stacklevel=4)
        self._outside = found is not None

    def _warn_of_gaps(self, wait: float) -> None:
        if self._lonely == RESETS_IN_A_ROW:
            warnings.warn(
                f"{self._lonely} positions in a row came after more than {self.max_gap:g} s, the last after "
                f"{wait:g} s, so nothing is predicted. Expected stamps in seconds, from a stream that is "
                "faster; a larger max_gap interpolates over longer gaps.",
                stacklevel=3,
            )


def _forecast_of(surrogate: Surrogate) -> tuple[VariableSpec, VariableSpec]:
    """Return the specs of input and target; refuse what is no forecast of a position."""
    inputs, targets = list(surrogate.inputs.values()), list(surrogate.outputs.values())
    found = f"found {', '.join(map(_outline, inputs))} -> {', '.join(map(_outline, targets))}"
    wanted = (
        "a stream needs a surrogate that forecasts one position from its own past, such as "
        "position (time, axis) (20, 3) [m] -> position_forecast (horizon, axis) (10, 3) [m]"
    )
    fits = (
        len(inputs) == len(targets) == 1
        and known_name(targets[0].name) == inputs[0].name
        and all(
            len(spec.shape) == 2 and spec.shape[1] == 3 and spec.units == "m" for spec in (*inputs, *targets)
        )
        and inputs[0].dims[1:2] == (window_dimension(inputs[0]),)
        and targets[0].dims[1:] == (HORIZON, *inputs[0].dims[2:])
    )
    if not fits:
        raise ValueError(f"{wanted}; {found}. Train with task=forecast and only the input position.")
    return inputs[0], targets[0]


def _step_in_seconds(surrogate: Surrogate, spec: VariableSpec) -> float:
    """Return the spacing of the samples of an input, whose clock may count in other units."""
    coordinate = surrogate.bundle.manifest.coordinates.get(spec.dims[1])
    units = str(coordinate.attributes.get("units", "1")) if coordinate else "1"
    step = step_of(spec)
    try:
        seconds = float(convert(np.array([step]), units, "s")[0])
    except ContractError:
        seconds = np.nan
    if not 0 < seconds < np.inf:
        raise ValueError(
            f"a stream needs samples that are seconds apart; '{spec.dims[1]}' of the surrogate has steps of "
            f"{step:g} {display(units) or '(no unit)'}. Train again on a store whose '{spec.dims[1]}' has a "
            "unit of time."
        )
    return seconds


def _outline(spec: VariableSpec) -> str:
    return f"{spec.name} ({', '.join(spec.dims[1:])}) {spec.shape} [{display(spec.units) or '1'}]"


def _checked(time: float, position: Sequence[float] | np.ndarray) -> tuple[float, tuple[float, float, float]]:
    try:
        stamp = float(time)
    except (TypeError, ValueError):
        raise ValueError(f"the time is {time!r}; expected seconds as one number.") from None
    if not isfinite(stamp):
        raise ValueError(f"the time is {stamp}; expected a finite number of seconds. Drop the message.")
    try:  # plain numbers: for three of them NumPy takes ten times as long
        east, north, up = position.tolist() if isinstance(position, np.ndarray) else position
        point = float(east), float(north), float(up)
    except (TypeError, ValueError):
        found = " ".join(repr(position).split())
        raise ValueError(
            f"the position at {stamp} s is {found}; expected three numbers: east, north, up in m."
        ) from None
    if not (isfinite(point[0]) and isfinite(point[1]) and isfinite(point[2])):
        raise ValueError(
            f"the position at {stamp} s is {list(point)}; expected three finite numbers, m. "
            "Drop the message; a short gap is interpolated."
        )
    return stamp, point


def _not_later(time: float, newest: float) -> str:
    if time == newest:
        return f"the stamp {time} s has come twice; expected each once. Drop the second message."
    return (
        f"the stamp {time} s is {newest - time:.6g} s before the newest one, {newest} s; expected increasing "
        "stamps. Drop or sort late messages; call reset() where a clock starts again."
    )
