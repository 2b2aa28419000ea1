"""Networks between gathers and velocity images: published sizes, shapes, both directions."""

import pytest
import torch
from torch import nn

from surrogates.core.build import build, resolved
from surrogates.core.errors import ConfigError
from surrogates.models.inversion_net import InversionNet
from surrogates.models.invertible_x_net import InvertibleXNet
from surrogates.models.latent_unet import LatentUNet
from surrogates.models.velocity_critic import VelocityCritic
from surrogates.models.waveform_net import WaveformNet

GATHER, IMAGE = (1000, 70), (70, 70)
INVERSE, FORWARD = (5, 1, GATHER, IMAGE), (1, 5, IMAGE, GATHER)
SHORT = (250, 70)
TINY = {"latent": 32, "channels": (4, 8, 16, 16)}


def weights(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("make", "published"),
    [
        (lambda: LatentUNet(*INVERSE, autoencode=True), 34.96e6),
        (lambda: LatentUNet(*INVERSE, repeat=1, autoencode=True), 18.14e6),
        (lambda: LatentUNet(*FORWARD, "forward", skip_from="pooled", autoencode=True), 34.96e6),
        (lambda: InvertibleXNet(*INVERSE), 26.07e6),
        (lambda: InvertibleXNet(*FORWARD, "forward"), 26.07e6),
        (lambda: InversionNet(*INVERSE), 24.41e6),
        (lambda: WaveformNet(*FORWARD), 10.22e6),
    ],
)
def test_published_sizes_have_their_number_of_weights(make, published: float) -> None:
    with torch.device("meta"):
        assert weights(make()) == pytest.approx(published, rel=0.005)


BOTH = ("inverse", "forward")


@pytest.mark.parametrize("time", [1000, 250])
@pytest.mark.parametrize(
    ("node", "directions"),
    [
        ({"name": "latent_unet", "repeat": 1}, BOTH),
        ({"name": "latent_unet", "repeat": 1, "skip_from": "pooled", "latent": 64}, BOTH),
        ({"name": "latent_unet", "translator": "linear", "latent": 16}, BOTH),
        ({"name": "latent_unet", "translator": "identity", "latent": 8}, BOTH),
        ({"name": "invertible_x_net"}, BOTH),
        ({"name": "invertible_x_net", "latent": 64, "architecture": [1, 2, 1]}, BOTH),
        ({"name": "inversion_net", "width": 4}, ["inverse"]),
        ({"name": "waveform_net", "width": 4}, ["forward"]),
    ],
)
def test_every_network_leads_from_its_input_to_its_output(node: dict, directions: list, time: int) -> None:
    for direction in directions:
        given, wanted = [(5, (time, 70)), (1, IMAGE)][:: 1 if direction == "inverse" else -1]
        shapes = {
            "in_channels": given[0],
            "out_channels": wanted[0],
            "in_shape": given[1],
            "out_shape": wanted[1],
        }
        chosen = node | {"direction": direction} if len(directions) > 1 else node
        with torch.device("meta"):
            answer = build("models", chosen, **shapes)(torch.empty(2, given[0], *given[1]))
        assert answer.shape == (2, wanted[0], *wanted[1])


def test_inversion_net_goes_through_the_published_shapes() -> None:
    with torch.device("meta"):
        net, x, found = InversionNet(*INVERSE), torch.empty(2, 5, *GATHER), []
        for layer in net.encoder:
            x = layer(x)
            found.append(tuple(x.shape[1:]))
    steps = [(32, 500, 70), (64, 250, 70), (64, 125, 70), (128, 63, 70), (128, 32, 35), (256, 16, 18)]
    steps += [(256, 8, 9), (512, 1, 1)]
    assert list(dict.fromkeys(found)) == steps


def test_inversion_net_answers_within_minus_one_and_one() -> None:
    answer = InversionNet(5, 1, SHORT, IMAGE, width=2)(100 * torch.randn(3, 5, *SHORT))
    assert 0.5 < answer.abs().max() <= 1


def test_a_channel_of_the_vector_that_few_records_excite_is_the_same_in_training_and_after() -> None:
    for norm in ("batch", "layer"):
        net = InversionNet(5, 1, SHORT, IMAGE, width=2, vector_norm=norm)
        normalise, vectors = net.encoder[-2], torch.zeros(16, 32, 1, 1)
        vectors[0, 3] = 1.0
        trained = normalise.train()(vectors)
        assert torch.allclose(trained, normalise.eval()(vectors), atol=1e-3) is (norm == "layer")


@pytest.mark.parametrize("direction", ["inverse", "forward"])
def test_x_net_serves_both_directions_with_one_translator(direction) -> None:
    arguments = (5, 1, SHORT, IMAGE) if direction == "inverse" else (1, 5, IMAGE, SHORT)
    net = InvertibleXNet(*arguments, direction, **TINY, architecture=(1, 1)).eval()
    x, y = torch.randn(2, arguments[0], *arguments[2]), torch.randn(2, arguments[1], *arguments[3])
    assert net(x).shape == y.shape
    assert net.reverse(y).shape == x.shape
    z = torch.randn(2, 16, 32, 32)
    there = net._translate(z, to_velocity=True)
    torch.testing.assert_close(net._translate(there, to_velocity=False), z, atol=1e-5, rtol=1e-5)
    assert net.reconstruct_input(x).shape == x.shape
    assert net.reconstruct_output(y).shape == y.shape


def test_x_net_trains_the_same_translator_from_either_end() -> None:
    net = InvertibleXNet(5, 1, SHORT, IMAGE, **TINY, architecture=(1, 1))
    for answer in (net(torch.randn(2, 5, *SHORT)), net.reverse(torch.randn(2, 1, *IMAGE))):
        net.zero_grad()
        answer.square().mean().backward()
        assert all(p.grad is not None for p in net.translator.parameters())


