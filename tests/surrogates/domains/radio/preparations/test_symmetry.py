"""Augmentations leave the physics of a map true."""

import math

import numpy as np
import pytest
import torch

from surrogates.domains.radio.channels.published import transmitter_map
from surrogates.domains.radio.link import Link
from surrogates.domains.radio.preparations.symmetry import Symmetry, turn_azimuth, turn_map, turn_position


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_transmitter_turns_with_the_map(batch: dict, quarters: int, mirror: bool) -> None:
    turned = dict(batch)
    for name in ("building_height", "terrain_height"):
        turned[name] = turn_map(batch[name], quarters, mirror)
    turned["transmitter_position"] = torch.stack(
        [turn_position(one, 128.0, quarters, mirror) for one in batch["transmitter_position"]]
    )
    expected = turn_map(transmitter_map(batch, 4.0), quarters, mirror)
    torch.testing.assert_close(transmitter_map(turned, 4.0), expected)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_physics_of_a_turned_map_is_the_turned_physics(
    batch: dict, link: Link, quarters: int, mirror: bool
) -> None:
    path = link.path(batch)
    before = link.free_space(path) + link.antenna_gain(path, batch["transmitter_azimuth"])
    turned = dict(batch)
    for name in ("building_height", "terrain_height"):
        turned[name] = turn_map(batch[name], quarters, mirror)
    turned["transmitter_position"] = torch.stack(
        [turn_position(one, 128.0, quarters, mirror) for one in batch["transmitter_position"]]
    )
    azimuth = torch.stack([turn_azimuth(one, quarters, mirror) for one in batch["transmitter_azimuth"]])
    path = link.path(turned)
    after = link.free_space(path) + link.antenna_gain(path, azimuth)
    torch.testing.assert_close(after, turn_map(before, quarters, mirror), atol=1e-3, rtol=0)


def test_symmetry_depends_on_the_example_alone(batch: dict) -> None:
    both = Symmetry(4.0)(batch, [np.random.default_rng(1), np.random.default_rng(2)], train=True)
    second = Symmetry(4.0)({k: v[1:] for k, v in batch.items()}, [np.random.default_rng(2)], train=True)
    torch.testing.assert_close(both["path_gain"][1:], second["path_gain"], equal_nan=True)
    assert bool(
        (both["transmitter_azimuth"] >= 0).all() and (both["transmitter_azimuth"] < 2 * math.pi).all()
    )
