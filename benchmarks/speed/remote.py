"""A store in a bucket: requests to open it, random records, what training waits for, and memory."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
import zarr

from benchmarks.speed.bucket import NAME, Bucket, bucket
from benchmarks.speed.memory import peak_of
from benchmarks.speed.rows import Paired, Row, costs, faster, measure_pairs
from datasets.store.gathering import gather
from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from datasets.store.summary import FIELDS, statistics_block, write_summary

STEP = 0.2
"""Seconds that a training step takes beside its data."""
BATCH = 16
MOST = {"opening": 12, "fingerprint": 2, "statistics": 2}
"""Requests that are allowed."""


def simulate(
    url: str, records: int, per_shard: int, side: int, filled: int, options: Mapping[str, Any] | None = None
) -> None:
    """Write a final store of many shard rows as it looks from elsewhere, its receipts only in the summary.

    Parameters
    ----------
    url, options
        Where it lies.
    records, per_shard
        Its size.
    side
        Cells along each axis of a record.
    filled
        How many of its first records have values.
    """
    spec = VariableSpec(name="field", dims=("sample", "y", "x"), shape=(side, side))
    store = create_store(
        url,
        [spec],
        records=records,
        record_dimension="sample",
        shared=xr.Dataset(coords={"x": np.arange(float(side))}),
        attributes={"title": "random fields"},
        splits=[Split(labels=np.zeros(records, np.int8), keeps_whole="none")],
        records_per_chunk=1,
        records_per_shard=per_shard,
        storage_options=options,
    )
    live = store._live
    values = np.random.default_rng(0).normal(size=(filled, side, side)).astype(np.float32)
    if filled:
        live["field"][:filled] = values  # type: ignore[index]
    receipts = [{"hashes": {"field": f"{row:064x}"}, "recipe": "random"} for row in range(store.rows)]
    path = write_summary(live, "", [*map(json.dumps, receipts)], [], per_shard)
    numbers = np.broadcast_to(np.array([side**2, 0.0, side**2, -4.0, 4.0])[:, None], (len(FIELDS), records))
    chunks = (len(FIELDS), min(records, statistics_block((), per_shard)))
    live[path].create_array("statistics/field", data=numbers, chunks=chunks)  # type: ignore[union-attr]
    gather(live, path)


def run(quick: bool = False) -> list[Row]:
    """Measure against a server that takes 20 ms for each request.

    Parameters
    ----------
    quick
        Smaller stores, one repeat.
    """
    few, many, random = (100, 1_000, 64) if quick else (1_000, 100_000, 512)
    with bucket() as place:
        for records in (few, many):
            simulate(place.url(f"{records}.zarr"), records, 10, 64, 40, place.options)
        simulate(place.url("random.zarr"), random, 32, 32 if quick else 128, random, place.options)
        return [
            *_opening(place, many),
            *_reading(place, random, 16 if quick else 64, 1 if quick else 3),
            _training(place, random, 4 if quick else 20),
            _memory(place, few, many),
        ]


def _opening(place: Bucket, records: int) -> list[Row]:
    counts = {}
    before = place.requests()
    store = open_store(place.url(f"{records}.zarr"), storage_options=place.options)
    assert store.is_complete and store.dataset().sizes["sample"] == records
    counts["opening"], before = place.requests() - before, place.requests()
    assert store.fingerprint
    counts["fingerprint"], before = place.requests() - before, place.requests()
    assert store.statistics("field").count == 64 * 64 * records
    counts["statistics"] = place.requests() - before
    return [
        costs(
            f"{what} of {store.rows:,} shard rows",
            "requests",
            Paired((counts[what],), (MOST[what],)),
            "allowed",
            at_most=1,
        )
        for what in MOST
    ]


def _reading(place: Bucket, records: int, count: int, repeats: int) -> list[Row]:
    """Compare batches of random records with zarr-python, which reads one record after the other."""
    url, order = place.url("random.zarr"), np.random.default_rng(1).permutation(records)[:count]
    reader = open_store(url, storage_options=place.options).reader(["field"])

    def ours() -> np.ndarray:
        return np.concatenate([reader.read(part)["field"] for part in np.split(order, len(order) // BATCH)])

    rows = []
    for name, (array, target) in _references(place, url).items():
        reference = _one_by_one(array, order)
        pairs = measure_pairs(ours, reference, repeats=repeats, per=count / 1e3)
        row = faster(f"random records in batches of {BATCH}", "ms", pairs, name, at_least=target)
        same = ours().tobytes() == reference().tobytes()
        rows.append(
            replace(row, note="bit-identical") if same else replace(row, note="values differ", holds=False)
        )
    return rows


def _references(place: Bucket, url: str) -> dict[str, tuple[zarr.Array[Any], float]]:
    from obstore.store import S3Store
    from zarr.storage import ObjectStore

    settings: Any = {
        "access_key_id": "testing",
        "secret_access_key": "testing",
        "endpoint": place.endpoint,
        "region": "eu-central-1",
    }
    http: Any = {"allow_http": True}
    objects = S3Store(NAME, prefix="random.zarr", config=settings, client_options=http)
    return {
        "zarr-python array[i], s3fs": (
            zarr.open_array(f"{url}/field", mode="r", storage_options=place.options),
            5.0,
        ),
        "zarr-python array[i], obstore": (
            zarr.open_array(ObjectStore(objects, read_only=True), path="field", mode="r"),
            1.0,
        ),
    }


def _one_by_one(array: zarr.Array[Any], order: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: np.stack([np.asarray(array[index]) for index in order.tolist()])


def _training(place: Bucket, records: int, steps: int) -> Row:
    """Return what a step of 200 ms waits for its batch, the first one included."""
    from surrogates.data.index import ExampleIndex
    from surrogates.data.loader import BatchLoader

    store = open_store(place.url("random.zarr"), storage_options=place.options)
    index = ExampleIndex.join([np.arange(records)])
    loader = BatchLoader([store], index, ["field"], BATCH, train=True, cache_bytes=0)
    done = 0
    while done < steps:
        for _ in loader:
            time.sleep(STEP)
            done += 1
            if done == steps:
                break
    pairs = Paired((1e3 * loader.seconds_waited / steps,), (1e3 * STEP,))
    return costs("training waits for a batch", "ms a step", pairs, "a step", at_most=0.1)


def _memory(place: Bucket, few: int, many: int) -> Row:
    """Compare the peak memory of processes that open a store and read from it."""
    peaks = [peak_of(_open_and_read, place.url(f"{n}.zarr"), place.port) for n in (many, few)]
    name = f"opening and reading from {many:,} records, peak memory"
    return costs(name, "MiB", Paired((peaks[0],), (peaks[1],)), f"{few:,} records", at_most=1.05)


def _open_and_read(url: str, port: int) -> None:
    """Open a store, and read records that are there."""
    store = open_store(url, storage_options=Bucket(port).options)
    assert store.is_complete
    reader = store.reader(["field"])
    for seed in range(3):
        reader.read(np.random.default_rng(seed).permutation(40)[:BATCH])
