"""A prediction with little to do takes one thread; any other takes all, and afterwards there are as many."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from surrogates.inference.surrogate import Surrogate
from surrogates.inference.threads import LITTLE, is_little, one_thread
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.tile import Tile

THREADS = 3


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def surrogate(bundle: Path) -> Surrogate:
    return surrogates.load(bundle, device="cpu")


@pytest.fixture
def taken(surrogate: Surrogate) -> list[int]:
    """How many threads there are at each forward pass of the network."""
    seen: list[int] = []
    surrogate.bundle.pipeline.network.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    return seen


def many(inputs: xr.Dataset, surrogate: Surrogate) -> xr.Dataset:
    """Return more records than one thread should answer at once."""
    records = LITTLE // (surrogate.bundle.parameters * inputs["slope"].size) + 1
    return inputs.isel(sample=np.zeros(records, int)).drop_vars("sample")


def test_a_small_network_is_asked_on_one_thread(
    surrogate: Surrogate, inputs: xr.Dataset, taken: list[int]
) -> None:
    surrogate.predict(inputs)
    assert taken == [1]
    assert torch.get_num_threads() == THREADS


def test_the_threads_come_back_after_an_error(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"asked on {torch.get_num_threads()}")

    surrogate.bundle.pipeline.network.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="asked on 1"):
        surrogate.predict(inputs)
    assert torch.get_num_threads() == THREADS


def test_many_records_at_once_keep_all_threads_and_few_of_them_do_not(
    surrogate: Surrogate, inputs: xr.Dataset, taken: list[int]
) -> None:
    records = many(inputs, surrogate)
    surrogate.predict(records, batch_size=records.sizes["sample"])
    surrogate.predict(records.isel(sample=slice(8)), batch_size=4)
    assert taken == [THREADS, 1, 1]
    assert torch.get_num_threads() == THREADS


def test_a_tile_as_wide_as_the_whole_field_counts_whole(pipeline: Pipeline) -> None:
    def refuse(name: str, window: tuple[slice, ...]) -> torch.Tensor:
        raise AssertionError(f"{name} was read")

    def tile(side: int) -> Tile:
        return Tile(["height"], (slice(0, side), slice(0, side)), (side, side), refuse)

    weights = LITTLE // 100**2
    assert is_little(weights, pipeline.config, tile(100))
    assert not is_little(weights, pipeline.config, tile(101))


def test_a_caller_who_has_chosen_one_thread_keeps_it() -> None:
    torch.set_num_threads(1)
    for little in (True, False):
        with one_thread(where=little):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
