"""Both stages as pipelines, tiny and as published."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from surrogates.core.errors import ConfigError
from surrogates.domains.radio.preparations.maps import DrawSamples, LinkBudget
from surrogates.inference.bundle import save_bundle
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.surrogates.domains.radio.conftest import shared

GEOMETRY = ("building_height", "terrain_height", "transmitter_position")
SMALL = {"name": "geo_unet", "base": 4}


def pipeline(specs: dict, inputs: tuple, target: str, transform: dict) -> Pipeline:
    config = PipelineConfig(
        inputs=[specs[name] for name in inputs], targets=[specs[target]], transform=transform, network=SMALL
    )
    return Pipeline(config, Context.of(config.inputs, config.targets, shared=shared())).eval()


@pytest.mark.parametrize("transform", ["radio/physics", "radio/geo2sigmap_iso"])
def test_first_stage_answers_a_formula_before_training(specs: dict, batch: dict, transform: str) -> None:
    iso = pipeline(specs, GEOMETRY, "path_gain", {"name": transform})
    torch.nn.init.zeros_(iso.network.network.head.weight)
    torch.nn.init.zeros_(iso.network.network.head.bias)
    answer = iso(batch)["path_gain"]
    assert answer.shape == batch["path_gain"].shape
    offset = iso.features(batch).offset
    torch.testing.assert_close(answer, offset[:, 0])


def test_second_stage_starts_from_first_stage_antenna_and_samples(specs: dict, batch: dict) -> None:
    inputs = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
    transform = {"name": "radio/directional", "iso": {"network": SMALL}}
    second = pipeline(specs, inputs, "path_gain_directional", transform)
    drawn = DrawSamples(count=40)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    features = second.features(drawn)
    assert features.channels.shape[1] == second.transform.in_channels
    assert bool(features.channels.isfinite().all())
    given = drawn["path_gain_samples"].isfinite()
    near = (features.offset[:, 0] - drawn["path_gain_samples"])[given].square().mean()
    nothing = {**drawn, "path_gain_samples": torch.full_like(drawn["path_gain_samples"], torch.nan)}
    blind = (second.features(nothing).offset[:, 0] - drawn["path_gain_samples"])[given].square().mean()
    assert near < blind / 4


def test_first_stage_stays_frozen_while_the_second_trains(specs: dict, batch: dict) -> None:
    inputs = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
    second = pipeline(
        specs, inputs, "path_gain_directional", {"name": "radio/directional", "iso": {"network": SMALL}}
    )
    before = {name: value.clone() for name, value in second.transform.iso.state_dict().items()}
    second.train()
    drawn = DrawSamples(count=40)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    second(drawn)["path_gain_directional"].mean().backward()
    assert not second.transform.iso.training
    assert all(parameter.grad is None for parameter in second.transform.iso.parameters())
    for name, value in second.transform.iso.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_published_second_stage_sees_a_mask_and_the_link_budget(specs: dict, batch: dict) -> None:
    generators = [np.random.default_rng(n) for n in range(2)]
    drawn = DrawSamples(count=40)(batch, generators, train=True)
    drawn = LinkBudget()(drawn, generators, train=True)
    specs |= {spec.name: spec for spec in LinkBudget().provides(specs)}
    inputs = (*GEOMETRY, "path_gain_samples", "link_slope", "link_offset")
    transform = {"name": "radio/geo2sigmap_directional", "iso": {"network": SMALL}}
    second = pipeline(specs, inputs, "path_gain_directional", transform)
    channels = second.features(drawn).channels
    unknown = drawn["path_gain_samples"].isnan()
    assert bool((channels[:, 1][unknown] == -160.0).all())
    torch.testing.assert_close(channels[:, 3], (~unknown).float())
    iso = second.transform.iso(drawn)["path_gain"]
    budget = drawn["link_slope"][:, None, None] * iso + drawn["link_offset"][:, None, None]
    torch.testing.assert_close(channels[:, 2], budget)


def test_missing_input_is_named(specs: dict) -> None:
    with pytest.raises(ConfigError, match="transmitter_azimuth"):
        pipeline(specs, (*GEOMETRY, "path_gain_samples"), "path_gain", {"name": "radio/directional"})


def test_first_stage_may_be_one_with_a_standard_deviation(specs: dict, batch: dict) -> None:
    inputs = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
    transform = {"name": "radio/directional", "iso": {"network": SMALL, "distribution": "gaussian"}}
    second = pipeline(specs, inputs, "path_gain_directional", transform)
    drawn = DrawSamples(count=40)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    assert second.transform.iso(drawn).keys() == {"path_gain", "path_gain_standard_deviation"}
    assert second(drawn)["path_gain_directional"].shape == batch["path_gain"].shape


def test_derivatives_by_what_the_frozen_first_stage_sees_are_refused(
    specs: dict, batch: dict, tmp_path: Path
) -> None:
    inputs = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
    transform = {"name": "radio/directional", "iso": {"network": SMALL}}
    second = pipeline(specs, inputs, "path_gain_directional", transform)
    drawn = DrawSamples(count=40)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    record = xr.Dataset(
        {name: (specs[name].dims, drawn[name][:1].numpy(), {"units": specs[name].units}) for name in inputs},
    ).assign_coords({dim: shared()[dim] for dim in ("y", "x")})
    surrogate = surrogates.load(save_bundle(tmp_path / "second", second), device="cpu")
    turned = surrogate.as_function("transmitter_azimuth", "path_gain_directional", at=record)
    slopes = (turned([0.301]) - turned([0.299])) / 0.002
    np.testing.assert_allclose(turned.jacobian([0.3])[:, 0], slopes, atol=0.05 * np.abs(slopes).max())
    moved = surrogate.as_function("transmitter_position", "path_gain_directional", at=record)
    with pytest.raises(ConfigError, match="no derivative by transmitter_position: the transform 'radio/dir"):
        moved.jacobian([61.0, 31.0, 12.0])
