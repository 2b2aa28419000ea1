"""Coordinates of a room are scaled as the paper says, and the features have the wave numbers they should."""

import math

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.transforms import RoomPoints
from surrogates.learning.context import Context
from tests.surrogates.domains.acoustics.rooms import HIGHEST, SPEED, room_batch, room_context

IMPEDANCE = VariableSpec(name="wall_impedance", dims=("sample",), shape=(), units="Pa s m-1")


def transform(context: Context, **changes) -> RoomPoints:
    return RoomPoints(context, speed_of_sound=SPEED, highest_frequency=HIGHEST, **changes)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("others", [(), (IMPEDANCE,)])
def test_it_keeps_what_its_kind_promises(recorded: bool, others) -> None:
    context = room_context(*others, recorded=recorded)
    testing.check_transform(transform(context), context, room_batch(context))


def test_space_has_one_scale_and_time_the_same() -> None:
    context = room_context()
    batch = room_batch(context)
    trunk = transform(context, frequencies=()).forward(batch).channels["trunk"]
    # The longest extent is 2 m, from 0 to 2 m; one unit is 1 m, or the time in which sound covers it.
    torch.testing.assert_close(trunk[:, 0], batch["point_x"] - 1)
    torch.testing.assert_close(trunk[:, 1], batch["point_y"] - 1)
    torch.testing.assert_close(trunk[:, 2], SPEED * batch["point_time"])
    published = transform(context, frequencies=(), time_scale="published").forward(batch).channels["trunk"]
    torch.testing.assert_close(published, trunk * torch.tensor([1.0, 1.0, 0.25]))


@pytest.mark.parametrize("time_scale", ["consistent", "published"])
def test_true_features_are_plane_waves_of_their_frequency(time_scale) -> None:
    context = room_context()
    batch = room_batch(context)
    made = transform(context, frequencies=(200.0,), time_scale=time_scale).forward(batch).channels["trunk"]
    k = 2 * math.pi * 200 / SPEED
    phases = torch.stack([k * (batch["point_x"] - 1), k * (batch["point_y"] - 1)], dim=1)
    torch.testing.assert_close(made[:, 3:5], torch.cos(phases))
    torch.testing.assert_close(made[:, 5], torch.cos(2 * math.pi * 200 * batch["point_time"]))
    torch.testing.assert_close(made[:, 8], torch.sin(2 * math.pi * 200 * batch["point_time"]))


def test_published_features_have_the_wave_number_in_scaled_coordinates() -> None:
    wide = room_context()
    made = transform(wide, frequencies=(200.0,), wave_numbers="published", time_scale="published")
    trunk = made.forward(room_batch(wide)).channels["trunk"]
    k = 2 * math.pi * 200 / SPEED
    torch.testing.assert_close(trunk[:, 3:6], torch.cos(k * trunk[:, :3]))
    torch.testing.assert_close(trunk[:, 6:], torch.sin(k * trunk[:, :3]))


def test_features_are_by_default_those_of_the_paper_for_the_highest_frequency() -> None:
    names = transform(room_context()).channel_names["trunk"]
    assert len(names) == 3 * 7
    assert [name for name in names if name.startswith("cos of point_x")] == [
        "cos of point_x at 200 Hz",
        "cos of point_x at 100 Hz",
        "cos of point_x at 66.6667 Hz",
    ]


def test_the_initial_pressure_is_halved_and_the_source_is_not_handed_on() -> None:
    context = room_context()
    made, batch = transform(context), room_batch(context)
    branch = made.forward(batch).channels["branch"]
    assert made.in_channels["branch"] == 1
    assert set(made.scaled) == {"branch", "trunk"}
    torch.testing.assert_close(branch[:, 0], batch["initial_pressure"] / 2)
    moved = batch | {"source_position": batch["source_position"] + 1}
    torch.testing.assert_close(made.forward(moved).channels["branch"], branch)


def test_another_input_of_the_branch_leaves_it_to_the_normaliser() -> None:
    context = room_context(IMPEDANCE)
    made, batch = transform(context), room_batch(context)
    assert made.scaled == ("trunk",)
    torch.testing.assert_close(made.forward(batch).channels["branch"][:, 0], batch["initial_pressure"])


def test_standard_pressure_is_left_to_the_normaliser() -> None:
    context = room_context()
    made, batch = transform(context, pressure_scale="standard"), room_batch(context)
    assert made.scaled == ("trunk",)
    torch.testing.assert_close(made.forward(batch).channels["branch"][:, 0], batch["initial_pressure"])


def test_other_coordinates_are_refused_in_one_line() -> None:
    depth = VariableSpec(name="depth", dims=("point",), shape=(40,), units="m")
    with pytest.raises(ConfigError, match=r"the coordinate depth found, point_x[^\n]*$"):
        transform(room_context(depth))


def test_data_without_the_grid_of_the_pressure_are_refused_in_one_line() -> None:
    context = room_context()
    with pytest.raises(
        ConfigError, match=r"has no coordinates branch_x, branch_y of initial_pressure[^\n]*$"
    ):
        transform(Context.of(context.inputs, context.targets))
