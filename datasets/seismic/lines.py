"""Shots and receivers of SEG-Y files, sorted into gathers along a straight line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from datasets.factory.errors import BuildError
from datasets.seismic import trace_headers
from datasets.seismic.segy_keys import GatherKeys
from datasets.seismic.trace_choice import Chosen, choose, leaving_out
from datasets.seismic.traces import Traces, width

LOOSE = 0.1
"""By how much of their spacing receivers may be off their regular positions."""


@dataclass(frozen=True)
class Line:
    """Gathers of one file, or of several with the same receivers; positions in m from the first receiver.

    Attributes
    ----------
    traces
        Indices of the traces in their file, shape (shots, receivers).
    dead
        Which of them are dead, same shape.
    factors
        What multiplies their amplitudes, same shape.
    shots
        Positions of the shots, ascending, shape (shots,).
    receivers
        Positions of the receivers, ascending, shape (shots, receivers).
    times
        Times of the samples, s.
    start, direction
        Coordinates of the first receiver, m, and unit vector along the line; both of shape (2,).
    attributes
        Units of the amplitudes and what else is said of all of them.
    remarks
        What a user should know of the file.
    total, causes, chosen
        Traces of the file, and how many of them are left out by cause.
    files
        Index of the file of each shot, shape (shots,).
    relative
        Whether only distances from the shot are known, so that all shots lie at 0.
    """

    traces: np.ndarray
    dead: np.ndarray
    factors: np.ndarray
    shots: np.ndarray
    receivers: np.ndarray
    times: np.ndarray
    start: np.ndarray
    direction: np.ndarray
    attributes: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    total: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)
    chosen: Mapping[str, int] = field(default_factory=dict)
    files: np.ndarray = field(default_factory=lambda: np.zeros(1, int))
    relative: bool = False

    @property
    def spacing(self) -> float:
        """Distance of neighbouring receivers, m."""
        return float(np.median(np.diff(self.receivers, axis=1)))

    @property
    def stands(self) -> bool:
        """Whether all shots are recorded at the same positions; otherwise receivers move with the shots."""
        return not self.relative and bool(np.ptp(self.receivers, axis=0).max() <= LOOSE * self.spacing)

    def shares_receivers(self, other: Line) -> bool:
        """Tell whether both were recorded by the same receivers, which stand still."""
        if not (self.stands and other.stands) or self.receivers.shape[1] != other.receivers.shape[1]:
            return False
        loose = LOOSE * other.spacing
        ends = [line.start + line.direction * line.receivers[0, -1] for line in (self, other)]
        return float(max(np.hypot(*(self.start - other.start)), np.hypot(*(ends[0] - ends[1])))) <= loose


def read_line(traces: Traces, keys: GatherKeys | None = None) -> Line:
    """Sort the traces of a SEG-Y file into gathers.

    Parameters
    ----------
    traces
        The file.
    keys
        What the user says of it.

    Raises
    ------
    BuildError
        If headers contradict each other or the keys, if shots have unequal numbers of traces, or if receivers
        are not regular on a straight line, standing still or towed.
    """
    keys, traces = keys or GatherKeys(), traces.with_headers()
    chosen = choose(traces, keys)
    times = trace_headers.times(traces, chosen.live, keys)
    sources, groups, of_points = trace_headers.points(traces, chosen, keys)
    factors, units, of_amplitudes = trace_headers.amplitudes(traces, chosen, keys)
    attributes, of_file = trace_headers.stated(traces, chosen.live, keys)
    start, direction = _course(traces, chosen, sources, groups)
    at_shot, at_receiver = (sources - start) @ direction, (groups - start) @ direction
    shot_of = traces.word(9)[chosen.numbers] if keys.geometry == "offsets" else _same_rows(sources)
    order = _gathered(traces, chosen, shot_of, at_shot, at_receiver)
    line = Line(
        traces=chosen.numbers[order],
        dead=chosen.dead[order],
        factors=factors[order],
        shots=at_shot[order[:, 0]],
        receivers=at_receiver[order],
        times=times,
        start=start,
        direction=direction,
        attributes={"units": units, **chosen.attributes, **attributes},
        remarks=(*chosen.remarks, *of_file, *of_points, *of_amplitudes),
        total=len(traces),
        causes=chosen.causes,
        chosen=chosen.chosen,
        files=np.zeros(len(order), int),
        relative=keys.geometry == "offsets",
    )
    _require_regular(traces, line)
    return line


def _same_rows(values: np.ndarray) -> np.ndarray:
    """Return a number for each row, equal where rows are."""
    return np.unique(values, axis=0, return_inverse=True)[1].ravel()


def _course(
    traces: Traces, chosen: Chosen, sources: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates of the first receiver and the unit vector along the line through the receivers."""
    middle = groups.mean(axis=0)
    direction = np.linalg.svd(groups - middle, full_matrices=False)[2][0]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    along = (groups - middle) @ direction
    length = np.ptp(along)
    if length == 0.0:
        raise BuildError(f"{traces.path}: {_why_one_position(traces, chosen, groups[0])}")
    points = np.concatenate([sources, groups])
    beside = np.abs((points - middle) @ np.array([-direction[1], direction[0]]))
    if beside.max() > 0.01 * length and not sources.any():
        raise BuildError(
            f"{traces.path}: no coordinates of sources found (bytes 73-80 of the trace headers); name the "
            "bytes that hold them, such as `coordinate_bytes={source_x: 181, source_y: 185}`"
        )
    if beside.max() > 0.01 * length:
        worst = int(beside.argmax())
        kind, starts = ("source", (73, 77)) if worst < len(sources) else ("receiver", (81, 85))
        number = chosen.numbers[worst % len(sources)]
        raise BuildError(
            f"{traces.path}, trace {number + 1}: its {kind} at {_place(points[worst])} lies "
            f"{beside.max():.4g} m beside the line of {length:.4g} m through the receivers, a straight line "
            "expected; cut the file at its bends, or leave traces out, such as by "
            f"{leaving_out(traces, number, *starts)}"
        )
    return middle + direction * along.min(), direction


