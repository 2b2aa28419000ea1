"""Shots and receivers in the headers of SEG-Y traces, sorted into gathers along a straight line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.formats import require_format
from surrogates.core.optional import require

LOOSE = 0.1
"""By how much of their spacing receivers may be off their regular positions."""


@dataclass(frozen=True)
class Line:
    """The gathers of one file; positions in m along the line, counted from the first receiver.

    Attributes
    ----------
    traces
        Indices of the traces in the file, shape (shots, receivers).
    shots
        Positions of the shots, shape (shots,).
    receivers
        Positions of the receivers, ascending, shape (shots, receivers).
    times
        Times of the samples, s.
    """

    traces: np.ndarray
    shots: np.ndarray
    receivers: np.ndarray
    times: np.ndarray

    @property
    def spacing(self) -> float:
        """Distance of neighbouring receivers, m."""
        return float(np.median(np.diff(self.receivers, axis=1)))

    @property
    def stands(self) -> bool:
        """Whether all shots are recorded at the same positions; otherwise receivers move with the shots."""
        return bool(np.ptp(self.receivers, axis=0).max() <= LOOSE * self.spacing)


def read_line(path: Path) -> Line:
    """Read the headers of a SEG-Y file.

    Raises
    ------
    BuildError
        If the file is damaged or says nothing of positions or of the sampling interval, if shots have unequal
        numbers of traces, or if receivers are not regular on a straight line, standing still or towed.
    """
    with open_segy(path) as file:
        fields = require("segyio").TraceField
        points = {name: _points(file, name) for name in ("Source", "Group")}
        delays = np.unique(file.attributes(fields.DelayRecordingTime)[:])
        steps = np.unique(file.attributes(fields.TRACE_SAMPLE_INTERVAL)[:])
        step = int(file.bin[require("segyio").BinField.Interval]) or int(steps[0])
        samples = len(file.samples)
    if step <= 0 or any(steps[steps != 0] != step):
        raise BuildError(
            f"{path}: sampling intervals {step} (file) and {steps.tolist()} us (traces) found, one positive "
            "number expected; correct the headers"
        )
    if len(delays) > 1:
        raise BuildError(f"{path}: traces begin at {delays[:2].tolist()} ms; one beginning expected")
    times = 1e-3 * float(delays[0]) + 1e-6 * step * np.arange(samples)
    return _sorted(path, points["Source"], points["Group"], times)


def open_segy(path: Path) -> Any:
    """Open a SEG-Y file as a sequence of traces, or say in one line that it is none."""
    require_format(path, ("segy",), "a SEG-Y file")
    try:
        return require("segyio", "Reading SEG-Y").open(str(path), ignore_geometry=True)
    except (RuntimeError, OSError, ValueError) as error:
        raise BuildError(f"{path} is no whole SEG-Y file ({error}); fetch it again") from None


def _points(file: Any, kind: str) -> np.ndarray:
    """Return points (trace, 2) of sources or receivers, m: negative scalars divide (SEG-Y revision 1)."""
    fields = require("segyio").TraceField
    scalar = file.attributes(fields.SourceGroupScalar)[:].astype(float)
    factor = np.where(scalar < 0, -1.0 / np.minimum(scalar, -1.0), np.maximum(scalar, 1.0))
    axes = [file.attributes(getattr(fields, f"{kind}{axis}"))[:] * factor for axis in "XY"]
    return np.stack(axes, axis=1)


def _sorted(path: Path, sources: np.ndarray, groups: np.ndarray, times: np.ndarray) -> Line:
    shots, shot_of = np.unique(sources, axis=0, return_inverse=True)
    counts = np.bincount(shot_of.ravel())
    if len(set(counts.tolist())) > 1:
        few = int(np.argmin(counts))
        raise BuildError(
            f"{path}: {counts[few]} traces of the shot at {tuple(shots[few].tolist())} m found, "
            f"{counts.max()} of others; expected as many: leave out the shot, or fill its traces"
        )
    along = _along(path, np.concatenate([sources, groups]), groups)
    order = np.lexsort((along[len(sources) :], shot_of.ravel())).reshape(len(shots), -1)
    line = Line(
        traces=order,
        shots=along[: len(sources)][order[:, 0]],
        receivers=along[len(sources) :][order],
        times=times,
    )
    return _regular(path, line)


def _along(path: Path, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return positions along the line through the receivers, from the first receiver on, m."""
    middle = groups.mean(axis=0)
    direction = np.linalg.svd(groups - middle, full_matrices=False)[2][0]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    along = (points - middle) @ direction
    length = np.ptp((groups - middle) @ direction)
    if length == 0.0:
        raise BuildError(
            f"{path}: all receivers lie at {tuple(groups[0].tolist())} m; coordinates in GroupX and GroupY "
            "of the trace headers expected"
        )
    beside = np.abs((points - middle) @ np.array([-direction[1], direction[0]])).max()
    if beside > 0.01 * length:
        raise BuildError(
            f"{path}: shots or receivers lie up to {beside:.4g} m beside the line of {length:.4g} m; a "
            "straight line expected: cut the file at its bends, or project the coordinates"
        )
    return along - ((groups - middle) @ direction).min()


def _regular(path: Path, line: Line) -> Line:
    """Return a line whose receivers are evenly spaced, and the same for all shots or towed behind them."""
    steps = np.diff(line.receivers, axis=1)
    if not steps.size or np.abs(steps - line.spacing).max() > LOOSE * line.spacing:
        found = f"{steps.min():.4g} to {steps.max():.4g} m" if steps.size else "one receiver"
        raise BuildError(
            f"{path}: receivers {found} apart found, even spacing expected; leave traces out, or interpolate "
            "them to a regular line"
        )
    offsets = line.receivers - line.shots[:, None]
    moved = min(np.ptp(each, axis=0).max() for each in (line.receivers, offsets))
    if moved > LOOSE * line.spacing:
        raise BuildError(
            f"{path}: receivers neither stand still nor keep their distance to the shot (they are off by "
            f"{moved:.4g} m); cut the file into files of one geometry"
        )
    return line
