"""A tile of a map has the channels of the whole map, wherever the transmitter stands."""

import warnings

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.radio.variables import record_specs
from datasets.store.specs import DECIBEL, VariableSpec
from surrogates.domains.radio.preparations.maps import DrawSamples
from surrogates.inference.bundle import load_bundle, save_bundle
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.tile import Tile, inner
from tests.surrogates.domains.radio.conftest import LINK

WINDOW, MAP = 32, (80, 112)
GEOMETRY = ("building_height", "terrain_height", "transmitter_position")
SMALL = {"name": "geo_unet", "base": 4}
DIRECTIONAL = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
OVER_UNET = {"name": "radio/directional", "iso": {"network": SMALL}}


@pytest.fixture
def city() -> dict[str, torch.Tensor]:
    """One map of 320 by 448 m, its transmitter south of it, and samples scattered over it."""
    rng = np.random.default_rng(1)
    blocks = rng.uniform(5, 40, (10, 14)) * (rng.random((10, 14)) < 0.4)
    building = np.float32(np.kron(blocks, np.ones((8, 8))))
    samples = np.where(rng.random(MAP) < 0.05, rng.normal(-100, 10, MAP), np.nan)
    values = {
        "building_height": building,
        "terrain_height": np.float32(np.add.outer(np.arange(80) / 10, np.zeros(112))),
        "transmitter_position": np.float32([390.0, -70.0, 28.0]),
        "transmitter_azimuth": np.float32(1.0),
        "path_gain_samples": np.float32(np.where(building > 0, np.nan, samples)),
    }
    return {name: torch.from_numpy(np.asarray(value))[None] for name, value in values.items()}


def pipeline(inputs: tuple[str, ...], transform: dict, target: str = "path_gain") -> Pipeline:
    specs: dict[str, VariableSpec] = {spec.name: spec for spec in record_specs(WINDOW, 128.0)}
    specs |= {spec.name: spec for spec in DrawSamples().provides(specs)}
    torch.manual_seed(0)
    return Pipeline(
        PipelineConfig(
            inputs=[specs[name] for name in inputs],
            targets=[specs[target]],
            transform=transform | LINK,
            network=SMALL,
        )
    ).eval()


def dataset(city: dict[str, torch.Tensor], names: tuple[str, ...]) -> xr.Dataset:
    """The map as a user has it."""
    dims = {"transmitter_position": ("enu",), "transmitter_azimuth": ()}
    units = {"transmitter_azimuth": "rad", "path_gain_samples": DECIBEL}
    return xr.Dataset(
        {
            name: (dims.get(name, ("y", "x")), city[name][0].numpy(), {"units": units.get(name, "m")})
            for name in names
        }
    )


def tile(city: dict[str, torch.Tensor], names: tuple[str, ...], row: int, column: int) -> Tile:
    def reader(name: str, window: tuple[slice, ...]) -> torch.Tensor:
        values = city[name]
        return inner(values, window) if values.ndim == 3 else values

    window = (slice(row, row + WINDOW), slice(column, column + WINDOW))
    return Tile(names, window, MAP, reader)


@pytest.mark.parametrize("transform", ["radio/physics", "radio/geo2sigmap_iso"])
@pytest.mark.parametrize("corner", [(0, 0), (5, 80), (48, 17)])
def test_channels_of_a_tile_are_those_of_the_map(city: dict, transform: str, corner: tuple[int, int]) -> None:
    made = pipeline(GEOMETRY, {"name": transform})
    whole = made.features({name: city[name] for name in GEOMETRY})
    part = tile(city, GEOMETRY, *corner)
    found = made.features(part)
    names = made.transform.channel_names
    for number, name in enumerate(names):
        expected = inner(whole.channels[:, number], part.window)
        torch.testing.assert_close(found.channels[:, number], expected, rtol=1e-6, atol=1e-6, msg=name)
    torch.testing.assert_close(found.offset, inner(whole.offset, part.window), rtol=1e-6, atol=1e-6)


def test_the_second_stage_sees_the_whole_maps_rays_and_antenna_in_a_tile(city: dict) -> None:
    made = pipeline(DIRECTIONAL, OVER_UNET, "path_gain_directional")
    whole, part = made.features(city), tile(city, DIRECTIONAL, 48, 17)
    found = made.features(part)
    names = made.transform.channel_names
    same = [*range(made.transform.physics.in_channels), names.index("antenna gain"), names.index("measured")]
    for number in same:
        expected = inner(whole.channels[:, number], part.window)
        torch.testing.assert_close(found.channels[:, number], expected, rtol=1e-6, atol=1e-6)


def test_a_map_with_its_transmitter_outside_most_tiles_is_predicted_without_seams(
    city: dict, tmp_path
) -> None:
    made = pipeline(GEOMETRY, {"name": "radio/physics"})
    for part in (made.network.network.head.weight, made.network.network.head.bias):
        torch.nn.init.zeros_(part)  # the answer is then free space, a function of the whole map
    folder = save_bundle(tmp_path / "bundle", made, ranges={"transmitter_position": (0.0, 128.0)})
    surrogate = Surrogate(load_bundle(folder))
    given = dataset(city, GEOMETRY)
    with pytest.warns(OutOfRangeWarning, match="transmitter_position is -70 m"):
        out = surrogate.predict(given)["path_gain"]
    with torch.inference_mode():
        expected = made({name: city[name] for name in GEOMETRY})["path_gain"][0]
    built = given["building_height"].values > 0
    assert built.any()
    np.testing.assert_allclose(out, np.where(built, np.nan, expected), rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        xr.testing.assert_allclose(
            surrogate.predict(given, out=tmp_path / "map.zarr")["path_gain"].load(), out
        )


def test_samples_anywhere_in_a_large_map_pull_the_prediction_to_them(city: dict, tmp_path) -> None:
    made = pipeline(DIRECTIONAL, OVER_UNET, "path_gain_directional")
    for part in (made.network.network.head.weight, made.network.network.head.bias):
        torch.nn.init.zeros_(part)
    surrogate = Surrogate(load_bundle(save_bundle(tmp_path / "bundle", made)))
    given = dataset(city, DIRECTIONAL)
    out = surrogate.predict(given)["path_gain_directional"].values
    nothing = given.assign(path_gain_samples=given["path_gain_samples"] * np.nan)
    nothing["path_gain_samples"].attrs = given["path_gain_samples"].attrs
    blind = surrogate.predict(nothing)["path_gain_directional"].values
    samples = given["path_gain_samples"].values
    known = np.isfinite(samples)
    for columns in (slice(0, 56), slice(56, 112)):
        there = known[:, columns]
        assert there.sum() > 50
        near = (out[:, columns] - samples[:, columns])[there]
        far = (blind[:, columns] - samples[:, columns])[there]
        assert np.mean(near**2) < np.mean(far**2) / 4
