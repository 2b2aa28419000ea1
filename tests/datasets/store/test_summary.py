"""A complete store is opened and described by a few requests; who stops while summing it up does no harm."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from fsspec.implementations.memory import MemoryFileSystem
from zarr.storage import LocalStore

from datasets.store import objects, summary
from datasets.store.errors import ContractError
from datasets.store.gathering import gather, leave_out
from datasets.store.layout import Store, create_store, open_store
from datasets.store.specs import Split, VariableSpec
from datasets.store.summary import FIELDS, write_summary

Make = Callable[..., Store]
ROWS = 10_000
FIELD = VariableSpec(name="field", dims=("sample", "x"), shape=(4,))


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of a file system in memory."""
    asked: list[str] = []

    def counting(whole: Callable[..., object]) -> Callable[..., object]:
        def counted(self: object, path: str, *given: object, **options: object) -> object:
            asked.append(path)
            return whole(self, path, *given, **options)

        return counted

    for name in ("cat_file", "info", "ls", "exists", "isdir", "isfile"):
        monkeypatch.setattr(MemoryFileSystem, name, counting(getattr(MemoryFileSystem, name)))
    return asked


@pytest.fixture(scope="module")
def large() -> Iterator[str]:
    """A store of ten thousand shard rows of which only the summary is there."""
    url = "memory://large.zarr"
    store = create_store(
        url,
        [FIELD],
        records=ROWS,
        record_dimension="sample",
        shared=xr.Dataset(coords={"x": np.arange(4.0)}),
        attributes={"title": "many rows"},
        splits=[Split(labels=np.zeros(ROWS, np.int8), keeps_whole="none")],
        records_per_shard=1,
    )
    receipts = [{"hashes": {"field": f"{row:064x}"}, "recipe": "toy"} for row in range(ROWS)]
    path = write_summary(store._live, "", [*map(json.dumps, receipts)], [], 1)
    numbers = np.stack([np.full(ROWS, value) for value in (4, 1.0, 2.0, -1.0, 3.0)])
    store._live[path].create_array("statistics/field", data=numbers, chunks=numbers.shape)
    gather(store._live, path)
    yield url
    MemoryFileSystem().rm("/large.zarr", recursive=True)


def test_ten_thousand_shard_rows_are_opened_by_a_dozen_requests(large: str, requests: list[str]) -> None:
    store = open_store(large)
    assert store.is_complete and store.complete_rows()[-1] == ROWS - 1 and store.split_names() == ["split"]
    store.dataset()
    assert len(requests) <= 12, requests
    requests.clear()
    assert len(store.fingerprint) == 64 and store.receipt(77) == {
        "hashes": {"field": f"{77:064x}"},
        "recipe": "toy",
    }
    assert len(requests) <= 2, requests
    requests.clear()
    assert store.statistics("field").count == 4 * ROWS
    assert len(requests) <= 2, requests


def test_the_root_does_not_grow_with_the_rows(large: str, store: Store) -> None:
    assert len(MemoryFileSystem().cat_file("/large.zarr/zarr.json")) < 20_000
    gathered = json.loads(Path(store.url, "zarr.json").read_text())["consolidated_metadata"]["metadata"]
    assert not [name for name in gathered if "row-" in name]
    assert {"build", "build/summary-1", "build/summary-1/receipts", "statistics/city/mean"} <= gathered.keys()


def described(store: Store) -> tuple[object, ...]:
    numbers = [store.statistics(name) for name in store.specs]
    values = [getattr(each, field).tolist() for each in numbers for field in FIELDS]
    return (
        store.complete_rows(),
        [store.receipt(row) for row in range(store.rows)],
        store.fingerprint,
        str(values),
    )


@pytest.mark.parametrize("url", ["{folder}/data.zarr", "memory://{folder}/data.zarr"])
def test_the_summary_says_what_the_rows_say(url: str, make: Make, tmp_path: Path) -> None:
    store = make(url.format(folder=tmp_path))
    whole = described(open_store(store.url))
    assert store._summary is not None
    leave_out(store._live, "build/summary-1")
    alone = open_store(store.url)
    assert alone._summary is None and described(alone) == whole


def test_statistics_in_several_chunks_are_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = described(open_store(store.url))
    monkeypatch.setattr(summary, "STATISTICS", 8 * len(FIELDS) * 5)  # five scalars: one row of four records
    open_store(store.url).consolidate()
    assert len(list(Path(store.url, "build/summary-2/statistics/city/c/0").iterdir())) == store.rows > 1
    assert described(open_store(store.url)) == whole


