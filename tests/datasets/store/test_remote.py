"""Objects elsewhere are read by few requests, many at once, and a server may be gone for a while."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from datasets.store import obstore_client, patience
from datasets.store.errors import ContractError
from datasets.store.layout import Store, open_store
from datasets.store.obstore_client import ObstoreClient, s3_settings
from datasets.store.remote import RemoteObjects
from tests.datasets.store.web import Web

Arrays = dict[str, np.ndarray]
ORDER = np.array([7, 0, 3, 3, 9, 1])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    served = Web(tmp_path)
    yield served
    served.stop()


@pytest.fixture
def elsewhere(store: Store, web: Web) -> Store:
    """A store that a plain web server shows, which lists nothing."""
    return open_store(f"{web.url}/data.zarr")


def test_a_store_on_a_web_server_is_read_as_it_was_written(elsewhere: Store, arrays: Arrays) -> None:
    assert elsewhere.is_complete and len(elsewhere.fingerprint) == 64
    assert elsewhere.statistics("city").mean == 0.5
    reader = elsewhere.reader(list(arrays))
    assert reader.direct
    batch = reader.read(ORDER)
    for name, values in arrays.items():
        np.testing.assert_array_equal(batch[name], values[ORDER])


def test_a_batch_is_asked_for_at_once(elsewhere: Store, web: Web, arrays: Arrays) -> None:
    reader = elsewhere.reader(["path_gain", "response"])
    reader.read([0, 4, 8])  # all indices
    web.asked.clear()
    web.most, web.pause = 0, 0.5
    reader.read(np.arange(0, 10, 2))
    assert len(web.asked) == web.most == 6, web.asked


def test_neighbours_are_one_request_and_indices_are_read_once(elsewhere: Store, web: Web) -> None:
    reader = elsewhere.reader(["path_gain"])
    for expected in (["bytes=-", "bytes="], ["bytes="]):
        web.asked.clear()
        reader.read([0, 1, 2, 3])
        assert [asked.startswith(start) for (_, asked), start in zip(web.asked, expected, strict=True)]


def test_distant_ranges_are_not_fetched_with_what_lies_between(tmp_path: Path, web: Web) -> None:
    content = np.random.default_rng(0).bytes(300_000)
    (tmp_path / "shard").write_bytes(content)
    objects = RemoteObjects(web.url)
    ranges = [("shard", 0, 10), ("shard", 20, 30), ("shard", 200_000, 200_010), ("shard", -7, None)]
    fetched = objects.fetch(ranges)
    assert len(web.asked) == 3
    for key, start, stop in ranges:
        out = np.empty(7 if stop is None else 10, np.uint8)
        assert fetched.read_into(key, start, [out[:4], out[4:]]) == len(out)
        assert out.tobytes() == content[start:stop]
    assert len(web.asked) == 3


def test_damage_and_loss_elsewhere_are_told_as_on_disk(elsewhere: Store, tmp_path: Path) -> None:
    shards = [tmp_path / "data.zarr" / "path_gain" / "c" / str(row) / "0" / "0" for row in range(3)]
    content = bytearray(shards[0].read_bytes())
    content[len(content) // 3] ^= 1
    shards[0].write_bytes(content)
    shards[1].unlink()
    shards[2].write_bytes(b"short")
    reader = elsewhere.reader(["path_gain"])
    for records, what in (
        ([0, 1, 2, 3], "wrong checksum"),
        ([5], "missing"),
        ([9], "shorter than its index"),
    ):
        with pytest.raises(ContractError, match=rf"'path_gain', record \d.*{what}.*http://.*path_gain/c"):
            reader.read(records)


def test_a_server_that_knows_no_ranges_is_told_and_not_taken_for_damage(elsewhere: Store, web: Web) -> None:
    web.ranges = False
    with pytest.raises(ContractError, match=r"path_gain/c/\S+: its server sent .* knows no ranges .* copy"):
        elsewhere.reader(["path_gain"]).read([0])


def test_a_server_may_stop_for_a_while(elsewhere: Store, web: Web, arrays: Arrays) -> None:
    reader = elsewhere.reader(["path_gain"])
    reader.read([0])
    web.stop()
    back = threading.Timer(1.0, web.start)
    back.start()
    np.testing.assert_array_equal(reader.read(ORDER)["path_gain"], arrays["path_gain"][ORDER])
    back.join()


def test_a_server_that_stays_away_is_told_in_one_line(
    elsewhere: Store, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    reader = elsewhere.reader(["path_gain"])
    web.stop()
    with pytest.raises(ContractError, match=r"path_gain has not answered for 0 s.*then resume") as caught:
        reader.read([1])
    assert "\n" not in str(caught.value)


def test_obstore_reads_what_fsspec_reads(store: Store, web: Web, tmp_path: Path) -> None:
    options = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": web.url}}
    settings = s3_settings(options)
    assert settings is not None
    client = ObstoreClient("data.zarr", settings)
    shard = (tmp_path / "data.zarr/city/c/0").read_bytes()
    wanted = ["city/c/0", "city/c/0", "city/c/9"], [-6, 2, 0], [None, 9, 4]
    tail, middle, lost = client.cat_ranges(*wanted, on_error="return")
    assert (bytes(tail), bytes(middle)) == (shard[-6:], shard[2:9]) and isinstance(lost, FileNotFoundError)
    objects = RemoteObjects("s3://data.zarr/city", options)
    assert isinstance(objects._system, ObstoreClient)
    out = np.empty(6, np.uint8)
    assert objects.read_into("c/0", -6, [out]) == 6 and out.tobytes() == shard[-6:]


def test_an_answer_of_obstore_may_take_long_but_not_pause_for_long(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "shard").write_bytes(bytes(range(100)))
    settings = {"endpoint": web.url, "access_key_id": "k", "secret_access_key": "s"}
    monkeypatch.setattr(obstore_client, "SILENCE", timedelta(seconds=0.6))

    def ask(trickle: float) -> object:
        web.trickle = trickle
        return ObstoreClient("bucket", settings).cat_ranges(["shard"], [0], [10], on_error="return")[0]

    assert bytes(ask(0.1)) == bytes(range(10))  # type: ignore[arg-type]
    assert isinstance(ask(1.0), Exception)
    monkeypatch.setattr(obstore_client, "WHOLE", timedelta(seconds=0.6))
    assert isinstance(ask(0.1), Exception)
    monkeypatch.undo()
    assert timedelta(hours=12) < obstore_client.WHOLE  # for 2 GiB on a slow line


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"key": "k", "secret": "s"},
        {"profile": "work", "key": "k", "secret": "s", "endpoint_url": "http://h"},
        {"anon": True, "client_kwargs": {"region_name": "x", "verify": False}},
    ],
)
def test_options_that_obstore_may_take_otherwise_are_left_to_s3fs(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert s3_settings(options) is None
