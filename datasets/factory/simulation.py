"""Simulate one unit and compare the result with the recipe's specifications."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.recipe import Arrays, Recipe, generators
from datasets.factory.staging import Staging
from datasets.factory.units import Units
from datasets.store.checks import cast, check_values
from datasets.store.specs import VariableSpec
from surrogates.core.text import listing, nearest


def simulate_unit(
    recipe: Recipe, indices: np.ndarray, state: Arrays | None = None
) -> tuple[Arrays, Arrays | None]:
    """Simulate consecutive records.

    Parameters
    ----------
    recipe
        What to simulate.
    indices
        Record numbers, shape (n,).
    state
        For chained recipes: what the unit before left.

    Returns
    -------
    arrays, state
        For each record variable an array (n, ...) of the declared shape and dtype; a chained recipe's state.

    Raises
    ------
    BuildError
        When the arrays are not what the recipe declares.
    """
    rngs = generators(recipe.seed, indices)
    if recipe.chained:
        arrays, state = recipe.simulate_next(indices, rngs, state)
    else:
        arrays = recipe.simulate(indices, rngs)
    return conform(arrays, recipe.specs(), int(indices[0]), len(indices)), state


def stage_unit(
    recipe: Recipe, units: Units, unit: int, staging: Staging, wanted: Callable[[], bool] = lambda: True
) -> None:
    """Simulate a unit and stage it durably.

    Parameters
    ----------
    recipe, units, unit, staging
        What to simulate, and where to stage it.
    wanted
        Asked when the unit is simulated; False leaves it unstaged.
    """
    state = staging.read_state(unit - 1) if recipe.chained and unit else None
    arrays, state = simulate_unit(recipe, units.indices(unit), state)
    if not wanted():
        return
    if state is not None:
        staging.write_state(unit, state)
    staging.write(unit, arrays)
    if state is not None:
        staging.forget_states(unit)


def conform(arrays: Mapping[str, Any], specs: list[VariableSpec], first_record: int, records: int) -> Arrays:
    """Return the arrays in the declared dtypes after comparing names, shapes, types, NaN and ranges.

    Raises
    ------
    BuildError, ContractError
        Names the variable, what was found and what was expected.
    """
    declared = {spec.name: spec for spec in specs}
    for name in arrays:
        if name not in declared:
            raise BuildError(
                f"simulate() returned '{name}', which specs() does not declare.{nearest(name, declared)} "
                f"Declared: {listing(declared)}."
            )
    if missing := declared.keys() - arrays.keys():
        raise BuildError(f"simulate() did not return {listing(missing)}, which specs() declares.")
    return {
        name: _conform_one(np.asarray(arrays[name]), spec, first_record, records)
        for name, spec in declared.items()
    }


def _conform_one(values: np.ndarray, spec: VariableSpec, first_record: int, records: int) -> np.ndarray:
    expected = (records, *spec.shape)
    if values.shape != expected:
        raise BuildError(f"simulate() returned '{spec.name}' of shape {values.shape}, expected {expected}.")
    values = np.ascontiguousarray(cast(spec, values))
    check_values(spec, values, first_record=first_record)
    return values
