"""Tables of design points: they give parameters of records that a recipe would draw."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.factory.cells import bracketed
from datasets.factory.errors import BuildError
from datasets.factory.opening_zarr import open_zarr
from datasets.factory.recipe import Recipe, counts_of
from datasets.factory.tables import places, read_table
from datasets.factory.text import read_text
from datasets.store.errors import ContractError
from datasets.store.foreign import require_plain_zarr
from datasets.store.units import convert, display
from datasets.store.urls import at_home
from surrogates.core.text import listing, nearest

MOST_POINTS = 100_000
"""Rows of a table; the store keeps them among its parameters."""

Column = tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...]
"""One value per record; None is drawn."""


def path_or_values(schema: dict[str, Any]) -> None:
    """Say in a JSON schema that a path may stand for the values of its table."""
    values = {key: schema.pop(key) for key in ("type", "additionalProperties") if key in schema}
    schema["anyOf"] = [{"type": "string"}, values]


class Designed(Recipe):
    """A recipe that takes a table of design points, one row per record, instead of drawing parameters.

    Attributes
    ----------
    designed
        Units of the parameters that a table may give, by name. The store has a variable of each.
    design
        Their values, by name; a table's file is read once and its values are kept.

    Examples
    --------
    >>> class Rods(Designed):
    ...     designed = {"power": "W m-3"}
    ...     def design_ranges(self): return {"power": (0.0, 2000.0)}
    ...     def simulate(self, indices, rngs):
    ...         power = self.given("power", indices, [rng.uniform(500, 1500) for rng in rngs])
    """

    designed: ClassVar[Mapping[str, str]]

    design: dict[str, Column] = Field(
        {},
        description="Table of design points (.csv, .zarr): a row per record, a column with units per "
        "parameter; none: all are drawn.",
        json_schema_extra=path_or_values,
    )

    def design_ranges(self) -> dict[str, tuple[float, float]]:
        """Return the parameters that a table gives here, all of `designed` or fewer, with their ranges."""
        raise NotImplementedError(f"{type(self).__name__} does not define design_ranges()")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """Read the table where its path is given."""
        if isinstance(data, dict) and isinstance(path := data.get("design"), str | Path):
            return data | {"design": read_points(at_home(path), cls.designed)}
        return data

    @model_validator(mode="after")
    def _points_fit(self) -> Self:
        if not self.design:
            return self
        ranges = self.design_ranges()
        if unknown := sorted(self.design.keys() - ranges.keys()):
            raise ValueError(
                f"design: '{unknown[0]}' cannot be given here.{nearest(unknown[0], ranges)} A table gives "
                f"{listing(ranges)}"
            )
        if missing := ranges.keys() - self.design.keys():
            raise ValueError(f"design: there is no column '{min(missing)}'; a table gives {listing(ranges)}")
        for name, (lowest, highest) in ranges.items():
            self._check(name, lowest, highest)
        return self

    def _check(self, name: str, lowest: float, highest: float) -> None:
        values = self._points[name]
        if len(values) != self.records():
            keys = counts_of(self)
            advice = f"say {keys[0]}={len(values)}" if keys else "a table has a row for each"
            raise ValueError(f"design: {len(values)} points for {self.records()} records; {advice}")
        outside = np.flatnonzero((values < lowest) | (values > highest))
        if len(outside):
            unit = display(self.designed[name])
            raise ValueError(
                f"design: {name} of record {outside[0]} is {values[outside[0]]:g}, expected {lowest:g} to "
                f"{highest:g} {unit}".rstrip()
            )

    @cached_property
    def _points(self) -> dict[str, np.ndarray]:
        """Values of each column, (records,), NaN where they are drawn."""
        return {name: np.array(values, np.float64) for name, values in self.design.items()}

    def given(self, name: str, indices: np.ndarray | int, drawn: Any) -> np.ndarray:
        """Return a parameter of some records: the table's where it has one, else what was drawn.

        Parameters
        ----------
        name
            Of the parameter.
        indices
            Record numbers, (n,), or one of them.
        drawn
            Values that the recipe drew, alike; drawn in any case, so that a table changes nothing else.
        """
        if name not in self._points:
            return np.asarray(drawn)
        points = self._points[name][indices]
        return np.where(np.isnan(points), drawn, points)

    def config(self) -> dict[str, Any]:
        """Return every parameter; a table only where there is one."""
        return {key: value for key, value in super().config().items() if key != "design" or value}


def continued(old: Recipe, records: int | None, table: str | Path | None) -> dict[str, Any]:
    """Return `design` and number of records of a recipe with more of them.

    Parameters
    ----------
    old
        The recipe.
    records
        Number of all records afterwards; None counts the points.
    table
        Points of the further records; None lets them be drawn.

    Raises
    ------
    BuildError
        When the recipe takes no table, or the last records have its points.
    """
    if not isinstance(old, Designed):
        if table is not None:
            raise BuildError(f"recipe '{old.name}' takes no table of design points; leave design= out")
        return {"records": records}
    further: dict[str, Column] = {}
    if table is not None:
        further = read_points(at_home(table), old.designed)
        if old.design and all(
            old.design.get(name, ())[-len(values) :] == values for name, values in further.items()
        ):
            raise BuildError(
                f"the last records have the points of {table} already; give a table of other points"
            )
        records = old.records() + len(next(iter(further.values()), ()))
    before: Column = (None,) * old.records()
    drawn: Column = (None,) * ((records or 0) - old.records())
    columns = {
        name: [*old.design.get(name, before), *further.get(name, drawn)]
        for name in old.design.keys() | further.keys()
    }
    return {"records": records} | ({"design": columns} if columns else {})


def read_points(path: Path, units: Mapping[str, str]) -> dict[str, Column]:
    """Read a table of design points.

    Parameters
    ----------
    path
        A CSV file with a header such as ``power [W m-3]``, or a Zarr store with 1-D variables and `units`.
    units
        Of the parameters, by name; the values are converted to them.

    Raises
    ------
    BuildError
        When a column is none of them or has no unit, or a value is missing; names file, column and row.
    """
    if not path.exists():
        raise BuildError(f"design: there is no table {path}; expected a .csv file or a .zarr store")
    columns = _of_zarr(path, units) if path.is_dir() else _of_csv(path, units)
    for name, values in columns.items():
        if len(values) > MOST_POINTS:
            raise BuildError(
                f"{path}: {len(values)} points, expected at most {MOST_POINTS}; make several stores"
            )
        if (missing := np.flatnonzero(~np.isfinite(values))).size:
            raise BuildError(
                f"{path}: '{name}' of row {missing[0] + 1} is no number; give a value to each row"
            )
    return {name: tuple(values.tolist()) for name, values in columns.items()}


def _of_csv(path: Path, units: Mapping[str, str]) -> dict[str, np.ndarray]:
    text = read_text(path)
    alone = not re.search(r"[,;|\t]", text)  # a single column, whose units may hold spaces
    table = read_table(str(path), text, "comma" if alone else None)
    found = {}
    for title in table.header:
        name = next((each for each in units if places(each, [title])), bracketed(title)[0])
        _require_unit(path, name, table.unit(title, units.get(name, "1")), units)
        found[name] = table.values(title, units[name])
    return found


def _of_zarr(path: Path, units: Mapping[str, str]) -> dict[str, np.ndarray]:
    require_plain_zarr(path)
    found = {}
    for name, variable in open_zarr(str(path), "", ()).items():
        if variable.ndim != 1:
            raise BuildError(f"{path}: '{name}' has dimensions {variable.dims}, expected that of the points")
        _require_unit(path, name, variable.attrs.get("units"), units)
        try:
            found[name] = convert(variable.values, str(variable.attrs.get("units", "1")), units[name])
        except ContractError as error:
            raise BuildError(f"{path}: '{name}': {error}") from None
    return found


def _require_unit(path: Path, name: str, stated: object, units: Mapping[str, str]) -> None:
    """Refuse a column that no parameter has the name of, and one without a unit."""
    if name not in units:
        raise BuildError(
            f"{path}: '{name}' is no parameter that a table gives.{nearest(name, units)} Expected "
            f"{listing(units)}"
        )
    if stated is None and units[name] != "1":
        raise BuildError(
            f"{path}: '{name}' states no unit; write `{name} [{units[name]}]` in the header of a CSV file, "
            "or give the variable of a Zarr store the attribute `units`"
        )
