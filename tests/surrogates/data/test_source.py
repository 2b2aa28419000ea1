"""What some records share lies in a table and comes out with every record."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.data.source import Source, tidy


@pytest.fixture
def rooms(tmp_path):
    """Six records in three rooms, whose masks stand in a table."""
    number = {"dims": ("sample",), "shape": ()}
    specs = [
        VariableSpec(name="room", dtype="int32", attributes={"instance_dimension": "rooms"}, **number),
        VariableSpec(name="level", **number),
    ]
    masks = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    store = create_store(
        str(tmp_path / "rooms.zarr"),
        specs,
        records=6,
        record_dimension="sample",
        shared=xr.Dataset({"mask": (("rooms", "x"), masks, {"units": "1"})}),
        attributes={"title": "rooms"},
        splits=[Split(labels=np.zeros(6, np.int8), keeps_whole="none")],
    )
    arrays = {"room": np.array([2, 0, 1, 1, 2, 0], np.int32), "level": np.arange(6, dtype=np.float32)}
    store.write_receipt(0, {"hashes": store.write_row(0, arrays)})
    store.consolidate()
    return open_store(store.url), arrays["room"], masks


def test_table_rows_come_with_their_records(rooms):
    store, room, masks = rooms
    source = Source(store, ["level", "mask"])
    spec = source.spec("mask")
    assert (spec.dims, spec.shape) == (("sample", "x"), (4,))
    records = np.array([5, 0, 3])
    batch = source.read(records)
    np.testing.assert_array_equal(batch["mask"], masks[room[records]])
    assert "room" not in batch
    assert source.shared == {}


def test_floats_become_single_precision_and_integers_stay():
    assert tidy(np.zeros(2)).dtype == np.float32
    assert tidy(np.zeros(2, ">i4")).dtype == np.int32
    assert tidy(np.zeros(2, bool)).dtype == np.bool_
