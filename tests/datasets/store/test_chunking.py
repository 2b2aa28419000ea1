import pytest

from datasets.store.chunking import chunk_records, record_bytes, shard_records
from datasets.store.specs import VariableSpec


def spec(*shape: int, dtype: str = "float32") -> VariableSpec:
    dims = ("sample", *(f"d{axis}" for axis in range(len(shape))))
    return VariableSpec(name="a", dims=dims, shape=shape, dtype=dtype)


@pytest.mark.parametrize("shape", [(), (3,), (32, 32), (128, 128), (512, 512), (1440, 721), (3000, 3000)])
def test_chunks_and_shards_keep_their_bounds(shape: tuple[int, ...]) -> None:
    variable = spec(*shape)
    shard = shard_records([variable], 10**6)
    chunk = chunk_records(variable, shard)
    size = record_bytes(variable)
    assert shard % chunk == 0
    assert chunk == 1 or chunk * size <= 1 << 18
    assert 64 <= shard <= 256 or shard * size <= 512 << 20
    assert chunk == 1 or 2 * chunk * size > 1 << 17 or chunk == shard


def test_a_shard_holds_whole_units_and_no_more_than_the_store() -> None:
    assert shard_records([spec(512, 512)], 1000, multiple=24) % 24 == 0
    assert shard_records([spec(512, 512)], 10) == 10
    assert shard_records([spec(64, 64)], 5, multiple=8) == 8
