"""The ray tracer as a baseline."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.store.layout import open_store
from surrogates.domains.radio.baselines.ray_tracer import UNREACHED, FewerRays
from tests.surrogates.domains.radio.conftest import LINK, context_of


@pytest.fixture
def inputs(maps: Path) -> dict[str, torch.Tensor]:
    """A record of the test city, with the tables of the store."""
    data = open_store(str(maps)).dataset()
    names = ("terrain_height", "transmitter_position", "transmitter_azimuth", "city", "window")
    records = ("path_gain", "path_gain_directional")
    batch = {name: torch.from_numpy(data[name].values[-2:-1]) for name in (*names, *records)}
    tables = {name: torch.from_numpy(data[name].values) for name in ("window_west", "window_south")}
    return batch | tables


def test_ray_tracer_sees_the_map_that_was_stored(inputs: dict[str, torch.Tensor]) -> None:
    targets = ["path_gain", "path_gain_directional"]
    answer = FewerRays(context_of(*targets), LINK, rays=40_000, depth=1)(inputs)
    for name in targets:
        stored, traced = inputs[name].numpy(), answer[name].numpy()
        both = np.isfinite(stored) & (traced > UNREACHED)
        assert traced.shape == stored.shape
        assert np.isfinite(traced).all()
        assert both.mean() > 0.7 * np.isfinite(stored).mean()
        assert np.median(np.abs(traced - stored)[both]) < 1.5


def test_record_of_a_map_extract_is_refused_instead_of_traced_in_another_city(
    inputs: dict[str, torch.Tensor],
) -> None:
    inputs["city"] = torch.full_like(inputs["city"], 32)
    with pytest.raises(ValueError, match=r"city 32 is no scene of Sionna RT but a map extract.*take it off"):
        FewerRays(context_of("path_gain"), LINK, rays=1000, depth=1)(inputs)
