"""The deep operator network: its sizes, what its layers compute, points that records share."""

import math

import pytest
import torch
from torch import Tensor, nn

from surrogates.core.build import build
from surrogates.models.deeponet import DeepONet
from surrogates.nn.residual import ResNet
from surrogates.nn.sine import FourierFeatures, ModifiedMLP, SineMLP

CHANNELS = {"branch": 1, "trunk": 3}
SMALL = {"width": 16, "depth": 2, "products": 6}


def network(shape: tuple[int, ...] = (5, 4), outputs: int = 1, **changes) -> DeepONet:
    torch.manual_seed(0)
    return DeepONet(CHANNELS, outputs, {"branch": shape, "trunk": (7,)}, **(SMALL | changes))


def parameters(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def modified_mlp_parameters(inputs: int, outputs: int, width: int, depth: int) -> int:
    """Three layers on the input, the hidden ones between, and the last one."""
    return 3 * (inputs + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * outputs


@pytest.mark.parametrize(
    ("coordinates", "sensors", "arguments", "count"),
    [
        # The paper's rooms in space: 13 sensors a side of a cube of 2 m, and three frequencies.
        (4, (13, 13, 13), {"wave_numbers": (9.16, 4.58, 3.06)}, 47_663_305),
        # The paper's rooms on a plane, 19 sensors a side of 3 m.
        (3, (19, 19), {"depth": 2, "wave_numbers": (9.16, 4.58, 3.06)}, 11_161_801),
        # Sizes that train on a CPU; the first was measured with 0.207 million.
        (3, (6, 6), {"width": 192, "depth": 3, "products": 64, "wave_numbers": (1.0, 2.0, 3.0)}, 206_913),
        (3, (9, 9), {"width": 64, "depth": 2, "products": 32, "wave_numbers": (1.0, 2.0, 3.0)}, 32_449),
    ],
)
def test_sizes_have_their_number_of_parameters(coordinates, sensors, arguments, count) -> None:
    with torch.device("meta"):
        net = DeepONet({"branch": 1, "trunk": coordinates}, 1, {"branch": sensors}, **arguments)
    width, depth = net.trunk[1].first.out_features, len(net.trunk[1].hidden) + 1
    products, features = net.trunk[1].last.out_features, coordinates * 7
    expected = modified_mlp_parameters(math.prod(sensors), products, width, depth)
    expected += modified_mlp_parameters(features, products, width, depth) + 1
    assert parameters(net) == count == expected


def test_residual_branch_has_the_published_layers() -> None:
    net = ResNet(1, (13, 13, 13), 100, (16, 32, 64, 128), 3)
    convolutions = [each for each in net.modules() if isinstance(each, nn.Conv3d)]
    # One in front, two in each of twelve blocks, a shortcut of one cell where the grid is halved.
    assert [each.kernel_size[0] for each in convolutions].count(3) == 1 + 2 * 12
    assert [each.kernel_size[0] for each in convolutions].count(1) == 3
    assert net[-1].in_features == 128 * 2**3  # 13 cells become 7, 4 and 2
    assert net(torch.randn(2, 1, 13, 13, 13)).shape == (2, 100)


@pytest.mark.parametrize("shape", [(9,), (9, 6), (5, 6, 4)])
def test_residual_branch_takes_fields_of_one_to_three_dimensions(shape) -> None:
    net = network(shape, branch="resnet", widths=(4, 8, 8), blocks=2)
    assert net(torch.randn(2, 1, *shape), torch.randn(7, 3)).shape == (2, 1, 7)


def test_modified_mlp_computes_what_its_paper_says() -> None:
    torch.manual_seed(0)
    net = ModifiedMLP(3, 2, width=8, depth=3).double()
    with torch.no_grad():
        for each in net.parameters():
            each.add_(0.1 * torch.randn_like(each))
    z = torch.randn(5, 3, dtype=torch.float64)

    def affine(layer: nn.Linear, x: Tensor) -> Tensor:
        return torch.einsum("oi,bi->bo", layer.weight, x) + layer.bias

    u, v = (torch.sin(affine(layer, z)) for layer in net.encoders)
    h = torch.sin(30 * torch.einsum("oi,bi->bo", net.first.weight, z) + net.first.bias)
    state = h * u + (1 - h) * v
    for layer in net.hidden:
        h = torch.sin(affine(layer, state))
        state = h * u + (1 - h) * v
    torch.testing.assert_close(net(z), affine(net.last, state), rtol=0, atol=1e-12)


def test_encodings_without_sine_are_those_of_the_published_weights() -> None:
    net = ModifiedMLP(2, 1, width=4, depth=1, encode_by_sine=False).double()
    z = torch.randn(5, 2, dtype=torch.float64)
    u, v = (layer(z) for layer in net.encoders)
    h = torch.sin(30 * z @ net.first.weight.T)
    torch.testing.assert_close(net(z), net.last(h * u + (1 - h) * v), rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [SineMLP, ModifiedMLP])
def test_weights_begin_as_those_of_a_siren(make) -> None:
    torch.manual_seed(0)
    net = make(10, 100, width=600, depth=2)
    first = [net.first, *getattr(net, "encoders", [])]
    for layers, bound in ((first, 1 / 10), ([*net.hidden, net.last], math.sqrt(6 / 600) / 30)):
        for layer in layers:
            assert not layer.bias.any()
            assert 0.98 * bound < layer.weight.abs().max() <= bound
            assert float(layer.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize("kind", ["modified_mlp", "mlp"])
def test_siren_begins_with_weights_behind_sines_thirty_times_the_published_ones(kind: str) -> None:
    nets = []
    for initial in ("published", "siren"):
        torch.manual_seed(0)
        nets.append(network(branch=kind, trunk=kind, initial=initial))
    published, siren = (dict(net.named_parameters()) for net in nets)
    for name, weights in siren.items():
        behind = name.endswith("weight") and (".hidden." in name or ".last." in name)
        torch.testing.assert_close(weights, (30 if behind else 1) * published[name])
    widest = max(float(w.abs().max()) for n, w in siren.items() if ".hidden." in n)
    assert 0.9 < widest / math.sqrt(6 / SMALL["width"]) <= 1


def test_fourier_features_are_coordinates_cosines_and_sines() -> None:
    features, x = FourierFeatures((2.0, 0.5)), torch.tensor([[0.3, -1.2]])
    expected = [0.3, -1.2]
    for k in (2.0, 0.5):
        expected += [math.cos(k * 0.3), math.cos(-k * 1.2), math.sin(k * 0.3), math.sin(-k * 1.2)]
    torch.testing.assert_close(features(x), torch.tensor([expected]))
    assert features.count(4) == 20
    assert FourierFeatures((1.0, 2.0, 3.0)).count(4) == 28


def test_answer_is_the_sum_of_products_and_a_bias() -> None:
    net, u, y = network(outputs=2), torch.randn(3, 1, 5, 4), torch.randn(3, 7, 3)
    with torch.no_grad():
        net.bias.copy_(torch.tensor([0.5, -2.0]))
    b = net.branch(u).reshape(3, 2, 6)
    for record in range(3):
        t = torch.stack([net.trunk(y[record, point]) for point in range(7)])
        expected = torch.einsum("cp,np->cn", b[record], t) + torch.tensor([[0.5], [-2.0]])
        torch.testing.assert_close(net(u, y)[record], expected, rtol=1e-4, atol=1e-5)


def test_shared_points_answer_as_repeated_ones_and_are_evaluated_once() -> None:
    net, u, y = network(), torch.randn(4, 1, 5, 4), torch.randn(7, 3)
    seen: list[torch.Size] = []
    net.trunk.register_forward_hook(lambda module, given, made: seen.append(made.shape))
    shared, own = net(u, y), net(u, y.repeat(4, 1, 1))
    assert seen == [(7, 6), (4, 7, 6)]
    torch.testing.assert_close(shared, own, rtol=1e-4, atol=1e-6)


def test_points_do_not_see_each_other() -> None:
    net, u, y = network(), torch.randn(2, 1, 5, 4), torch.randn(7, 3)
    order = torch.tensor([4, 0, 6])
    torch.testing.assert_close(net(u, y[order]), net(u, y)[..., order])
    assert net(u, y[:0]).shape == (2, 1, 0)


def test_answer_has_second_derivatives_by_the_points() -> None:
    net, u = network(wave_numbers=(2.0,)).double(), torch.randn(2, 1, 5, 4, dtype=torch.float64)
    y = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda points: net(u, points), y)


@pytest.mark.parametrize(
    ("branch", "trunk", "message"),
    [
        ((2, 1, 5, 5), (7, 3), r"branch of \(batch, 1, 5, 4\); found \(2, 1, 5, 5\); give[^\n]*$"),
        ((4, 1, 5, 4), (2, 7, 3), r"\(point, 3\) or \(4, point, 3\); found \(2, 7, 3\); give[^\n]*$"),
        ((4, 1, 5, 4), (7, 2), r"\(point, 3\) or \(4, point, 3\); found \(7, 2\); give[^\n]*$"),
        ((4, 1, 5, 4), (1, 7, 3), r"\(4, point, 3\); found \(1, 7, 3\); give[^\n]*$"),
    ],
)
def test_other_shapes_are_refused_in_one_line(branch, trunk, message) -> None:
    with pytest.raises(ValueError, match=message):
        network()(torch.zeros(branch), torch.zeros(trunk))


def test_residual_branch_refuses_sensors_without_a_grid() -> None:
    with pytest.raises(ValueError, match=r"grid of 1 to 3 dimensions; found 0; give[^\n]*$"):
        network((), branch="resnet")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 1 << 17}, "width.*65536"),
        ({"depth": 0}, "depth.*greater than 0"),
        ({"wave_numbers": [math.inf]}, "wave_numbers.*finite|wave_numbers.*less than"),
        ({"products": 1 << 17}, "products.*65536"),
    ],
)
def test_sizes_that_no_weight_bounds_are_bounded(wrong, message) -> None:
    shapes = {"in_channels": CHANNELS, "out_channels": 1, "in_shape": {"branch": (5,), "trunk": (7,)}}
    with pytest.raises(ValueError, match=message):
        build("models", {"name": "deeponet", **wrong}, **shapes)


def test_an_exported_network_takes_any_number_of_records_and_points() -> None:
    network = DeepONet(
        {"branch": 1, "trunk": 2}, 1, {"branch": (3, 4), "trunk": ()}, width=8, depth=1, products=4
    )
    records, points = torch.export.Dim("records"), torch.export.Dim("points")
    given = torch.rand(4, 1, 3, 4), torch.rand(5, 2)
    program = torch.export.export(network.eval(), given, dynamic_shapes=({0: records}, {0: points}))
    other = torch.rand(7, 1, 3, 4), torch.rand(9, 2)
    torch.testing.assert_close(program.module()(*other), network(*other))
