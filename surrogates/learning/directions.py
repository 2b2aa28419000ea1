"""Directions: angles of which a full turn is the neighbour of zero.

A variable in units of angle says by the attribute `topology: circular` that it is one, whatever its zero and
its sense are: these stay as its other attributes tell them. A network is given and answers cosine and sine,
two channels; differences are taken the shorter way round.

The name of the attribute is that of coordinates in the GDT convention for netCDF (Gregory, Drach, Tett 1999).
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import convert, display, parse
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.window import known_name
from surrogates.learning.answers import member_name, quantile_name

TOPOLOGY, CIRCULAR = "topology", "circular"
RADIAN = "rad"  # in the definitions of UDUNITS, which knows it as a number too


def is_direction(spec: VariableSpec) -> bool:
    """Return whether a variable is a direction."""
    return spec.attributes.get(TOPOLOGY) == CIRCULAR


def as_directions(specs: Mapping[str, VariableSpec], names: Iterable[str]) -> dict[str, VariableSpec]:
    """Return specs of which some are those of directions, also where they stand for a window or a horizon.

    Raises
    ------
    ConfigError
        For a name that no variable has, and as `full_turn`.
    """
    found = dict(specs)
    for name in names:
        meant = [each for each in specs if name in (each, known_name(each))]
        if not meant:
            raise ConfigError(
                f"task.directions: no variable '{name}'.{nearest(name, specs)} There are {listing(specs)}."
            )
        for each in meant:
            attributes = {**specs[each].attributes, TOPOLOGY: CIRCULAR}
            found[each] = specs[each].model_copy(update={"attributes": attributes})
            full_turn(found[each])
    return found


def full_turn(spec: VariableSpec) -> float | None:
    """Return a full turn in the units of a direction, 360 for degrees, or None of any other variable.

    Raises
    ------
    ConfigError
        For a direction in units that are none of an angle, or that is no real number.
    """
    if not is_direction(spec):
        return None
    if RADIAN not in str(parse(spec.units).definition) or np.dtype(spec.dtype).kind != "f":
        raise ConfigError(
            f"'{spec.name}' is circular ({TOPOLOGY}), but {spec.dtype} in {display(spec.units) or '1'}; "
            "expected a real number in units of angle, such as degree or radian"
        )
    return float(convert(np.array([1.0]), "360 degree", spec.units)[0])


def turns_of(specs: Iterable[VariableSpec]) -> dict[str, float]:
    """Return the full turns of the directions among variables, by name."""
    found = {spec.name: full_turn(spec) for spec in specs}
    return {name: turn for name, turn in found.items() if turn is not None}


def wrapped(difference: Tensor, turn: float) -> Tensor:
    """Return a difference of directions the shorter way round, at most half a turn."""
    return difference - turn * torch.round(difference / turn)


def first_value(spec: VariableSpec) -> float:
    """Return where the full turn of a direction begins: at its minimum, by default at zero."""
    return 0.0 if spec.minimum is None else spec.minimum


def unit_vector(values: Tensor, turn: float) -> Tensor:
    """Return cosine and sine along a new last axis."""
    angle = values * (math.tau / turn)
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def angle_of(vector: Tensor, spec: VariableSpec) -> Tensor:
    """Return the direction of vectors, (..., 2) of any length, within one turn from `first_value`."""
    turn, first = full_turn(spec) or math.tau, first_value(spec)
    angle = torch.atan2(vector[..., 1], vector[..., 0]) * (turn / math.tau)
    return within_turn(angle, turn, first)


def within_turn(values: Tensor, turn: float, first: float) -> Tensor:
    """Return directions from `first` up to a full turn more, which is left out; NaN stays."""
    rest = torch.remainder(values - first, turn)
    # Rounding of a small negative number gives a full turn.
    return first + rest.masked_fill(rest >= turn, 0.0)


def mean_direction(members: Tensor, spec: VariableSpec) -> tuple[Tensor, Tensor]:
    """Return the mean direction of members and their angular deviation, each (batch, ...), in its units.

    With the length R of the mean unit vector the deviation is sqrt(2 (1 - R)) radians, from 0 to sqrt(2): of
    directions that lie close together it is the standard deviation. The square of R is estimated without bias
    from the pairs of members, as n - 1 does for a variance.

    Parameters
    ----------
    members
        Directions, (batch, member, ...).
    spec
        Of the direction.

    References
    ----------
    E. Batschelet, "Circular statistics in biology", 1981, section 2.3; N. I. Fisher, "Statistical analysis of
    circular data", 1993, section 2.3.
    """
    turn, count = full_turn(spec) or math.tau, members.shape[1]
    mean = unit_vector(members, turn).mean(1)
    square = mean.square().sum(-1)
    if count > 1:
        square = (count * square - 1) / (count - 1)
    length = square.clamp(0.0, 1.0).sqrt()
    return angle_of(mean, spec), (2 * (1 - length)).sqrt() * (turn / math.tau)


def unrolled(answer: Mapping[str, np.ndarray], turns: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return an answer whose directions can be averaged: as unit vectors in the plane, complex.

    Quantiles are then differences from the direction.

    Parameters
    ----------
    answer
        Arrays by name, as a surrogate answers.
    turns
        Full turns of the directions among them, by name.
    """
    found = dict(answer)
    for name, turn in turns.items():
        values = answer[name]
        for each in (name, member_name(name)):
            if each in answer:
                found[each] = np.exp(answer[each] * np.complex64(2j * np.pi / turn))
        if (quantiles := quantile_name(name)) in answer:
            found[quantiles] = answer[quantiles] - values[:, None]
    return found


def rolled(answer: Mapping[str, np.ndarray], specs: Iterable[VariableSpec]) -> dict[str, np.ndarray]:
    """Undo `unrolled`, of averages of unit vectors.

    Parameters
    ----------
    answer
        Of `unrolled`.
    specs
        Of the directions.
    """
    found = dict(answer)
    for spec in specs:
        for each in (spec.name, member_name(spec.name)):
            if each in answer:
                vectors = torch.view_as_real(torch.from_numpy(np.ascontiguousarray(answer[each])))
                found[each] = angle_of(vectors, spec).numpy()
        if (quantiles := quantile_name(spec.name)) in answer:
            found[quantiles] = answer[quantiles] + found[spec.name][:, None]
    return found
