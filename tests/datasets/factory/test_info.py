"""`info` describes complete and half-built stores."""

from pathlib import Path

import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.info import info
from tests.datasets.factory.recipes import Failing


def test_numbers_of_a_complete_store_are_those_of_its_data(undisturbed: str) -> None:
    found, ds = info(undisturbed), xr.open_zarr(undisturbed)
    assert (found.records, found.rows, found.complete_rows) == (48, 3, [0, 1, 2])
    assert found.splits[0].records == {"train": 36, "validation": 8, "test": 4}
    stiffness = next(variable for variable in found.variables if variable.name == "stiffness")
    assert stiffness.mean == pytest.approx(float(ds.stiffness.astype(float).mean()))
    assert stiffness.units == "N m-1"
    assert found.shared == {"time": "(time) s"}


def test_a_half_built_store_says_what_is_there(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    with pytest.raises(BuildError):
        build(Failing(), url, workers=0, progress=False)
    found = info(url)
    assert (found.complete_rows, found.staged_units) == ([0], 1)
    assert next(v.count for v in found.variables if v.name == "displacement") == 16 * 32
