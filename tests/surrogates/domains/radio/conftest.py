"""A small made-up city with one wall, and maps over it."""

from pathlib import Path

import pytest
import torch

from datasets.radio.variables import record_specs
from datasets.store.specs import VariableSpec
from surrogates.domains.radio import demo
from surrogates.domains.radio.preparations import DrawSamples

CELLS, CELL = 32, 4.0
RECIPE = {
    "cities": ("etoile",),
    "test_cities": ("munich",),
    "samples": 4,
    "test_samples": 2,
    "transmitters_per_window": 2,
    "validation_share": 0.5,
    "window_size": CELLS * CELL,
    "rays": 20_000,
    "rays_test": 20_000,
    "depth": 1,
    "repeat_share": 0.0,
}


@pytest.fixture(scope="session")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of six small ray-traced maps, as the demonstration builds it: etoile, and munich to test on."""
    url = tmp_path_factory.mktemp("radio") / "maps.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "RECIPE", RECIPE)
        demo.build_data(url, workers=1)
    return url


@pytest.fixture
def specs() -> dict[str, VariableSpec]:
    """Specs of the recipe's variables, and of the drawn samples."""
    found = {spec.name: spec for spec in record_specs(CELLS, CELLS * CELL)}
    return found | {spec.name: spec for spec in DrawSamples().provides(found)}


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Two maps: a wall 20 m high north of the transmitter, gains that fall with the row."""
    generator = torch.Generator().manual_seed(0)
    height = torch.zeros(2, CELLS, CELLS)
    height[:, 16:18, 8:24] = 20.0
    gain = (
        -80.0
        - torch.arange(CELLS, dtype=torch.float32)[None, :, None]
        + torch.randn(2, CELLS, CELLS, generator=generator)
    )
    gain[:, 30:, :4] = torch.nan
    return {
        "building_height": height,
        "terrain_height": torch.zeros_like(height),
        "transmitter_position": torch.tensor([[61.0, 31.0, 12.0], [51.0, 11.0, 15.0]]),
        "transmitter_azimuth": torch.tensor([0.3, 2.0]),
        "path_gain": gain,
        "path_gain_directional": gain + 3.0,
    }
