"""Batches: the right values, in an order that resumes, whatever the threads do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from surrogates.core.errors import ConfigError
from surrogates.data.disturbance import Step
from surrogates.data.index import ExampleIndex, records_of
from surrogates.data.loader import BatchLoader
from surrogates.data.source import Source

VARIABLES = ["stiffness", "displacement", "inside", "time"]


def loader_of(stores, part="train", **options):
    stores = stores if isinstance(stores, list) else [stores]
    index = ExampleIndex.join([records_of(store, part) for store in stores])
    return BatchLoader(stores, index, VARIABLES, options.pop("batch_size", 8), **options)


class Draw(Step):
    """Multiply by a number drawn for each example."""

    def __call__(self, batch, rngs, *, train=True):
        factors = torch.tensor([rng.random() for rng in rngs], dtype=torch.float32)
        return {**batch, "stiffness": batch["stiffness"] * factors}


def numbers(loader):
    return [batch["stiffness"].tolist() for batch in loader]


@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
def test_batches_hold_the_stored_values(store, cache_bytes):
    loader = loader_of(store, "validation", cache_bytes=cache_bytes, batch_size=3)
    assert loader.cached == (cache_bytes > 0)
    truth = store.dataset().isel(sample=records_of(store, "validation"))
    batches = list(loader)
    assert [len(batch["inside"]) for batch in batches] == [3, 3, 2]
    for name in ("stiffness", "displacement", "inside"):
        np.testing.assert_array_equal(np.concatenate([b[name].numpy() for b in batches]), truth[name].values)
    assert batches[0]["displacement"].dtype == torch.float32
    assert batches[0]["inside"].dtype == torch.bool
    np.testing.assert_allclose(batches[0]["time"].numpy(), truth["time"].values, rtol=1e-6)


def test_every_epoch_shuffles_all_examples_anew(store):
    loader = loader_of(store, train=True)
    first, second = np.concatenate(numbers(loader)), np.concatenate(numbers(loader))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first), np.sort(second))


@pytest.mark.parametrize("threads", [0, 3])
@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
def test_order_and_draws_depend_on_neither_threads_nor_cache(store, threads, cache_bytes):
    options = {"train": True, "augmentations": [Draw()], "preparations": [Draw()]}
    expected = loader_of(store, threads=0, **options)
    loader = loader_of(store, threads=threads, cache_bytes=cache_bytes, **options)
    for _ in range(2):
        assert numbers(loader) == numbers(expected)


@pytest.mark.parametrize("step", [0, 1, 4, 5, 6, 9])
def test_state_resumes_after_the_batches_handed_out(store, step):
    options = {"train": True, "augmentations": [Draw()], "cache_bytes": 0}

    def endless(loader):
        while True:
            yield from loader

    whole = endless(loader_of(store, **options))
    expected = [next(whole)["stiffness"].tolist() for _ in range(step + 7)][step:]
    stopped = loader_of(store, **options)
    batches = endless(stopped)
    for _ in range(step):
        next(batches)
    resumed = loader_of(store, **options)
    resumed.load_state_dict(stopped.state_dict())
    again = endless(resumed)
    assert [next(again)["stiffness"].tolist() for _ in range(7)] == expected


def test_evaluation_draws_repeat_and_training_draws_do_not(store):
    fixed = loader_of(store, "test", preparations=[Draw()], augmentations=[Draw()])
    assert numbers(fixed) == numbers(fixed)
    one_epoch = loader_of(store, train=True, preparations=[Draw()], batch_size=48)
    first, second = np.sort(numbers(one_epoch)), np.sort(numbers(one_epoch))
    assert not np.array_equal(first, second)


def test_stores_are_concatenated(store, make_store):
    other = make_store("other.zarr", records=16, seed=5)
    loader = loader_of([store, other], "test", batch_size=4)
    truth = [each.dataset()["stiffness"].values[records_of(each, "test")] for each in (store, other)]
    np.testing.assert_array_equal(np.concatenate(numbers(loader)), np.concatenate(truth))


def test_only_what_fits_with_the_records_of_every_store_is_kept(make_store):
    """The windows of one store may be a hundred times as long as those of the first."""
    small, large = make_store("small.zarr", records=16), make_store("large.zarr", records=16)
    sources = {small.url: 10, large.url: 1000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "bytes_per_record", lambda self: sources[self.store.url])
        needed = 2 * 10 + 2 * 1000
        assert loader_of([small, large], "test", cache_bytes=needed).cached
        assert not loader_of([small, large], "test", cache_bytes=needed - 1).cached


def test_mixed_batches_of_several_stores_keep_variables_together(store, make_store):
    other = make_store("other.zarr", records=16, seed=5)
    pairs = {}
    for each in (store, other):
        dataset = each.dataset()
        pairs |= dict(zip(dataset["stiffness"].values.tolist(), dataset["displacement"].values, strict=True))
    for batch in loader_of([store, other], train=True, cache_bytes=0):
        for key, value in zip(batch["stiffness"].tolist(), batch["displacement"].numpy(), strict=True):
            np.testing.assert_array_equal(pairs[key], value)


def test_damaged_shard_is_refused_by_name(make_store):
    store = make_store("damaged.zarr")
    shard = next(
        path
        for path in Path(store.url, "stiffness").rglob("*")
        if path.is_file() and path.name != "zarr.json"
    )
    content = bytearray(shard.read_bytes())
    content[2] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(ContractError, match="stiffness"):
        for batch in loader_of(open_store(store.url), train=True):
            assert batch


def test_error_in_a_thread_reaches_the_consumer(store):
    class Fail(Step):
        def __call__(self, batch, rngs, *, train):
            raise ValueError("nothing to draw")

    with pytest.raises(ValueError, match="nothing to draw"):
        next(iter(loader_of(store, preparations=[Fail()])))


def test_shared_variables_must_agree(store, make_store, monkeypatch):
    other = make_store("other.zarr", records=16)
    known = other.shared
    monkeypatch.setattr(other, "shared", lambda name: np.arange(16) if name == "time" else known(name))
    with pytest.raises(ConfigError, match="'time' is the same for all records of a store, but differs"):
        loader_of([store, other])


class Note(Step):
    """Write down the draw, and a number drawn for it."""

    def __call__(self, batch, rngs, *, train):
        noted = batch.get("draw", torch.full((len(rngs),), -1))
        return {**batch, "noted": noted, "drawn": torch.tensor([rng.random() for rng in rngs])}


@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
def test_each_example_comes_in_all_its_draws_each_with_its_own_numbers(store, cache_bytes):
    index = ExampleIndex.join([records_of(store, "validation")])
    again = replace(index, draws=3)
    options = {"preparations": [Note()], "cache_bytes": cache_bytes}
    once = next(iter(BatchLoader([store], index, VARIABLES, 100, **options)))
    thrice = [
        torch.cat(parts)
        for parts in zip(
            *(
                (b["stiffness"], b["noted"], b["drawn"])
                for b in BatchLoader([store], again, VARIABLES, 5, **options)
            ),
            strict=True,
        )
    ]
    assert len(again) == 3 * len(index) == len(thrice[0])
    torch.testing.assert_close(thrice[0], once["stiffness"].repeat_interleave(3))
    assert thrice[1].tolist() == [0, 1, 2] * len(index)
    assert len(set(thrice[2].tolist())) == len(again)
    torch.testing.assert_close(thrice[2][::3], once["drawn"])
    assert "draw" not in once


def test_training_has_no_numbered_draws(store):
    for batch in loader_of(store, train=True, preparations=[Note()]):
        assert (batch["noted"] == -1).all()


@pytest.mark.parametrize("augmented", [False, True])
def test_processes_share_every_training_batch(store, augmented):
    """Together they hold what one process holds, in its order, with its draws; the state is the same."""
    options = {"train": True, "preparations": [Draw()], "augmentations": [Draw()] if augmented else []}
    alone = loader_of(store, **options)
    shares = [loader_of(store, rank=rank, ranks=2, **options) for rank in (0, 1)]
    for _ in range(2):
        halves = [numbers(loader) for loader in shares]
        assert [one + two for one, two in zip(*halves, strict=True)] == numbers(alone)
    assert shares[1].state_dict() == alone.state_dict()


@pytest.mark.parametrize(("batch_size", "taken"), [(3, [[0, 2], [1]]), (8, [[0], [0]])])
def test_processes_take_whole_batches_in_turn_outside_training(store, batch_size, taken):
    """Where there are fewer batches than processes each takes all: none may be without."""
    alone = numbers(loader_of(store, "validation", batch_size=batch_size))
    for rank in (0, 1):
        loader = loader_of(store, "validation", batch_size=batch_size, rank=rank, ranks=2)
        assert (list(loader.numbers), len(loader)) == (taken[rank], len(taken[rank]))
        assert numbers(loader) == [alone[number] for number in taken[rank]]


def test_batch_that_processes_cannot_share_is_refused(store):
    with pytest.raises(ConfigError, match=r"48 training examples make one batch, which 5 processes cannot"):
        loader_of(store, train=True, batch_size=100, rank=0, ranks=5)
