"""Numbers among the attributes of an input have to be those of training."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.attributes import check_attributes, check_facts
from surrogates.learning.context import Spacing

SPEC = VariableSpec(
    name="gather",
    dims=("sample", "time"),
    shape=(4,),
    attributes={"source_frequency": 15.0, "source_depth": 0, "solver_steps": 1000, "wavelet": "ricker"},
)


def gathers(**attributes: object) -> xr.Dataset:
    return xr.Dataset({"gather": (("sample", "time"), np.zeros((2, 4)), attributes)})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"source_frequency": 25.0},
            "variable 'gather': attribute 'source_frequency' is 25, expected 15 as in training; ask",
        ),
        ({"source_frequency": np.float32(14.8)}, "'source_frequency' is 14.8, expected 15"),
        ({"source_frequency": np.nan}, "'source_frequency' is nan, expected 15"),
        ({"source_depth": np.int64(10)}, "'source_depth' is 10, expected 0"),
    ],
)
def test_another_source_is_refused(attributes: dict, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_attributes(gathers(**attributes), [SPEC])


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"source_frequency": 15.1, "source_depth": 0.0},
        {"solver_steps": 4000, "recorded": 3, "wavelet": "Ricker's"},
    ],
)
def test_only_what_both_sides_know_and_differs_is_refused(attributes: dict) -> None:
    check_attributes(gathers(**attributes), [SPEC])
    check_attributes(xr.Dataset(), [SPEC])
    with pytest.raises(ContractError, match=r"'source_frequency' is 15\.3, expected 15"):
        check_attributes(gathers(**attributes | {"source_frequency": 15.3}), [SPEC])


def facts_pipeline() -> Any:
    return SimpleNamespace(facts={"cell": (Spacing("m", ("y", "x")), 4.0)})


def test_a_cell_side_that_was_stated_in_training_is_compared() -> None:
    def grid(step: float, units: str = "m") -> xr.Dataset:
        places = step * np.arange(5)
        return xr.Dataset(coords={dim: (dim, places, {"units": units}) for dim in ("y", "x")})

    check_facts(grid(4.0), facts_pipeline())
    check_facts(grid(0.004, "km"), facts_pipeline())
    with pytest.raises(ContractError, match="cell is 20 m, 4 m in training"):
        check_facts(grid(20.0), facts_pipeline())
