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


WAVE = VariableSpec(name="wave", dims=("sample", "port", "time", "y"), shape=(3, 2, 4), dtype="complex64")
TAPER = VariableSpec(name="taper", dims=("port", "y"), shape=(3, 4), dtype="complex64")


def complex_values(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def test_a_complex_number_has_two_channels_side_by_side() -> None:
    layout = Layout((SPEED, WAVE), ("y",), "sample")
    assert layout.names[:4] == ["speed", "wave.real[0]", "wave.imag[0]", "wave.real[1]"]
    assert (layout.counts, layout.real_parts) == ([1, 12], (1, 3, 5, 7, 9, 11))
    wave = complex_values(5, 3, 2, 4)
    stacked = layout.pack({"speed": torch.zeros(5), "wave": wave})
    for port in range(3):
        for time in range(2):
            channel = 1 + 2 * (2 * port + time)
            torch.testing.assert_close(stacked[:, channel], wave[:, port, time].real)
            torch.testing.assert_close(stacked[:, channel + 1], wave[:, port, time].imag)


@pytest.mark.parametrize("fold", [{}, {"port": 3}, {"port": 3, "time": 2}, {"time": 2, "port": 3}])
def test_what_was_packed_is_unpacked_whatever_is_folded(fold: dict[str, int]) -> None:
    other = WAVE.model_copy(
        update={"name": "other", "dims": ("sample", "y", "time", "port"), "shape": (4, 2, 3)}
    )
    real = WAVE.model_copy(update={"name": "real", "dtype": "float32"})
    layout = Layout((WAVE, other, real), ("y",), "sample", fold)
    values = {
        "wave": complex_values(5, 3, 2, 4),
        "other": complex_values(5, 4, 2, 3),
        "real": torch.arange(120.0).view(5, 3, 2, 4),
    }
    stacked = layout.pack(values)
    assert stacked.shape == (5 * layout.folded, layout.channels, 4)
    for name, value in layout.unpack(stacked).items():
        torch.testing.assert_close(value, values[name], rtol=0, atol=0)


def test_a_row_of_a_folded_batch_is_one_entry_of_one_record() -> None:
    layout = Layout((WAVE, SPEED, TAPER), ("y",), "sample", {"port": 3})
    wave, taper = complex_values(5, 3, 2, 4), complex_values(3, 4)
    stacked = layout.pack({"wave": wave, "speed": torch.arange(5.0), "taper": taper})
    assert layout.names == [
        "wave.real[0]",
        "wave.imag[0]",
        "wave.real[1]",
        "wave.imag[1]",
        "speed",
        "taper.real",
        "taper.imag",
    ]
    row = stacked[4 * 3 + 2]
    torch.testing.assert_close(row[2], wave[4, 2, 1].real)
    torch.testing.assert_close(row[4], torch.full((4,), 4.0))
    torch.testing.assert_close(row[6], taper[2].imag)


def test_the_deviation_of_a_complex_number_is_of_both_parts_together() -> None:
    layout = Layout((WAVE,), ("y",), "sample", {"port": 3})
    wave = torch.rand(5, 3, 2, 4)
    stacked = layout.pack_deviations({"wave": wave})
    torch.testing.assert_close(stacked[:, ::2], stacked[:, 1::2])
    torch.testing.assert_close(stacked[1, 2], wave[0, 1, 1] / 2**0.5)
    torch.testing.assert_close(layout.unpack_deviations(stacked)["wave"], wave)


def test_a_complex_number_is_unknown_if_one_part_is() -> None:
    wave = VariableSpec(name="wave", dims=("sample", "x"), shape=(2,), dtype="complex64", missing=True)
    values = torch.tensor([[complex(torch.nan, 0), 1 + 2j]])  # NumPy makes nan + 0j of NaN
    parts = Layout((wave,), ("x",), "sample").pack({"wave": values})[0]
    torch.testing.assert_close(parts, torch.tensor([[torch.nan, 1], [torch.nan, 2]]), equal_nan=True)
