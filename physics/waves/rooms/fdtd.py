"""Finite differences in time on the cells of a room, second order, with locally reacting walls.

Written against the array API: NumPy, CuPy and torch run the same code, on the device and in the type of the
initial pressure. The grid lies in memory as one line with a solid cell behind each row, plane and source, so
that the neighbours of all cells are shifts of one line: fewer and longer operations than on boxes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as _device

from physics.geometry import Array
from physics.waves.rooms.air import AIR, Air
from physics.waves.rooms.room import Room
from physics.waves.rooms.wall_memory import Rule, WallMemory

ROUNDING = 1e-9
PIECE = 1 << 16
"""Cells of one operation: few enough for the cache, enough that the call itself costs nothing."""


class Clock(NamedTuple):
    """When a simulation steps and records.

    Attributes
    ----------
    time_step
        s.
    stride
        Steps between two samples.
    samples
        Samples; the first one is the initial pressure.
    """

    time_step: float
    stride: int
    samples: int

    @property
    def times(self) -> np.ndarray:
        """Time of each sample, s."""
        return np.arange(self.samples) * (self.time_step * self.stride)


def largest_step(spacing: tuple[float, ...], air: Air = AIR) -> float:
    """Return the largest stable time step on cells of these sides (m), s: the Courant limit."""
    return 1.0 / (air.speed * math.sqrt(sum(1.0 / side**2 for side in spacing)))


def fitting_clock(spacing: tuple[float, ...], interval: float, samples: int, air: Air = AIR) -> Clock:
    """Return the clock with the largest stable time step of which an interval (s) is a multiple."""
    stride = math.ceil(interval / largest_step(spacing, air) - ROUNDING)
    return Clock(interval / stride, stride, samples)


def simulate(
    room: Room,
    initial: Array,
    clock: Clock,
    *,
    receivers: np.ndarray | None = None,
    air: Air = AIR,
    at_once: int = PIECE,
) -> Array:
    """Return the pressure in a room after initial pressures at rest.

    Parameters
    ----------
    room
        Cells and walls.
    initial : (sources, nx, ny[, nz]) floating array
        Pa; what lies in solid cells is left out.
    clock
        Time step, and when to record.
    receivers : (receivers, axes) int array, optional
        Cells to record; all by default.
    air
        Speed of sound and density.
    at_once
        Cells to compute together, over all sources: as many as fill a GPU, or as a cache holds.

    Returns
    -------
    (sources, samples, nx, ny[, nz]) or (sources, samples, receivers) array
        Pa, 0 in solid cells; library, type and device of `initial`.

    Raises
    ------
    ValueError
        If the time step is above the Courant limit, or shapes do not fit.

    Notes
    -----
    With ``v`` the velocity of the wall that a face has, n faces and cells of the side h::

        p_tt = c^2 (sum of open neighbours - K p) / h^2 - n rho c^2 / h  dv/dt

    in central differences. The states of a wall that remembers follow the trapezoidal rule, which keeps a
    passive wall passive at every time step below the limit; such a wall is moved from the centre of the cell,
    whose pressure it takes, to the face by the mass of the air between, without which its error would be of
    first order. To a real impedance that makes a difference of second order only, and it is left as it is.

    References
    ----------
    K. Kowalczyk, M. van Walstijn, "Room acoustics simulation using 3-D compact explicit FDTD schemes", IEEE
    TASLP 19 (2011), and S. Bilbao et al., IEEE/ACM TASLP 24 (2016), for the walls.
    """
    _check(room, initial, clock, receivers, air)
    xp, device = array_namespace(initial), _device(initial)

    def moved(values: np.ndarray) -> Array:
        return xp.asarray(values, dtype=initial.dtype, device=device)

    sources, group = initial.shape[0], max(1, at_once // room.air.size)
    found, scheme = [], None
    for start in range(0, sources, group):
        some = initial[start : min(start + group, sources), ...]
        if scheme is None or scheme.line.sources != some.shape[0]:
            scheme = _Scheme(room, clock, air, _Line(room.air.shape, some.shape[0]), moved)
        found.append(_records(scheme, some * moved(room.air[None]), clock, receivers, max(PIECE, at_once)))
    whole = xp.concat(found) if len(found) > 1 else found[0]
    return whole if receivers is not None else xp.reshape(whole, (*whole.shape[:2], *room.air.shape))


def _check(room: Room, initial: Array, clock: Clock, receivers: np.ndarray | None, air: Air) -> None:
    if tuple(initial.shape[1:]) != room.air.shape or initial.shape[0] == 0:
        raise ValueError(
            f"initial: shape {tuple(initial.shape)} found, (sources, {', '.join(map(str, room.air.shape))}) "
            "expected; write initial[None] for one source"
        )
    limit = largest_step(room.spacing, air)
    if not 0 < clock.time_step <= limit * (1 + ROUNDING):
        raise ValueError(
            f"time_step: {clock.time_step:.4g} s found, Courant number {clock.time_step / limit:.4g} of the "
            f"limit; at most {limit:.4g} s expected for cells of "
            f"{' x '.join(f'{side:.4g}' for side in room.spacing)} m; shorten it or take larger cells"
        )
    if clock.stride < 1 or clock.samples < 1:
        raise ValueError(f"clock: {clock} found, a stride and samples of at least 1 expected")
    if receivers is not None:
        inside = (receivers >= 0) & (receivers < np.array(room.air.shape))
        if receivers.ndim != 2 or receivers.shape[1] != room.air.ndim or not inside.all():
            raise ValueError(
                f"receivers: {receivers.shape} cells found, (receivers, {room.air.ndim}) inside the grid of "
                f"{room.air.shape} expected"
            )


class _Line(NamedTuple):
    """How the cells of some sources lie in memory: a solid plane, then planes with one solid cell behind."""

    shape: tuple[int, ...]
    sources: int

    @property
    def shifts(self) -> tuple[int, ...]:
        """Distance between neighbours along each axis."""
        axes = range(len(self.shape))
        return tuple(math.prod(count + 1 for count in self.shape[axis + 1 :]) for axis in axes)

    def written(self, values: Array) -> Array:
        """Return the line of an array (sources or 1, *shape), 0 between its rows."""
        xp, kind = array_namespace(values), {"dtype": values.dtype, "device": _device(values)}
        padded = xp.zeros((self.sources, *(count + 1 for count in self.shape)), **kind)
        padded[(slice(None), *(slice(0, count) for count in self.shape))] = values
        return xp.concat([xp.zeros((self.shifts[0],), **kind), xp.reshape(padded, (-1,))])

    def indices(self, cells: np.ndarray) -> np.ndarray:
        """Return where cells (n, axes) of each source lie in the line, (sources * n,)."""
        each = math.prod(count + 1 for count in self.shape)
        starts = self.shifts[0] + each * np.arange(self.sources)
        return (starts[:, None] + cells @ np.array(self.shifts)).reshape(-1)


class _Scheme:
    """Weights of a step, ``next = side * neighbours + centre * now - past * before``, and walls' memories.

    Parameters
    ----------
    room, clock, air
        What is simulated.
    line
        How its cells lie in memory.
    moved
        Brings an array to the library, type and device of the simulation.
    """

    def __init__(
        self, room: Room, clock: Clock, air: Air, line: _Line, moved: Callable[[np.ndarray], Array]
    ) -> None:
        step = clock.time_step
        numbers = [air.speed * step / side for side in room.spacing]
        open_, touched = np.zeros(room.air.shape), np.zeros((len(room.walls), *room.air.shape))
        for axis, side in np.ndindex(room.air.ndim, 2):
            ends = room.ends(axis, side)
            open_ += numbers[axis] ** 2 * (room.air & ~ends)
            for wall in range(len(room.walls)):
                touched[wall] += (
                    numbers[axis] / 2 * air.impedance * (ends & (room.walls_at(axis, side) == wall))
                )
        half = sum(room.spacing) / len(room.spacing) / 2  # from the centre of a cell to its wall
        rules = [Rule(wall.behind_air(half, air), step) if wall.blocks else None for wall in room.walls]
        direct = np.tensordot([0.0 if wall.blocks else wall.direct for wall in room.walls], touched, 1)
        implicit = 1 + direct + np.tensordot([rule.at_once if rule else 0.0 for rule in rules], touched, 1)
        rise = np.tensordot([rule.rise if rule else 0.0 for rule in rules], touched, 1)

        def weights(*values: np.ndarray) -> tuple[Array, ...]:
            return tuple(line.written(moved((room.air * each)[None])) for each in values)

        self.line = line
        self.ratios = [(number / numbers[0]) ** 2 for number in numbers]
        square = np.full(room.air.shape, numbers[0] ** 2)
        self.step = weights(square / implicit, (2 - open_) / implicit, (1 - direct) / implicit)
        self.first = weights(square / 2, 1 - open_ / 2 - step * rise, np.zeros(room.air.shape))
        self.memories = [
            self._memory(rule, each, implicit, line, moved)
            for rule, each in zip(rules, touched, strict=True)
            if rule and each.any()
        ]

    @staticmethod
    def _memory(
        rule: Rule,
        touched: np.ndarray,
        implicit: np.ndarray,
        line: _Line,
        moved: Callable[[np.ndarray], Array],
    ) -> WallMemory:
        ends = touched > 0
        shown = moved(np.where(ends, touched / implicit, 0)[None])
        xp, mask = array_namespace(shown), line.written(shown) > 0
        index = xp.asarray(line.indices(np.argwhere(ends)), device=_device(shown))
        return WallMemory(rule, index, mask, xp.take(line.written(shown), index), moved)


def _records(
    scheme: _Scheme, initial: Array, clock: Clock, receivers: np.ndarray | None, piece: int
) -> Array:
    """Return the pressure of one group of sources in cells, (sources, samples, cells)."""
    xp, line = array_namespace(initial), scheme.line
    shown = np.argwhere(np.ones(line.shape, bool)) if receivers is None else receivers
    cells = xp.asarray(line.indices(shown), device=_device(initial))
    now = line.written(initial)
    before = xp.zeros_like(now)
    for memory in scheme.memories:
        memory.start(now)

    records = [xp.take(now, cells)]
    for step in range(1, (clock.samples - 1) * clock.stride + 1):
        _advance(before, now, scheme.first if step == 1 else scheme.step, line.shifts, scheme.ratios, piece)
        for memory in scheme.memories if step > 1 else ():
            memory.act(before)
        now, before = before, now
        for memory in scheme.memories:
            memory.remember(now)
        if step % clock.stride == 0:
            records.append(xp.take(now, cells))
    return xp.stack([xp.reshape(each, (line.sources, -1)) for each in records], axis=1)


def _advance(
    before: Array,
    now: Array,
    weights: tuple[Array, ...],
    shifts: tuple[int, ...],
    ratios: list[float],
    piece: int,
) -> None:
    """Overwrite the pressure of the step before by that of the next step, `piece` cells at a time."""
    side, centre, past = weights
    plane, last = shifts[0], now.shape[0] - shifts[0]
    for start in range(plane, last, piece):
        stop = min(start + piece, last)
        total = now[start - plane : stop - plane] + now[start + plane : stop + plane]
        for shift, ratio in zip(shifts[1:], ratios[1:], strict=True):
            if ratio == 1.0:
                total += now[start - shift : stop - shift]
                total += now[start + shift : stop + shift]
            else:
                total += ratio * (now[start - shift : stop - shift] + now[start + shift : stop + shift])
        total *= side[start:stop]
        total += centre[start:stop] * now[start:stop]
        before[start:stop] *= past[start:stop]
        before[start:stop] = total - before[start:stop]
