"""Carrier, cells and receivers are those of the data: read from them, never typed into a piece."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import DECIBEL, VariableSpec
from physics.propagation import friis_path_gain, uma_path_gain
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import GEOMETRY, Link
from surrogates.inference.bundle import load_bundle, save_bundle
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline, Preparation
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Transform
from tests.surrogates.domains.radio.conftest import CELLS, context_of, shared

SITES = {
    "28 GHz": {"frequency": 28e9, "cell": 4.0, "receiver_height": 2.0},
    "2 m cells": {"frequency": 3.66e9, "cell": 2.0, "receiver_height": 2.0},
    "phone in the hand": {"frequency": 3.66e9, "cell": 4.0, "receiver_height": 1.5},
}
STANDS = (33.0, 21.0, 25.0)  # east, north and height of the transmitter, m
DIRECTIONAL = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
SMALL = {"network": {"name": "geo_unet", "base": 4}}


@pytest.fixture(params=SITES.values(), ids=SITES.keys())
def site(request: pytest.FixtureRequest) -> dict[str, float]:
    """Numbers of a store."""
    return request.param


def known(site: dict[str, float]) -> Context:
    return context_of("path_gain", inputs=GEOMETRY, shared=shared(**site))


@pytest.fixture
def plain() -> Batch:
    """One map of open ground, on which every cell sees the transmitter."""
    flat = torch.zeros(1, CELLS, CELLS)
    return {
        "building_height": flat,
        "terrain_height": flat,
        "transmitter_position": torch.tensor([STANDS]),
    }


def distances(site: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Distance of every cell from the transmitter on the ground, and in space, m."""
    centres = (np.arange(CELLS) + 0.5) * site["cell"]
    ground = np.hypot(centres[None, :] - STANDS[0], centres[:, None] - STANDS[1])
    return ground, np.hypot(ground, STANDS[2] - site["receiver_height"])


def test_free_space_is_friis_at_the_carrier_and_in_the_cells_of_the_data(
    plain: Batch, site: dict[str, float]
) -> None:
    found = Baseline.build({"name": "radio/free_space"}, known(site))(plain)["path_gain"][0]
    expected = friis_path_gain(distances(site)[1], site["frequency"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01)


def test_urban_macro_is_the_formula_at_the_carrier_and_in_the_cells_of_the_data(
    plain: Batch, site: dict[str, float]
) -> None:
    found = Baseline.build({"name": "radio/uma"}, known(site))(plain)["path_gain"][0]
    ground, _ = distances(site)
    expected = uma_path_gain(ground, STANDS[2], site["receiver_height"], site["frequency"], "los")
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01)


def test_channel_of_free_space_is_friis_at_the_carrier_and_in_the_cells_of_the_data(
    plain: Batch, site: dict[str, float]
) -> None:
    transform = Transform.build({"name": "radio/physics"}, known(site))
    features = transform(plain)
    expected = friis_path_gain(distances(site)[1], site["frequency"])
    channel = features.channels[0, list(transform.channel_names).index("free space")] * 20.0
    np.testing.assert_allclose(channel, expected, rtol=0, atol=0.01)
    np.testing.assert_allclose(features.offset[0, 0], expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("name", ["radio/directional", "radio/geo2sigmap_directional"])
def test_first_stage_reads_the_same_numbers_as_the_second(name: str, site: dict[str, float]) -> None:
    context = context_of("path_gain_directional", inputs=DIRECTIONAL, shared=shared(**site))
    assert Transform.build({"name": name, "iso": SMALL}, context).iso.transform.link == Link(**site)


@pytest.mark.parametrize("name", ["radio/directional", "radio/geo2sigmap_directional"])
def test_first_stage_takes_what_the_second_states_where_the_data_do_not_tell(name: str) -> None:
    context, stated = context_of("path_gain_directional", inputs=DIRECTIONAL), SITES["28 GHz"]
    transform = Transform.build({"name": name, "iso": SMALL, **stated}, context)
    assert transform.iso.transform.link == Link(**stated)


@pytest.mark.parametrize("name", ["radio/physics", "radio/directional"])
def test_node_that_states_each_number_of_the_link_beside_its_steps_still_builds(name: str) -> None:
    stated = {**SITES["28 GHz"], "steps": 32}
    context = context_of("path_gain_directional", inputs=DIRECTIONAL)
    node = {"name": name, **stated, **({"iso": SMALL} if name == "radio/directional" else {})}
    transform = Transform.build(node, context)
    assert getattr(transform, "physics", transform).link == Link(**stated)
    assert Transform.resolved(node).items() >= stated.items()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Baseline, "radio/free_space"),
        (Baseline, "radio/uma"),
        (Baseline, "radio/log_distance_by_sight"),
        (Transform, "radio/physics"),
        (Transform, "radio/geo2sigmap_iso"),
    ],
)
def test_node_that_states_another_carrier_than_the_store_is_refused(kind: type, name: str) -> None:
    context = known(SITES["28 GHz"])
    kind.build({"name": name, "frequency": 28e9}, context)
    with pytest.raises(
        ConfigError, match=r"frequency is 3\.66e\+09 Hz, but .* has 2\.8e\+10 Hz; leave it out"
    ):
        kind.build({"name": name, "frequency": 3.66e9}, context)


