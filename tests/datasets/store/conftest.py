"""A small store with every kind of variable, and the arrays it was made from."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings

from datasets.store.layout import Store, create_store, open_store
from datasets.store.specs import DECIBEL, Split, VariableSpec

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

RECORDS = 10
PER_ROW = 4

SPECS = [
    VariableSpec(
        name="path_gain",
        dims=("sample", "y", "x"),
        shape=(6, 8),
        units=DECIBEL,
        display_units="dB",
        long_name="path gain",
        missing=True,
        minimum=-300,
        maximum=0,
        statistics_mask="hit",
        repeatability=4e-4,
        attributes={"grid_mapping": "crs"},
    ),
    VariableSpec(name="hit", dims=("sample", "y", "x"), shape=(6, 8), dtype="bool", long_name="reached"),
    VariableSpec(name="position", dims=("sample", "axis"), shape=(3,), units="m", statistics_axes=("axis",)),
    VariableSpec(
        name="city", dims=("sample",), shape=(), dtype="int32", attributes={"instance_dimension": "city_name"}
    ),
    VariableSpec(name="response", dims=("sample", "frequency"), shape=(5,), dtype="complex64"),
]


def shared_variables() -> xr.Dataset:
    return xr.Dataset(
        {
            "crs": ((), np.int32(0), {"crs_wkt": 'ENGCRS["local"]', "long_name": "coordinate system"}),
            "height": (("city_name", "y", "x"), np.ones((2, 6, 8), np.float32), {"units": "m"}),
        },
        coords={
            "x": ("x", np.arange(8.0), {"units": "m"}),
            "y": ("y", np.arange(6.0), {"units": "m"}),
            "city_name": ["Munich", "Malmö"],
            "row_label": ("y", np.array(list("abcdef"))),
            "time": ("sample", np.datetime64("2020-01-01", "ns") + np.arange(RECORDS)),
        },
    )


def record_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    gain = (-100 * rng.random((RECORDS, 6, 8))).astype(np.float32)
    gain[rng.random(gain.shape) < 0.2] = np.nan
    return {
        "path_gain": gain,
        "hit": rng.random(gain.shape) < 0.6,
        "position": rng.normal(size=(RECORDS, 3)).astype(np.float32),
        "city": np.arange(RECORDS, dtype=np.int32) % 2,
        "response": (rng.normal(size=(RECORDS, 5)) + 1j * rng.normal(size=(RECORDS, 5))).astype(np.complex64),
    }


def make_store(url: str, *, fill: bool = True, records_per_chunk: int | None = 1) -> Store:
    store = create_store(
        url,
        SPECS,
        records=RECORDS,
        record_dimension="sample",
        shared=shared_variables(),
        attributes={"title": "a test", "recipe": "toy/field", "recipe_config": {"samples": 10, "seed": 3}},
        splits=[Split(labels=np.arange(RECORDS) % 3, keeps_whole="none")],
        records_per_chunk=records_per_chunk,
        records_per_shard=PER_ROW,
    )
    arrays = record_arrays()
    for row in range(store.rows if fill else 0):
        records = store.row_records(row)
        hashes = store.write_row(
            row, {name: data[records.start : records.stop] for name, data in arrays.items()}
        )
        store.write_receipt(row, {"hashes": hashes})
    return store.consolidate() if fill else store


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_store(str(tmp_path_factory.mktemp("template") / "data.zarr")).url)


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    """A complete store that a test may damage."""
    return open_store(str(shutil.copytree(template, tmp_path / "data.zarr")))


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return record_arrays()


@pytest.fixture
def make() -> Callable[..., Store]:
    """Make such a store at any URL; `fill=False` leaves it empty."""
    return make_store


@pytest.fixture
def specs() -> list[VariableSpec]:
    return SPECS


@pytest.fixture
def shared() -> xr.Dataset:
    return shared_variables()
