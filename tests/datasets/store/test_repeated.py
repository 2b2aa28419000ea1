"""Records that two stores share are found by their statistics, and nothing else is taken for one."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.store.layout import Store, create_store
from datasets.store.repeated import repeated
from datasets.store.specs import Split, VariableSpec

SPECS = [
    VariableSpec(name="height", dims=("sample", "y", "x"), shape=(4, 6), units="m", missing=True),
    VariableSpec(name="response", dims=("sample", "x"), shape=(6,), dtype="complex64"),
    VariableSpec(name="frequency", dims=("sample",), shape=(), units="Hz"),
]


def values(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    height = rng.normal(size=(count, 4, 6)).astype(np.float32)
    height[:, 0, 0] = np.nan
    return {
        "height": height,
        "response": (rng.normal(size=(count, 6)) + 1j * rng.normal(size=(count, 6))).astype(np.complex64),
        "frequency": np.full(count, 3e9, np.float32),
    }


def store(url: Path, arrays: dict[str, np.ndarray], per_shard: int = 4) -> Store:
    count = len(next(iter(arrays.values())))
    made = create_store(
        str(url),
        [spec for spec in SPECS if spec.name in arrays],
        records=count,
        record_dimension="sample",
        shared=xr.Dataset(),
        attributes={"title": "a test", "recipe": "toy/field", "recipe_config": {}},
        splits=[Split(labels=np.zeros(count, int), keeps_whole="none")],
        records_per_shard=per_shard,
    )
    for row in range(made.rows):
        own = made.row_records(row)
        hashes = made.write_row(row, {name: each[own.start : own.stop] for name, each in arrays.items()})
        made.write_receipt(row, {"hashes": hashes})
    return made.consolidate()


def found(first: Store, other: Store, *chosen: list[int]) -> tuple[list[int], list[int]]:
    ones, others = repeated(first, other, *map(np.array, chosen))
    return ones.tolist(), others.tolist()


def test_the_same_records_are_found_in_any_order_and_shard_row(tmp_path: Path) -> None:
    arrays, fresh = values(12), values(12, seed=1)
    picked = [7, 2, 11]
    mixed = {name: np.concatenate([fresh[name][:5], arrays[name][picked]]) for name in arrays}
    one, two = store(tmp_path / "one.zarr", arrays), store(tmp_path / "two.zarr", mixed, per_shard=3)
    assert found(one, two) == ([7, 2, 11], [5, 6, 7])
    assert found(one, two, [2, 3, 4], [0, 6]) == ([2], [6])
    assert found(one, two, [0, 1], list(range(8))) == ([], [])


def test_a_mirror_image_is_another_record(tmp_path: Path) -> None:
    arrays = values(3)
    mirrored = {name: each[..., ::-1] if each.ndim > 1 else each for name, each in arrays.items()}
    one, two = store(tmp_path / "one.zarr", arrays), store(tmp_path / "two.zarr", mirrored)
    assert found(one, two) == ([], [])


def test_records_that_one_store_holds_twice_are_found_between_its_subsets(tmp_path: Path) -> None:
    arrays = values(6)
    twice = store(
        tmp_path / "one.zarr", {name: np.concatenate([each, each[[1, 1]]]) for name, each in arrays.items()}
    )
    assert found(twice, twice, [0, 1, 2, 3], [4, 5, 6, 7]) == ([1, 1], [6, 7])


@pytest.mark.parametrize("changed", ["response", "frequency"])
def test_records_that_share_some_variables_are_not_the_same(changed: str, tmp_path: Path) -> None:
    arrays = values(6)
    other = arrays | {changed: 2 * arrays[changed]}
    one, two = store(tmp_path / "one.zarr", arrays), store(tmp_path / "two.zarr", other)
    assert found(one, two) == ([], [])


def test_what_few_or_equal_numbers_tell_is_not_enough(tmp_path: Path) -> None:
    flat = {"height": np.ones((6, 4, 6), np.float32), "frequency": np.full(6, 3e9, np.float32)}
    one, two = (store(tmp_path / name, flat, per_shard=rows) for name, rows in (("1.zarr", 4), ("2.zarr", 3)))
    assert found(one, two) == ([], [])
