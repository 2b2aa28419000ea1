"""Metrics of channels against closed formulas, whatever the batches."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from surrogates.domains.csi.metrics import (
    NMSE,
    NMSEQuantile,
    SpectralEfficiency,
    SpectralEfficiencyBound,
)
from surrogates.learning.contract import Metric


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex128)


def score(metric: Metric, prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
    """Score examples one by one."""
    weight = torch.ones(target.shape) if weight is None else weight
    each = [
        metric.statistics(prediction[n : n + 1], target[n : n + 1], weight[n : n + 1])
        for n in range(len(target))
    ]
    return float(metric.combine({name: sum(one[name].numpy()[0] for one in each) for name in each[0]}))


H = normal(5, 4, 3, 6)
"""(batch, antenna, horizon, sub-carrier)."""


@pytest.mark.parametrize("metric", [NMSE(), NMSEQuantile()])
def test_a_scaled_channel_has_the_error_of_its_scale(metric: Metric) -> None:
    assert score(metric, (0.7 + 0.4j) * H, H) == pytest.approx(0.3**2 + 0.4**2, rel=0.01)
    assert score(metric, 0 * H, H) == pytest.approx(1, rel=0.01)


def test_the_mean_is_over_antennas_and_snapshots() -> None:
    target = torch.ones(1, 2, 1, 4, dtype=torch.complex128)
    target[0, 1] *= 0.01  # an antenna in a fade
    prediction = target + 0.1
    ratios = [0.01, 100.0]
    assert score(NMSE(), prediction, target) == pytest.approx(np.mean(ratios))
    assert score(NMSEQuantile(0.5), prediction, target) == pytest.approx(0.01, rel=0.01)
    assert score(NMSEQuantile(0.9), prediction, target) == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("kind", [NMSE, SpectralEfficiency, SpectralEfficiencyBound, NMSEQuantile])
def test_a_step_is_that_step_alone(kind) -> None:
    prediction = H + normal(*H.shape, seed=1) * torch.tensor([0.1, 1.0, 3.0])[:, None]
    for step, index in ((1, 0), (3, 2), (-1, 2)):
        alone = slice(index, index + 1) if index < 2 else slice(2, 3)
        expected = score(kind(), prediction[:, :, alone], H[:, :, alone])
        assert score(kind(step=step), prediction, H) == pytest.approx(expected)
    with pytest.raises(ValueError, match="horizon has 3"):
        score(kind(step=4), prediction, H)


def test_spectral_efficiency_of_a_channel_of_unit_coefficients() -> None:
    """32 antennas of power 1 at 10 dB: log2(1 + 320), whatever the length and phase of the beam."""
    target = torch.exp(1j * normal(2, 32, 4, 5).real)
    for prediction in (target, 1e-6j * target):
        assert score(SpectralEfficiency(), prediction, target) == pytest.approx(math.log2(321))
    assert score(SpectralEfficiencyBound(), 0 * target, target) == pytest.approx(math.log2(321))


def test_a_beam_between_two_antennas_has_half_of_the_power() -> None:
    target = torch.zeros(1, 2, 1, 1, dtype=torch.complex128)
    target[0, 0] = 2.0
    diagonal = torch.ones_like(target)
    assert score(SpectralEfficiency(snr=0.0), diagonal, target) == pytest.approx(math.log2(1 + 4 / 2))
    assert score(SpectralEfficiency(snr=0.0), target.flip(1), target) == 0
    assert score(SpectralEfficiency(), 0 * target, target) == 0


@given(st.integers(0, 2**31), st.floats(-20, 40), st.floats(0, 3))
def test_no_beam_exceeds_the_bound(seed: int, snr: float, error: float) -> None:
    target = normal(2, 3, 2, 2, seed=seed)
    prediction = target + error * normal(2, 3, 2, 2, seed=seed + 1)
    found = score(SpectralEfficiency(snr), prediction, target)
    bound = score(SpectralEfficiencyBound(snr), prediction, target)
    assert found <= bound * (1 + 1e-12)
    assert score(SpectralEfficiency(snr), target, target) == pytest.approx(bound)


def test_a_subcarrier_with_an_unknown_antenna_carries_no_rate() -> None:
    weight = torch.ones(H.shape)
    weight[:, 1, :, 2:] = 0
    spoilt = H.where(weight > 0, 1e3)
    assert score(SpectralEfficiency(), spoilt, H, weight) == pytest.approx(
        score(SpectralEfficiency(), H[..., :2], H[..., :2])
    )


def test_a_target_of_other_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 4, 3\), expected \(batch, antenna, horizon"):
        score(NMSE(), H[..., 0], H[..., 0])
