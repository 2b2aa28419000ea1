"""What all records of all stores of a run share, and what a run does where they differ."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

from datasets.store import repeated
from datasets.store.layout import Store, create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core import build as building
from surrogates.core.errors import ConfigError
from surrogates.data.index import ExampleIndex
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.stores import CopiesWarning, shared_fields, warn_of_copies
from surrogates.learning import piece
from surrogates.learning.context import Context, Fact, Scalar, Spacing
from surrogates.learning.transforms import Stack
from tests.silence import no_warnings

RECORDS, PLACES = 12, 6


def write(url: Path, **shared: Any) -> Store:
    """Write a store with a carrier in GHz, places in m, and for every record a power and a gain.

    ``shared`` replaces what it holds besides; None leaves it out.
    """
    values: dict[str, Any] = {
        "frequency": ((), 3.5, {"units": "GHz"}),
        "terrain": ("x", np.linspace(0.0, 5.0, PLACES), {"units": "m"}),
        "power": np.full(RECORDS, 10.0),
        "x": 4.0 * np.arange(PLACES),
        "tables": None,
        "signal": np.random.default_rng(0).normal(size=(RECORDS, PLACES)),
        **shared,
    }
    x, power, tables, signal = (values.pop(name) for name in ("x", "power", "tables", "signal"))
    number = {"dims": ("sample",), "shape": ()}
    specs = [
        VariableSpec(name="power", units="W", **number),
        VariableSpec(name="count", dtype="int32", **number),
        VariableSpec(name="signal", dims=("sample", "x"), shape=(PLACES,), units="V"),
        VariableSpec(name="gain", dims=("sample", "x"), shape=(PLACES,), units="V"),
    ]
    if tables is not None:
        attributes = {"instance_dimension": "antenna"}
        specs.append(VariableSpec(name="which", dtype="int32", attributes=attributes, **number))
        values["height"] = ("antenna", np.asarray(tables), {"units": "m"})
    given = {name: value for name, value in values.items() if value is not None}
    store = create_store(
        str(url),
        specs,
        records=RECORDS,
        record_dimension="sample",
        shared=xr.Dataset(given, coords={"x": ("x", x, {"units": "m"})}),
        attributes={"title": "carriers", "recipe": "tests", "license": "CC0-1.0"},
        splits=[Split(labels=np.array([0, 0, 1, 2], np.int8)[np.arange(RECORDS) % 4], keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    arrays = {"power": power, "count": np.full(RECORDS, 3), "signal": signal, "gain": 2 * signal}
    arrays |= {} if tables is None else {"which": np.zeros(RECORDS, np.int32)}
    store.write_receipt(0, {"hashes": store.write_row(0, arrays)})
    store.consolidate()
    return open_store(str(url))


def context(*stores: Store) -> Context:
    shared, unlike = shared_fields(stores)
    return Context.of([], [], shared=shared, unlike=unlike)


def test_scalars_fields_coordinates_and_equal_numbers_of_the_records_are_shared(tmp_path: Path) -> None:
    found = context(write(tmp_path / "a.zarr"))
    assert not found.unlike
    assert set(found.shared) == {"frequency", "terrain", "x", "power", "count"}
    assert Scalar("Hz").find(found, "frequency") == 3.5e9
    assert Spacing("m", ("x",)).find(found, "cell") == 4.0
    assert Scalar("mW").find(found, "power") == pytest.approx(10_000.0, rel=1e-12)
    field = found.field("terrain", "m")
    assert field is not None
    np.testing.assert_allclose(field, np.linspace(0.0, 5.0, PLACES), rtol=1e-6)


def test_tables_to_which_records_refer_are_not_shared(tmp_path: Path) -> None:
    assert "height" not in context(write(tmp_path / "a.zarr", tables=[20.0, 30.0])).shared


def test_stores_that_agree_share_what_one_has(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr")
    both = context(one, two)
    assert not both.unlike
    assert both.shared.keys() == context(one).shared.keys()
    assert Scalar("Hz").find(both, "frequency") == 3.5e9


def test_another_frequency_is_refused_when_it_is_read(tmp_path: Path) -> None:
    stores = [
        write(tmp_path / f"{name}.zarr", frequency=((), value, {"units": "GHz"}))
        for name, value in (("a", 3.5), ("b", 3.6))
    ]
    both = context(*stores)
    assert set(both.unlike) == {"frequency"} and "frequency" not in both.shared
    assert Spacing("m", ("x",)).find(both, "cell") == 4.0
    with pytest.raises(ConfigError) as caught:
        Scalar("Hz").find(both, "frequency")
    assert str(caught.value) == (
        f"'frequency' is not the same in {stores[0].url} and {stores[1].url}; train on them apart"
    )


@pytest.mark.parametrize("last", [3.5, 3.6], ids=["last agrees", "last differs"])
def test_any_of_several_stores_may_differ(tmp_path: Path, last: float) -> None:
    other = 3.6 if last == 3.5 else 3.5
    values = {"a": 3.5, "b": other, "c": last}
    stores = [write(tmp_path / f"{k}.zarr", frequency=((), v, {"units": "GHz"})) for k, v in values.items()]
    assert set(context(*stores).unlike) == {"frequency"}


def test_a_coordinate_that_begins_elsewhere_at_the_same_spacing_is_that_of_the_first(tmp_path: Path) -> None:
    one = write(tmp_path / "a.zarr")
    two = write(tmp_path / "b.zarr", x=600_000.0 + 4.0 * np.arange(PLACES))
    both = context(one, two)
    assert not both.unlike
    np.testing.assert_array_equal(both.shared["x"], 4.0 * np.arange(PLACES))
    apart = context(one, write(tmp_path / "c.zarr", x=5.0 * np.arange(PLACES)))
    assert set(apart.unlike) == {"x"}
    with pytest.raises(ConfigError, match="'x' is not the same"):
        Spacing("m", ("x",)).find(apart, "cell")


@pytest.mark.parametrize("x", [8.0 * np.arange(PLACES), 4.0 * np.arange(PLACES)[::-1]])
def test_a_run_takes_no_stores_whose_cells_lie_otherwise(tmp_path: Path, x: np.ndarray) -> None:
    power = np.arange(RECORDS) + 0.5
    stores = [write(tmp_path / "a.zarr").url, write(tmp_path / "b.zarr", x=x, power=power).url]
    with pytest.raises(ConfigError, match=r"coordinate 'x' is .* m in .*b.zarr, but 0, 4, .* m in .*a.zarr"):
        told(*stores, transform={"name": "stack"})


def test_a_field_that_differs_has_no_single_value(tmp_path: Path) -> None:
    shifted = ("x", np.linspace(1.0, 6.0, PLACES), {"units": "m"})
    apart = context(write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", terrain=shifted))
    assert set(apart.unlike) == {"terrain"}  # the same steps, but no coordinate


def test_units_are_part_of_a_value(tmp_path: Path) -> None:
    hertz = ((), 3.5, {"units": "Hz"})
    assert (
        "frequency" in context(write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", frequency=hertz)).unlike
    )


def test_what_one_store_lacks_is_not_shared(tmp_path: Path) -> None:
    both = context(write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", frequency=None))
    assert "frequency" not in both.shared and not both.unlike


def test_a_number_that_varies_over_the_records_is_refused_when_it_is_read(tmp_path: Path) -> None:
    steady, varied = write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", power=np.linspace(1, 2, RECORDS))
    for found in (context(varied), context(steady, varied), context(varied, steady)):
        assert set(found.unlike) == {"power"} and "power" not in found.shared
        assert Scalar("Hz").find(found, "frequency") == 3.5e9
        with pytest.raises(ConfigError) as caught:
            Scalar("W").find(found, "power")
        assert str(caught.value) == (
            f"'power' varies from 1 to 2 W over the records of {varied.url}; train on them apart"
        )


def test_a_number_that_is_the_same_within_each_store_and_not_between_them_is_refused(tmp_path: Path) -> None:
    apart = context(write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", power=np.full(RECORDS, 11.0)))
    assert set(apart.unlike) == {"power"} and "is not the same" in apart.unlike["power"]


class Carried(Stack):
    """The default transform, with a carrier and the spacing of places."""

    facts: ClassVar[Mapping[str, Fact]] = {"frequency": Scalar("Hz"), "cell": Spacing("m", ("x",))}

    def __init__(self, context: Context, frequency: float, cell: float) -> None:
        super().__init__(context)
        self._told = (frequency, cell)


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register `Carried`."""
    real = piece.resolve
    for module in (building, piece):
        monkeypatch.setattr(
            module, "resolve", lambda kind, name: Carried if name == "carried" else real(kind, name)
        )


