"""The Fourier neural operator between grids of different size."""

from itertools import product

import pytest
import torch

from surrogates.core.optional import MissingExtraError
from surrogates.models.fno import FNO

pytest.importorskip("neuralop")


def test_published_size_has_its_number_of_weights() -> None:
    with torch.device("meta"):
        net = FNO(1, 5, (70, 70), (1000, 70))
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(7.38e6, rel=0.005)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_weights_follow_from_width_and_modes(axes: int) -> None:
    net = FNO(2, 3, (8,) * axes, (8,) * axes, width=4, modes=3, layers=2)
    modes = (
        6 ** (axes - 1) * 3
    )  # of either sign, but along the last axis, where the transform is of real values
    layer = 4 * 4 * (2 * modes + 1) + 4  # complex weights, the way past them, a bias
    lifted, answered = (2 + axes + 1) * 4, (4 + 1) * 16 + (16 + 1) * 3
    weights = (p.numel() * (2 if p.is_complex() else 1) for p in net.parameters())
    assert sum(weights) == lifted + 2 * layer + answered


@pytest.mark.parametrize("shape", [(11,), (8, 9), (6, 8, 7)])
def test_layer_multiplies_the_lowest_modes(shape: tuple[int, ...]) -> None:
    """One layer is computed by a plain discrete Fourier transform, mode by mode, of both signs."""
    torch.manual_seed(0)
    axes, modes = len(shape), 2
    net = FNO(1, 1, shape, shape, width=3, modes=modes, layers=1, padding=0)
    block = net.operator.fno_blocks
    weight = block.convs[0].weight.tensor
    field = torch.randn(1, 3, *shape)
    spectrum, phases = torch.fft.fftn(field, dim=tuple(range(2, 2 + axes))), [torch.arange(n) for n in shape]
    expected = torch.zeros_like(field)
    for mode in product(*(range(-modes, modes) for _ in shape[:-1]), range(modes)):
        # Modes of the transform of a real field that stand for themselves and their mirror image.
        index = tuple(m % n for m, n in zip(mode, shape, strict=True))
        kept = (*(m + modes for m in mode[:-1]), mode[-1])
        amplitude = torch.einsum("i,io->o", spectrum[(0, slice(None), *index)], weight[(..., *kept)])
        turns = sum(
            (m / n * p).view(*(-1 if a == b else 1 for b in range(axes)))
            for a, (m, n, p) in enumerate(zip(mode, shape, phases, strict=True))
        )
        wave = (amplitude.view(-1, *(1,) * axes) * torch.exp(2j * torch.pi * turns)).real
        expected += (1 if mode[-1] == 0 else 2) * wave / field[0, 0].numel()
    found = block.convs[0](field) - block.convs[0].bias
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.abs().max() > 0.01


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((20,), (100,)),
        ((8, 6, 5), (4, 9, 5)),
        ((20, 20), (100, 20)),
        ((100, 20), (20, 24)),
        ((20, 20), (20, 20)),
    ],
)
def test_grids_lead_from_the_input_to_the_output(before: tuple, after: tuple) -> None:
    net = FNO(1, 2, before, after, width=4, modes=5, layers=3)
    assert net(torch.randn(2, 1, *before)).shape == (2, 2, *after)


def test_weights_are_tensors_alone() -> None:
    net = torch.nn.ModuleDict({"network": FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)})
    state = net.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    again = torch.nn.ModuleDict({"network": FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)})
    again.load_state_dict(state)
    x = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(again["network"](x), net["network"](x), rtol=0, atol=0)


def test_another_shape_is_refused_in_one_line() -> None:
    net = FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)
    with pytest.raises(ValueError, match=r"needs \(batch, 1, 16, 16\); found \(2, 1, 16, 20\); give[^\n]*$"):
        net(torch.randn(2, 1, 16, 20))


@pytest.mark.parametrize(("before", "after"), [((), ()), ((8, 8), (8,)), ((4,) * 4, (4,) * 4)])
def test_other_dimensions_are_refused_in_one_line(before: tuple, after: tuple) -> None:
    with pytest.raises(ValueError, match=r"one to three dimensions[^\n]*; found cells [^\n]*another model$"):
        FNO(1, 1, before, after)


def test_missing_package_is_answered_with_the_line_that_installs_it(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("surrogates.core.optional.import_module", absent)
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[operators\]"'):
        FNO(1, 1, (16, 16), (16, 16))
