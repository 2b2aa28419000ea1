"""Windows inside records: what an example sees, what lies ahead, and what is refused."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.data.index import (
    ExampleIndex,
    records_of,
    require_dimension,
    windows_inside,
)
from surrogates.data.loader import BatchLoader
from surrogates.data.source import Source
from surrogates.data.window import Window, forecast_name, known_name, spacing, step_of
from surrogates.experiment.config import RunConfig, WindowConfig
from surrogates.experiment.experiment import Experiment

LENGTHS = np.array([12, 5, 9, 20, 7, 15], np.int32)


def write_walks(url: str, lengths: np.ndarray = LENGTHS, step: float = 0.5, *, hole: bool = False) -> str:
    """Write walks whose value at sample t of record r is 100 r + t, padded with NaN, one with a hole."""
    samples = int(lengths.max())
    values = 100.0 * np.arange(len(lengths))[:, None] + np.arange(samples)
    values = np.where(np.arange(samples) < lengths[:, None], values, np.nan)
    if hole:
        values[3, 7] = np.nan
    walk = np.stack([values, -values], axis=-1).astype(np.float32)
    store = create_store(
        url,
        [
            VariableSpec(
                name="place", dims=("walk", "time", "axis"), shape=(samples, 2), units="m", missing=True
            ),
            VariableSpec(name="length", dims=("walk",), shape=(), dtype="int32"),
        ],
        records=len(lengths),
        record_dimension="walk",
        shared=xr.Dataset(coords={"time": ("time", step * np.arange(samples), {"units": "s"})}),
        attributes={"title": "walks"},
        splits=[Split(labels=np.array([0, 0, 0, 0, 1, 2])[: len(lengths)], keeps_whole="walk")],
    )
    for row in range(store.rows):
        chosen = list(store.row_records(row))
        store.write_receipt(
            row, {"hashes": store.write_row(row, {"place": walk[chosen], "length": lengths[chosen]})}
        )
    store.consolidate()
    return url


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    return open_store(write_walks(str(tmp_path_factory.mktemp("walks") / "walks.zarr")))


def index_of(store, subset, window):
    records, offsets = windows_inside(store, records_of(store, subset), window)
    return ExampleIndex.join([records], window, [offsets])


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_past_and_future_follow_each_other_and_padding_is_never_seen(walks, cache_bytes):
    window = Window(4, stride=1, horizon=3, dimension="time")
    index = index_of(walks, "train", window)
    assert len(index) == sum(max(0, n - 6) for n in LENGTHS[:4])
    loader = BatchLoader([walks], index, ["place", "place_forecast", "length"], 8, cache_bytes=cache_bytes)
    seen = 0
    for batch in loader:
        past, ahead = batch["place"], batch["place_forecast"]
        assert past.shape[1:] == (4, 2) and ahead.shape[1:] == (3, 2)
        whole = torch.cat([past, ahead], dim=1)
        assert (whole.diff(dim=1)[..., 0] == 1).all() and (whole[..., 1] == -whole[..., 0]).all()
        assert (whole[:, 0, 0] // 100 == whole[:, -1, 0] // 100).all()
        assert whole.isfinite().all()
        seen += len(past)
    assert seen == len(index)


def test_stride_and_span_say_where_windows_begin(walks):
    _, offsets = windows_inside(walks, np.array([0]), Window(4, stride=3, horizon=2, dimension="time"))
    assert offsets.tolist() == [0, 3, 6]


def test_stores_of_other_lengths_are_joined(walks, tmp_path):
    other = open_store(write_walks(str(tmp_path / "long.zarr"), lengths=LENGTHS + 30))
    window = Window(4, horizon=2, dimension="time")
    parts = [windows_inside(store, records_of(store, "train"), window) for store in (walks, other)]
    index = ExampleIndex.join([p[0] for p in parts], window, [p[1] for p in parts])
    batches = list(BatchLoader([walks, other], index, ["place", "place_forecast"], 16, seed=1, train=True))
    starts = torch.cat([batch["place"][:, 0, 0] for batch in batches])
    assert starts.max() % 100 > LENGTHS.max()
    assert all((batch["place_forecast"][:, 0, 0] - batch["place"][:, -1, 0] == 1).all() for batch in batches)


def test_specs_tell_step_and_horizon_and_promise_no_gap(walks):
    source = Source(walks, ["place", "place_forecast"], Window(4, horizon=3, dimension="time"))
    past, ahead = source.spec("place"), source.spec("place_forecast")
    assert (past.dims, past.shape) == (("walk", "time", "axis"), (4, 2))
    assert (ahead.dims, ahead.shape) == (("walk", "horizon", "axis"), (3, 2))
    assert step_of(past) == step_of(ahead) == 0.5
    assert not past.missing and not ahead.missing
    assert known_name(forecast_name("place")) == "place"


def test_time_ahead_is_in_the_units_of_the_clock(walks):
    """What a bundle compares its inputs' spacing with, and the axis of the pictures."""
    task = {
        "inputs": ["place"],
        "targets": ["place_forecast"],
        "transform": {"name": "windows"},
        "window": {"dimension": "time", "length": 4, "horizon": 3},
    }
    config = {"experiment": "walks", "dataset": walks.url, "task": task, "model": {"name": "lstm"}}
    config["trainer"] = {"max_steps": 1}
    coordinates = Experiment.open(validate(RunConfig, config, "run")).data.coordinates
    np.testing.assert_allclose(coordinates["time"], [-1.5, -1.0, -0.5, 0.0])
    np.testing.assert_allclose(coordinates["horizon"], [0.5, 1.0, 1.5])


