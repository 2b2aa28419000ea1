"""Members: several equally likely answers to one record, and the random numbers that they are drawn with."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.learning.answers import LEVELS, deviation_name, member_name, quantile_name
from surrogates.learning.directions import full_turn, mean_direction, unit_vector, wrapped

MEMBER_LEVELS = (0.05, 0.5, 0.95)
"""Levels of the quantiles that are told of members."""
MOST_SAMPLES = 1 << 16
_EDGE = 32  # cells of a block of noise along a dimension that is cut into tiles
_DIGITS = 16  # binary ones to which the inputs of a record count


@dataclass(frozen=True)
class Noise:
    """Standard normal numbers for the members of some records.

    Those of a member depend on the seed, the record's identity, the member's number and the number of the
    draw: not on the records and members beside it, their order, or the device. In a tile of a larger field
    they depend on where a cell lies in the field, not in the tile, so that overlapping tiles agree.

    Attributes
    ----------
    records
        Identities (`identities`).
    members
        Numbers of the members, from 0.
    seed
        Not negative.
    window, field
        Extent of a tile along the grid's dimensions, and the lengths of the whole field; empty where the
        grid is whole.
    device
        Where the numbers are wanted; they are drawn on the CPU.
    """

    records: tuple[int, ...]
    members: tuple[int, ...]
    seed: int = 0
    window: tuple[slice, ...] = ()
    field: tuple[int, ...] = ()
    device: torch.device | str = "cpu"

    @classmethod
    def of(
        cls,
        inputs: Mapping[str, Tensor],
        specs: Iterable[VariableSpec],
        record_dimension: str,
        samples: int,
        seed: int = 0,
    ) -> Self:
        """Return the noise of the first members of each record of a batch.

        Parameters
        ----------
        inputs
            Batch first, in the units of their specs.
        specs
            Of the inputs.
        record_dimension
            Of the batch.
        samples
            How many members there are.
        seed
            Not negative.
        """
        known = identities([inputs], specs, record_dimension)
        device = next(iter(inputs.values())).device
        return cls(known, tuple(range(samples)), seed, device=device)

    def of_members(self, members: Sequence[int]) -> Self:
        """Return the noise of other members of the same records."""
        return replace(self, members=tuple(members))

    def normal(self, shape: Sequence[int], draw: int = 0) -> Tensor:
        """Return independent standard normal numbers, float32, (record, member, *shape).

        Parameters
        ----------
        shape
            Of one member, the grid last; a tile's grid has the lengths of its window. On any other grid, such
            as that of a latent space, tiles have numbers of their own.
        draw
            Which of several independent draws, from 0, such as the step of a sampler.
        """
        rows = [
            self._of_member((self.seed, record, member, draw), tuple(shape))
            for record, member in product(self.records, self.members)
        ]
        stacked = torch.from_numpy(np.stack(rows)) if rows else torch.empty(0, *shape)
        return stacked.view(len(self.records), len(self.members), *shape).to(self.device)

    def _of_member(self, key: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
        if not self.window:
            return _drawn(key, shape)
        lengths = tuple(extent.stop - extent.start for extent in self.window)
        outer, grid = shape[: -len(lengths)], shape[-len(lengths) :]
        if grid != lengths:
            return _drawn((*key, *(extent.start for extent in self.window)), shape)
        edges = [w if w == f else _EDGE for w, f in zip(lengths, self.field, strict=True)]
        return _windowed(key, outer, self.window, edges)


def _windowed(
    key: tuple[int, ...], outer: tuple[int, ...], window: Sequence[slice], edges: Sequence[int]
) -> np.ndarray:
    """Return numbers of a window of a field that is drawn block by block, each of `edges` cells."""
    blocks = [range(w.start // e, -(-w.stop // e)) for w, e in zip(window, edges, strict=True)]
    whole = (slice(None),) * len(outer)
    values = np.empty((*outer, *(len(b) * e for b, e in zip(blocks, edges, strict=True))), np.float32)
    for block in product(*blocks):
        corner = [(n - b.start) * e for n, b, e in zip(block, blocks, edges, strict=True)]
        into = tuple(slice(c, c + e) for c, e in zip(corner, edges, strict=True))
        values[whole + into] = _drawn((*key, *block), (*outer, *edges))
    origins = [b.start * e for b, e in zip(blocks, edges, strict=True)]
    return values[whole + tuple(slice(w.start - o, w.stop - o) for w, o in zip(window, origins, strict=True))]


def identities(
    portions: Iterable[Mapping[str, Tensor]], specs: Iterable[VariableSpec], record_dimension: str
) -> tuple[int, ...]:
    """Return the identity of each record: a hash of its inputs, which outlasts the rounding of their values.

    Records with equal inputs have equal members, wherever and beside whatever they stand. Inputs that all
    records share, and those along a dimension of any length, do not count.

    Bool and whole numbers count as they are, and so does where a value is missing. Of the other numbers of a
    record two random sums count, to 2^-16 of their size, and of directions those of cosine and sine. What a
    conversion of float32 rounds moves a sum by about 1e-7, in fewer than one of a hundred records over an
    edge; of thousands of values that are rounded one by one, some always lie at an edge. Records that differ
    by less than a few 1e-5 as a whole may share their members.

    Parameters
    ----------
    portions
        The inputs of the same records, batch first, whole or cut into portions, in the units of their specs.
    specs
        Of the inputs.
    record_dimension
        Of the batch.
    """
    counted = [spec for spec in specs if record_dimension in spec.dims and not spec.any_length]
    hashes: list[hashlib.blake2b] = []
    sums: dict[str, np.ndarray] = {}
    for number, portion in enumerate(portions):
        for spec in counted:
            numbers, exact = _told(portion[spec.name], full_turn(spec))
            hashes = hashes or [hashlib.blake2b(digest_size=16) for _ in exact]
            for known, row in zip(hashes, exact, strict=True):
                known.update(spec.name.encode() + row.tobytes())
            sums[spec.name] = sums.get(spec.name, 0.0) + _sums(numbers, number)
    for name, found in sums.items():
        for known, row in zip(hashes, _steps(found), strict=True):
            known.update(name.encode() + row.tobytes())
    return tuple(int.from_bytes(each.digest(), "little") for each in hashes)


def _told(values: Tensor, turn: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the real numbers of each record, (record, number), and what of it counts as it is."""
    if not (values.is_floating_point() or values.is_complex()):
        rows = values.flatten(1).cpu().numpy() if values.ndim > 1 else values.cpu().numpy()[:, None]
        return np.zeros((len(rows), 0)), np.ascontiguousarray(rows)
    known = values.isfinite()
    values = values.where(known, 0.0)
    if turn is not None:
        values = unit_vector(values, turn)
    elif values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    count = len(values)
    return values.reshape(count, -1).double().cpu().numpy(), known.reshape(count, -1).cpu().numpy()


