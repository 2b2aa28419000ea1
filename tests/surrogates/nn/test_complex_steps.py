"""Forms of complex steps, their inverse transform, and the mean and deviation that they share."""

import numpy as np
import pytest
import torch

from surrogates.nn.complex_steps import (
    ComplexSteps,
    features_to_image,
    image_to_channels,
    image_to_features,
    inverse_fourier,
    standardise,
)

STEPS = ComplexSteps.of("a network", 6, 2, (4,))


def values() -> tuple[torch.Tensor, torch.Tensor]:
    """Complex values (batch, step, point), and their channels."""
    rng = np.random.default_rng(0)
    h = torch.from_numpy(rng.normal(size=(2, 3, 4)) + 1j * rng.normal(size=(2, 3, 4)))
    return h, torch.stack([h.real, h.imag], dim=2).flatten(1, 2)


def test_parts_take_turns_over_the_channels_and_over_the_features() -> None:
    h, channels = values()
    image = STEPS.image("a network", channels)
    torch.testing.assert_close(torch.complex(image[:, 0], image[:, 1]), h)
    features = image_to_features(image)
    torch.testing.assert_close(features, torch.view_as_real(h).flatten(2))
    torch.testing.assert_close(features_to_image(features), image)
    torch.testing.assert_close(image_to_channels(image), channels)


def test_inverse_transform_is_that_of_numpy() -> None:
    h, channels = values()
    image = inverse_fourier(STEPS.image("a network", channels))
    expected = np.fft.ifft(h.numpy(), axis=2)
    np.testing.assert_allclose(torch.complex(image[:, 0], image[:, 1]).numpy(), expected, atol=1e-12)


def test_inverse_transform_of_half_precision_is_computed_in_single() -> None:
    image = STEPS.image("a network", values()[1])
    low = inverse_fourier(image.bfloat16())
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.double(), inverse_fourier(image.bfloat16().double()), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(("over", "axes"), [("record", (1, 2, 3)), ("batch", (0, 1, 2, 3))])
def test_standardised_values_have_mean_zero_and_deviation_one(over, axes) -> None:
    image = STEPS.image("a network", values()[1]) * 3 + 2
    scaled, mean, deviation = standardise(image, over)
    np.testing.assert_allclose(scaled.numpy().mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.numpy().std(axes), 1)
    torch.testing.assert_close(scaled * deviation + mean, image)


def test_constant_values_and_none_are_left_finite() -> None:
    flat = torch.full((2, 2, 3, 4), 7.0)
    scaled, mean, deviation = standardise(flat, "record")
    torch.testing.assert_close(scaled * deviation + mean, flat)
    assert deviation.unique().tolist() == pytest.approx([1e-6])
    assert standardise(flat, "none")[0] is flat
