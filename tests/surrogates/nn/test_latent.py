"""Encoders and decoders of latent images have the published shapes, and meet every other."""

import pytest
import torch
from torch import nn

from surrogates.nn.fields import Resize, require_field
from surrogates.nn.latent import Decoder, Encoder

CHANNELS = (8, 16, 32, 64, 128)


def sizes(layers: nn.Sequential, x: torch.Tensor) -> list[tuple[int, ...]]:
    """Shapes behind each convolution, and the last one."""
    found = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            found.append(tuple(x.shape[1:]))
    return [*found, tuple(x.shape[1:])]


def test_gather_encoder_has_the_published_shapes() -> None:
    with torch.device("meta"):
        found = sizes(Encoder("gather", 5, (1000, 70), 70, CHANNELS), torch.empty(2, 5, 1000, 70))
    times = [(8, 334), (16, 165), (32, 82), (64, 78), (128, 74)]
    assert found == [*((c, t, 70) for c, t in times), (128, 70, 70)]


def test_gather_decoder_has_the_published_shapes() -> None:
    with torch.device("meta"):
        found = sizes(Decoder("gather", 5, (1000, 70), 70, CHANNELS), torch.empty(2, 128, 70, 70))
    times = [(128, 208), (64, 419), (32, 839), (16, 843), (5, 847), (5, 847)]
    assert found == [*((c, t, 70) for c, t in times), (5, 1000, 70)]


def test_image_stages_of_latent_70_act_on_each_cell_alone() -> None:
    net = nn.Sequential(
        Encoder("image", 1, (70, 70), 70, CHANNELS), Decoder("image", 1, (70, 70), 70, CHANNELS)
    ).eval()
    x = torch.randn(1, 1, 70, 70)
    moved = x.clone()
    moved[0, 0, 20, 30] += 1
    changed = (net(x) != net(moved)).nonzero()
    assert changed.tolist() == [[0, 0, 20, 30]]


@pytest.mark.parametrize(
    ("latent", "gather", "image"),
    [
        (64, (63, 70), (64, 64)),
        (32, (32, 35), (32, 32)),
        (16, (16, 18), (16, 16)),
        (8, (8, 9), (8, 8)),
    ],
)
def test_smaller_latents_are_nearly_met_before_the_resize(latent: int, gather: tuple, image: tuple) -> None:
    with torch.device("meta"):
        found = sizes(Encoder("gather", 5, (1000, 70), latent, CHANNELS), torch.empty(1, 5, 1000, 70))
        assert found[-2:] == [(128, *gather), (128, latent, latent)]
        found = sizes(Encoder("image", 1, (70, 70), latent, CHANNELS), torch.empty(1, 1, 70, 70))
        assert found[-2:] == [(128, *image), (128, latent, latent)]


@pytest.mark.parametrize("latent", [72, 70, 64, 48, 32, 24, 16, 8])
@pytest.mark.parametrize("time", [1000, 250])
def test_every_decoder_meets_its_field(latent: int, time: int) -> None:
    with torch.device("meta"):
        z = torch.empty(1, 32, latent, latent)
        for channels in ((4, 8, 16, 32), (4, 8, 16, 32, 32)):
            assert Decoder("gather", 5, (time, 70), latent, channels)(z).shape == (1, 5, time, 70)
            assert Decoder("image", 1, (70, 70), latent, channels)(z).shape == (1, 1, 70, 70)


@pytest.mark.parametrize("latent", [70, 64, 32, 16, 8])
def test_short_gathers_are_not_made_shorter_than_the_latent(latent: int) -> None:
    """A quarter of the samples takes fewer strides; the resize then never makes cells up by much."""
    with torch.device("meta"):
        found = sizes(Encoder("gather", 5, (250, 70), latent, CHANNELS), torch.empty(1, 5, 250, 70))
    assert found[-2][1] >= latent - 1


def test_resize_leaves_alone_what_has_the_shape() -> None:
    x = torch.randn(1, 2, 5, 7)
    assert Resize((5, 7))(x) is x
    assert Resize((10, 7))(x).shape == (1, 2, 10, 7)


@pytest.mark.parametrize("channels", [(), (4,) * 6])
def test_a_wrong_number_of_widths_is_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"^channels: {len(channels)} widths found, 1 to 5 expected; give"):
        Encoder("image", 1, (70, 70), 70, channels)


def test_fields_too_small_for_the_stages_are_refused() -> None:
    Encoder("image", 1, (12, 12), 8, CHANNELS)
    with pytest.raises(ValueError, match=r"^in_shape: \(2, 12\) found, too small for the stages of a latent"):
        Encoder("image", 1, (2, 12), 8, CHANNELS)


@pytest.mark.parametrize("shape", [(2, 5, 70, 250), (2, 4, 250, 70), (5, 250, 70)])
def test_another_shape_is_refused_in_one_line(shape: tuple[int, ...]) -> None:
    require_field("the network", torch.empty(2, 5, 250, 70), 5, (250, 70))
    with pytest.raises(
        ValueError, match=r"^the network needs \(batch, 5, 250, 70\); found \(.*; give[^\n]*$"
    ):
        require_field("the network", torch.empty(shape), 5, (250, 70))
