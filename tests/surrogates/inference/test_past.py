"""The last samples of a past: of long ones, of padded ones, and of those that are too short."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.past import latest

SPEC = VariableSpec(
    name="position",
    dims=("trajectory", "time", "axis"),
    shape=(4, 2),
    units="m",
    attributes={"window_dimension": "time", "step": 0.1},
)


def flights(lengths: list[int], size: int = 12) -> xr.Dataset:
    track = 100.0 * np.arange(len(lengths))[:, None] + np.arange(float(size))
    track = np.where(np.arange(size) < np.array(lengths)[:, None], track, np.nan)
    return xr.Dataset(
        {
            "position": (("trajectory", "time", "axis"), np.stack([track, -track], -1), {"units": "m"}),
            "length": ("trajectory", lengths),
        },
        coords={"time": ("time", 0.1 * np.arange(size), {"units": "s"})},
    )


def test_the_last_samples_before_the_padding_are_taken():
    found = latest(flights([12, 7, 4]), [SPEC], "trajectory")
    assert found.position.dims == ("trajectory", "time", "axis")
    np.testing.assert_array_equal(
        found.position.values[..., 0], [[8, 9, 10, 11], [103, 104, 105, 106], [200, 201, 202, 203]]
    )
    np.testing.assert_allclose(np.diff(found.time.values), 0.1)


def test_one_record_ends_at_its_own_length():
    found = latest(flights([12, 7]).isel(trajectory=1), [SPEC], "trajectory")
    assert found.position.values[:, 0].tolist() == [103, 104, 105, 106]


def test_a_cut_past_ends_where_it_was_cut():
    found = latest(flights([12, 10]).isel(time=slice(0, 6)), [SPEC], "trajectory")
    assert found.position.values[1, :, 0].tolist() == [102, 103, 104, 105]


def test_a_record_that_is_too_short_is_named():
    with pytest.raises(ContractError, match=r"record 1 of the past has 3 samples.*expected at least 4"):
        latest(flights([12, 3]), [SPEC], "trajectory")
    with pytest.raises(ContractError, match="the past has 2 samples along 'time'"):
        latest(flights([12]).drop_vars("length").isel(time=slice(0, 2)), [SPEC], "trajectory")


def test_without_padding_a_past_that_fits_stays():
    whole = flights([4], size=4)
    xr.testing.assert_identical(latest(whole, [SPEC], "trajectory").position, whole.position)
