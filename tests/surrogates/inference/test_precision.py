"""Places far from the origin: what single precision still tells apart."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.precision import check_precision

SPEC = VariableSpec(
    name="position",
    dims=("trajectory", "time", "axis"),
    shape=(21, 3),
    units="m",
    attributes={"window_dimension": "time", "step": 0.1},
)


def flight(origin: float, step: float = 0.2) -> xr.Dataset:
    track = origin + step * np.arange(21.0)[None, :, None] * np.ones(3)
    return xr.Dataset({"position": (("trajectory", "time", "axis"), track, {"units": "m"})})


@pytest.mark.parametrize("origin", [0.0, -100.0, 5000.0])
def test_projected_coordinates_are_refused_with_the_remedy_and_near_ones_pass(origin):
    check_precision(flight(origin), [SPEC])
    with pytest.raises(ContractError, match=r"'position'.*rounded to 0\.5.*change by 0\.2; subtract"):
        check_precision(flight(5.4e6), [SPEC])


def test_a_vehicle_that_stands_passes_where_one_that_creeps_is_refused():
    check_precision(flight(5.4e6, step=0.0), [SPEC])
    with pytest.raises(ContractError, match="subtract an origin"):
        check_precision(flight(5.4e6, step=0.01), [SPEC])
