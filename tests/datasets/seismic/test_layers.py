"""Layers: thickness, order and distribution of velocities, and interfaces that never cross."""

import numpy as np
import pytest

from datasets.seismic.layers import Relief, beta_shape, draw_tops, draw_velocities, grid, layered


def test_no_layer_is_thinner_than_allowed_and_tops_cover_the_depth() -> None:
    rng = np.random.default_rng(0)
    tops = np.stack([draw_tops(rng, 6, 70, 5.0) for _ in range(500)])
    thickness = np.diff(tops, axis=1, prepend=0.0, append=70.0)
    assert thickness.min() >= 5.0
    np.testing.assert_allclose(thickness.mean(axis=0), 70 / 6, rtol=0.05)  # layers are exchangeable


@pytest.mark.parametrize(("mean", "std"), [(2782.0, 786.2), (3001.3, 866.7), (2837.3, 637.7)])
def test_beta_distribution_has_the_moments_asked_for(mean: float, std: float) -> None:
    a, b = beta_shape(mean, std)
    assert 1500 + 3000 * a / (a + b) == pytest.approx(mean)
    assert 3000 * np.sqrt(a * b / (a + b + 1)) / (a + b) == pytest.approx(std)


def test_beta_distribution_of_the_published_b_families_is_uniform() -> None:
    np.testing.assert_allclose(beta_shape(3000.0, 3000.0 / np.sqrt(12.0)), 1.0)


def test_disorder_goes_from_growing_velocities_to_a_random_order() -> None:
    rng = np.random.default_rng(1)

    def falls(disorder: float) -> float:
        drawn = np.stack([draw_velocities(rng, 6, 3000.0, 850.0, disorder) for _ in range(400)])
        return float(np.mean(np.diff(drawn, axis=1) < 0))

    shares = [falls(disorder) for disorder in (0.0, 1.0, np.inf)]
    assert shares[0] == 0.0
    assert 0.1 < shares[1] < 0.35
    assert shares[2] == pytest.approx(0.5, abs=0.03)


def test_flat_layers_fill_whole_rows_from_their_top_on() -> None:
    model = layered(grid(10, 4), np.array([3.0, 7.0]), Relief(), np.array([1500.0, 2500.0, 3500.0]))
    np.testing.assert_array_equal(model[:, 0], [1500.0] * 3 + [2500.0] * 4 + [3500.0] * 3)
    assert (model == model[:, :1]).all()


def test_relief_moves_an_interface_by_its_sine() -> None:
    relief = Relief(amplitude=5.0, wavelength=40.0)
    model = layered(grid(40, 40), np.array([20.0]), relief, np.array([1500.0, 2500.0]))
    depth = (model == 1500.0).sum(axis=0)
    np.testing.assert_allclose(depth, 20.0 + 5.0 * np.sin(2 * np.pi * np.arange(40) / 40), atol=1.0)


def test_a_layer_that_is_squeezed_out_vanishes_and_order_stays() -> None:
    factors = np.array([3.0, 0.2])[:, None, None]  # the upper interface dives below the lower one
    relief = Relief(amplitude=5.0, wavelength=70.0, factors=factors)
    velocities = np.array([1500.0, 2500.0, 3500.0])
    model = layered(grid(70, 70), np.array([30.0, 35.0]), relief, velocities)
    assert (np.diff(model, axis=0) >= 0).all()
    assert (~(model == 2500.0).any(axis=0)).any()
