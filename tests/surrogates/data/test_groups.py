"""Groups are combinations of values, which read as people write them."""

import numpy as np
import pytest
import xarray as xr

from surrogates.core.errors import ConfigError
from surrogates.data.groups import as_labels, groups_of
from surrogates.data.index import ExampleIndex


def variable(values: object, **attributes: object) -> xr.DataArray:
    return xr.DataArray(np.asarray(values), dims=["sample"], attrs=attributes)


@pytest.mark.parametrize(
    ("values", "attributes", "expected"),
    [
        ([0, 1], {"flag_values": [0, 1], "flag_meanings": "tdl_a tdl_b"}, ["tdl_a", "tdl_b"]),
        (np.array([1e-7, 3e-7], np.float32), {"units": "s", "display_units": "ns"}, ["100 ns", "300 ns"]),
        (np.array([0.1, 30], np.float32), {"units": "m s-1"}, ["0.1 m s-1", "30 m s-1"]),
        ([-3.0, 10.0], {"units": "0.1 lg(re 1)", "display_units": "dB"}, ["-3 dB", "10 dB"]),
        ([1.0, 1.00000001], {"units": "1"}, ["1.0", "1.00000001"]),
        ([7, 8], {}, ["7", "8"]),
        (["a", "b"], {"units": "1"}, ["a", "b"]),
    ],
)
def test_values_read_with_meaning_and_units(values: object, attributes: dict, expected: list[str]) -> None:
    assert as_labels(variable(values, **attributes)).tolist() == expected


class Stored:
    """A store of a few variables."""

    url, record_dimension = "toy.zarr", "sample"

    def __init__(self, **variables: xr.DataArray) -> None:
        self._dataset = xr.Dataset(variables)

    def dataset(self) -> xr.Dataset:
        return self._dataset


def index(records: int) -> ExampleIndex:
    return ExampleIndex(np.zeros(records, int), np.arange(records))


def test_each_combination_of_values_is_a_group() -> None:
    store = Stored(speed=variable([1, 1, 2, 1], units="m s-1"), kind=variable(["a", "b", "a", "a"]))
    found = groups_of([store], index(4), ["kind", "speed"])
    assert found.labels.tolist() == ["a, 1 m s-1", "b, 1 m s-1", "a, 2 m s-1", "a, 1 m s-1"]
    assert found.values["a, 2 m s-1"] == ("a", "2 m s-1")
    assert len(found.values) == 3


def test_two_combinations_with_one_name_are_refused() -> None:
    store = Stored(one=variable(["a, b", "a"]), other=variable(["c", "b, c"]))
    with pytest.raises(ConfigError, match=r"would both be the group 'a, b, c'"):
        groups_of([store], index(2), ["one", "other"])


def test_a_group_is_not_called_as_all_together() -> None:
    store = Stored(where=variable(["all", "one"]))
    with pytest.raises(ConfigError, match=r"would be called 'all', as all examples together are"):
        groups_of([store], index(2), ["where"])
