"""Simulates a few units of a store again and compares."""

from collections.abc import Sequence

import numpy as np

from datasets.factory.recipe import Recipe
from datasets.factory.report import Answer, Resimulation
from datasets.factory.row_checks import DAMAGE
from datasets.factory.simulation import simulate_unit
from datasets.factory.units import Units
from datasets.store.layout import Store
from datasets.store.specs import VariableSpec
from datasets.store.units import display


def resimulate_units(store: Store, recipe: Recipe, rows: Sequence[int], number: int) -> list[Resimulation]:
    """Simulate randomly chosen units again; of a chained recipe only the first, which needs no state.

    Parameters
    ----------
    store, recipe
        What was made, and how.
    rows
        Complete shard rows.
    number
        How many units.
    """
    units = Units.of(store, recipe)
    candidates = [unit for row in rows for unit in units.of_row(row)]
    if recipe.chained:
        candidates = candidates[:1]
    chosen = np.random.default_rng().permutation(candidates)[:number]
    recipe.prepare()
    return [_compare(store, recipe, units, int(unit)) for unit in sorted(chosen)]


def _compare(store: Store, recipe: Recipe, units: Units, unit: int) -> Resimulation:
    indices = units.indices(unit)
    answer, detail = _answer(store, recipe, indices, store.receipt(units.row_of(unit)) or {})
    return Resimulation(
        unit=unit, first_record=int(indices[0]), last_record=int(indices[-1]), answer=answer, detail=detail
    )


def _answer(
    store: Store, recipe: Recipe, indices: np.ndarray, receipt: dict[str, object]
) -> tuple[Answer, str]:
    made_by = {"recipe_version": receipt.get("recipe_version"), **_versions(receipt.get("software"))}
    now = {"recipe_version": recipe.version, **recipe.software()}
    if made_by != now:
        changed = [key for key in sorted(made_by.keys() | now.keys()) if made_by.get(key) != now.get(key)]
        return "not comparable", "; ".join(
            f"{key} {made_by.get(key, 'absent')} then, {now.get(key, 'absent')} now" for key in changed
        )
    simulated, _ = simulate_unit(recipe, indices)
    try:
        stored = store.reader(list(store.specs)).read(indices)
    except DAMAGE as error:
        return "different", str(error)
    for name, spec in store.specs.items():
        if found := difference(stored[name], simulated[name], spec, int(indices[0])):
            return "different", found
    return "same", "bit for bit, or within the declared repeatability"


def _versions(software: object) -> dict[str, object]:
    return dict(software) if isinstance(software, dict) else {}


def difference(stored: np.ndarray, simulated: np.ndarray, spec: VariableSpec, first: int) -> str | None:
    """Return where two arrays differ by more than the variable's repeatability, as text, or None."""
    equal = stored == simulated
    if stored.dtype.kind in "fc":
        equal |= np.isnan(stored) & np.isnan(simulated)
        if spec.repeatability:
            with np.errstate(invalid="ignore"):
                equal |= np.abs(stored - simulated) <= spec.repeatability
    if equal.all():
        return None
    index = tuple(np.argwhere(~equal)[0])
    return (
        f"variable '{spec.name}', record {first + index[0]}: stored {stored[index]:.9g}, simulated "
        f"{simulated[index]:.9g} {display(spec.units)} (repeatability {spec.repeatability:g}; "
        f"{int((~equal).sum())} cells differ)"
    )
