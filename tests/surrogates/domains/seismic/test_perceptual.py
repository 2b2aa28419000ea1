"""Distances of shapes: zero for the same field, larger for what looks worse."""

import math

import pytest
import torch
from safetensors.torch import save_file

from surrogates.core.errors import ConfigError
from surrogates.domains.seismic.perceptual import NAMES, distance, gradient, vgg16_features

LOCAL = "vgg16_local"
BUILT_IN = [name for name in NAMES if name != LOCAL]


@pytest.mark.parametrize("name", BUILT_IN)
def test_distance_is_zero_for_the_same_field_and_positive_for_another(name) -> None:
    one, other = torch.rand(3, 2, 24, 20), torch.rand(3, 2, 24, 20)
    found = distance(name)(one, other)
    assert found.shape == (3,)
    assert (found > 0.01).all()
    torch.testing.assert_close(distance(name)(one, one), torch.zeros(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", BUILT_IN)
def test_distance_of_an_example_does_not_depend_on_the_others(name) -> None:
    one, other = torch.rand(3, 1, 16, 16), torch.rand(3, 1, 16, 16)
    alone = distance(name)(one[1:2], other[1:2])
    torch.testing.assert_close(distance(name)(one, other)[1:2], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_descent_finds_the_field_back(name) -> None:
    torch.manual_seed(0)
    wanted, measure = torch.rand(1, 1, 16, 16), distance(name)
    field = torch.full_like(wanted, 0.5).requires_grad_()
    optimiser = torch.optim.Adam([field], 0.02)
    before = measure(field, wanted).item()
    for _ in range(60):
        optimiser.zero_grad()
        loss = measure(field, wanted).sum()
        loss.backward()
        optimiser.step()
    assert loss < 0.6 * before


def test_gradient_follows_its_formula_and_does_not_see_a_shift() -> None:
    one, other = torch.zeros(1, 1, 2, 3), torch.tensor([[[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    # |differences| along rows: 0 1 0 (three), along columns: 1 1 | 0 0 (four).
    torch.testing.assert_close(gradient(one, other), torch.tensor([1 / 3 + 2 / 4]))
    torch.testing.assert_close(gradient(other, other + 5), torch.zeros(1), atol=1e-6, rtol=0)


def test_random_features_are_the_same_in_every_run() -> None:
    one, other = torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
    torch.manual_seed(1)
    first = distance("random_vgg")(one, other)
    torch.manual_seed(2)
    torch.testing.assert_close(distance("random_vgg")(one, other), first, rtol=0, atol=0)


def test_gathers_are_reduced_to_squares() -> None:
    measure = distance("random_vgg")
    gathers = torch.rand(2, 5, 60, 16)
    assert measure(gathers, gathers.flip(2)).shape == (2,)
    gather, square = torch.ones(1, 5, 60, 16), torch.ones(1, 1, 16, 16)
    expected = measure(square, 0 * square)
    torch.testing.assert_close(measure(gather, 0 * gather), expected, rtol=1e-4, atol=1e-6)


def test_stack_is_that_of_vgg16() -> None:
    """Places and sizes as in torchvision's VGG16: 1.74 million weights up to relu3_3."""
    with torch.device("meta"):
        layers = vgg16_features()
    places = [int(name.split(".")[0]) for name in layers.state_dict() if name.endswith("weight")]
    assert places == [0, 2, 5, 7, 10, 12, 14]
    assert sum(p.numel() for p in layers.parameters()) == 1_735_488
    assert len(layers) == 16


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_local_weights_are_read(tmp_path, suffix: str) -> None:
    layers = vgg16_features()
    state = {f"features.{name}": value.clone() for name, value in layers.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(3)
    path = tmp_path / f"vgg{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    one, other = torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        difference = layers(one.expand(-1, 3, -1, -1)) - layers(other.expand(-1, 3, -1, -1))
    expected = difference.abs().mean() + difference.square().mean()
    torch.testing.assert_close(distance(LOCAL, str(path))(one, other), expected[None])


class Code:
    """What a hostile file might run."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("fault", ["absent", "other", "shape", "code"])
def test_files_that_hold_no_vgg16_are_refused_in_one_line(tmp_path, capsys, fault: str) -> None:
    path = tmp_path / "vgg.pth"
    state = {f"features.{name}": value for name, value in vgg16_features().state_dict().items()}
    if fault == "other":
        torch.save({"layer.weight": torch.zeros(2)}, path)
    elif fault == "shape":
        torch.save({name: value[:1].clone() for name, value in state.items()}, path)
    elif fault == "code":
        torch.save({"features.0.weight": Code()}, path)
    with pytest.raises(
        ConfigError, match=r"^objective 'translation': vgg_weights .*vgg\.pth does not hold .*; give"
    ):
        distance(LOCAL, str(path))
    assert "run" not in capsys.readouterr().out


def test_weights_and_the_distance_that_reads_them_go_together() -> None:
    with pytest.raises(ConfigError, match=r"vgg_weights is None; give the file"):
        distance(LOCAL)
    with pytest.raises(ConfigError, match=r"vgg_weights is x\.pth; give the file .* only then"):
        distance("gradient", "x.pth")
    assert math.isfinite(distance("gradient")(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).item())
