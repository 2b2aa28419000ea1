"""A surrogate of volumes: cells under roofs, and what it refuses in one line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from surrogates.inference.bundle import save_bundle
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.pieces.radio_volumes import CELL, CELLS, HEIGHTS, volume_batch, volume_context

TARGETS = ("path_gain", "azimuth_of_arrival")
UNET = {"name": "unet", "width": 4, "depth": 1, "norm": "group", "pool": [1, 2, 2]}


def saved(folder: Path, *, samples: bool, **changes: object) -> Surrogate:
    """A network that was never trained, as a surrogate."""
    torch.manual_seed(0)
    known = volume_context(*TARGETS, samples=samples)
    config = {"network": UNET, "transform": {"name": "radio/volume"}} | changes
    made = Pipeline(PipelineConfig(inputs=list(known.inputs), targets=list(known.targets), **config), known)
    made.fit_normalisers([volume_batch(1)])
    return surrogates.load(save_bundle(folder / "bundle", made.eval()), device="cpu")


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    return saved(tmp_path_factory.mktemp("sampled"), samples=True)


@pytest.fixture
def asked(surrogate: Surrogate) -> xr.Dataset:
    """Three records as a store has them."""
    return as_dataset(surrogate, volume_batch())


def as_dataset(surrogate: Surrogate, batch: dict[str, torch.Tensor]) -> xr.Dataset:
    centres = (np.arange(CELLS) + 0.5) * CELL
    fields = {
        name: (spec.dims, batch[name].numpy(), {"units": spec.units})
        for name, spec in surrogate.inputs.items()
    }
    axes = {dim: (dim, centres, {"units": "m"}) for dim in "yx"}
    return xr.Dataset(fields, {**axes, "z": ("z", list(HEIGHTS), {"units": "m"})})


def test_cells_are_nan_up_to_the_roof_and_nowhere_else(surrogate: Surrogate, asked: xr.Dataset) -> None:
    asked.building_height[0, 0, 0] = HEIGHTS[1]  # a roof at the height of a plane covers it
    for name in TARGETS:
        asked[f"{name}_samples"][0, :, 0, 0] = np.nan
    out = surrogate.predict(asked)
    under = asked.building_height.values[:, None] >= np.array(HEIGHTS)[:, None, None]
    for name in TARGETS:
        np.testing.assert_array_equal(np.isnan(out[name].transpose("sample", "z", "y", "x")), under)
    assert under[0, 1, 0, 0] and under[:, 0].any() and not under[1:, 1].any()


def test_planes_apart_are_answered_each_alone(tmp_path: Path) -> None:
    apart = saved(
        tmp_path,
        samples=True,
        transform={"name": "radio/volume", "planes": "apart"},
        network=UNET | {"pool": [2, 2]},
    )
    asked = as_dataset(apart, volume_batch())
    changed = asked.copy(deep=True)
    changed.path_gain_samples[:, 1] -= 20.0
    one, other = (apart.predict(each).path_gain.transpose("sample", "z", ...) for each in (asked, changed))
    np.testing.assert_array_equal(one[:, 0], other[:, 0])
    assert np.abs(one[:, 1] - other[:, 1]).max() > 1e-3


def test_a_field_larger_than_in_training_is_answered_whole(surrogate: Surrogate, asked: xr.Dataset) -> None:
    larger = xr.concat([asked] * 3, "x", data_vars="all").assign_coords(x=(np.arange(3 * CELLS) + 0.5) * CELL)
    for name in ("building_height", "terrain_height"):  # of one city, not of three records of it
        larger[name] = larger[name].transpose(*asked[name].dims)
    larger["transmitter_position"] = asked.transmitter_position
    changed = larger.copy(deep=True)
    changed.path_gain_samples[..., -CELLS:] -= 20.0
    one, other = (surrogate.predict(each).path_gain for each in (larger, changed))
    assert one.sizes["x"] == 3 * CELLS
    assert np.nanmax(np.abs(one - other)[..., : CELLS // 2]) > 1e-4  # tiles would not know of it


def test_angles_in_degrees_are_converted(surrogate: Surrogate, asked: xr.Dataset) -> None:
    degrees = np.degrees(asked.azimuth_of_arrival_samples).assign_attrs(units="degree")
    converted = surrogate.predict(asked.assign(azimuth_of_arrival_samples=degrees))
    np.testing.assert_allclose(converted.path_gain, surrogate.predict(asked).path_gain, rtol=1e-4)


def put(name: str, value: float, *index: int) -> Callable[[xr.Dataset], None]:
    def change(asked: xr.Dataset) -> None:
        asked[name][index] = value

    return change


def in_degrees(asked: xr.Dataset) -> None:
    asked.azimuth_of_arrival_samples[:] = np.degrees(asked.azimuth_of_arrival_samples)


def counter_clockwise(asked: xr.Dataset) -> None:
    """Directions to the transmitter, counted from east as mathematicians do."""
    east, north = (asked.transmitter_position[:, axis] for axis in (0, 1))
    way = np.arctan2(north - asked.y, east - asked.x).broadcast_like(asked.azimuth_of_arrival_samples)
    known = np.isfinite(asked.azimuth_of_arrival_samples)
    asked["azimuth_of_arrival_samples"] = (
        np.mod(way, 2 * math.pi)
        .where(known)
        .transpose(*known.dims)
        .assign_attrs(asked.azimuth_of_arrival_samples.attrs)
    )


def heights(*values: float) -> Callable[[xr.Dataset], None]:
    def change(asked: xr.Dataset) -> None:
        asked["z"] = ("z", list(values), {"units": "m"})

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            put("transmitter_position", 30.0, slice(None), slice(0, 2)),
            "the transmitter of record 0 is 6.* m above the ground, inside a building of 8 m; put it above",
        ),
        (
            put("transmitter_position", -3.0, 1, 0),
            "variable 'transmitter_position': -3 below the limit 0 m at record 1",
        ),
        (put("path_gain_samples", -80.0, 0, 0, 3, 3), "1 samples inside buildings, the first in row 3"),
        (in_degrees, "above the limit 6.2832 rad at record 0, .* check the values and their units"),
        (counter_clockwise, "expected clockwise from north: take pi/2 less the azimuth"),
        (heights(1.5, 20.0), "coordinate 'z' is 1.5, 20 m, expected 1.5, 12 m as in training"),
        (heights(-1.5, 12.0), "coordinate 'z' is -1.5, 12 m, expected 1.5, 12 m as in training"),
    ],
)
def test_what_no_volume_is_is_refused_in_one_line(
    spoil: Callable[[xr.Dataset], None], said: str, surrogate: Surrogate, asked: xr.Dataset
) -> None:
    spoil(asked)
    with pytest.raises(ValueError, match=said) as refusal:
        surrogate.predict(asked)
    assert "\n" not in re.sub(r"\n$", "", str(refusal.value))


@pytest.mark.parametrize(
    ("samples", "said"),
    [(0, "samples is 0; expected 1 to"), (4, "samples=4 was asked for, but the bundle draws no members")],
)
def test_members_that_there_are_not_are_refused(
    samples: int, said: str, surrogate: Surrogate, asked: xr.Dataset
) -> None:
    with pytest.raises(ValueError, match=said):
        surrogate.predict(asked, samples=samples)
