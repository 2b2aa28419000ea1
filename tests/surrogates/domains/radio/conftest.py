"""A small made-up city with one wall, and maps over it."""

from pathlib import Path

import pytest
import torch
import xarray as xr

from datasets.radio.variables import axes, link_scalars, record_specs
from datasets.store.specs import VariableSpec
from surrogates.domains.radio import demo
from surrogates.domains.radio.link import Link
from surrogates.domains.radio.preparations.maps import DrawSamples
from surrogates.learning.context import Context

CELLS, CELL = 32, 4.0
LINK = {"frequency": 3.66e9, "cell": CELL, "receiver_height": 2.0}
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


def shared(
    frequency: float | None = 3.66e9, cell: float = CELL, receiver_height: float | None = 2.0
) -> dict[str, xr.DataArray]:
    """What all records of a store share: axes, and the numbers of the link that it knows."""
    dataset = axes(CELLS, cell).assign(link_scalars(frequency, receiver_height))
    return {str(name): dataset[name] for name in dataset.variables}


def context_of(*targets: str, inputs: tuple[str, ...] = (), **others: object) -> Context:
    """The context of variables of the recipe and of drawn samples; it has no coordinates unless given."""
    found = {spec.name: spec for spec in record_specs(CELLS, CELLS * CELL)}
    found |= {spec.name: spec for spec in DrawSamples().provides(found)}
    return Context.of([found[name] for name in inputs], [found[name] for name in targets], **others)


@pytest.fixture
def link() -> Link:
    """Links of the made-up city."""
    return Link(**LINK)


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
