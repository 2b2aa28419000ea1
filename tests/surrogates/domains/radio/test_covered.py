"""Cells under buildings have no answer, and all others the one that they had."""

import numpy as np
import pytest
import xarray as xr

import surrogates
from surrogates.inference.surrogate import Surrogate


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return surrogates.load("zoo:radio/geo2sigmap", device="cpu")


def test_cells_under_buildings_are_nan_and_others_are_those_of_the_network(surrogate: Surrogate) -> None:
    example = surrogate.example()
    found = surrogate.predict(example)["path_gain"]
    roofs = example["building_height"] > 0
    assert (found.isnull() == roofs).all()
    import torch

    inputs = {name: torch.as_tensor(example[name].values).float() for name in surrogate.inputs}
    plain = surrogate.bundle.predict(inputs)["path_gain"].numpy()
    np.testing.assert_allclose(found.values[~roofs.values], plain[~roofs.values], rtol=0, atol=1e-3)


def test_intervals_and_tiles_are_nan_in_the_same_cells(surrogate: Surrogate) -> None:
    example = surrogate.example().isel(sample=[0])
    twice = xr.concat([example, example.assign_coords(x=example.x + 512.0)], "x", data_vars="minimal")
    wide = surrogate.predict(twice, interval=0.5) if surrogate.bundle.manifest.calibration else None
    wide = surrogate.predict(twice) if wide is None else wide
    roofs = twice["building_height"] > 0
    for name, field in wide.data_vars.items():
        assert (field.isnull() == roofs).all(), name
