"""Tapped delay lines: taps fade as Clarke's model says, with the powers of the profile."""

import numpy as np
import pytest
import torch
from scipy.special import j0

from physics.channels.panel import Panel
from physics.channels.sounding import Sounding
from physics.channels.tdl import tdl

SPREAD = 1e-7
SOUNDING = Sounding(Panel(4, 4, 1), interval=1e-3, snapshots=16)


def rngs(count: int, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([7, first + number]) for number in range(count)]


def test_a_rayleigh_tap_is_correlated_in_time_by_the_bessel_function() -> None:
    taps = tdl("A", SPREAD, 10.0, rngs(300), SOUNDING).coefficients
    strongest = int(taps.abs().square().mean((0, 1, 3)).argmax())
    fading = taps[:, :, strongest]
    lags = np.arange(16) * SOUNDING.interval
    power = fading[..., 0].abs().square().mean()
    found = (fading * fading[..., :1].conj()).mean((0, 1)) / power
    expected = j0(2 * np.pi * SOUNDING.doppler(10.0) * lags)
    assert expected.min() < -0.35  # past the first zero
    np.testing.assert_allclose(found.real.numpy(), expected, atol=0.05)
    np.testing.assert_allclose(found.imag.numpy(), 0.0, atol=0.05)


@pytest.mark.parametrize("model", ["B", "E"])
def test_power_is_1_and_its_spread_over_delays_is_the_one_asked_for(model: str) -> None:
    paths = tdl(model, SPREAD, 10.0, rngs(200), SOUNDING)
    power = paths.coefficients.abs().square().mean((0, 1, 3)).double().numpy()
    delays = paths.delays[0].double().numpy()
    assert power.sum() == pytest.approx(1.0, rel=0.05)
    mean = power @ delays / power.sum()
    assert np.sqrt(power @ (delays - mean) ** 2 / power.sum()) == pytest.approx(SPREAD, rel=0.08)


def test_a_sample_is_the_same_in_any_batch_and_nobody_elses_draws_are_touched() -> None:
    from physics.channels.tr38901 import config

    before = config.torch_rng("cpu").get_state()
    together = tdl("D", SPREAD, 10.0, rngs(4), SOUNDING).coefficients
    alone = tdl("D", SPREAD, 10.0, rngs(1, first=2), SOUNDING).coefficients
    assert torch.equal(together[2:3], alone)
    assert not torch.equal(together[1], together[2])
    assert torch.equal(before, config.torch_rng("cpu").get_state())


def test_an_unknown_model_and_a_delay_spread_in_ns_are_refused() -> None:
    with pytest.raises(ValueError, match="model: 'A30' found"):
        tdl("A30", SPREAD, 1.0, rngs(1), SOUNDING)
    with pytest.raises(ValueError, match="is it in s, not ns"):
        tdl("A", 30.0, 1.0, rngs(1), SOUNDING)