def _why_one_position(traces: Traces, chosen: Chosen, place: np.ndarray) -> str:
    """Say what to do where all receivers have the same coordinates."""
    said = (
        f"all receivers lie at {_place(place)}, coordinates in bytes 81-88 of the trace headers expected; "
        "name the bytes that hold them, such as `coordinate_bytes={receiver_x: 181, receiver_y: 185}`, "
    )
    if len(np.unique(traces.word(37)[chosen.numbers])) > 1:
        return said + "or take the distances from the shot in bytes 37-40 by `geometry=offsets`"
    return said + "or write them into the headers"


def _gathered(
    traces: Traces, chosen: Chosen, shot_of: np.ndarray, at_shot: np.ndarray, at_receiver: np.ndarray
) -> np.ndarray:
    """Return traces, as indices of those chosen, by shot and receiver, both along the line."""
    order = np.lexsort((at_receiver, shot_of, at_shot))
    changes = np.flatnonzero(np.diff(shot_of[order])) + 1
    shots = np.split(order, changes)
    for shot in shots:
        twice = np.flatnonzero(np.diff(at_receiver[shot]) == 0.0)
        if len(twice):
            raise BuildError(
                f"{traces.path}: {_why_twice(traces, *chosen.numbers[shot[twice[0] : twice[0] + 2]])}"
            )
    usual, _ = Counter(map(len, shots)).most_common(1)[0]
    for shot in shots:
        if len(shot) != usual:
            raise BuildError(
                f"{traces.path}: {len(shot)} traces of the shot at {at_shot[shot[0]]:.6g} m (trace "
                f"{chosen.numbers[shot].min() + 1} and following) found, {usual} of most others; leave it "
                f"out, such as by {leaving_out(traces, chosen.numbers[shot[0]], 9, 17, 73, 77)}, or fill its "
                "missing traces as dead ones"
            )
    return np.stack(shots)


def _why_twice(traces: Traces, first: int, second: int) -> str:
    """Say of two traces with the same source and receiver what tells them apart, and what to do."""
    said = f"traces {first + 1} and {second + 1} have the same source and the same receiver"
    for byte, meaning in ((9, "field record"), (17, "source point"), (213, "device"), (13, "trace number")):
        values = traces.word(byte)[[first, second]].tolist()
        if values[0] != values[1]:
            return (
                f"{said}, and {meaning} {values[0]} and {values[1]} (bytes {byte}-{byte + width(byte) - 1}); "
                f"leave one of them out by {leaving_out(traces, second, byte)}, or name the bytes of their "
                "coordinates by `coordinate_bytes=`"
            )
    return f"{said}; write the file without repeated traces, or name the bytes by `coordinate_bytes=`"


def _require_regular(traces: Traces, line: Line) -> None:
    """Refuse receivers that are not evenly spaced, or that neither stand still nor are towed."""
    steps = np.diff(line.receivers, axis=1)
    if not steps.size:
        raise BuildError(
            f"{traces.path}: one receiver at each shot found, at least two expected; files of stacked traces "
            "hold no shot gathers, and gathers of one receiver are not read"
        )
    uneven = np.abs(steps - line.spacing)
    if uneven.max() > LOOSE * line.spacing:
        shot, receiver = np.unravel_index(uneven.argmax(), steps.shape)
        number = line.traces[shot, receiver + 1]
        raise BuildError(
            f"{traces.path}, trace {number + 1}: a receiver {steps[shot, receiver]:.4g} m behind the one "
            f"before found, {line.spacing:.4g} m as between most expected; leave receivers out, such as by "
            f"{leaving_out(traces, number, 81, 85, 37)}, or interpolate the traces to even spacing"
        )
    offsets = line.receivers - line.shots[:, None]
    moved = min(np.ptp(each, axis=0).max() for each in (line.receivers, offsets))
    if moved > LOOSE * line.spacing:
        raise BuildError(
            f"{traces.path}: receivers neither stand still nor keep their distance to the shot (they are off "
            f"by {moved:.4g} m); cut the file into files of one geometry"
        )


def _place(point: np.ndarray) -> str:
    return f"({point[0]:.6g}, {point[1]:.6g}) m"
