"""Samples, masks and link budgets."""

import numpy as np
import pytest
import torch

from datasets.radio.variables import record_specs
from surrogates.domains.radio.preparations.maps import DrawSamples, HoldOutCells, LinkBudget, Outdoor
from tests.surrogates.domains.radio.conftest import CELL


def rngs(count: int = 2) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_outdoor_means_no_building(batch: dict) -> None:
    outdoor = Outdoor()(batch, rngs(), train=True)["outdoor"]
    assert not bool(outdoor[0, 16, 10])
    assert int((~outdoor[0]).sum()) == 32


def test_cells_that_no_ray_reached_count_as_the_sensitivity_if_asked_for(batch: dict) -> None:
    batch["path_gain"][0, 3, 3] = -170.0
    indoors = batch["building_height"] > 0
    batch["path_gain"][indoors] = torch.nan
    left, counted = (
        Outdoor(unreached=each)(batch, rngs(), train=True)["path_gain"] for each in ("leave_out", "weakest")
    )
    assert bool(counted[left.isnan() & ~indoors].eq(-140.0).all())
    assert int((left.isnan() & ~indoors).sum()) == 2 * 8 + 1
    assert bool(counted[indoors].isnan().all())
    torch.testing.assert_close(counted[left.isfinite()], left[left.isfinite()], rtol=0, atol=0)


def test_given_cells_are_never_scored(batch: dict) -> None:
    drawn = DrawSamples(count=50)(batch, rngs(), train=False)
    given = drawn["path_gain_samples"].isfinite()
    assert given.sum(dim=(1, 2)).tolist() == [50, 50]
    assert not bool((given & drawn["scored"]).any())
    assert not bool((given & (batch["building_height"] > 0)).any())


def test_unmeasured_is_nan_and_not_a_number_of_decibels(batch: dict) -> None:
    drawn = DrawSamples(count=5)(batch, rngs(), train=False)["path_gain_samples"]
    assert int(drawn.isnan().sum()) == drawn.numel() - 10


def test_training_draws_another_number_of_samples_for_each_map(batch: dict) -> None:
    counts = {
        int(DrawSamples(count=50)(batch, rngs(), train=True)["path_gain_samples"][n].isfinite().sum())
        for n in range(2)
    }
    assert len(counts) == 2


def test_link_budget_changes_target_and_samples_alike_and_only_in_training(batch: dict) -> None:
    drawn = DrawSamples(count=20)(batch, rngs(), train=True)
    changed = LinkBudget()(drawn, rngs(), train=True)
    given = changed["path_gain_samples"].isfinite()
    torch.testing.assert_close(changed["path_gain_samples"][given], changed["path_gain_directional"][given])
    slope = changed["link_slope"]
    assert bool(((slope >= 0.1) & (slope <= 0.7)).all())
    still = LinkBudget()(drawn, rngs(), train=False)
    torch.testing.assert_close(still["path_gain_directional"], drawn["path_gain_directional"], equal_nan=True)


def test_what_no_receiver_hears_is_neither_learned_nor_measured(batch: dict) -> None:
    batch["path_gain"][0, 3, 3] = batch["path_gain_directional"][0, 3, 3] = -170.0
    assert bool(Outdoor()(batch, rngs(), train=True)["path_gain"][0, 3, 3].isnan())
    drawn = DrawSamples(count=2000)(batch, rngs(), train=False)
    assert bool(drawn["path_gain_directional"][0, 3, 3].isnan())
    assert bool(drawn["path_gain_samples"][0, 3, 3].isnan())


@pytest.fixture
def walked(batch: dict) -> dict:
    """Two maps of which a third of the cells was measured, indoors too."""
    seen = torch.rand(2, 32, 32, generator=torch.Generator().manual_seed(1)) < 0.3
    return {**batch, "rsrp": torch.where(seen, batch["path_gain_directional"], torch.nan)}


@pytest.mark.parametrize("protocol", ["random", "blocks"])
def test_held_out_cells_are_outdoor_measured_and_not_given(walked: dict, protocol: str) -> None:
    hold_out = HoldOutCells(CELL, protocol, side=32.0, samples=40)
    drawn = hold_out({**walked, "draw": torch.tensor([0, 7])}, rngs(), train=False)
    given, scored = drawn["rsrp_samples"].isfinite(), drawn["scored"]
    assert given.sum(dim=(1, 2)).tolist() == [40, 40]
    assert not bool((given & scored).any())
    assert not bool(((given | scored) & (walked["building_height"] > 0)).any())
    assert bool(walked["rsrp"][given | scored].isfinite().all())
    torch.testing.assert_close(drawn["rsrp_samples"][given], walked["rsrp"][given])


def test_held_out_cells_of_a_record_depend_on_its_draw_alone(walked: dict) -> None:
    hold_out = HoldOutCells(CELL, "blocks", side=32.0, samples=40)
    one = hold_out({**walked, "draw": torch.tensor([3, 8])}, rngs(), train=False)["scored"]
    turned = {name: value.flip(0) for name, value in walked.items()}
    other = hold_out({**turned, "draw": torch.tensor([8, 3])}, rngs()[::-1], train=False)["scored"]
    assert bool((one == other.flip(0)).all())


def test_training_holds_out_other_cells_with_other_generators(walked: dict) -> None:
    hold_out = HoldOutCells(CELL, "blocks", side=32.0, samples=40)
    first, same, other = (
        hold_out(walked, each, train=True)["scored"] for each in (rngs(), rngs(), rngs(4)[2:])
    )
    assert bool((first == same).all())
    assert bool((first != other).any())


def test_a_protocol_tells_how_many_draws_belong_together_and_what_it_makes() -> None:
    specs = {spec.name: spec for spec in record_specs(32, 128.0)}
    blocks, random = HoldOutCells(CELL, "blocks", folds=4, source="path_gain"), HoldOutCells(CELL, "random")
    assert (blocks.draws_together, random.draws_together) == (4, 1)
    samples, scored = blocks.provides(specs)
    assert (samples.name, samples.units, samples.missing) == (
        "path_gain_samples",
        specs["path_gain"].units,
        True,
    )
    assert (scored.name, scored.dtype) == ("scored", "bool")
