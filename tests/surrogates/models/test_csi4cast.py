"""CSI-4CAST and the networks that it is compared with: published sizes, two domains, what a batch shares."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.learning.selection import freeze
from surrogates.models.cnn_autoencoder import CNNAutoencoder
from surrogates.models.csi4cast import CSI4CAST
from surrogates.models.llm4cp import LLM4CP
from surrogates.models.rnn import RNN
from surrogates.models.stem_gnn import StemGNN, chebyshev, normalised_laplacian

PUBLISHED = (32, 8, (300,))
"""Sixteen steps in, four out, on 300 points."""
SMALL = (16, 4, (6,))
CSI4CAST_TDD: dict[str, Any] = {
    **{"denoiser": 2, "time_width": 512, "channels": 64, "groups": 4, "pooling": "average", "reduction": 2},
    **{"width": 768, "depth": 6, "heads": 8, "hidden": 512, "dropout": 0.1},
}
CSI4CAST_FDD: dict[str, Any] = {
    **{"denoiser": 4, "corrections": "time_and_features", "time_width": 512, "feature_width": 2048},
    **{"channels": 128, "groups": 8, "pooling": "average_and_max", "reduction": 1},
    **{"width": 768, "depth": 4, "heads": 4, "hidden": 2048, "dropout": 0.2},
}
GPT2_SIZES: dict[str, Any] = {"channels": 64, "depth": 7, "positions": 1024, "vocabulary": 50257}
LLM4CP_TDD: dict[str, Any] = {"blocks": 6, "width": 1024, "heads": 16, **GPT2_SIZES}
LLM4CP_FDD: dict[str, Any] = {"blocks": 7, "width": 768, "heads": 12, **GPT2_SIZES}
FROZEN = ["gpt2.h.*.attn.*", "gpt2.h.*.mlp.*"]
SIZES = [
    (CSI4CAST, CSI4CAST_TDD, 21_913_750, 72.2),
    (CSI4CAST, CSI4CAST_FDD, 38_636_286, 102.8),
    (RNN, {"width": 4096, "depth": 5}, 156_312_304, 190.0),
    (RNN, {"width": 2048, "depth": 6}, 48_980_720, 59.5),
    (CNNAutoencoder, {"levels": 6}, 197_134, 60.5),
    (StemGNN, {"widening": 4}, 2_344_484, 91.6),
    (StemGNN, {"widening": 8}, 5_753_508, 222.3),
    (LLM4CP, LLM4CP_TDD, 144_140_376, 367.0),
    (LLM4CP, LLM4CP_FDD, 92_001_880, 372.2),
]


def published(network: type[nn.Module], arguments: dict[str, Any]) -> nn.Module:
    with torch.device("meta"):
        return network(*PUBLISHED, **arguments).eval()


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("network", "arguments", "weights", "_"), SIZES)
def test_published_sizes_have_their_number_of_weights(network, arguments, weights, _) -> None:
    found = sum(parameter.numel() for parameter in published(network, arguments).parameters())
    assert found == weights


@pytest.mark.parametrize(
    ("network", "arguments", "_", "gigaflops"),
    [pytest.param(*size, marks=pytest.mark.slow if size[0] in (RNN, StemGNN) else ()) for size in SIZES],
)
def test_a_sample_of_32_sequences_takes_as_many_operations_as_published(
    network, arguments, _, gigaflops
) -> None:
    """The published counts also hold normalisations and activations, which torch does not count."""
    net = published(network, arguments)
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(32, 32, 300, device="meta"))
    assert counter.get_total_flops() / 1e9 == pytest.approx(gigaflops, rel=0.04)


@pytest.mark.parametrize(
    ("arguments", "trained"), [(LLM4CP_TDD, 4_532_312), (LLM4CP_FDD, 3_810_904)], ids=["TDD", "FDD"]
)
def test_llm4cp_trains_normalisations_and_positions_of_gpt2(arguments, trained) -> None:
    """The published number counts two layers as trained that are never asked."""
    net = published(LLM4CP, arguments)
    freeze(net, FROZEN)
    names = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    inside = {name.split(".")[-2] for name in names if name.startswith("gpt2.")}
    assert inside == {"wpe", "ln_1", "ln_2", "ln_f"}
    idle = [*net.idle_patch.parameters(), *net.tokens.calendar.parameters()]
    found = sum(net.get_parameter(name).numel() for name in names) + sum(each.numel() for each in idle)
    assert found == trained


@pytest.mark.parametrize(
    ("network", "option"),
    [(CSI4CAST, "normalisation"), (LLM4CP, "normalisation"), (StemGNN, "graph")],
)
def test_only_what_is_shared_by_a_batch_depends_on_it(network, option) -> None:
    torch.manual_seed(0)
    nets = {over: network(*SMALL, **{option: over}).eval().double() for over in ("record", "batch")}
    nets["batch"].load_state_dict(nets["record"].state_dict())
    x = noise(2, 16, 6).double() * torch.tensor([1.0, 9.0]).view(2, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(nets["record"](x)[:1], nets["record"](x[:1]))
        torch.testing.assert_close(nets["batch"](x[:1]), nets["record"](x[:1]))
        apart = (nets["batch"](x)[:1] - nets["batch"](x[:1])).abs().max()
    assert apart > 1e-5


@pytest.mark.parametrize("network", [CSI4CAST, LLM4CP])
def test_answers_scale_with_a_standardised_input(network) -> None:
    """All in front of the normalisation is linear without the denoiser, and all behind it is undone."""
    torch.manual_seed(0)
    net = network(*SMALL, **({"denoiser": 0} if network is CSI4CAST else {})).eval().double()
    x = noise(2, 16, 6).double()
    torch.testing.assert_close(net(5 * x), 5 * net(x))


def test_csi4cast_reads_delays_by_the_inverse_transform() -> None:
    """Without the branch along points only the delays are left; a shift in delay is a ramp of phase."""
    torch.manual_seed(0)
    net = CSI4CAST(*SMALL, denoiser=0, corrections="none").eval()
    seen = []
    net.branches["delays"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    ramp = torch.exp(-2j * torch.pi * 2 * torch.arange(6) / 6)
    x = torch.stack([ramp.real, ramp.imag]).repeat(8, 1)[None]
    net(x)
    powers = seen[0].square().sum(1)
    assert powers.argmax(-1).tolist() == [[2] * 8]
    assert (powers.amax(-1) / powers.sum(-1)).min() > 0.99


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        ({"delay_branch": False}, "branches.delays"),
        ({"denoiser": 0}, "denoiser"),
        ({"corrections": "none"}, "perceptron"),
        ({"corrections": "norm"}, "perceptron"),
        ({"corrections": "time"}, "branches.points.1.layer.perceptron"),
        ({"predictor": "lstm"}, "self_attn"),
        ({"embedding": "mlp"}, "squeeze"),
    ],
)
def test_an_ablation_leaves_out_what_it_names(arguments, absent) -> None:
    whole = CSI4CAST(*SMALL, corrections="time_and_features")
    without = CSI4CAST(*SMALL, **{"corrections": "time_and_features"} | arguments)
    assert any(absent in name for name, _ in whole.named_parameters())
    assert not any(absent in name for name, _ in without.named_parameters())


def test_the_correction_of_delays_multiplies_or_adds() -> None:
    torch.manual_seed(0)
    nets = [
        CSI4CAST(*SMALL, corrections="time_and_features", delay_correction=how).eval()
        for how in ("multiply", "add")
    ]
    nets[1].load_state_dict(nets[0].state_dict())
    features = noise(2, 8, 12)
    answers = []
    for net in nets:
        layer = net.branches["delays"][1].layer
        answers.append(layer(features))
        change = layer.perceptron(features).relu()
        expected = features * change if net is nets[0] else features + change
        torch.testing.assert_close(answers[-1], nn.functional.layer_norm(expected, (12,)))
    assert not torch.allclose(*answers)


def test_rnn_rolls_out_on_its_own_answers() -> None:
    """Asked with its first answer appended to the past, it gives the remaining ones."""
    torch.manual_seed(0)
    x = noise(2, 16, 6)
    net, longer = RNN(16, 6, (6,), width=5), RNN(18, 4, (6,), width=5)
    longer.load_state_dict(net.state_dict())
    answers = net(x)
    torch.testing.assert_close(longer(torch.cat([x, answers[:, :2]], dim=1)), answers[:, 2:])


def test_stem_gnn_uses_the_polynomials_of_chebyshev_without_the_identity() -> None:
    generator = torch.Generator().manual_seed(0)
    attention = torch.rand(2, 5, 5, generator=generator).softmax(dim=2)
    laplacian = normalised_laplacian(attention)
    degree = attention.sum(2)
    expected = (torch.diag_embed(degree) - (attention + attention.mT) / 2) / (
        degree[:, :, None] * degree[:, None]
    ) ** 0.5
    torch.testing.assert_close(laplacian, expected)
    nodes = noise(2, 5, 3)
    terms = chebyshev(laplacian, nodes)
    series = [torch.zeros(2, 5, 5), laplacian]
    for _ in range(2):
        series.append(2 * laplacian @ series[-1] - series[-2])
    for term, polynomial in zip(terms.unbind(1), series, strict=True):
        torch.testing.assert_close(term, polynomial @ nodes)


def test_stem_gnn_stays_finite_when_dropout_cuts_nodes_off() -> None:
    torch.manual_seed(0)
    net = StemGNN(*SMALL, dropout=0.95)
    net(noise(8, 16, 6)).square().sum().backward()
    assert all(each.grad.isfinite().all() for each in net.parameters() if each.requires_grad)


@pytest.mark.parametrize("network", [CSI4CAST, LLM4CP, StemGNN, RNN, CNNAutoencoder])
def test_another_shape_is_refused_in_one_line(network) -> None:
    with pytest.raises(ValueError, match=r"needs \(batch, 16, 6\); found \(1, 16, 7\); give[^\n]*$"):
        network(*SMALL)(torch.randn(1, 16, 7))
    with pytest.raises(ValueError, match=r"real and imaginary parts in turn.*found 15 channels in, 4 out"):
        network(15, 4, (6,))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"name": "csi4cast", "width": 90, "heads": 4}, "90 with 4 heads.*e.g. 88"),
        ({"name": "csi4cast", "channels": 10, "groups": 4}, "10 with 4 groups.*e.g. 8"),
        ({"name": "csi4cast", "embedding": "shufflenet"}, "embedding.*'shuffle', 'mobilenet' or 'mlp'"),
        ({"name": "llm4cp", "patch": 3}, "patch is 3 for 8 steps"),
        ({"name": "llm4cp", "width": 30, "heads": 4}, "30 with 4 heads.*e.g. 32"),
        ({"name": "llm4cp", "width": 3, "heads": 3}, "width is 3; expected an even number"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(node, message) -> None:
    with pytest.raises((ConfigError, ValueError), match=message):
        build("models", node, in_channels=16, out_channels=4, in_shape=(6,), out_shape=(6,))


@pytest.mark.slow  # torch's exporter takes ten seconds and more for each
@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        (CSI4CAST, {"corrections": "time_and_features", "pooling": "average_and_max"}),
        (CSI4CAST, {"embedding": "mobilenet", "predictor": "lstm"}),
        (LLM4CP, {}),
        (StemGNN, {}),
        (RNN, {}),
        (CNNAutoencoder, {}),
    ],
)
def test_networks_answer_alike_as_onnx(network, arguments, tmp_path) -> None:
    """Fourier transforms, recurrent cells and attention all have an operator there."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    net, x, path = network(*SMALL, **arguments).eval(), noise(3, 16, 6), tmp_path / "net.onnx"
    batch = ({0: torch.export.Dim("batch")},)
    with torch.no_grad():
        torch.onnx.export(net, (x,), path, dynamo=True, dynamic_shapes=batch, external_data=False)
        session = runtime.InferenceSession(path)
        (answer,) = session.run(None, {session.get_inputs()[0].name: x[:2].numpy()})
        torch.testing.assert_close(torch.from_numpy(answer), net(x[:2]), rtol=1e-4, atol=1e-5)
