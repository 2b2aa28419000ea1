"""Samples, masks and link budgets."""

import numpy as np
import torch

from surrogates.domains.radio.preparations import DrawSamples, LinkBudget, Outdoor


def rngs(count: int = 2) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_outdoor_means_no_building(batch: dict) -> None:
    outdoor = Outdoor()(batch, rngs(), train=True)["outdoor"]
    assert not bool(outdoor[0, 16, 10])
    assert int((~outdoor[0]).sum()) == 32


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
