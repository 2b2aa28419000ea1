"""Cells that run the other way than in training are turned, even ones and uneven ones."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.inference.manifest import Coordinate
from surrogates.inference.turning import other_way, turned

WIND = VariableSpec(name="wind", dims=("sample", "level"), shape=(3,), units="m s-1")


@pytest.mark.parametrize("trained", [[1000.0, 850.0, 500.0], [1000.0, 900.0, 800.0]])
def test_levels_in_the_other_order_are_turned(trained: list[float]) -> None:
    coordinates = {"level": Coordinate(values=trained, attributes={"units": "hPa"})}
    pascals = ("level", 100 * np.array(trained), {"units": "Pa"})
    ds = xr.Dataset({"wind": (("sample", "level"), [[1.0, 2.0, 3.0]])}, coords={"level": pascals})
    assert other_way(ds, coordinates, [WIND]) == frozenset()
    backwards = ds.isel(level=[2, 1, 0])
    assert other_way(backwards, coordinates, [WIND]) == {"level"}
    xr.testing.assert_identical(turned(backwards, frozenset({"level"})), ds)
    assert other_way(ds.isel(level=[1, 0, 2]), coordinates, [WIND]) == frozenset()
