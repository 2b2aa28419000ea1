"""Faults found in released code of radio maps that have no test beside the module they would sit in."""

import math

import pytest
import torch

from surrogates.domains.radio.link import Link
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.surrogates.domains.radio.conftest import shared

GEOMETRY = ("building_height", "terrain_height", "transmitter_position")


def iso(specs: dict, transform: str) -> Pipeline:
    network = {"name": "geo_unet", "base": 4}
    config = PipelineConfig(
        inputs=[specs[name] for name in GEOMETRY],
        targets=[specs["path_gain"]],
        transform={"name": transform},
        network=network,
    )
    return Pipeline(config, Context.of(config.inputs, config.targets, shared=shared())).eval()


@pytest.mark.parametrize("transform", ["radio/physics", "radio/geo2sigmap_iso"])
def test_heights_above_255_metres_are_neither_wrapped_nor_clipped(
    specs: dict, batch: dict, transform: str
) -> None:
    tall = {**batch, "building_height": batch["building_height"].clone()}
    channels = []
    for height in (255.0, 256.5):
        tall["building_height"][:, 16:18, 8:24] = height
        channels.append(iso(specs, transform).features(tall).channels[:, 0, 16, 10])
    assert bool((channels[1] > channels[0]).all())


def test_transmitter_in_the_middle_stands_in_one_cell_whatever_the_mode(specs: dict, batch: dict) -> None:
    middle = {**batch, "transmitter_position": torch.tensor([[64.0, 64.0, 12.0]]).expand(2, 3)}
    pipeline = iso(specs, "radio/geo2sigmap_iso")
    cells = [
        pipeline.train(mode).features(middle).channels[0, 1].nonzero().tolist() for mode in (True, False)
    ]
    assert cells == [[[16, 16]], [[16, 16]]]


def test_azimuth_has_no_seam_at_north(batch: dict, link: Link) -> None:
    path = link.path(batch)
    around = [link.antenna_gain(path, torch.full((2,), angle)) for angle in (1e-4, 2 * math.pi - 1e-4)]
    torch.testing.assert_close(*around, atol=1e-2, rtol=0)


@pytest.mark.parametrize("transform", ["radio/physics", "radio/geo2sigmap_iso"])
def test_channels_are_finite_at_the_foot_of_the_transmitter(specs: dict, batch: dict, transform: str) -> None:
    centre = torch.tensor([[62.0, 62.0, 2.0], [62.0, 62.0, 0.5]])
    features = iso(specs, transform).features({**batch, "transmitter_position": centre})
    assert bool(features.channels.isfinite().all())
    assert bool(features.offset.isfinite().all())
