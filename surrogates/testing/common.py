"""What the checks share: one sentence per failure, guarded generators, comparisons of tensors."""

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from surrogates.core.build import split_node
from surrogates.learning.context import Context
from surrogates.learning.piece import Piece
from surrogates.testing.registered import check_registered

Tensors = Mapping[str, Tensor]
DIFFERENCE_STEPS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Steps to either side of differences, relative to numbers of order one."""
Made = str | Mapping[str, Any] | object
"""A registered name, a node, or an object that was built already."""


def expect(holds: bool, piece: str, found: str, expected: str) -> None:
    """Raise an AssertionError of one sentence unless something holds.

    Parameters
    ----------
    holds
        Whether it does.
    piece, found, expected
        Which piece is checked, what was found, what was expected.
    """
    if not holds:
        raise AssertionError(f"{piece}: {found}; expected {expected}")


def maker(
    kind: type[Piece], piece: Made, context: Context, **supplied: object
) -> tuple[str, Callable[[], Any]]:
    """Return what a piece is called in messages, and a function that makes a fresh one.

    Parameters
    ----------
    kind
        Base class of the piece.
    piece
        A registered name or node, which is checked with `check_registered` and built, or an object, which is
        copied.
    context
        Of the data.
    **supplied
        More arguments that the program gives.
    """
    if isinstance(piece, kind):
        return f"{kind.kind.removesuffix('s')} {type(piece).__name__}", lambda: copy.deepcopy(piece)
    node = piece if isinstance(piece, Mapping) else {"name": piece}
    name, _ = split_node(kind.kind, node)
    check_registered(kind.kind, name)
    return f"{kind.kind.removesuffix('s')} '{name}'", lambda: kind.build(node, context, **supplied)


@contextmanager
def guarded(piece: str, seed: int = 0) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch, and expect that nobody draws from them.

    Their states are put back at the end.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    seeded = _states()
    try:
        yield
        drawn = [name for name, state in _states().items() if state != seeded[name]]
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
    expect(
        not drawn,
        piece,
        f"it draws from the global generator of {' and '.join(drawn)}",
        "draws from the generators that it is given alone",
    )


def _states() -> dict[str, bytes]:
    return {
        "Python": repr(random.getstate()).encode(),
        "NumPy": repr([np.asarray(part).tolist() for part in np.random.get_state()]).encode(),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def take(batch: Tensors, context: Context, index: Sequence[int]) -> dict[str, Tensor]:
    """Return some records of a batch, in an order; variables that all records share stay."""
    return {name: value[list(index)] if varies(name, context) else value for name, value in batch.items()}


def varies(name: str, context: Context) -> bool:
    """Tell whether a variable of a batch has the record dimension; one without a spec does."""
    spec = context.specs.get(name)
    return spec is None or context.record_dimension in spec.dims


def records_of(batch: Tensors, context: Context) -> int:
    """Return the number of records of a batch."""
    return next(len(value) for name, value in batch.items() if varies(name, context))


def clone(batch: Tensors) -> dict[str, Tensor]:
    """Return a copy of a batch."""
    return {name: value.clone() for name, value in batch.items()}


def same(one: Tensor, two: Tensor, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Tell whether two tensors have the same shape and, up to rounding, values; NaN equals NaN.

    Parameters
    ----------
    one, two
        To compare.
    rtol
        Of each value.
    atol
        Of the largest finite value.
    """
    if one.shape != two.shape or one.dtype != two.dtype:
        return False
    if not (one.is_floating_point() or one.is_complex()):
        return bool((one == two).all())
    one, two = one.detach(), two.detach()
    finite = one[one.isfinite()].abs()
    scale = float(finite.max()) if finite.numel() else 0.0
    return torch.allclose(one, two, rtol=rtol, atol=atol * scale, equal_nan=True)


def difference(one: Tensor, two: Tensor) -> str:
    """Say how far apart two tensors are."""
    if one.shape != two.shape:
        return f"shapes {tuple(one.shape)} and {tuple(two.shape)}"
    apart = (one.detach() - two.detach()).abs() if one.dtype != torch.bool else (one ^ two).float()
    known = apart[apart.isfinite()]
    return f"values up to {float(known.max()) if known.numel() else float('nan'):.3g} apart"


def expect_same(piece: str, one: Tensors, two: Tensors, when: str, expected: str) -> None:
    """Expect equal tensors under equal names."""
    expect(set(one) == set(two), piece, f"{when} it makes {sorted(one)} and {sorted(two)}", expected)
    for name, value in one.items():
        expect(
            same(value, two[name]),
            piece,
            f"{when} '{name}' differs, {difference(value, two[name])}",
            expected,
        )


def expect_slope(
    piece: str, what: str, function: Callable[[], Tensor], tensors: Sequence[Tensor], rtol: float = 1e-3
) -> None:
    """Expect the gradient of a function to agree with differences along a random direction.

    Several step lengths are tried, since what rounds needs a long one and what has kinks a short one.

    Parameters
    ----------
    piece, what
        For the message.
    function
        Of the tensors, to a scalar.
    tensors
        Leaves with gradients, changed in place and put back.
    rtol
        Relative difference that is allowed.
    """
    generator = torch.Generator().manual_seed(0)
    directions = [torch.randn(each.shape, generator=generator).to(each) for each in tensors]
    gradients = torch.autograd.grad(function(), list(tensors), allow_unused=True)
    told = sum(
        float((gradient.conj() * direction).real.sum())
        for gradient, direction in zip(gradients, directions, strict=True)
        if gradient is not None
    )
    measured = [_difference_quotient(function, tensors, directions, step) for step in DIFFERENCE_STEPS]
    nearest = min(measured, key=lambda value: abs(value - told))
    expect(
        abs(told - nearest) <= rtol * max(abs(told), abs(nearest)) + 1e-7,
        piece,
        f"the gradient of {what} is {told:.6g} along a direction, differences say {nearest:.6g}",
        "the same",
    )


@torch.no_grad()
def _difference_quotient(
    function: Callable[[], Tensor], tensors: Sequence[Tensor], directions: Sequence[Tensor], step: float
) -> float:
    kept = [each.clone() for each in tensors]
    ends = []
    for side in (step, -step):
        for each, start, direction in zip(tensors, kept, directions, strict=True):
            each.copy_(start + side * direction)
        ends.append(float(function()))
    for each, start in zip(tensors, kept, strict=True):
        each.copy_(start)
    return (ends[0] - ends[1]) / (2 * step)
