"""Frequency responses: one path is a turning phase, two fade where they cancel, power is normalised."""

import numpy as np
import pytest
import torch

from physics.channels.response import (
    Paths,
    frequency_response,
    mean_power,
    normalised,
    subcarrier_frequencies,
)


def paths(*delays: float) -> Paths:
    return Paths(
        torch.ones((1, 2, len(delays), 3), dtype=torch.complex64), torch.tensor([delays], dtype=torch.float32)
    )


def test_subcarriers_of_the_benchmark_lie_about_the_carrier() -> None:
    found = subcarrier_frequencies(750, 30e3)
    assert (found[0], found[375], found[-1]) == (-11.25e6, 0.0, 11.22e6)
    np.testing.assert_array_equal(subcarrier_frequencies(5, 2.0), [-4, -2, 0, 2, 4])


def test_a_path_turns_the_phase_along_frequency_by_its_delay() -> None:
    frequencies = subcarrier_frequencies(64, 30e3)
    found = frequency_response(paths(1e-6), frequencies)
    assert found.shape == (1, 2, 3, 64)
    expected = np.exp(-2j * np.pi * frequencies * 1e-6)
    np.testing.assert_allclose(found[0, 1, 2].numpy(), expected, atol=1e-5)


def test_two_equal_paths_cancel_half_a_turn_apart() -> None:
    found = frequency_response(paths(0.0, 1e-6), np.array([0.0, 0.5e6, 1e6])).abs()[0, 0, 0]
    np.testing.assert_allclose(found.numpy(), [2.0, 0.0, 2.0], atol=1e-5)


def test_each_sample_is_normalised_by_its_own_power() -> None:
    generator = torch.Generator().manual_seed(0)
    response = torch.randn((3, 4, 5, 700), dtype=torch.complex64, generator=generator)
    response = response * torch.tensor([1e-6, 1.0, 1e4])[:, None, None, None]
    direct = response.to(torch.complex128).abs().square().mean((1, 2, 3))
    np.testing.assert_allclose(mean_power(response).numpy(), direct.numpy(), rtol=1e-6)
    np.testing.assert_allclose(mean_power(normalised(response)).numpy(), 1.0, rtol=1e-6)


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    odd = Paths(paths(0.0).coefficients, torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"delays \(1, 2\) found, \(sample, antenna, path, time\)"):
        frequency_response(odd, np.zeros(2))
    with pytest.raises(ValueError, match="a finite vector in Hz expected"):
        frequency_response(paths(0.0), np.array([np.nan]))
