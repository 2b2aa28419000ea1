"""Identities of records outlast rounding and nothing else; levels of members undo their quantiles."""

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.learning.members import identities, member_levels, member_quantiles

FIELD = VariableSpec(name="field", dims=("sample", "y", "x"), shape=(20, 30), units="m")
TOWARDS = FIELD.model_copy(
    update={"name": "towards", "units": "degree", "attributes": {"topology": "circular"}}
)
KIND = FIELD.model_copy(update={"name": "kind", "dtype": "int16"})


def fields(count: int, seed: int = 0) -> Tensor:
    return 280 + 10 * torch.randn((count, 20, 30), generator=torch.Generator().manual_seed(seed))


def known(spec: VariableSpec = FIELD, **inputs: Tensor) -> tuple[int, ...]:
    return identities([inputs], [spec], "sample")


def test_rounding_leaves_nearly_all_identities_as_they_are() -> None:
    """Each cell moves to a neighbour of its float32; rounded one by one, some of 600 cells would differ."""
    values = fields(1000)
    apart = torch.randint(-1, 2, values.shape, generator=torch.Generator().manual_seed(1))
    moved = torch.nextafter(values, values + apart)
    differ = np.mean(np.not_equal(known(field=values), known(field=moved)))
    assert differ < 0.01
    assert len(set(known(field=values))) == 1000


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_one_cell_in_six_hundred_makes_another_record(scale: float) -> None:
    values = scale * fields(200)
    moved = values.clone()
    moved[:, 3, 4] *= 1.05
    assert not set(known(field=values)) & set(known(field=moved))


def test_missing_cells_and_whole_numbers_count_as_they_are() -> None:
    values = torch.zeros(2, 20, 30)
    values[0, 1, 1] = values[1, 2, 2] = torch.nan
    one, two = known(field=values)
    assert one != two
    kinds = torch.zeros(3, 20, 30, dtype=torch.int16)
    kinds[1, 0, 0] = 1
    first, second, third = known(KIND, kind=kinds)
    assert first == third != second


def test_a_direction_is_the_same_after_full_turns() -> None:
    values = 360 * torch.rand((20, 20, 30), generator=torch.Generator().manual_seed(0))
    assert known(TOWARDS, towards=values) == known(TOWARDS, towards=values - 360)
    assert not set(known(TOWARDS, towards=values)) & set(known(TOWARDS, towards=values + 1))


def test_neither_batches_nor_a_single_number_change_identities() -> None:
    values = fields(9)
    alone = [known(field=each[None])[0] for each in values]
    assert list(known(field=values)) == alone
    speed = VariableSpec(name="speed", dims=("sample",), shape=(), units="m s-1")
    assert len(set(known(speed, speed=torch.linspace(0.0, 1.0, 1001)))) > 990


@pytest.mark.parametrize("count", [1, 2, 9, 20])
def test_levels_of_members_undo_their_quantiles(count: int) -> None:
    members = torch.randn((30, count, 4), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    inside = np.linspace(1, count, 7) / (count + 1)
    for level, value in zip(inside, member_quantiles(members, inside).unbind(1), strict=True):
        for found in member_levels(members, value):
            torch.testing.assert_close(found, torch.full_like(found, level), atol=1e-6, rtol=0)
    low, high = member_levels(members, members.amax(1) + 1)
    assert (low == 1).all() and (high == 1).all()
    assert (member_levels(members, members.amin(1) - 1)[1] == 0).all()


def test_equal_members_have_all_levels_between() -> None:
    members = torch.tensor([[0.0, 0.0, 1.0, 2.0]]).unsqueeze(-1)
    low, high = member_levels(members, torch.zeros(1, 1))
    assert (float(low), float(high)) == pytest.approx((1 / 5, 2 / 5))
