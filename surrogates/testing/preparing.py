"""What holds for every preparation: what becomes of a batch before a method sees it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from surrogates.core.text import listing
from surrogates.data.index import DRAW
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from surrogates.testing.common import (
    Made,
    Tensors,
    clone,
    difference,
    expect,
    guarded,
    maker,
    records_of,
    same,
    take,
)
from surrogates.testing.drawn import draw_batch

SEEDS = 8
"""Draws of a batch, in which what changes by chance has changed at least once."""


def check_preparation(
    piece: Made,
    context: Context,
    batch: Tensors | None = None,
    *,
    changes: Collection[str] = (),
    shortens: Collection[str] = (),
    off: Mapping[str, Any] | None = None,
) -> None:
    """Check that a preparation repeats itself, keeps the form of a batch, and changes what it says.

    Parameters
    ----------
    piece
        A registered name, a node, or a preparation.
    context
        Of the data.
    batch
        What it is given, in physical units, two records at least; None draws it from the specs.
    changes
        Variables of the batch that it changes, in some draw at least. All others stay.
    shortens
        Dimensions of which it leaves a part in training.
    off
        Arguments with which it changes nothing, for a piece that has such and is given by name or node.

    Raises
    ------
    AssertionError
        When equal generators give different batches, when a record depends on the others, on their generators
        or on a global one, when the caller's tensors are changed, when a variable is lost, appears without
        being declared, or has another shape or type than before or than declared, when something else
        changes than `changes`, and when `off` changes anything.
    """
    label, make = maker(Preparation, piece, context)
    batch = draw_batch(context) if batch is None else batch
    changed: set[str] = set()
    for train in (False, True):
        given = _given(batch, context, train)
        for seed in range(SEEDS):
            made = _prepare(label, make(), given, context, seed, train)
            changed |= {name for name in given if not same(made[name], given[name], rtol=0, atol=0)}
        _check_form(label, make(), made, given, context, shortens if train else ())
        _check_repeats(label, make, made, given, context, train)
    expect(
        changed == set(changes),
        label,
        f"it changes {_several(changed)} in {SEEDS} draws",
        f"changes of {_several(changes)}",
    )
    if off is not None:
        expect(not isinstance(piece, Preparation), label, "it is given as an object", "a name or a node")
        node = {**(piece if isinstance(piece, Mapping) else {"name": piece}), **off}
        _check_off(label, maker(Preparation, node, context)[1](), batch, context)


def _given(batch: Tensors, context: Context, train: bool) -> dict[str, Tensor]:
    """Return a batch as the loader hands it on: outside training with the number of each example's draw."""
    if train:
        return dict(batch)
    return {**batch, DRAW: torch.zeros(records_of(batch, context), dtype=torch.int64)}


def _generators(
    piece: Preparation, records: Iterable[int], seed: int, train: bool
) -> list[np.random.Generator]:
    """Return a generator of each record, or that of a training batch as a whole."""
    if train and piece.of_batch:
        return [np.random.default_rng(seed)]
    return [np.random.default_rng([seed, number]) for number in records]


def _prepare(
    label: str, piece: Preparation, given: Tensors, context: Context, seed: int, train: bool
) -> dict[str, Tensor]:
    """Return the prepared batch, and expect that the given one stays as it is."""
    before = clone(given)
    handed = dict(given)
    rngs = _generators(piece, range(records_of(given, context)), seed, train)
    with guarded(label):
        made = piece(handed, rngs, train=train)
    expect(
        list(handed) == list(before) and all(handed[name] is value for name, value in given.items()),
        label,
        "it adds to, takes from or replaces in the batch that it is given",
        "a batch of its own",
    )
    for name, value in before.items():
        expect(
            same(given[name], value, rtol=0, atol=0),
            label,
            f"it changes the caller's '{name}' in place",
            "tensors that stay as they are",
        )
    lost = set(given) - set(made)
    expect(not lost, label, f"it loses {_several(lost)}", "a batch that keeps its variables")
    return dict(made)


def _check_form(
    label: str,
    piece: Preparation,
    made: Tensors,
    given: Tensors,
    context: Context,
    shortens: Collection[str],
) -> None:
    count = records_of(given, context)
    declared = {spec.name: spec for spec in piece.provides(context.specs)}
    expect(
        set(made) == set(given) | set(declared),
        label,
        f"it adds {_several(set(made) - set(given))}",
        f"what it provides, {_several(declared)}",
    )
    for name, value in made.items():
        found = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        if name in declared:
            spec = declared[name]
            records = (count,) if context.record_dimension in spec.dims else ()
            wanted = (*records, *spec.shape), np.dtype(spec.dtype).name
        else:
            dims = context.specs[name].dims if name in context.specs else ("",) * given[name].ndim
            sizes = zip(dims, given[name].shape, value.shape, strict=False)
            shape = [min(new, old) if dim in shortens else old for dim, old, new in sizes]
            wanted = tuple(shape), str(given[name].dtype).removeprefix("torch.")
        expect(
            found == wanted,
            label,
            f"'{name}' is {found[1]} of shape {found[0]}",
            f"{wanted[1]} of {wanted[0]}",
        )


def _check_repeats(
    label: str, make: Any, made: Tensors, given: Tensors, context: Context, train: bool
) -> None:
    """Expect the last draw anew: of all records, of each alone, and in another order."""
    count, seed = records_of(given, context), SEEDS - 1
    again = _prepare(label, make(), given, context, seed, train)
    for name, value in made.items():
        expect(
            same(again[name], value, rtol=0, atol=0),
            label,
            f"with equal generators '{name}' differs, {difference(again[name], value)}",
            "equal batches",
        )
    for index in (*([n] for n in range(count)), list(reversed(range(count)))):
        anew = make()
        rngs = _generators(anew, index, seed, train)
        some = anew(take(given, context, index), rngs, train=train)
        for name, value in take(made, context, index).items():
            expect(
                same(some[name], value),
                label,
                f"'{name}' of a record depends on the others, {difference(some[name], value)}",
                "records that draw only from their own generators",
            )


def _check_off(label: str, piece: Preparation, batch: Tensors, context: Context) -> None:
    for train in (False, True):
        given = _given(batch, context, train)
        made = _prepare(label, piece, given, context, 0, train)
        for name, value in given.items():
            expect(
                same(made[name], value),
                label,
                f"switched off it changes '{name}', {difference(made[name], value)}",
                "no change",
            )


def _several(names: Collection[str]) -> str:
    return listing([f"'{name}'" for name in sorted(names)])
