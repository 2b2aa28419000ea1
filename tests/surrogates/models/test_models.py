"""Networks keep the grid, answer like their formulas, and refuse what they cannot take."""

import pytest
import torch
from torch import nn

from surrogates.models.gru import GRU
from surrogates.models.mlp import MLP
from surrogates.models.unet import UNet


@pytest.mark.parametrize("grid", [(), (7,), (3, 5), (2, 3, 4)])
def test_mlp_keeps_any_grid(grid):
    assert MLP(3, 2, width=8)(torch.randn(4, 3, *grid)).shape == (4, 2, *grid)


def test_mlp_without_hidden_layers_is_linear_regression():
    model = MLP(3, 2, depth=0)
    x = torch.randn(5, 3)
    layer = model.layers[0]
    torch.testing.assert_close(model(x), x @ layer.weight.T + layer.bias)


def test_mlp_is_the_same_at_every_point():
    model, x = MLP(3, 2, width=8), torch.randn(4, 3, 6)
    torch.testing.assert_close(model(x)[..., 4], model(x[..., 4]))


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (33, 19)])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_unet_keeps_any_size(size, norm):
    assert UNet(3, 2, width=6, depth=3, norm=norm)(torch.randn(2, 3, *size)).shape == (2, 2, *size)


def test_unet_has_the_number_of_weights_of_its_formula():
    """Convolutions 9ab, transposed convolutions 4ab + b, normalisations 2b, head ab + b (classical U-Net)."""
    width, depth, inputs, outputs = 8, 2, 3, 1

    def double(a, b):
        return 9 * a * b + 9 * b * b + 4 * b

    expected = double(inputs, width) + width * outputs + outputs
    for level in range(1, depth + 1):
        low, high = width * 2 ** (level - 1), width * 2**level
        expected += double(low, high) + double(high, low) + 4 * high * low + low
    model = UNet(inputs, outputs, width=width, depth=depth)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_unet_moves_with_its_input():
    """Away from the edges a shift by the coarsest cell shifts the answer."""
    model = UNet(1, 1, width=4, depth=2).eval()
    x = torch.zeros(1, 1, 128, 128)
    x[..., 64, 64] = 1.0
    moved = torch.roll(x, (4, 8), (-2, -1))
    torch.testing.assert_close(
        torch.roll(model(x), (4, 8), (-2, -1))[..., 40:100, 40:100], model(moved)[..., 40:100, 40:100]
    )


def test_unet_answers_alike_in_channels_last():
    model, x = UNet(2, 1, width=4, depth=2).eval(), torch.randn(2, 2, 16, 16)
    expected = model(x)
    again = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-5)


def test_unet_refuses_fields_below_its_coarsest_level():
    with pytest.raises(ValueError, match=r"at least 16 cells a side.*\(1, 1, 8, 8\)"):
        UNet(1, 1, width=4, depth=4)(torch.randn(1, 1, 8, 8))


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("size", "pool"), [((21,), None), ((9, 17, 8), None), ((4, 17, 9), (1, 2, 2))])
def test_unet_keeps_series_and_volumes(size, pool, norm):
    model = UNet(3, 2, width=4, depth=3, norm=norm, pool=pool, in_shape=size)
    assert model(torch.randn(2, 3, *size)).shape == (2, 2, *size)


def test_unet_of_volumes_learns_as_one_of_planes_where_nothing_changes_across():
    """With kernels that look at their own layer only, each layer is answered as a plane is."""
    plane = UNet(2, 1, width=4, depth=2, norm="group").eval()
    volume = UNet(2, 1, width=4, depth=2, norm="group", pool=(1, 2, 2), in_shape=(3, 8, 8)).eval()
    with torch.no_grad():
        for flat, deep in zip(plane.parameters(), volume.parameters(), strict=True):
            deep.zero_()
            deep.copy_(flat) if flat.shape == deep.shape else deep[:, :, deep.shape[2] // 2].copy_(flat)
    field = torch.randn(2, 2, 8, 8)
    answer = volume(field.unsqueeze(2).expand(-1, -1, 3, -1, -1))
    for layer in answer.unbind(2):
        torch.testing.assert_close(layer, plane(field), rtol=1e-4, atol=1e-5)


def test_unet_refuses_what_it_cannot_shorten():
    with pytest.raises(ValueError, match=r"one to three dimensions beside the channels; found 4"):
        UNet(1, 1, in_shape=(8, 8, 8, 8))
    with pytest.raises(ValueError, match=r"pool: \(1, 2, 2\) found for fields of 2 dimensions"):
        UNet(1, 1, pool=(1, 2, 2), in_shape=(8, 8))
    with pytest.raises(ValueError, match=r"at least \(1, 4, 4\) cells; found \(1, 1, 4, 3, 8\)"):
        UNet(1, 1, width=4, depth=2, pool=(1, 2, 2), in_shape=(4, 8, 8))(torch.randn(1, 1, 4, 3, 8))


def test_gru_follows_the_equations_of_the_gated_unit():
    """Cho et al. 2014: reset r, update z, candidate n; h = (1 - z) n + z h."""
    model, x = GRU(2, 1, width=3), torch.randn(1, 2, 5)
    cells: nn.GRU = model.cells
    state = torch.zeros(3)
    answers = []
    for step in range(5):
        a = cells.weight_ih_l0 @ x[0, :, step] + cells.bias_ih_l0
        b = cells.weight_hh_l0 @ state + cells.bias_hh_l0
        r, z = torch.sigmoid(a[:3] + b[:3]), torch.sigmoid(a[3:6] + b[3:6])
        state = (1 - z) * torch.tanh(a[6:] + r * b[6:]) + z * state
        answers.append(model.head(state))
    torch.testing.assert_close(model(x)[0], torch.stack(answers, dim=1))


def test_gru_sees_no_later_step():
    model, x = GRU(2, 1), torch.randn(3, 2, 9)
    later = x.clone()
    later[..., 5:] += 1
    torch.testing.assert_close(model(x)[..., :5], model(later)[..., :5])


def test_gru_refuses_fields():
    with pytest.raises(ValueError, match=r"\(batch, channel, time\), found \(1, 2, 4, 4\)"):
        GRU(2, 1)(torch.randn(1, 2, 4, 4))