def _sums(numbers: np.ndarray, portion: int) -> np.ndarray:
    """Return two random sums of each row and its sum of squares, (row, 3); they add up over portions."""
    factors = np.random.default_rng(portion).standard_normal((numbers.shape[1], 2))
    return np.column_stack([numbers @ factors, (numbers**2).sum(1)])


def _steps(sums: np.ndarray) -> np.ndarray:
    """Return random sums as whole steps, and the power of two that a step is, (row, 3)."""
    # The factor keeps the edges away from the powers of two, which are sizes of many records.
    _, power = np.frexp(np.sqrt(sums[:, 2]) * 0.7390851)
    steps = np.rint(np.ldexp(sums[:, :2], _DIGITS - power[:, None]))
    return np.column_stack([steps, power]).astype(np.int64)


def _drawn(key: Sequence[int], shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(list(key))))
    return rng.standard_normal(shape, dtype=np.float32)


def summary(members: Mapping[str, Tensor], targets: Iterable[VariableSpec]) -> Batch:
    """Return mean, standard deviation and quantiles of members, and the members themselves.

    Parameters
    ----------
    members
        By target, (batch, member, ...).
    targets
        Their specs.

    Returns
    -------
    Batch
        For each target the mean, `<target>_standard_deviation` (of the sample; of complex values that of both
        parts together; zero of one member), `<target>_member`, and of real ones `<target>_quantile` at
        `MEMBER_LEVELS`. Of a direction these are mean direction and angular deviation
        (`surrogates.learning.directions.mean_direction`), and quantiles of the differences from the mean
        direction, the shorter way round, added to it: they may lie below zero or beyond a full turn.
    """
    found: Batch = {}
    for spec in targets:
        name, values, turn = spec.name, members[spec.name], full_turn(spec)
        found[member_name(name)] = values
        quantiles: Tensor | None = None
        if turn is not None:
            mean, deviation = mean_direction(values, spec)
            apart = wrapped(values - mean.unsqueeze(1), turn)
            quantiles = mean.unsqueeze(1) + member_quantiles(apart, MEMBER_LEVELS)
        else:
            mean = values.mean(1)
            deviation = values.std(1) if values.shape[1] > 1 else 0 * values[:, 0].abs()
            if not values.is_complex():
                quantiles = member_quantiles(values, MEMBER_LEVELS)
        found |= {name: mean, deviation_name(name): deviation}
        if quantiles is not None:
            found |= {quantile_name(name): quantiles, LEVELS: quantiles.new_tensor(MEMBER_LEVELS)}
    return found


def member_quantiles(values: Tensor, levels: Sequence[float]) -> Tensor:
    """Return quantiles of members, (batch, level, ...).

    Of n members the k-th smallest is the quantile of level k / (n + 1): one more member lies below it with
    this probability, whatever the distribution. Quantiles between are interpolated, those beyond are the
    outermost members.

    Parameters
    ----------
    values
        Shape (batch, member, ...).
    levels
        From 0 to 1.
    """
    count = values.shape[1]
    ordered = values.sort(dim=1).values
    positions = [min(max(level * (count + 1) - 1, 0.0), count - 1.0) for level in levels]
    lower = [min(int(position), max(count - 2, 0)) for position in positions]
    upper = [min(each + 1, count - 1) for each in lower]
    shares = values.new_tensor([p - low for p, low in zip(positions, lower, strict=True)])
    shares = shares.view(-1, *(1,) * (values.ndim - 2))
    return torch.lerp(ordered[:, lower], ordered[:, upper], shares.expand_as(ordered[:, lower]))


def member_levels(values: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest level whose quantile of the members (`member_quantiles`) is a value.

    They differ only where some members equal the value. Both are 0 below all members and 1 above all.

    Parameters
    ----------
    values
        Shape (batch, member, ...).
    at
        The value in each cell, (batch, ...).
    """
    count, own = values.shape[1], at.unsqueeze(1)
    below, above = values < own, values > own
    low, high = below.sum(1), count - above.sum(1)
    before = values.where(below, -torch.inf).amax(1)
    after = values.where(above, torch.inf).amin(1)
    share = ((at - before) / (after - before)).nan_to_num(0.0)
    between = torch.where(high == count, count + 1, low + share)
    tied = high > low
    lowest, highest = torch.where(tied, low + 1, between), torch.where(tied, high, between)
    return lowest / (count + 1), highest / (count + 1)
