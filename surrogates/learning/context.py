"""What pieces know of the data, in training and, saved with the bundle, in `predict`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import convert, display
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing

AGREE = 1e-6
"""Relative difference below which a stated value and a stored one are the same."""
EVEN = 1e-3
"""Relative difference of the steps of a coordinate that counts as even."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
MaskNames = str | Mapping[str, str]
"""Name of the mask of all targets, or of each one's own by target."""


@dataclass(frozen=True)
class Context:
    """The data of a run without their values: every piece is built with it.

    Attributes
    ----------
    inputs, targets
        Specs of the task's variables, as a batch shows them.
    mask
        Spec of the variable of the target cells that count, one for all targets or one for each by target; a
        target without one, or None, counts everywhere.
    specs
        Specs of all variables of a batch, by name.
    shared
        Coordinates, scalars and fields that all records share, by name. `units` among their attributes.
    record_dimension
        Name of the batched dimension.
    source
        What the data are called in a message.
    unlike
        Why a shared name has no single value, by name: stores of one run, or records, differ in it.
    stated
        Numbers that the data do not tell, by name, as ``task.shared`` states them.
    """

    inputs: tuple[VariableSpec, ...]
    targets: tuple[VariableSpec, ...]
    mask: VariableSpec | Mapping[str, VariableSpec] | None = None
    specs: Mapping[str, VariableSpec] = field(default_factory=dict)
    shared: Mapping[str, xr.DataArray] = field(default_factory=dict)
    record_dimension: str = "sample"
    source: str = "the data"
    unlike: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        inputs: Iterable[VariableSpec],
        targets: Iterable[VariableSpec],
        mask: VariableSpec | Mapping[str, VariableSpec] | None = None,
        **others: Any,
    ) -> Self:
        """Return a context whose specs hold inputs, targets and mask beside those that are given."""
        inputs, targets = tuple(inputs), tuple(targets)
        named = {spec.name: spec for spec in (*inputs, *targets, *masks_of(mask))}
        return cls(inputs, targets, mask, {**others.pop("specs", {}), **named}, **others)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs."""
        return [spec.name for spec in self.inputs]

    @property
    def target_names(self) -> list[str]:
        """Names of the targets."""
        return [spec.name for spec in self.targets]

    @property
    def masks(self) -> list[VariableSpec]:
        """Specs of all masks, each once."""
        return masks_of(self.mask)

    def mask_of(self, target: str) -> VariableSpec | None:
        """Return the spec of a target's mask, or None."""
        return self.mask.get(target) if isinstance(self.mask, Mapping) else self.mask

    @property
    def mask_names(self) -> MaskNames | None:
        """Name of the mask, or names by target, as `Pipeline.weight` takes it."""
        if isinstance(self.mask, Mapping):
            return {target: spec.name for target, spec in self.mask.items()}
        return None if self.mask is None else self.mask.name

    @property
    def mask_name(self) -> str | None:
        """Name of the mask, for pieces that know only one.

        Raises
        ------
        ConfigError
            When targets have masks of their own.
        """
        if isinstance(self.mask, Mapping):
            raise ConfigError(
                f"task.mask gives {listing(self.mask)} masks of their own, but a piece of this run takes one "
                "for all targets; name one variable, or take an objective such as regression"
            )
        return None if self.mask is None else self.mask.name

    def between(self, inputs: Iterable[VariableSpec], targets: Iterable[VariableSpec]) -> Self:
        """Return the same data with other inputs and targets, without a mask."""
        return replace(self, inputs=tuple(inputs), targets=tuple(targets), mask=None)

    def field(self, name: str, units: str) -> np.ndarray | None:
        """Return the value that all records share under a name, in given units, float64, or None.

        Raises
        ------
        ConfigError
            When the units do not convert, or there is no single value.
        """
        if name in self.unlike:
            raise ConfigError(f"'{name}' {self.unlike[name]}; train on them apart")
        if name not in self.shared:
            return None
        found = self.shared[name]
        given = str(found.attrs.get("units", ""))
        if not given:
            raise ConfigError(
                f"'{name}' of {self.source} has no units; expected some that convert to {units}"
            )
        try:
            return np.asarray(convert(np.asarray(found.values, np.float64), given, units))
        except ContractError as error:
            raise ConfigError(f"'{name}' of {self.source}: {error}") from None


