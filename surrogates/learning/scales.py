"""Scales that records bring themselves: a link that divides by the strength of an input, and undoes it."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor

from datasets.store.units import display, has_zero, same
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.learning.context import Context
from surrogates.learning.directions import is_direction

ON_BATCH = (
    "task.transform.scale_over=batch: one mean and one standard deviation of the whole batch normalise its "
    "inputs, so predictions depend on which records are predicted together; scale_over=record has no such "
    "dependence"
)


@dataclass(frozen=True)
class Shifted:
    """Residuals less a shift, over a factor (a link of the pipeline).

    Attributes
    ----------
    factor
        In the targets' units, (batch,) or ().
    shift
        In the targets' units, (), or None for none.
    """

    factor: Tensor
    shift: Tensor | None = None

    def encode(self, residual: Tensor) -> Tensor:
        """Return what the network should answer, without units."""
        moved = residual if self.shift is None else residual - self.shift
        return moved / _along(self.factor, residual)

    def decode(self, answer: Tensor) -> Tensor:
        """Undo `encode`."""
        scaled = answer * _along(self.factor, answer)
        return scaled if self.shift is None else scaled + self.shift

    def deviation(self, spread: Tensor) -> Tensor:
        """Return standard deviations in the targets' units."""
        return spread * _along(self.factor, spread)


@dataclass(frozen=True)
class Scale:
    """How an input and the answer are scaled before the fitted constants, cell by cell alike.

    The scale of a record is the root-mean-square modulus of all its known cells of the input. A record whose
    cells are all zero or unknown has nothing to be scaled by: its scale is 1, with a warning, and its answer
    is that of a network that sees zeros, in the targets' units.

    Over a batch it is one mean and one population standard deviation of all numbers of the input, real and
    imaginary parts alike, at least 1e-6, as published models have them: the answer to a record then
    depends on the records beside it.

    Attributes
    ----------
    name
        Of the input.
    over
        ``record`` or ``batch``.
    """

    name: str
    over: Literal["record", "batch"]

    @classmethod
    def of(cls, context: Context, name: str, over: Literal["record", "batch"]) -> Self:
        """Return the scale of an input of the task.

        Raises
        ------
        ConfigError
            If the input is unknown or is the same for all records, or if a target has other units.

        Warns
        -----
        UserWarning
            If predictions will depend on the batch.
        """
        known = {spec.name: spec for spec in context.inputs}
        if name not in known:
            raise ConfigError(
                f"task.transform.scale_by: no input '{name}'.{nearest(name, known)} Inputs: {listing(known)}."
            )
        spec = known[name]
        if context.record_dimension not in spec.dims:
            raise ConfigError(
                f"task.transform.scale_by: '{name}' has no dimension '{context.record_dimension}': it is the "
                "same for every record, so it scales none; name another input, or leave scale_by out"
            )
        for one in (spec, *context.targets):
            if is_direction(one):
                raise ConfigError(
                    f"task.transform.scale_by: '{one.name}' is a direction, which has no scale; leave it out"
                )
            if not (same(one.units, spec.units) and has_zero(one.units)):
                raise ConfigError(
                    f"task.transform.scale_by: '{one.name}' is in {display(one.units) or '1'}, '{name}' in "
                    f"{display(spec.units) or '1'}; expected the same units, on a scale that has a zero"
                )
        if over == "batch":
            warnings.warn(ON_BATCH, stacklevel=2)
        return cls(name, over)

    def link(
        self, inputs: Mapping[str, Tensor], repeated: Callable[[Tensor], Tensor]
    ) -> tuple[Shifted, dict[str, Tensor]]:
        """Return the link of a batch, and its inputs with the named one scaled.

        Parameters
        ----------
        inputs
            In physical units, batch first.
        repeated
            Repeats a value of each record for all rows that the network sees of it.
        """
        values = inputs[self.name]
        if self.over == "batch":
            mean, deviation = _of_batch(values)
            scaled = (values - (torch.complex(mean, mean) if values.is_complex() else mean)) / deviation
            return Shifted(deviation, mean), {**inputs, self.name: scaled}
        factor = _of_records(values)
        if not torch.compiler.is_exporting() and bool((factor == 0).any()):
            warnings.warn(
                f"'{self.name}' is zero or unknown in all cells of a record, which cannot be scaled by it; "
                "its scale is taken as 1",
                stacklevel=2,
            )
        factor = factor.where(factor > 0, 1.0)
        scaled = values / _along(factor, values)
        return Shifted(repeated(factor)), {**inputs, self.name: scaled}


def _of_records(values: Tensor) -> Tensor:
    """Return the root-mean-square modulus of each record's known cells, 0 without any."""
    modulus = values.reshape(values.shape[0], -1).abs().float()
    known = modulus.isfinite()
    modulus = modulus.where(known, 0.0)
    largest = modulus.amax(1, keepdim=True)  # squares of single precision end at 1e-38
    power = (modulus / largest.where(largest > 0, 1.0)).square().sum(1) / known.sum(1).clamp(min=1)
    return largest[:, 0] * power.sqrt()


def _of_batch(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and population standard deviation of all known numbers, real and imaginary alike."""
    numbers = torch.view_as_real(values) if values.is_complex() else values
    numbers = numbers[numbers.isfinite()]
    return numbers.mean(), numbers.std(correction=0).clamp(min=1e-6)


def _along(factor: Tensor, values: Tensor) -> Tensor:
    """Give a factor of each row, or of all, the axes of the values."""
    return factor.view(-1, *(1,) * (values.ndim - 1)) if factor.ndim else factor