def told(*urls: str, **task: Any) -> Any:
    """Return what the transform of a run of stores was told."""
    about = {
        "inputs": ["signal"],
        "targets": ["gain"],
        "transform": {"name": "carried"},
        "baselines": [],
        **task,
    }
    trainer = {"max_steps": 1, "accelerator": "cpu", "progress": False, "batch_size": 4}
    values = {"dataset": list(urls), "task": about, "model": {"name": "mlp", "width": 2}, "trainer": trainer}
    return Experiment.open(RunConfig.model_validate(values)).pipeline().transform._told


@pytest.mark.usefixtures("carried")
def test_pieces_of_a_run_read_their_facts_from_its_stores(tmp_path: Path) -> None:
    one = write(tmp_path / "a.zarr").url
    assert told(one) == (3.5e9, 4.0)
    other = write(tmp_path / "b.zarr", x=100.0 + 4.0 * np.arange(PLACES), power=np.full(RECORDS, 11.0)).url
    assert told(one, other) == (3.5e9, 4.0)
    unlike = write(
        tmp_path / "c.zarr", frequency=((), 1.9, {"units": "GHz"}), power=np.full(RECORDS, 12.0)
    ).url
    with pytest.raises(ConfigError, match=r"'frequency' is not the same in .*a\.zarr and .*c\.zarr"):
        told(one, unlike)


