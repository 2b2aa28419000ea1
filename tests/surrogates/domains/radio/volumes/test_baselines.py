"""Baselines of volumes against the straight line, the solver itself, and interpolation by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain
from physics.raytracing.dominant import dominant_paths
from surrogates.core.errors import ConfigError
from surrogates.domains.radio.volumes.quantities import QUANTITIES
from surrogates.domains.radio.volumes.samples import check_azimuths
from surrogates.learning.contract import Baseline
from surrogates.learning.directions import as_directions
from tests.pieces.radio_volumes import CELL, CELLS, FREQUENCY, HEIGHTS, volume_batch, volume_context

TURN = 2.0 * math.pi


def build(name: str, *targets: str, **arguments: object) -> Baseline:
    return Baseline.build({"name": f"radio/{name}", **arguments}, volume_context(*(targets or QUANTITIES)))


def ways(batch: dict) -> np.ndarray:
    """Vectors (record, z, y, x, 3) from the receivers to the transmitters."""
    position, terrain = (batch[name].double().numpy() for name in ("transmitter_position", "terrain_height"))
    row, column = np.indices((CELLS, CELLS))
    planes = []
    for east, north, height in position:
        record = len(planes)
        source = height + terrain[record, int(north // CELL), int(east // CELL)]
        up = source - terrain[record] - np.array(HEIGHTS)[:, None, None]
        level = [east - (column + 0.5) * CELL, north - (row + 0.5) * CELL]
        planes.append(np.stack([*(np.broadcast_to(each, up.shape) for each in level), up], axis=-1))
    return np.stack(planes)


def test_direct_path_is_the_straight_line_to_the_transmitter() -> None:
    batch = volume_batch()
    answer = {name: value.double().numpy() for name, value in build("direct_path")(batch).items()}
    way = ways(batch)
    distance = np.linalg.norm(way, axis=-1)
    np.testing.assert_allclose(answer["time_of_arrival"] * SPEED_OF_LIGHT, distance, rtol=1e-5)
    np.testing.assert_array_equal(answer["time_of_arrival"], answer["first_time_of_arrival"])
    np.testing.assert_allclose(answer["path_gain"], friis_path_gain(distance, FREQUENCY), atol=1e-3)
    off = (
        np.mod(answer["azimuth_of_arrival"] - np.arctan2(way[..., 0], way[..., 1]) + math.pi, TURN) - math.pi
    )
    assert np.abs(off).max() < 1e-5
    zenith = np.arctan2(np.hypot(way[..., 0], way[..., 1]), way[..., 2])
    np.testing.assert_allclose(answer["zenith_of_arrival"], zenith, atol=1e-5)
    assert not answer["delay_spread"].any()


def test_dominant_path_answers_as_the_solver_and_in_buildings_as_the_direct_path() -> None:
    batch = volume_batch()
    answer, straight = build("dominant_path")(batch), build("direct_path")(batch)
    inputs = [batch[name][1].double().numpy() for name in ("building_height", "terrain_height")]
    mast = batch["transmitter_position"][1].double().numpy()
    found, bends = dominant_paths(*inputs, mast, np.array(HEIGHTS), CELL, FREQUENCY)
    assert (bends > 0).any()
    for name, values in (("path_gain", found.path_gain), ("azimuth_of_arrival", found.azimuth)):
        expected = np.where(np.isfinite(values), values, straight[name][1].numpy())
        np.testing.assert_allclose(answer[name][1].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["nearest_volume_samples", "inverse_volume_distance", "volume_kriging"])
def test_azimuths_are_interpolated_across_north(name: str) -> None:
    batch = volume_batch()
    samples = batch["azimuth_of_arrival_samples"]
    near_north = torch.where(torch.arange(CELLS) % 2 == 0, 0.1, TURN - 0.1).expand_as(samples)
    batch["azimuth_of_arrival_samples"] = near_north.where(samples.isfinite(), torch.nan)
    answer = build(name, "azimuth_of_arrival")(batch)["azimuth_of_arrival"]
    assert (torch.minimum(answer, TURN - answer) < 0.11).all()
    assert (answer >= 0).all() and (answer < TURN + 1e-6).all()


@pytest.mark.parametrize("name", ["direct_path", "nearest_volume_samples", "volume_kriging"])
def test_azimuths_may_be_directions_of_the_task(name: str) -> None:
    plain = volume_context("path_gain", "azimuth_of_arrival")
    sides = {
        side: tuple(as_directions({spec.name: spec for spec in getattr(plain, side)}, names).values())
        for side, names in (("inputs", []), ("targets", ["azimuth_of_arrival"]))
    }
    batch = volume_batch()
    one, two = (
        Baseline.build({"name": f"radio/{name}"}, each)(batch) for each in (plain, replace(plain, **sides))
    )
    for key, value in one.items():
        torch.testing.assert_close(two[key], value)


def test_each_quantity_is_interpolated_from_its_own_samples() -> None:
    batch = volume_batch()
    answer = build("nearest_volume_samples", "path_gain", "time_of_arrival", k=1)(batch)
    for name in ("path_gain", "time_of_arrival"):
        given = batch[f"{name}_samples"].isfinite()
        torch.testing.assert_close(answer[name][given], batch[name][given])


def test_kriging_of_delays_meets_their_samples() -> None:
    batch = volume_batch()
    way = ways(batch)
    delay = torch.from_numpy(np.linalg.norm(way, axis=-1) / SPEED_OF_LIGHT).float()
    given = batch["time_of_arrival_samples"].isfinite()
    batch["time_of_arrival_samples"] = delay.where(given, torch.nan)
    answer = build("volume_kriging", "time_of_arrival")(batch)["time_of_arrival"]
    assert (answer - delay)[given].abs().max() < 2e-9
    assert ((answer - delay) ** 2).mean().sqrt() < 0.5 * delay.std()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda batch: batch["azimuth_of_arrival_samples"].mul_(180 / math.pi),
            r"'azimuth_of_arrival_samples' reaches from .* expected radians from 0 to 6.2832: multiply",
        ),
        (
            lambda batch: batch["path_gain_samples"][1, 0, 3, 2].fill_(-90.0),
            "'path_gain_samples' of record 1 has 1 samples inside buildings, the first in row 3 and",
        ),
        (
            lambda batch: batch["path_gain_samples"].fill_(torch.nan),
            "needs at least one measured cell in every record",
        ),
    ],
)
def test_samples_that_are_no_measurements_are_refused(spoil: object, said: str) -> None:
    batch = volume_batch()
    spoil(batch)  # type: ignore[operator]
    with pytest.raises(ValueError, match=said):
        build("inverse_volume_distance")(batch)


def test_azimuths_that_count_counter_clockwise_are_refused() -> None:
    batch = volume_batch()
    way = torch.from_numpy(ways(batch))
    position = batch["transmitter_position"]
    check_azimuths(torch.atan2(way[..., 0], way[..., 1]) % TURN, position, CELL)
    said = "100 % point to the transmitter if they count counter-clockwise from east"
    with pytest.raises(ValueError, match=said):
        check_azimuths(torch.atan2(way[..., 1], way[..., 0]) % TURN, position, CELL)


def test_transmitter_in_a_building_is_refused() -> None:
    batch = volume_batch()
    batch["transmitter_position"][0] = torch.tensor([28.0, 28.0, 5.0])
    with pytest.raises(ValueError, match="inside a building of 8 m; put it above the roof, or outdoors"):
        build("dominant_path")(batch)


def test_planes_below_the_ground_and_other_targets_are_refused() -> None:
    context = volume_context("path_gain")
    below = context.shared["z"] - 2.5
    below.attrs = context.shared["z"].attrs
    context = replace(context, shared={**context.shared, "z": below})
    with pytest.raises(ConfigError, match="'z' of the data reaches down to -1 m; expected heights above"):
        Baseline.build({"name": "radio/direct_path"}, context)
    with pytest.raises(ConfigError, match=r"answers .* not building_height"):
        build("direct_path", "building_height")