@pytest.mark.parametrize("name", ["radio/symmetry", "radio/campaign", "radio/hold_out"])
def test_preparation_that_states_other_cells_than_the_store_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cell is 4 m, but the data has 2 m"):
        Preparation.build({"name": name, "cell": 4.0}, known(SITES["2 m cells"]))


@pytest.mark.parametrize(
    ("kind", "name"), [(Baseline, "radio/free_space"), (Baseline, "radio/uma"), (Transform, "radio/physics")]
)
def test_data_without_a_carrier_are_answered_with_the_key_that_states_it(kind: type, name: str) -> None:
    context = context_of("path_gain", inputs=GEOMETRY, shared=shared(frequency=None))
    with pytest.raises(ConfigError, match=r"say task\.shared\.frequency=VALUE") as caught:
        kind.build({"name": name}, context)
    assert "\n" not in str(caught.value)
    told = context_of("path_gain", inputs=GEOMETRY, shared=context.shared, stated={"frequency": 28e9})
    assert kind.build({"name": name}, told).link.frequency == 28e9


@pytest.mark.parametrize("name", ["radio/kriging", "radio/geometry_ridge", "radio/geometry_gp"])
def test_interpolators_need_no_carrier_so_that_a_site_with_several_can_be_scored(name: str) -> None:
    fields = shared(frequency=None, receiver_height=1.5)
    context = context_of("path_gain", shared=fields, unlike={"frequency": "varies over the records"})
    assert Baseline.build({"name": name}, context).cell == 4.0


def test_a_bundle_keeps_the_facts_that_its_coordinates_are_too_odd_to_tell(tmp_path):
    fields = {"dims": ("sample", "y", "x"), "shape": (8, 8), "units": "m"}
    inputs = [
        VariableSpec(name="building_height", **fields),
        VariableSpec(name="terrain_height", **fields),
        VariableSpec(name="transmitter_position", dims=("sample", "enu"), shape=(3,), units="m"),
    ]
    target = VariableSpec(name="path_gain", dims=("sample", "y", "x"), shape=(8, 8), units=DECIBEL)
    axis = {dim: xr.DataArray(4.0 * np.arange(8), dims=dim, attrs={"units": "m"}) for dim in "yx"}
    carrier = xr.DataArray([28e9], dims="carrier", attrs={"units": "Hz"})  # an array of one, no scalar
    height = xr.DataArray(1.5, attrs={"units": "m"})
    context = Context.of(inputs, [target], shared={**axis, "frequency": carrier, "receiver_height": height})
    config = PipelineConfig(
        inputs=inputs,
        targets=[target],
        transform={"name": "radio/geo2sigmap_iso"},
        network={"name": "mlp", "width": 4},
    )
    folder = save_bundle(tmp_path / "bundle", Pipeline(config, context))
    found = load_bundle(folder).pipeline.facts
    assert {name: value for name, (_, value) in found.items()} == {
        "frequency": 28e9,
        "cell": 4.0,
        "receiver_height": 1.5,
    }