@pytest.mark.parametrize("url", ["{folder}/data.zarr", "memory://{folder}/data.zarr"])
@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_store_of_an_older_release_is_read_and_summed_up(url: str, make: Make, tmp_path: Path) -> None:
    store = make(url.format(folder=tmp_path))
    whole = described(store)
    del store._live["build/summary-1"]
    zarr.consolidate_metadata(store.root.store, path=store.root.path or None)
    old = open_store(store.url)
    assert "row-000002" in old.root["build"] and described(old) == whole
    assert described(old.consolidate()) == whole and old._summary is not None


def test_a_written_row_ends_the_summary(store: Store, arrays: dict[str, np.ndarray]) -> None:
    before = store.fingerprint
    row = {name: values[4:8] for name, values in arrays.items()} | {"city": np.full(4, 9, np.int32)}
    hashes = store.write_row(1, row)
    again = open_store(store.url)
    assert again.complete_rows() == [0, 2] and again.receipt(1) is None
    assert again.statistics("city", np.arange(4, 8)).mean == 9
    store.write_receipt(1, {"hashes": hashes})
    assert store.is_complete and store.fingerprint != before
    summed = open_store(store.consolidate().url)
    assert summed._summary is not None and summed.fingerprint == store.fingerprint
    assert summed.statistics("city", np.arange(4, 8)).mean == 9
    assert [path.name for path in Path(store.url, "build").glob("summary-*")] == ["summary-1"]


def test_a_receipt_that_is_deleted_makes_the_row_incomplete(store: Store) -> None:
    del store._live["build/row-000001"]
    again = open_store(store.url)
    assert again.complete_rows() == [0, 2] and again.receipt(1) is None


def test_a_process_that_stops_while_it_sums_up_leaves_the_old_or_the_new(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store.complete_rows(), None, store.fingerprint
    put, write, left = LocalStore.set, objects.write_atomic, [0]

    def count_down() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("stopped")

    async def stopping_put(self: LocalStore, key: str, value: object, *given: object) -> None:
        count_down()
        await put(self, key, value, *given)

    def stopping_write(path: Path, content: bytes) -> None:
        count_down()
        write(path, content)

    monkeypatch.setattr(LocalStore, "set", stopping_put)
    monkeypatch.setattr(objects, "write_atomic", stopping_write)
    names, stopped = set(), True
    for count in range(200):
        left[0] = count
        try:
            open_store(store.url).consolidate()
            stopped = False
        except OSError:
            pass
        again = open_store(store.url)
        assert (again.complete_rows(), again.fingerprint) == whole[::2] and again._summary is not None
        assert again.statistics("city").mean == 0.5
        names.add(again._summary.path)
        if not stopped:
            break
    assert not stopped and count > 10 and names == {"build/summary-1", "build/summary-2", "build/summary-3"}
    assert [path.name for path in Path(store.url, "build").glob("summary-*")] == ["summary-3"]
    assert open_store(store.url).certified


def test_a_summary_is_on_the_disk_before_the_root_names_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, forced = Path(store.url), list[str]()
    real, put = os.fsync, Path.replace

    def noted(descriptor: int) -> None:
        forced.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), folder))
        real(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        if target == folder / "zarr.json":
            new = folder / "build/summary-2"
            below = {str(path.relative_to(folder)) for path in (new.parent, new, *new.rglob("*"))}
            assert len(below) > 10 and below <= set(forced)
            assert str(self.relative_to(folder)) in forced
            assert (folder / "build/summary-1").exists()
            forced.append("named")
        return put(self, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "replace", renamed)
    open_store(store.url).consolidate()
    assert "." in forced[forced.index("named") :] and not (folder / "build/summary-1").exists()
    assert not list(folder.rglob("*.partial"))


@pytest.mark.parametrize("name", ["receipts", "statistics/city"])
def test_a_damaged_or_lost_summary_is_told_with_its_remedy(name: str, store: Store) -> None:
    (chunk,) = (path for path in Path(store.url, "build/summary-1", name, "c").rglob("*") if path.is_file())
    whole = chunk.read_bytes()

    def ask() -> object:
        opened = open_store(store.url)
        return opened.fingerprint if name == "receipts" else opened.statistics("city")

    for damage in (whole[:20] + bytes([whole[20] ^ 1]) + whole[21:], None):
        chunk.unlink() if damage is None else chunk.write_bytes(damage)
        with pytest.raises(ContractError, match=rf"summary-1/{name} is damaged.*consolidate") as caught:
            ask()
        assert "\n" not in str(caught.value)
    open_store(store.url).consolidate()
    ask()
