"""Which variable lies where in a stacked tensor."""

import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.layout import Layout, field_dims, require_number, shared_grid

SPEED = VariableSpec(name="speed", dims=("sample",), shape=())
WIND = VariableSpec(name="wind", dims=("sample", "level", "y", "axis"), shape=(2, 4, 3))
GROUND = VariableSpec(name="ground", dims=("y",), shape=(4,))
LAYOUT = Layout((SPEED, WIND, GROUND), ("y",), "sample")


def test_channels_are_named_and_counted_by_variable() -> None:
    assert LAYOUT.counts == [1, 6, 1]
    assert LAYOUT.names == ["speed", *(f"wind[{number}]" for number in range(6)), "ground"]
    assert (LAYOUT.channels, LAYOUT.grid_shape) == (8, (4,))


def test_a_dimension_that_no_variable_has_is_one_long() -> None:
    assert Layout((SPEED,), ("y", "x"), "sample").grid_shape == (1, 1)


def test_inner_dimensions_come_in_their_order_before_the_grid() -> None:
    wind = torch.arange(5 * 24.0).view(5, 2, 4, 3)
    stacked = LAYOUT.pack({"speed": torch.arange(5.0), "wind": wind, "ground": torch.arange(4.0)})
    assert stacked.shape == (5, 8, 4)
    for level in range(2):
        for axis in range(3):
            torch.testing.assert_close(stacked[:, 1 + 3 * level + axis], wind[:, level, :, axis])
    torch.testing.assert_close(stacked[3, 0], torch.full((4,), 3.0))
    torch.testing.assert_close(stacked[:, 7], torch.arange(4.0).expand(5, -1))


def test_the_grid_is_in_the_order_of_the_first_target() -> None:
    turned = VariableSpec(name="turned", dims=("sample", "axis", "y"), shape=(3, 4))
    assert shared_grid([WIND], [turned], "sample") == ("axis", "y")
    assert shared_grid([SPEED], [turned], "sample") == ()
    assert field_dims(WIND, "sample") == ("level", "y", "axis")


def test_small_integers_and_masks_are_taken() -> None:
    require_number(SPEED.model_copy(update={"dtype": "int32"}))
    require_number(SPEED.model_copy(update={"dtype": "bool"}))
    with pytest.raises(ConfigError, match="'speed' is uint64, which float32 does not hold"):
        require_number(SPEED.model_copy(update={"dtype": "uint64"}))
