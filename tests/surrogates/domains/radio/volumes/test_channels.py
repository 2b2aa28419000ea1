"""What a network is told of a volume: the direct path, nothing of an unknown transmitter, samples."""

import math

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.domains.radio.volumes.channels import VolumeChannels
from surrogates.domains.radio.volumes.preparations import DrawVolumeSamples, VolumeSymmetry
from surrogates.domains.radio.volumes.quantities import QUANTITIES
from surrogates.domains.radio.volumes.sight import BySight
from surrogates.learning.context import Context
from surrogates.learning.transform import Transform
from tests.pieces.radio_volumes import CELL, CELLS, volume_batch, volume_context

FOUR = ("path_gain", "time_of_arrival", "azimuth_of_arrival", "zenith_of_arrival")


def unknown(known: Context) -> Context:
    """The same data without transmitter and ground."""
    kept = [spec for spec in known.inputs if spec.name not in ("terrain_height", "transmitter_position")]
    return known.between(kept, known.targets)


def test_network_learns_the_difference_from_the_direct_path() -> None:
    made: VolumeChannels = Transform.build({"name": "radio/volume"}, volume_context(*QUANTITIES))
    batch = volume_batch()
    straight = made.direct.straight(batch)
    batch |= {f"{name}_samples": straight[name] for name in FOUR}
    batch["building_height"] = torch.zeros_like(batch["building_height"])
    features = made(batch)
    assert features.offset.shape == (3, made.layout.channels, 2, CELLS, CELLS)
    names = list(made.channel_names)
    for name in ("path_gain_samples", "cosine of azimuth_of_arrival_samples"):
        assert features.tensor[:, names.index(name)].abs().max() < 1e-5


@pytest.mark.parametrize("name", ["radio/volume", "radio/radiodiff_3d"])
def test_unknown_transmitter_leaves_no_trace(name: str) -> None:
    made = Transform.build({"name": name}, unknown(volume_context(*FOUR)))
    batch = volume_batch()
    one = made(batch)
    batch["transmitter_position"] = batch["transmitter_position"] + 20.0
    torch.testing.assert_close(made(batch).tensor, one.tensor, rtol=0, atol=0, equal_nan=True)
    assert one.offset is None


def test_roof_is_indoors_below_and_outdoors_above() -> None:
    made = Transform.build({"name": "radio/radiodiff_3d"}, unknown(volume_context("path_gain")))
    indoors = made(volume_batch()).tensor[:, list(made.channel_names).index("indoors")]
    house = volume_batch()["building_height"] > 0
    assert torch.equal(indoors[:, 0] > 0, house)  # at 1.5 m
    assert not indoors[:, 1].any()  # at 12 m, above its roof of 8 m


def test_samples_in_a_building_and_unknown_inputs_are_refused_in_one_line() -> None:
    made = Transform.build({"name": "radio/volume"}, volume_context("path_gain"))
    batch = volume_batch()
    batch["path_gain_samples"][0, 0, 3, 3] = -80.0
    with pytest.raises(ValueError, match=r"1 samples inside buildings, the first in row 3 and column 3"):
        made(batch)
    known = volume_context("path_gain")
    foreign = known.between([*known.inputs, known.specs["delay_spread"]], known.targets)
    with pytest.raises(ConfigError, match="knows no input delay_spread"):
        Transform.build({"name": "radio/volume"}, foreign)


@pytest.mark.parametrize(("share", "train"), [(0.0, False), (0.1, False), (0.5, True)])
def test_drawn_samples_are_stable_cells_and_are_not_scored(share: float, train: bool) -> None:
    batch = volume_batch()
    rngs = [np.random.default_rng(number) for number in range(3)]
    found = DrawVolumeSamples(share, vary=False)(batch, rngs, train=train)
    given = found["path_gain_samples"].isfinite()
    assert torch.equal(found["azimuth_of_arrival_samples"].isfinite(), given)
    assert torch.equal(given | found["scored"], batch["stable"])
    assert not (given & found["scored"]).any()
    stable = batch["stable"].flatten(1).sum(1)
    assert torch.equal(given.flatten(1).sum(1), torch.round(share * stable.double()).long())


def test_symmetry_turns_the_direct_path_with_its_transmitter() -> None:
    made: VolumeChannels = Transform.build({"name": "radio/volume"}, volume_context(*FOUR))
    batch = volume_batch(count=8)
    batch["terrain_height"] = torch.zeros_like(batch["terrain_height"])
    batch |= {name: made.direct.straight(batch)[name] for name in FOUR}
    rngs = [np.random.default_rng(number) for number in range(8)]
    turned = VolumeSymmetry(CELL)(batch, rngs, train=True)
    assert not torch.equal(turned["transmitter_position"], batch["transmitter_position"])
    after = made.direct.straight(turned)
    for name in ("path_gain", "time_of_arrival", "zenith_of_arrival"):
        torch.testing.assert_close(turned[name], after[name], rtol=1e-4, atol=1e-9)
    off = torch.remainder(turned["azimuth_of_arrival"] - after["azimuth_of_arrival"] + math.pi, math.tau)
    assert (off - math.pi).abs().max() < 1e-4


def test_each_cell_is_scored_in_one_class_of_sight_with_its_members() -> None:
    known, batch = volume_context("path_gain", samples=False), volume_batch()
    sight = BySight(known)
    batch["line_of_sight"] = torch.rand(batch["stable"].shape) < 0.5
    truth = sight.of_truth(batch)
    classes = torch.stack([truth[spec.name].isfinite() for spec in sight.provides()])
    assert torch.equal(classes.sum(0), batch["stable"].long())
    members = torch.randn(3, 5, *batch["stable"].shape[1:])
    found = sight.of_prediction({"path_gain": batch["path_gain"], "path_gain_member": members}, batch)
    assert torch.equal(found["path_gain_without_sight_member"], members)
