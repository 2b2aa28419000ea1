"""What a store shows to plain xarray, how it grows complete, and what it refuses."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
import zarr
from zarr.abc.store import Store as ZarrStore
from zarr.core.sync import sync

from datasets.store.errors import ContractError
from datasets.store.gathering import leave_out
from datasets.store.layout import Store, create_store, open_store
from datasets.store.migrations import rebuild_command
from datasets.store.specs import DECIBEL, Split, VariableSpec
from tests.silence import no_warnings

Arrays = dict[str, np.ndarray]
Make = Callable[..., Store]


def row_of(store: Store, row: int, arrays: Arrays) -> Arrays:
    records = store.row_records(row)
    return {name: data[records.start : records.stop] for name, data in arrays.items()}


def test_plain_xarray_shows_the_contract_without_warnings(store: Store, arrays: Arrays) -> None:
    with no_warnings():
        ds = xr.open_zarr(store.url, chunks=None)
        ds.load()
    for name, values in arrays.items():
        assert ds[name].dtype == values.dtype
        np.testing.assert_array_equal(ds[name].values, values)
    assert ds.hit.dtype == bool
    assert ds.path_gain.attrs["units"] == DECIBEL and ds.path_gain.attrs["display_units"] == "dB"
    assert ds.path_gain.attrs["grid_mapping"] == "crs"
    assert ds.city_name.values.tolist() == ["Munich", "Malmö"]
    assert ds.time.dtype.kind == "M" and ds.time.dims == ("sample",)
    assert set(ds.coords) == {"x", "y", "city_name", "row_label", "time"}
    assert ds.city.attrs["instance_dimension"] == "city_name"
    assert ds.split.attrs["flag_meanings"] == "train validation test"
    assert {key: ds.attrs[key] for key in ("Conventions", "format_version", "record_dimension")} == {
        "Conventions": "CF-1.11",
        "format_version": 1,
        "record_dimension": "sample",
    }
    assert json.loads(ds.attrs["recipe_config"]) == {"samples": 10, "seed": 3}


def test_attributes_survive_netcdf(store: Store, tmp_path: Path) -> None:
    ds = store.dataset()[["path_gain", "hit", "split"]].load()
    ds.to_netcdf(tmp_path / "copy.nc", engine="scipy")
    np.testing.assert_array_equal(xr.open_dataset(tmp_path / "copy.nc").path_gain, ds.path_gain)


def test_the_layout_is_that_of_the_contract(store: Store) -> None:
    metadata = json.loads((Path(store.url) / "path_gain" / "zarr.json").read_text())
    (sharding,) = metadata["codecs"]
    assert sharding["name"] == "sharding_indexed"
    codecs = sharding["configuration"]["codecs"]
    assert [codec["name"] for codec in codecs] == ["bytes", "blosc", "crc32c"]
    assert (codecs[1]["configuration"]["cname"], codecs[1]["configuration"]["shuffle"]) == (
        "lz4",
        "bitshuffle",
    )
    assert metadata["fill_value"] == "NaN"
    assert {store.array(name).shards[0] for name in store.specs} == {4}  # type: ignore[index]
    assert "consolidated_metadata" in json.loads((Path(store.url) / "zarr.json").read_text())


def test_specs_and_splits_come_back(store: Store, specs: list[VariableSpec]) -> None:
    again = open_store(store.url)
    for spec in specs:
        named = spec.model_copy(update={"long_name": spec.long_name or spec.name.replace("_", " ")})
        assert again.specs[spec.name] == named
    assert again.shared_specs["height"].shape == (2, 6, 8)
    assert "time" not in again.shared_specs and "city_name" not in again.shared_specs
    assert again.split_names() == ["split"]
    np.testing.assert_array_equal(again.split(), np.arange(10) % 3)
    assert again.shared("city_name").tolist() == ["Munich", "Malmö"]


def test_an_empty_chunk_is_written_so_that_absence_is_an_error(
    make: Make, arrays: Arrays, tmp_path: Path
) -> None:
    store = make(str(tmp_path / "data.zarr"), fill=False)
    arrays["path_gain"][:] = np.nan
    store.write_row(0, row_of(store, 0, arrays))
    assert np.isnan(store.reader(["path_gain"]).read([0, 3])["path_gain"]).all()
    with pytest.raises(ContractError, match=r"'path_gain', record 5: the shard is missing"):
        store.reader(["path_gain"]).read([5])


@pytest.mark.parametrize("url", ["{folder}/data.zarr", "memory://{folder}/lost.zarr"])
def test_a_lost_chunk_file_of_a_complete_store_is_an_error_in_xarray_too(
    url: str, make: Make, arrays: Arrays, tmp_path: Path
) -> None:
    store = make(url.format(folder=tmp_path))
    (lost,) = (key for key in sync(_keys(store.root.store)) if key.startswith("path_gain/c/1/"))
    sync(store.root.store.delete(lost))
    opened = open_store(store.url).dataset()["path_gain"]
    with pytest.raises(
        ContractError, match=rf"{lost} of .* is lost; find every damage with `surrogates data"
    ):
        opened[5].values  # noqa: B018
    np.testing.assert_array_equal(opened[0].values, arrays["path_gain"][0])
    unfinished = make(f"{store.url}.part", fill=False)
    assert np.isnan(unfinished.dataset()["path_gain"].values).all()


async def _keys(store: ZarrStore) -> list[str]:
    return [key async for key in store.list()]


@pytest.mark.parametrize(
    "url", ["{folder}/data.zarr", "file://{folder}/data.zarr", "memory://{folder}/data.zarr"]
)
def test_a_row_is_complete_when_its_receipt_is_there(
    url: str, make: Make, arrays: Arrays, tmp_path: Path
) -> None:
    store = make(url.format(folder=tmp_path), fill=False)
    assert (store.rows, store.complete_rows(), store.is_complete) == (3, [], False)
    for row in (2, 0):
        hashes = store.write_row(row, row_of(store, row, arrays))
        assert store.receipt(row) is None
        store.write_receipt(row, {"hashes": hashes, "software": {"solver": "2.0"}})
    again = open_store(store.url)
    assert again.complete_rows() == [0, 2]
    assert again.receipt(2) == {"hashes": hashes | again.receipt(2)["hashes"], "software": {"solver": "2.0"}}  # type: ignore[index]
    store.consolidate()
    again.write_row(1, row_of(store, 1, arrays))
    again.write_receipt(1, {})
    assert open_store(store.url).is_complete


def test_writing_a_row_again_withdraws_its_receipt(store: Store, arrays: Arrays) -> None:
    store.write_row(1, row_of(store, 1, arrays))
    assert store.complete_rows() == [0, 2]


def test_files_of_a_killed_writer_go_when_the_row_is_written(store: Store, arrays: Arrays) -> None:
    folder = Path(store.url)
    left = [folder / name for name in ("city/c/1.ab12.partial", "path_gain/c/1/0/0.ab12.partial")]
    other = folder / "path_gain" / "c" / "2" / "0" / "0.cd34.partial"
    for path in (*left, other):
        path.write_bytes(b"half")
    store.write_row(1, row_of(store, 1, arrays))
    assert not any(path.exists() for path in left) and other.exists()


def test_the_fingerprint_follows_the_content(make: Make, arrays: Arrays, tmp_path: Path) -> None:
    first, second = make(str(tmp_path / "a.zarr")), make(str(tmp_path / "b.zarr"))
    assert first.fingerprint == second.fingerprint
    arrays["position"][9, 0] += 1
    second.write_receipt(2, {"hashes": second.write_row(2, row_of(second, 2, arrays))})
    assert first.fingerprint != second.fingerprint


def test_statistics_of_a_split_are_exact(store: Store, arrays: Arrays) -> None:
    train = np.flatnonzero(store.split() == 0)
    found = store.statistics("path_gain", train)
    values = arrays["path_gain"][train].astype(np.float64)
    seen = values[arrays["hit"][train] & ~np.isnan(values)]
    assert found.count == seen.size
    np.testing.assert_allclose([found.mean, found.std], [seen.mean(), seen.std()], rtol=1e-12)
    assert (found.minimum, found.maximum) == (seen.min(), seen.max())
    assert store.statistics("path_gain", train[::-1]).mean == found.mean


def test_statistics_stay_apart_along_declared_axes(store: Store, arrays: Arrays) -> None:
    found = store.statistics("position")
    np.testing.assert_allclose(found.mean, arrays["position"].astype(np.float64).mean(0))
    ds = xr.open_zarr(store.url, group="statistics/position", chunks=None)
    assert ds["mean"].dims == ("sample", "axis") and ds["mean"].attrs["units"] == "m"


def test_a_mask_may_lack_dimensions_or_be_shared(tmp_path: Path) -> None:
    specs = [
        VariableSpec(
            name=name,
            dims=("sample", "level", "x"),
            shape=(3, 4),
            statistics_axes=("level",),
            statistics_mask=mask,
        )
        for name, mask in (("a", "seen"), ("b", "land"))
    ]
    specs.append(VariableSpec(name="seen", dims=("sample", "x"), shape=(4,), dtype="bool"))
    land = np.array([True, False, True, True])
    store = create_store(
        str(tmp_path / "s.zarr"), specs, records=5, record_dimension="sample", attributes={}, splits=[],
        shared=xr.Dataset({"land": ("x", land)}),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    values, seen = rng.normal(size=(5, 3, 4)).astype(np.float32), rng.random((5, 4)) < 0.5
    store.write_row(0, {"a": values, "b": values, "seen": seen})
    expected = [values[:, level][seen].astype(np.float64).mean() for level in range(3)]
    np.testing.assert_allclose(store.statistics("a").mean, expected)
    np.testing.assert_allclose(store.statistics("b").mean, values[..., land].astype(np.float64).mean((0, 2)))


def test_statistics_of_unbuilt_records_are_an_error(make: Make, arrays: Arrays, tmp_path: Path) -> None:
    store = make(str(tmp_path / "data.zarr"), fill=False)
    store.write_row(0, row_of(store, 0, arrays))
    assert store.statistics("city", np.arange(4)).count == 4
    with pytest.raises(ContractError, match=r"record 4 of .* is not built yet.*data info"):
        store.statistics("city")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": np.zeros((4, 2))}, r"'position': shape \(4, 2\), expected \(4, 3\)"),
        ({"position": np.full((4, 3), np.nan)}, r"'position': NaN at record 4"),
        ({"path_gain": np.full((4, 6, 8), 3.0)}, r"'path_gain': 3 above the limit 0"),
        ({"extra": np.zeros(4)}, "a row of variables"),
    ],
)
def test_a_bad_row_is_refused_before_anything_is_written(
    change: Arrays, message: str, make: Make, arrays: Arrays, tmp_path: Path
) -> None:
    store = make(str(tmp_path / "data.zarr"), fill=False)
    with pytest.raises(ContractError, match=message):
        store.write_row(1, row_of(store, 1, arrays) | change)
    assert not list(Path(store.url).glob("*/c/1*"))


GOOD = VariableSpec(name="a", dims=("sample", "x"), shape=(8,))


@pytest.mark.parametrize(
    ("specs", "splits", "message"),
    [
        ([GOOD, GOOD], [], r"\['a'\] are used twice"),
        ([GOOD.model_copy(update={"name": "build"})], [], "reserved"),
        ([GOOD.model_copy(update={"name": "a/b"})], [], r"\['a/b'\] are empty or hold a '/'"),
        ([], [], "records of 0 variables holds nothing"),
        (
            [VariableSpec(name="a", dims=("sample", "cell"), shape=(600_000_000,))],
            [],
            "'a': a record of 2.4 GB does not fit",
        ),
        ([VariableSpec(name="a", dims=("x",), shape=(8,))], [], "expected 'sample' first"),
        ([VariableSpec(name="a", dims=("sample", "x"), shape=(7,))], [], "7 cells along 'x'.* have 8"),
        ([GOOD.model_copy(update={"statistics_mask": "b"})], [], "'b' is no variable"),
        (
            [
                GOOD.model_copy(update={"statistics_mask": "b"}),
                VariableSpec(name="b", dims=("sample", "y"), shape=(2,)),
            ],
            [],
            r"'b' has dimensions \('sample', 'y'\), expected some of",
        ),
        ([GOOD], [Split(labels=[0, 1], keeps_whole="none")], "2 labels for 5 records"),
    ],
)
def test_contradicting_plans_are_refused_before_anything_is_written(
    specs: list[VariableSpec], splits: list[Split], message: str, tmp_path: Path
) -> None:
    shared = xr.Dataset(coords={"x": np.arange(8.0)})
    with pytest.raises(ContractError, match=message):
        create_store(
            str(tmp_path / "s.zarr"),
            specs,
            records=5,
            record_dimension="sample",
            shared=shared,
            attributes={},
            splits=splits,
        )
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(make: Make, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"lies at .* already"):
        make(store.url)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    with pytest.raises(ContractError, match=r"lies at .* already"):
        make(str(tmp_path / "other"))
    assert (tmp_path / "other" / "thesis.tex").read_text() == "precious"


def test_a_creation_that_was_killed_is_told_and_can_be_repeated(make: Make, tmp_path: Path) -> None:
    url = str(tmp_path / "data.zarr")
    whole = make(url)
    shutil.rmtree(Path(url) / "build")
    zarr.open_group(url, mode="r+").attrs.put({"unfinished": whole.attributes.get("unfinished", "")})
    zarr.open_group(url, mode="w", attributes={"unfinished": "this store was being created; build it again"})
    with pytest.raises(ContractError, match=r"creation of .* was interrupted; build it again"):
        open_store(url)
    assert make(url).is_complete


def test_opening_what_is_not_a_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ContractError, match=r"no data store at .*nowhere; make one with `surrogates data build"
    ):
        open_store(str(tmp_path / "nowhere"))
    (tmp_path / "notes.txt").write_text("a file")
    with pytest.raises(ContractError, match=r"no data store at .*notes\.txt"):
        open_store(str(tmp_path / "notes.txt"))
    zarr.open_group(tmp_path / "group", mode="w")
    with pytest.raises(ContractError, match=r"not a data store.*data import generic"):
        open_store(str(tmp_path / "group"))
    with pytest.raises(ContractError, match=r"s33://.*fsspec does not know; expected a path"):
        open_store("s33://bucket/store.zarr")


def test_another_format_version_is_answered_with_the_command_of_a_new_store(store: Store) -> None:
    store.root.attrs["format_version"] = 0
    command = "surrogates data build toy/field out=NEW samples=10 seed=3"
    with pytest.raises(ContractError, match=rf"format_version 0, this release reads 1; .*`{command}`"):
        open_store(store.url)


def test_the_command_of_a_new_store_keeps_text_that_yaml_takes_for_something_else() -> None:
    config = {"country": "no", "label": "[1", "city": "Malmö", "cities": ["étoile"], "limit": None}
    words = shlex.split(rebuild_command({"recipe": "toy", "recipe_config": json.dumps(config)}))
    assert words[:5] == ["surrogates", "data", "build", "toy", "out=NEW"]
    read_back = {key: yaml.safe_load(value) for key, _, value in (word.partition("=") for word in words[5:])}
    assert read_back == config


def test_a_tilde_is_the_home_folder(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make("~/data ü.zarr")
    assert (tmp_path / "data ü.zarr" / "zarr.json").exists()
    assert open_store("~/data ü.zarr").url == str(tmp_path / "data ü.zarr")


@pytest.mark.parametrize("name", ["split", "height"])
def test_lost_or_damaged_shared_variables_are_errors(store: Store, name: str) -> None:
    (chunk,) = (path for path in (Path(store.url) / name / "c").rglob("*") if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(ContractError, match=rf"'{name}' of .* is damaged.*build the store again"):
        store.shared(name)
    chunk.unlink()
    with pytest.raises(ContractError, match=rf"{name}/c/0.* is lost; build the store again"):
        store.shared(name)


def test_lost_or_damaged_statistics_are_errors_where_no_summary_stands_in(store: Store) -> None:
    leave_out(store._live, "build/summary-1")
    store = open_store(store.url)
    folder = Path(store.url) / "statistics" / "city"
    (folder / "mean" / "c" / "1").unlink()
    with pytest.raises(ContractError, match=r"record 4 of .* is not built yet"):
        store.statistics("city")
    (folder / "count" / "c" / "2").write_bytes(b"nonsense")
    with pytest.raises(ContractError, match=r"statistics of 'city' .* are damaged"):
        store.statistics("city")


def test_damaged_metadata_are_told(store: Store) -> None:
    (Path(store.url) / "zarr.json").write_text('{"zarr_format": 3, "node_ty')
    with pytest.raises(ContractError, match=r"data.zarr.zarr.json is no sound JSON"):
        open_store(store.url)


def test_unknown_names_are_answered_with_the_known_ones(store: Store) -> None:
    with pytest.raises(ContractError, match=r"no variable 'gain'; it has \['city', 'city_name'"):
        store.array("gain")
    with pytest.raises(ContractError, match=r"no split 'fold'; it has \['split'\]"):
        store.split("fold")
    with pytest.raises(ContractError, match=r"no record variable 'height'"):
        store.statistics("height")
    with pytest.raises(ContractError, match=r"row 3 lies outside the 3 rows"):
        store.row_records(3)