def masks_of(mask: VariableSpec | Mapping[str, VariableSpec] | None) -> list[VariableSpec]:
    """Return the specs of masks, each once."""
    if isinstance(mask, Mapping):
        return list({spec.name: spec for spec in mask.values()}.values())
    return [] if mask is None else [mask]


@dataclass(frozen=True)
class Scalar:
    """A number that all records share, stored as a scalar variable or coordinate.

    Attributes
    ----------
    units
        Those in which a piece takes it.
    slack
        Relative difference up to which `predict` takes data of another value, with a warning.
    """

    units: str
    slack: float = AGREE

    def find(self, context: Context, name: str) -> float | None:
        """Return the scalar's value."""
        values = context.field(name, self.units)
        if values is not None and values.size != 1:
            raise ConfigError(f"'{name}' of {context.source} has the shape {values.shape}; expected a scalar")
        if values is not None and not np.isfinite(values).all():
            raise ConfigError(
                f"'{name}' of {context.source} is {float(values.reshape(()))}; expected a number"
            )
        return None if values is None else float(values.reshape(()))


@dataclass(frozen=True)
class Spacing:
    """The step of one or several evenly spaced coordinates, such as the side of square cells.

    Attributes
    ----------
    units
        Those in which a piece takes it.
    dimensions
        Names of the coordinates, which agree.
    slack
        As for `Scalar`.
    """

    units: str
    dimensions: tuple[str, ...]
    slack: float = 0.01

    def find(self, context: Context, name: str) -> float | None:
        """Return the step."""
        found = {dim: self._step(context, dim, name) for dim in self.dimensions}
        steps = [step for step in found.values() if step is not None]
        if len(steps) < len(found):
            return None
        if max(steps) - min(steps) > EVEN * max(steps):
            raise ConfigError(
                f"'{name}' of {context.source}: steps of "
                + ", ".join(f"{step:g} {self.units} along {dim}" for dim, step in found.items())
                + " found, equal ones expected"
            )
        return steps[0]

    def _step(self, context: Context, dim: str, name: str) -> float | None:
        values = context.field(dim, self.units)
        if values is None or values.size < 2:
            return None
        steps = np.diff(values)
        if not (steps[0] > 0 and np.ptp(steps) <= EVEN * steps[0]):
            raise ConfigError(
                f"'{name}': the coordinate '{dim}' of {context.source} has steps from {steps.min():g} to "
                f"{steps.max():g} {self.units}; expected even, growing ones"
            )
        return float(f"{steps.mean():.9g}")


Fact = Scalar | Spacing
"""One number that a piece reads from the data: how to find it, and in which units."""


def facts_of(
    facts: Mapping[str, Fact], context: Context, stated: Mapping[str, Any], where: str
) -> dict[str, float]:
    """Return the values of facts: from the data, else from the configuration.

    Parameters
    ----------
    facts
        By name.
    context
        Of the data.
    stated
        Values in the facts' units that a configuration gives.
    where
        What asks for them, for the message.

    Raises
    ------
    ConfigError
        When a stated value contradicts the data, or neither tells.
    """
    values = {}
    for name, fact in facts.items():
        found, given = fact.find(context, name), _stated(context, stated, name, where)
        if found is not None and given is not None and abs(found - given) > AGREE * abs(found):
            raise ConfigError(
                f"{where}: {name} is {given:g} {display(fact.units)}, but {context.source} has {found:g} "
                f"{display(fact.units)}; leave it out"
            )
        if found is None and given is None:
            told = f"coordinates {listing(fact.dimensions)}" if isinstance(fact, Spacing) else f"'{name}'"
            raise ConfigError(
                f"{where} needs {name} in {fact.units}, but {context.source} has no {told}; say "
                f"task.shared.{name}=VALUE, or write it into the store"
            )
        values[name] = given if found is None else found
    return values  # type: ignore[return-value]


def _stated(context: Context, stated: Mapping[str, Any], name: str, where: str) -> float | None:
    """Return the value that a node or the context states; both have to agree."""
    own, shared = _number(stated.get(name), name, where), _number(context.stated.get(name), name, where)
    if own is not None and shared is not None and abs(own - shared) > AGREE * abs(own):
        raise ConfigError(
            f"{where}: {name} is {own:g}, but task.shared.{name} is {shared:g}; state it once, in task.shared"
        )
    return shared if own is None else own


def _number(value: Any, name: str, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ConfigError(f"{where}: {name} is {value!r}; expected a number")
    return float(value)