def test_latents_that_lose_the_inverse_are_refused() -> None:
    InvertibleXNet(5, 1, SHORT, IMAGE, **TINY, architecture=(1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"^latent: 36 x 36 found, sides divisible by 8 .* take 40 or fewer"):
        InvertibleXNet(5, 1, SHORT, IMAGE, latent=36, channels=(4, 8), architecture=(1, 1, 1, 1))


def test_latent_below_the_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^latent: 8 found, at least 16 expected for depth 4"):
        LatentUNet(5, 1, SHORT, IMAGE, latent=8, depth=4)


def test_latent_unet_reconstructs_both_ends_only_when_asked() -> None:
    net = LatentUNet(5, 1, SHORT, IMAGE, **TINY, repeat=1, autoencode=True)
    x, y = torch.randn(2, 5, *SHORT), torch.randn(2, 1, *IMAGE)
    assert net.reconstruct_input(x).shape == x.shape
    assert net.reconstruct_output(y).shape == y.shape
    assert weights(LatentUNet(5, 1, SHORT, IMAGE, **TINY, repeat=1)) < weights(net)


@pytest.mark.parametrize(
    "net",
    [
        LatentUNet(5, 1, SHORT, IMAGE, **TINY, repeat=1),
        InvertibleXNet(5, 1, SHORT, IMAGE, **TINY, architecture=(1, 1)),
        InversionNet(5, 1, SHORT, IMAGE, width=2),
        WaveformNet(5, 1, SHORT, IMAGE, width=2),
        VelocityCritic(5, SHORT, width=2),
    ],
)
def test_gathers_of_another_shape_are_refused_in_one_line(net: nn.Module) -> None:
    net(torch.randn(2, 5, *SHORT))
    with pytest.raises(
        ValueError, match=r"needs \(batch, 5, 250, 70\); found \(2, 5, 1000, 70\); give[^\n]*$"
    ):
        net(torch.randn(2, 5, 1000, 70))


def test_critic_gives_each_image_one_number_without_bound() -> None:
    net = VelocityCritic(1, IMAGE, width=4).eval()
    x = torch.randn(3, 1, *IMAGE)
    assert net(x).shape == (3,)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]))
    with torch.device("meta"):
        assert VelocityCritic(1, (60, 80))(torch.empty(2, 1, 60, 80)).shape == (2,)


def test_arguments_are_plain_values() -> None:
    context = {"in_channels": 5, "out_channels": 1, "in_shape": GATHER, "out_shape": IMAGE}
    node = resolved("models", {"name": "latent_unet", "channels": [4, 8]}, **context)
    assert node["channels"] == [4, 8]
    assert node["skip_from"] == "unpooled"
    assert node["direction"] == "inverse"


@pytest.mark.parametrize("kind", [LatentUNet, InvertibleXNet])
def test_direction_that_the_channels_contradict_is_refused(kind: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="'inverse' found, with 1 channels in and 5 out; expected 'forward'"):
        kind(1, 5, IMAGE, SHORT, **TINY)
    with pytest.raises(ValueError, match=r"'forward' found, with 5 .*; set model.direction=inverse"):
        kind(5, 1, SHORT, IMAGE, "forward", **TINY)
    kind(1, 1, IMAGE, SHORT, "forward", **TINY)


@pytest.mark.parametrize("kind", ["latent_unet", "invertible_x_net"])
def test_a_tiny_network_overfits_16_samples(kind: str) -> None:
    """What a network cannot learn by heart it will not learn at all."""
    torch.manual_seed(0)
    small = {"latent": 8, "channels": (4, 8, 8, 8, 8)}
    net: nn.Module = (
        LatentUNet(2, 1, (40, 16), (16, 16), **small, repeat=1, depth=1)
        if kind == "latent_unet"
        else InvertibleXNet(2, 1, (40, 16), (16, 16), **small, architecture=(2, 2))
    )
    x, y = torch.randn(16, 2, 40, 16), torch.rand(16, 1, 1, 1).expand(-1, -1, 16, 16) * 2 - 1
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        loss = (net(x) - y).abs().mean()
        loss.backward()
        optimiser.step()
    assert loss < 0.1 * y.abs().mean()


@pytest.mark.slow
def test_x_net_answers_alike_as_onnx(tmp_path) -> None:
    """Its orthogonal kernels solve equations, for which ONNX has no operator."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    net = InvertibleXNet(2, 1, (40, 16), (16, 16), latent=8, channels=(4, 8), architecture=(1, 1)).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    x, path = torch.randn(3, 2, 40, 16), tmp_path / "net.onnx"
    batch = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(net, (x,), path, dynamo=True, dynamic_shapes=batch, external_data=False)
    session = runtime.InferenceSession(path)
    (answer,) = session.run(None, {session.get_inputs()[0].name: x[:2].numpy()})
    torch.testing.assert_close(torch.from_numpy(answer), net(x[:2]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"name": "latent_unet", "latent": 1025}, "latent.*1024"),
        ({"name": "latent_unet", "latent": 0}, "latent.*greater than 0"),
        ({"name": "invertible_x_net", "latent": 16384, "channels": [2]}, "latent.*1024"),
        ({"name": "fno", "padding": 1025}, "padding.*1024"),
        ({"name": "fno", "padding": -1}, "padding.*greater than or equal to 0"),
    ],
)
def test_sizes_that_no_weight_bounds_are_bounded(network: dict, message: str) -> None:
    context = {"in_channels": 5, "out_channels": 1, "in_shape": SHORT, "out_shape": IMAGE}
    with pytest.raises(ConfigError, match=message):
        build("models", network, **context)
