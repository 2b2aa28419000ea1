import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.store.sampler import RecordSampler

arguments = st.fixed_dictionaries(
    {
        "records": st.integers(1, 60),
        "batch_size": st.integers(1, 9),
        "seed": st.integers(0, 5),
        "shuffle": st.booleans(),
        "records_per_chunk": st.integers(1, 8),
    }
)


@given(arguments)
def test_every_epoch_uses_each_example_once(given_arguments: dict[str, int]) -> None:
    sampler = RecordSampler(**given_arguments)
    for epoch in range(3):
        assert sampler.epoch == epoch
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert sorted(np.concatenate(batches)) == list(range(given_arguments["records"]))
        assert {len(batch) for batch in batches[:-1]} <= {given_arguments["batch_size"]}


@given(arguments, st.integers(0, 40))
def test_a_saved_state_goes_on_identically(given_arguments: dict[str, int], steps: int) -> None:
    def forever(sampler: RecordSampler):
        while True:
            yield from sampler

    undisturbed = RecordSampler(**given_arguments)
    stream = forever(undisturbed)
    list(itertools.islice(stream, steps))
    resumed = RecordSampler(**given_arguments)
    resumed.load_state_dict(undisturbed.state_dict())
    for first, second in itertools.islice(zip(stream, forever(resumed), strict=False), 25):
        np.testing.assert_array_equal(first, second)


def test_the_state_after_the_last_batch_is_the_next_epoch() -> None:
    sampler = RecordSampler(4, 2, seed=1)
    batches = iter(sampler)
    next(batches), next(batches)
    assert sampler.state_dict() == {"seed": 1, "epoch": 1, "step": 0}


def test_epochs_and_seeds_differ() -> None:
    orders = [RecordSampler(100, 10, seed=seed).order(epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({order.tobytes() for order in orders}) == 4


def test_drop_last_gives_full_batches_only() -> None:
    batches = list(RecordSampler(10, 4, drop_last=True))
    assert [len(batch) for batch in batches] == [4, 4]
    with pytest.raises(ValueError, match="batch_size 11 makes no batch of 10"):
        RecordSampler(10, 11, drop_last=True)


def test_records_of_a_chunk_are_used_close_together_yet_mixed() -> None:
    sampler = RecordSampler(8 * 256, 16, seed=0, records_per_chunk=8)
    order = sampler.order(0)
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    chunks = place.reshape(-1, 8)
    block = 16 * 8
    assert (chunks.max(1) - chunks.min(1)).max() < block
    partners = [len(np.unique(batch // 8)) for batch in sampler]
    assert np.mean(partners) > 9  # of 16 examples, most come from chunks of their own
    centres = np.sort(order[:block])
    assert centres.max() - centres.min() > 1024  # a block mixes the whole store


def test_one_block_of_all_chunks_is_a_plain_shuffle() -> None:
    order = RecordSampler(400, 8, records_per_chunk=4, chunks_per_block=100).order(0)
    place = np.argsort(order).reshape(100, 4)
    spread = np.ptp(place, axis=1).mean()
    assert spread == pytest.approx(400 * 3 / 5, rel=0.1)  # range of four uniform draws


def test_examples_follow_their_records() -> None:
    """Several examples of a record (windows) stay with it."""
    records = np.repeat(np.arange(64), 4)
    order = RecordSampler(records, 4, records_per_chunk=1).order(0)
    for start in range(0, len(order), 16):
        assert len(np.unique(records[order[start : start + 16]])) == 4


def test_no_examples_and_a_state_of_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        RecordSampler(0, 4)
    with pytest.raises(ValueError, match="step 9"):
        RecordSampler(8, 4).load_state_dict({"seed": 0, "epoch": 0, "step": 9})