@pytest.mark.usefixtures("carried")
def test_the_task_fills_in_what_the_stores_do_not_tell(tmp_path: Path) -> None:
    url = write(tmp_path / "a.zarr", frequency=None).url
    with pytest.raises(ConfigError, match=r"needs frequency in Hz, .*task\.shared\.frequency=VALUE"):
        told(url)
    assert told(url, shared={"frequency": 2.4e9}) == (2.4e9, 4.0)
    assert told(url, transform={"name": "carried", "frequency": 2.4e9}) == (2.4e9, 4.0)


@pytest.mark.usefixtures("carried")
def test_the_task_may_not_contradict_the_stores(tmp_path: Path) -> None:
    url = write(tmp_path / "a.zarr").url
    assert told(url, shared={"frequency": 3.5e9}) == (3.5e9, 4.0)
    for stated in ({"shared": {"frequency": 2.4e9}}, {"transform": {"name": "carried", "frequency": 2.4e9}}):
        with pytest.raises(ConfigError, match=r"frequency is 2\.4e\+09 Hz, but .*a\.zarr has 3\.5e\+09 Hz"):
            told(url, **stated)
    with pytest.raises(ConfigError, match=r"cell is 5 m, but .*a\.zarr has 4 m; leave it out"):
        told(url, shared={"cell": 5.0})


def test_records_of_the_test_subset_that_stand_in_training_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "LEAST_CELLS", PLACES)
    signal = np.random.default_rng(0).normal(size=(RECORDS, PLACES))
    subsets = [np.flatnonzero(np.arange(RECORDS) % 4 == remainder) for remainder in (0, 2, 3)]
    learned, validation, test = (ExampleIndex.join([records]) for records in subsets)
    judged = ExampleIndex.concatenate([validation, test])
    with no_warnings():
        warn_of_copies([write(tmp_path / "apart.zarr", signal=signal)], learned, judged)
    signal[[6, 7]] = signal[[4, 0]]
    with pytest.warns(CopiesWarning, match="2 records of validation and test .* record 6, a copy of 4"):
        warn_of_copies([write(tmp_path / "copies.zarr", signal=signal)], learned, judged)
