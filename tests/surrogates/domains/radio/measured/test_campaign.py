"""Campaigns: fields with the stated covariance, walks on the streets, readings that follow the map."""

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import Link
from surrogates.domains.radio.measured.campaign import Campaign, random_field, walk

SITE = {"cell": 4.0, "receiver_height": 2.0}
QUIET = {
    **SITE,
    "ripple": 0.0,
    "noise": (0.0, 0.0),
    "shadowing": (0.0, 0.0),
    "level": (30.0, 30.0),
    "walked": (200, 300),
}


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, place]) for place in range(count)]


def test_random_field_has_unit_variance_and_an_exponential_covariance() -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([random_field((40, 30), 6.0, rng) for _ in range(600)])
    assert fields.mean() == pytest.approx(0.0, abs=0.05)
    for rows, columns in ((0, 0), (3, 0), (0, 6), (9, 12)):
        product = fields[:, rows:, columns:] * fields[:, : 40 - rows, : 30 - columns]
        assert product.mean() == pytest.approx(np.exp(-np.hypot(rows, columns) / 6.0), abs=0.04)


def test_walk_visits_the_wanted_number_of_free_cells_and_no_other() -> None:
    free = np.ones((64, 64), dtype=bool)
    free[20:40, 10:50] = False
    for seed in range(5):
        visited = walk(free, 300, np.random.default_rng(seed))
        assert visited.sum() == 300
        assert not (visited & ~free).any()


def test_walk_is_made_of_paths_and_not_of_scattered_cells() -> None:
    visited = walk(np.ones((64, 64), dtype=bool), 300, np.random.default_rng(0))
    padded = np.pad(visited, 1)
    neighbours = sum(
        np.roll(padded, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)
    )[1:-1, 1:-1]
    assert (neighbours[visited] > 0).mean() > 0.97


def test_walk_over_few_free_cells_ends() -> None:
    free = np.zeros((16, 16), dtype=bool)
    assert not walk(free, 50, np.random.default_rng(0)).any()
    free[3, 3] = free[9, 12] = True
    assert walk(free, 50, np.random.default_rng(0)).sum() == 2


def test_reading_is_level_plus_isotropic_gain_plus_panel(batch: Batch, link: Link) -> None:
    rsrp = Campaign(**QUIET)(batch, rngs(2), train=True)["rsrp"]
    known = rsrp.isfinite()
    assert 50 < int(known[0].sum()) <= 300
    panel = rsrp - 30.0 - batch["path_gain"]
    assert float(panel[known].max()) <= 1e-3
    assert float(panel[known].min()) >= -(45.0 + 30.0)
    bearing = link.directions(batch).azimuth
    offset = torch.cos(bearing - batch["transmitter_azimuth"][:, None, None])
    assert float(panel[known & (offset < -0.9)].mean()) < float(panel[known & (offset > 0.9)].mean()) - 10.0


def test_indoor_unreached_and_weak_cells_are_not_read(batch: Batch) -> None:
    rsrp = Campaign(**SITE, weakest=-90.0)(batch, rngs(2), train=True)["rsrp"]
    assert not bool(rsrp[batch["building_height"] > 0].isfinite().any())
    assert not bool(rsrp[batch["path_gain"].isnan()].isfinite().any())
    assert float(rsrp[rsrp.isfinite()].min()) >= -90.0


def test_each_example_draws_from_its_own_generator(batch: Batch) -> None:
    both = Campaign(**SITE)(batch, rngs(2), train=True)["rsrp"]
    second = Campaign(**SITE)({name: value[1:] for name, value in batch.items()}, rngs(2)[1:], train=True)[
        "rsrp"
    ]
    torch.testing.assert_close(both[1:], second, equal_nan=True)


def test_spec_of_the_readings_is_in_dbm_and_may_miss(specs: dict[str, VariableSpec]) -> None:
    (spec,) = Campaign(**SITE).provides(specs)
    assert (spec.name, spec.units, spec.missing) == ("rsrp", "0.1 lg(re 1 mW)", True)
