"""Small channels: 8 ports, 120 subcarriers, one unit of records."""

from functools import cache

import numpy as np
import xarray as xr

from datasets.csi.rrg import RRG
from datasets.factory.recipe import generators
from datasets.store.specs import VariableSpec


@cache
def recipe(model: str = "D", count: int = 6) -> RRG:
    """The benchmark's channels at the size tiny, of one scenario."""
    return RRG.make(
        {
            "models": [model],
            "delay_spreads": [3e-7],
            "speeds": [10.0],
            "samples_per_scenario": count,
            "antenna_rows": 2,
            "antenna_columns": 2,
            "uplink_subcarriers": 48,
            "gap_subcarriers": 24,
            "downlink_subcarriers": 48,
        }
    )


@cache
def records(model: str = "D", count: int = 6) -> xr.Dataset:
    """Records as a store opens them."""
    made = recipe(model, count)
    indices = np.arange(count)
    arrays = made.simulate(indices, generators(made.seed, indices))

    def variable(spec: VariableSpec) -> xr.Variable:
        return xr.Variable(spec.dims, arrays[spec.name], spec.to_attributes())

    return made.shared().assign({spec.name: variable(spec) for spec in made.specs()})
