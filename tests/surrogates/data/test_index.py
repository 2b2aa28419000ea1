"""Examples: parts, selections, windows."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.errors import ContractError
from surrogates.core.errors import ConfigError
from surrogates.data.index import ExampleIndex, records_of, window_starts, windows_of
from surrogates.data.source import Source
from surrogates.data.window import Window, horizon_coordinates, spacing


def test_parts_are_disjoint_and_cover_the_store(store):
    parts = [records_of(store, part) for part in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts)) == list(range(store.records))


def test_selection_keeps_records_with_an_allowed_value(store):
    chosen = records_of(store, "train", select={"family": [0, 3]})
    assert chosen.tolist() == [0, 1, 2, 3, 12, 13]


def test_selection_by_an_unknown_variable_is_answered(store):
    with pytest.raises(ContractError, match=r"no variable 'famly'.*Did you mean 'family'\?"):
        records_of(store, "train", select={"famly": 0})


def test_windows_cross_neither_parts_nor_gaps():
    records = np.array([0, 1, 2, 3, 6, 7, 8, 9, 10])
    assert window_starts(records, Window(3)).tolist() == [0, 1, 6, 7, 8]
    time = np.arange(11.0)
    time[8:] += 5
    assert window_starts(records, Window(3), time).tolist() == [0, 1, 8]
    assert window_starts(records, Window(2, stride=2)).tolist() == [0, 2, 6, 8]


@pytest.mark.parametrize(
    "clock",
    [
        0.1 * np.arange(300),
        np.arange(300) / 24 + 1e-4 * (np.arange(300) == 7),
        np.array("2000-01", "M8[M]") + np.arange(300),
    ],
)
def test_rounding_jitter_and_months_are_no_gaps(clock):
    clock = clock.astype("M8[ns]") if clock.dtype.kind == "M" else clock
    assert len(window_starts(np.arange(300), Window(8), clock)) == 293


@pytest.mark.parametrize("at", [150, 151])
def test_a_clock_that_stands_or_goes_back_is_a_gap(at):
    clock = np.arange(300.0)
    clock[150:] = clock[150:] - (at - 149)
    starts = window_starts(np.arange(300), Window(8), clock)
    assert len(starts) == 2 * 143 and not set(range(143, 150)) & set(starts.tolist())


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_a_gap_is_seen_in_every_calendar(calendar):
    hours = np.r_[0:10, 15:25]
    about = {"units": "hours since 1999-12-30", "calendar": calendar}
    ds = xr.decode_cf(xr.Dataset(coords={"time": ("time", hours, about)}))
    store = SimpleNamespace(dataset=lambda: ds, record_dimension="time")
    assert windows_of(store, np.arange(20), Window(8)).tolist() == [0, 1, 2, 10, 11, 12]
    assert spacing(ds, "time", "time", "a.zarr") == 3600
    coordinates = horizon_coordinates(ds, "time", Window(2, horizon=2), 3600)
    assert coordinates["horizon"].attrs["units"] == "s"


def test_labels_of_records_are_no_clock():
    ds = xr.Dataset(coords={"station": ("station", np.array(["a", "b", "c"], dtype=object))})
    store = SimpleNamespace(dataset=lambda: ds, record_dimension="station")
    assert windows_of(store, np.arange(3), Window(2)).tolist() == [0, 1]
    assert spacing(ds, "station", "station", "a.zarr") == 1
    assert horizon_coordinates(ds, "station", Window(2), 1.0)["station"].attrs["units"] == "1"


def test_a_word_that_no_record_has_is_answered(store):
    with pytest.raises(ContractError, match=r"no sample of .* has family 99.* It has 0, 1"):
        records_of(store, "train", select={"family": 99})


def test_windows_longer_than_every_run_leave_nothing():
    assert len(window_starts(np.array([0, 1, 5]), Window(3))) == 0


def test_source_reads_windows_as_a_dimension(store):
    source = Source(store, ["force", "time"], Window(3))
    truth = store.dataset()["force"].values
    records = source.read(np.array([4, 5, 6, 10, 11, 12]))
    examples = source.examples(records, torch.tensor([0, 3]), None)
    np.testing.assert_array_equal(examples["force"], np.stack([truth[4:7], truth[10:13]]))
    spec = source.spec("force")
    assert (spec.dims, spec.shape) == (("example", "sample", "time"), (3, 16))


def test_index_knows_the_records_that_windows_touch():
    index = ExampleIndex.join([np.array([0, 1]), np.array([5])], Window(2))
    assert index.of_store(0).tolist() == [0, 1, 2]
    assert index.of_store(1).tolist() == [5, 6]


def test_unknown_variable_of_a_source_is_answered(store):
    with pytest.raises(ConfigError, match=r"no variable 'forces'.*Did you mean 'force'\?"):
        Source(store, ["forces"])
