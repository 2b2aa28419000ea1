"""Held-out cells of any measured field on a plane."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.folds import SpatialBlocks
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation

YIELD = VariableSpec(name="harvest", dims=("field", "north", "east"), shape=(20, 24), units="t", missing=True)
SOIL = VariableSpec(name="soil", dims=("field", "north", "east"), shape=(20, 24), dtype="bool")
AXES = {
    dim: xr.DataArray(5.0 * np.arange(size), dims=dim, attrs={"units": "m"})
    for dim, size in (("north", 20), ("east", 24))
}
CONTEXT = Context.of([], [YIELD], shared=AXES, record_dimension="field", specs={"soil": SOIL})


def batch() -> dict[str, torch.Tensor]:
    values = torch.randn(3, 20, 24, generator=torch.Generator().manual_seed(0))
    return {"harvest": values, "soil": values > -1.0, "draw": torch.tensor([0, 1, 7])}


def made(context: Context = CONTEXT, **arguments: object) -> Preparation:
    return Preparation.build({"name": "hold_out", "source": "harvest", **arguments}, context)


def rngs() -> list[np.random.Generator]:
    return [np.random.default_rng(number) for number in range(3)]


def test_blocks_are_in_the_units_of_the_coordinates_and_follow_the_draw() -> None:
    given = batch()
    found = made(protocol="blocks", side=30.0, samples=60)(given, rngs(), train=False)
    protocol = SpatialBlocks(30.0, 5.0, samples=60)
    for record, draw in enumerate((0, 1, 7)):
        expected = protocol.split(np.ones((20, 24), bool), draw)
        assert (found["scored"][record].numpy() == expected.held_out).all()
        assert (found["harvest_samples"][record].isfinite().numpy() == expected.given).all()


def test_cells_outside_the_mask_are_neither_given_nor_scored() -> None:
    given = batch()
    found = made(within="soil", samples=50)(given, rngs(), train=True)
    assert found["harvest_samples"].isfinite().sum((1, 2)).tolist() == [50, 50, 50]
    outside = ~given["soil"]
    assert not (found["scored"] & outside).any()
    assert found["harvest_samples"][outside].isnan().all()
    assert (found["scored"] | found["harvest_samples"].isfinite() | outside).all()


def test_what_has_no_blocks_is_refused() -> None:
    with pytest.raises(ConfigError, match="blocks need a side"):
        made(protocol="blocks")
    bare = Context.of([], [YIELD], record_dimension="field")
    with pytest.raises(ConfigError, match="blocks need two beside the record, both with coordinates"):
        made(bare, protocol="blocks", side=30.0)
    made(bare)  # random cells need none
    wide = made(protocol="blocks", side=100.0)
    with pytest.raises(ValueError, match="holds at most 4 blocks of 100 m, 5 folds need 5"):
        wide.provides(CONTEXT.specs)
