"""What holds for every recipe and importer: its store depends on its parameters alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.resimulate import resimulate_units
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from datasets.store.units import parse
from surrogates.core.registry import resolve
from surrogates.testing.common import expect, guarded
from surrogates.testing.registered import check_registered

CHANGING = ("history",)
"""Attributes of a store that tell when it was built."""


class Stopped(KeyboardInterrupt):
    """What stops a build in the middle, as Ctrl-C does."""


def check_recipe(
    piece: str | Recipe, parameters: Mapping[str, Any] | None = None, *, workers: Sequence[int] = (1, 2)
) -> None:
    """Check that a store is documented, repeats bit for bit, survives a stop, and passes `verify`.

    It is built in this process, again by worker processes, and again with a stop in the middle, each time
    under other seeds of the global generators. Variables that state a `repeatability` may differ by it.

    Parameters
    ----------
    piece
        A registered name, or a recipe.
    parameters
        Of a registered recipe: some few records of at least two units, the smaller the better.
    workers
        Numbers of worker processes to try; a recipe must be importable in them.

    Raises
    ------
    AssertionError
        When any of this does not hold, or specs lack units that parse or a long name.
    """
    label, recipe = _made(piece, parameters)
    _check_specs(label, recipe)
    with TemporaryDirectory() as folder:
        url = f"{folder}/whole.zarr"
        try:
            with guarded(label, seed=1):
                build(recipe, url, workers=0, progress=False)
        except ValueError as error:
            expect(False, label, f"its example cannot be built ({error})", "a store")
        for count in workers:
            other = f"{folder}/{count}.zarr"
            build(recipe, other, workers=count, progress=False)
            _expect_same_store(label, url, other, f"built by {count} worker processes")
        _check_stopped(label, recipe, url, f"{folder}/stopped.zarr")
        report = verify(url, progress=False)
        problems = "; ".join(each.message for each in report.problems)
        expect(report.ok, label, f"its store does not pass verify ({problems})", "a store without problems")
        store = open_store(url)
        for unit in resimulate_units(store, recipe, list(range(store.rows)), 1):
            expect(
                unit.answer == "same",
                label,
                f"simulated again it differs ({unit.detail})",
                "the same records",
            )


def check_importer(
    piece: str | Recipe,
    parameters: Mapping[str, Any] | None = None,
    *,
    source: str = "folder",
    workers: Sequence[int] = (1, 2),
) -> None:
    """Check an importer as a recipe, and that it refuses a folder that is not there in one line.

    Parameters
    ----------
    piece, parameters, workers
        As for `check_recipe`.
    source
        Parameter that names the files.
    """
    label, recipe = _made(piece, parameters)
    expect(recipe.reads_files, label, "reads_files is false", "true for an importer")
    check_recipe(piece, parameters, workers=workers)
    with TemporaryDirectory() as folder:
        missing = f"{folder}/nowhere"
        given = {**recipe.model_dump(mode="json"), source: missing}
        try:
            build(type(recipe).make(given), f"{folder}/store.zarr", workers=0, progress=False)
        except (ValueError, OSError, BuildError) as error:
            message = str(error)
            expect("\n" not in message, label, f"a missing {source} is refused in several lines", "one line")
            expect(
                Path(missing).name in message,
                label,
                f"a missing {source} is refused with '{message}'",
                "a message that names it",
            )
            return
    expect(False, label, f"a missing {source} is taken", "an error in one line")


def _made(piece: str | Recipe, parameters: Mapping[str, Any] | None) -> tuple[str, Recipe]:
    if isinstance(piece, Recipe):
        return f"recipe '{piece.name}'", piece
    check_registered("recipes", piece)
    return f"recipe '{piece}'", cast(type[Recipe], resolve("recipes", piece)).make(parameters or {})


def _check_specs(label: str, recipe: Recipe) -> None:
    for spec in recipe.specs():
        expect(bool(spec.long_name), label, f"the variable '{spec.name}' has no long_name", "what it is")
        try:
            parse(spec.units)
        except ValueError as error:
            expect(False, label, f"the units of '{spec.name}' do not parse ({error})", "words of UDUNITS")
        first = spec.dims[: len(spec.dims) - len(spec.shape)]
        expect(
            first in ((), (recipe.record_dimension,)),
            label,
            f"the variable '{spec.name}' varies along {first}",
            f"the record dimension, '{recipe.record_dimension}'",
        )


def _check_stopped(label: str, recipe: Recipe, url: str, other: str) -> None:
    """Stop a build at its last unit, resume it, and compare; the units before are not simulated again."""
    plain, calls = type(recipe), [0]
    units = -(-recipe.records() // recipe.unit_records())

    def simulate(self: Recipe, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        calls[0] += 1
        if calls[0] == units:
            raise Stopped
        return plain.simulate(self, indices, rngs)

    def simulate_next(
        self: Recipe, indices: np.ndarray, rngs: list[np.random.Generator], state: Arrays | None
    ) -> tuple[Arrays, Arrays]:
        calls[0] += 1
        if calls[0] == units:
            raise Stopped
        return plain.simulate_next(self, indices, rngs, state)

    body = {"__module__": plain.__module__, "simulate": simulate, "simulate_next": simulate_next}
    stopping = cast(type[Recipe], type(plain.__name__, (plain,), body))
    same = stopping.make(recipe.model_dump(mode="json"))
    with guarded(label, seed=2):
        try:
            build(same, other, workers=0, progress=False)
        except Stopped:
            build(same, other, workers=0, progress=False)
    expect(
        calls[0] <= units + 1,
        label,
        f"a stopped build of {units} units simulated {calls[0] - 1} of them",
        "no unit to be simulated twice",
    )
    _expect_same_store(label, url, other, "stopped and resumed")


def _expect_same_store(label: str, url: str, other: str, how: str) -> None:
    """Compare two stores as any reader of xarray sees them."""
    with xr.open_zarr(url) as one, xr.open_zarr(other) as two:
        expect(set(one.variables) == set(two.variables), label, f"{how} it has other variables", "the same")
        attributes = [{k: v for k, v in ds.attrs.items() if k not in CHANGING} for ds in (one, two)]
        expect(attributes[0] == attributes[1], label, f"{how} it has other attributes", "the same")
        for name in map(str, one.variables):
            apart = _difference(one[name], two[name])
            expect(not apart, label, f"{how} the variable '{name}' differs{apart}", "equal data")


def _difference(one: xr.DataArray, two: xr.DataArray) -> str:
    """Say how two variables differ; nothing where they agree within their repeatability."""
    if one.dims != two.dims or one.shape != two.shape or one.dtype != two.dtype or one.attrs != two.attrs:
        return " in shape, type or attributes"
    values, others = one.values, two.values
    if values.dtype.kind not in "fc":
        return "" if np.array_equal(values, others) else f" in {int((values != others).sum())} values"
    if not np.array_equal(np.isnan(values), np.isnan(others)):
        return " in what is missing"
    apart = float(np.nanmax(np.abs(values - others), initial=0.0))
    slack = float(one.attrs.get("repeatability", 0.0))
    return "" if apart <= slack else f" by up to {apart:.3g} (its repeatability is {slack:g})"
