"""Noise has the ratio, the share and the shape that CSI-RRG gives it."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from physics.channels import noise

CALIBRATED = {
    "phase": {10: 10.01, 15: 14.93, 20: 20.01, 25: 25.04},
    "burst": {10: 9.82, 15: 14.99, 20: 20.24, 25: 25.12},
}
"""What the degrees achieve, dB: src/noise/results/decide_nd.json of AI4OPT/CSI-4CAST, commit 8b3ddd2."""


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, number]) for number in range(count)]


def channels(count: int, antennas: int = 8, subcarriers: int = 60) -> torch.Tensor:
    """Channels of mean power 1."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn((count, antennas, 16, subcarriers), dtype=torch.complex64, generator=generator)


def ratio(clean: torch.Tensor, noisy: torch.Tensor) -> float:
    """Power of all samples over that of all their noise, dB."""
    powers = [float(values.abs().square().double().mean()) for values in (clean, noisy - clean)]
    return 10 * float(np.log10(powers[0] / powers[1]))


@pytest.mark.parametrize("snr", [0.0, 10.0, 25.0])
def test_white_noise_has_the_ratio_to_each_samples_own_power(snr: float) -> None:
    clean = channels(3) * torch.tensor([0.01, 1.0, 30.0])[:, None, None, None]
    noisy = noise.white_noise(clean, [snr] * 3, rngs(3))
    for number in range(3):
        assert ratio(clean[number], noisy[number]) == pytest.approx(snr, abs=0.1)
    parts = torch.view_as_real(noisy - clean)[1].double()
    assert float(parts[..., 0].std() / parts[..., 1].std()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("snr", noise.PHASE)
def test_phase_noise_has_its_calibrated_ratio(snr: int) -> None:
    clean, deviation = channels(8), noise.PHASE[snr]
    noisy = noise.phase_noise(clean, deviation, rngs(8))
    formula = -10 * np.log10(2 * (1 - np.exp(-(deviation**2) / 2)))
    assert formula == pytest.approx(CALIBRATED["phase"][snr], abs=0.01)
    assert ratio(clean, noisy) == pytest.approx(formula, abs=0.1)
    torch.testing.assert_close(noisy.abs(), clean.abs())


def burst_power(degree: float, snapshots: int = 16) -> float:
    """Mean power of bursts where real and imaginary parts have a deviation of 1: the expected value."""
    amplitude = 2 * degree
    occurs = 1 - (1 - amplitude) ** snapshots
    lengths = [min(noise.LONGEST, snapshots - start) for start in range(snapshots)]
    shapes = [np.exp(-(np.linspace(-1, 1, length) ** 2)).sum() for length in lengths]
    return float(2 * amplitude**2 * occurs * np.mean(shapes) / snapshots)


@pytest.mark.parametrize("snr", noise.BURST)
def test_bursts_have_their_calibrated_ratio_to_channels_whose_parts_have_a_deviation_of_1(snr: int) -> None:
    degree = noise.BURST[snr]
    expected = 10 * np.log10(2.0 / burst_power(degree))
    assert expected == pytest.approx(CALIBRATED["burst"][snr], abs=0.3)
    count = 2000
    silent = torch.zeros((count, 1, 16, 1), dtype=torch.complex64)
    drawn = noise.burst_noise(silent, degree, rngs(count), component=1.0)
    found = 10 * np.log10(2.0 / float(drawn.abs().square().mean()))
    assert found == pytest.approx(expected, abs=0.3)


def test_bursts_keep_their_ratio_to_channels_of_mean_power_1() -> None:
    silent = torch.zeros((40, 2, 16, 3), dtype=torch.complex64)
    unit = noise.burst_noise(silent, 0.3, rngs(40), component=1.0)
    torch.testing.assert_close(noise.burst_noise(silent, 0.3, rngs(40)), unit * 2**-0.5)


def test_a_burst_lasts_ten_snapshots_or_until_the_end_and_swells() -> None:
    silent = torch.zeros((200, 4, 16, 64), dtype=torch.complex64)
    power = noise.burst_noise(silent, 0.5, rngs(200)).abs().square().mean((1, 3))
    hit = power > 0
    assert hit.any(1).all()  # of degree 0.5 the first trial succeeds
    start = hit.int().argmax(1)
    assert torch.equal(hit.sum(1), (16 - start).clamp(max=10))
    assert set(start.tolist()) == set(range(16))
    whole = power[start <= 6]
    shape = torch.stack([row[row > 0] for row in whole]).mean(0)
    np.testing.assert_allclose(shape.numpy(), np.exp(-(np.linspace(-1, 1, 10) ** 2)), rtol=0.1)


def test_packets_drop_whole_snapshots_at_the_rate_asked_for() -> None:
    clean = channels(2000, antennas=2, subcarriers=3)
    found = noise.packet_drop(clean, 0.07, rngs(2000))
    lost = (found == 0).all(3).all(1)
    assert torch.equal((found == 0).any(3).any(1), lost)
    assert float(lost.float().mean()) == pytest.approx(0.07, abs=0.005)
    kept = ~lost[:, None, :, None].expand_as(clean)
    assert torch.equal(found[kept], clean[kept])


def kinds(clean: torch.Tensor, draws: Sequence[np.random.Generator]) -> list[torch.Tensor]:
    return [
        noise.white_noise(clean, [10.0] * len(draws), draws),
        noise.phase_noise(clean, 0.3, draws),
        noise.packet_drop(clean, 0.5, draws),
        noise.burst_noise(clean, 0.5, draws),
    ]


def test_noise_of_a_sample_is_the_same_in_any_batch() -> None:
    clean = channels(5)
    for together, alone in zip(kinds(clean, rngs(5)), kinds(clean[3:4], rngs(5)[3:4]), strict=True):
        assert torch.equal(together[3:4], alone)
        assert not torch.equal(together[3], clean[3])


def test_degrees_out_of_range_are_refused() -> None:
    clean = channels(1)
    with pytest.raises(ValueError, match=r"degree: 0\.51 found, 0 to 0\.5 expected"):
        noise.burst_noise(clean, 0.51, rngs(1))
    with pytest.raises(ValueError, match=r"probability: 1\.5"):
        noise.packet_drop(clean, 1.5, rngs(1))
    with pytest.raises(ValueError, match="snr: nan dB found"):
        noise.white_noise(clean, [float("nan")], rngs(1))
    with pytest.raises(ValueError, match="deviation: -1 rad found"):
        noise.phase_noise(clean, -1.0, rngs(1))
