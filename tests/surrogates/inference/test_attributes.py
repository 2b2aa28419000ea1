"""Numbers among the attributes of an input have to be those of training."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.attributes import check_attributes, check_facts, require_decoded
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


HEIGHT = VariableSpec(name="height", dims=("cell",), shape=(3,), units="m", minimum=0.0)


@pytest.mark.parametrize(
    ("values", "attributes", "message"),
    [
        (np.int16([5, 10, 20]), {"scale_factor": 0.1}, "attribute 'scale_factor' is 0.1, so .* packed"),
        (np.int16([5, 10, 20]), {"add_offset": np.float32(300)}, "attribute 'add_offset' is 300, so"),
        (
            np.float32([1, -999.9, 2]),
            {"missing_value": -999.9},
            "1 values are -999.9, .* 'missing_value' says",
        ),
        (np.int16([1, 7, 7]), {"_FillValue": 7}, r"2 values are 7, .* say xr.decode_cf\(ds\)"),
        ([1.0, 2.0, 300.0], {"valid_range": [0.0, 255.0]}, "300 is above the valid maximum 255 that its"),
        (
            [1.0, 2.0, 300.0],
            {"valid_min": 0.0, "valid_max": 255},
            r"300 is above .* so it is missing \(1 in all\)",
        ),
    ],
)
def test_what_an_attribute_says_of_the_values_is_not_overlooked(
    values: object, attributes: dict, message: str
) -> None:
    with pytest.raises(ContractError, match=f"variable 'height': {message}"):
        require_decoded(xr.DataArray(values, dims="cell", attrs=attributes), HEIGHT)


@pytest.mark.parametrize(
    ("packed", "encoding", "limits", "sound"),
    [
        ([0, 10, 20], {"scale_factor": 0.1, "add_offset": 300.0}, {"valid_range": [0, 15]}, 2),
        ([0, 10, 20], {"scale_factor": -0.1}, {"valid_max": 15}, 2),
        ([0, 1, -6], {"scale_factor": 0.5, "_Unsigned": "true"}, {"valid_range": [0, -7]}, 2),
    ],
)
def test_whole_numbers_limit_the_packed_values(
    packed: list[int], encoding: dict, limits: dict, sound: int
) -> None:
    stored = xr.Dataset(
        {"height": ("cell", np.int16(packed), encoding | {k: np.int16(v) for k, v in limits.items()})}
    )
    found = xr.decode_cf(stored)["height"]
    require_decoded(found[:sound], HEIGHT)
    with pytest.raises(ContractError, match="that its attributes state"):
        require_decoded(found, HEIGHT)


def test_attributes_that_change_nothing_pass() -> None:
    about = {
        "scale_factor": 1.0,
        "add_offset": 0,
        "_FillValue": np.nan,
        "missing_value": -9.0,
        "valid_min": 0.0,
    }
    require_decoded(xr.DataArray([1.0, np.nan, -1.0], dims="cell", attrs=about), HEIGHT)  # 0 is its own limit