def test_a_hole_inside_a_record_stays_missing(tmp_path):
    store = open_store(write_walks(str(tmp_path / "hole.zarr"), hole=True))
    source = Source(store, ["place", "place_forecast"], Window(4, horizon=3, dimension="time"))
    assert source.spec("place").missing and source.spec("place_forecast").missing


def test_windows_longer_than_every_record_are_refused(walks):
    with pytest.raises(ConfigError, match=r"has 30 samples along 'time'.*the longest has 20"):
        windows_inside(walks, np.arange(6), Window(20, horizon=10, dimension="time"))


def test_a_dimension_that_is_not_there_is_answered(walks):
    with pytest.raises(ConfigError, match=r"no dimension 'tme'.*Did you mean 'time'\?"):
        require_dimension(walks, Window(2, dimension="tme"))


def test_an_uneven_clock_is_refused():
    uneven = xr.Dataset(coords={"time": ("time", [0.0, 0.1, 0.3], {"units": "s"})})
    with pytest.raises(ConfigError, match="not evenly spaced"):
        spacing(uneven, "time", "flight", "a.zarr")


@pytest.mark.parametrize("along", ["flight", "time"])
def test_a_clock_that_runs_backwards_is_refused(along):
    backwards = xr.Dataset(coords={"time": ("time", [0.2, 0.1, 0.0], {"units": "s"})})
    with pytest.raises(ConfigError, match=r"steps of -0\.1; expected values that ascend"):
        spacing(backwards, "time", along, "a.zarr")


@pytest.mark.parametrize("step", [0, -0.1, float("inf"), float("nan"), None, [0.1], "0.1", True])
def test_a_spacing_that_is_none_is_refused(step):
    spec = VariableSpec(name="place", dims=("walk", "time"), shape=(4,), units="m", attributes={"step": step})
    with pytest.raises(ConfigError, match=r"'place' has the attribute step = .*a number above zero"):
        step_of(spec)


def test_dates_are_counted_in_seconds():
    dates = np.array(["2020-01-01", "2020-01-02", "2020-01-05", "2020-01-06"], "M8[ns]")
    days = xr.Dataset(coords={"time": dates})
    assert spacing(days, "time", "time", "a.zarr") == 86400.0


def test_windows_of_records_offer_what_lies_ahead(store):
    source = Source(store, ["force", "force_forecast"], Window(3, horizon=2))
    truth = store.dataset()["force"].values
    examples = source.examples(source.read(np.arange(4, 12)), torch.tensor([0, 3]), None)
    np.testing.assert_array_equal(examples["force"], np.stack([truth[4:7], truth[7:10]]))
    np.testing.assert_array_equal(examples["force_forecast"], np.stack([truth[7:9], truth[10:12]]))
    assert source.spec("force_forecast").dims == ("example", "horizon", "time")


def test_a_run_of_before_that_kept_records_whole_still_opens_and_one_that_did_not_is_refused():
    assert WindowConfig.model_validate({"length": 4, "leaky": False}) == WindowConfig(length=4)
    with pytest.raises(ConfigError, match="leaky=true divided overlapping windows and is no longer taken"):
        validate(WindowConfig, {"length": 4, "leaky": True}, "configuration")
