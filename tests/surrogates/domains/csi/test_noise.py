"""Noise falls on the past alone, with the ratio asked for, and refuses degrees that it does not know."""

from typing import Any

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.domains.csi.noise import Noise
from tests.surrogates.domains.csi.small import records

HISTORY = "uplink_history"


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng([0, number]) for number in range(count)]


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    names = (HISTORY, "uplink_future", "downlink_future")
    return {name: torch.from_numpy(records()[name].values) for name in names}


def ratios(batch: dict[str, torch.Tensor], noisy: dict[str, torch.Tensor]) -> torch.Tensor:
    powers = [
        values.abs().square().mean((1, 2, 3)) for values in (batch[HISTORY], noisy[HISTORY] - batch[HISTORY])
    ]
    return 10 * torch.log10(powers[0] / powers[1])


def test_each_example_draws_its_own_ratio_and_targets_stay_clean(batch: dict[str, torch.Tensor]) -> None:
    noisy = Noise()(batch, rngs(6), train=True)
    expected = torch.tensor([rng.uniform(0.0, 25.0) for rng in rngs(6)])
    torch.testing.assert_close(ratios(batch, noisy), expected, atol=0.15, rtol=0)
    assert noisy["uplink_future"] is batch["uplink_future"]
    assert noisy["downlink_future"] is batch["downlink_future"]


def test_a_past_that_is_not_known_is_refused_in_one_line(batch: dict[str, torch.Tensor]) -> None:
    """It would have become a record of zeros, and nobody would have been told."""
    unknown = batch[HISTORY].clone()
    unknown[2, 0, 1, 3] = torch.nan
    with pytest.raises(ConfigError, match=rf"^csi/noise: NaN or infinite values found in '{HISTORY}'[^\n]*$"):
        Noise()({**batch, HISTORY: unknown}, rngs(6), train=True)


def test_phase_noise_takes_the_calibrated_degree(batch: dict[str, torch.Tensor]) -> None:
    found = ratios(batch, Noise("phase", 20.0)(batch, rngs(6), train=False))
    torch.testing.assert_close(found, torch.full_like(found, 20.01), atol=0.15, rtol=0)


@pytest.mark.parametrize(
    ("kind", "degree"), [("awgn", 10.0), ("phase", 10.0), ("burst", 10.0), ("packet_drop", 0.5)]
)
def test_an_example_is_disturbed_alike_in_any_batch(
    batch: dict[str, torch.Tensor], kind: Any, degree: float
) -> None:
    together = Noise(kind, degree)(batch, rngs(6), train=True)[HISTORY]
    alone = Noise(kind, degree)({HISTORY: batch[HISTORY][4:5]}, rngs(6)[4:5], train=True)[HISTORY]
    assert torch.equal(together[4:5], alone)
    assert not torch.equal(together, batch[HISTORY])


@pytest.mark.parametrize(
    ("kind", "degree", "message"),
    [
        ("awgn", (25.0, 0.0), "the range runs from 25 down to 0"),
        ("phase", (10.0, 20.0), "a range of degrees found, one number expected for phase noise"),
        ("burst", 12.0, "burst noise of 12 dB found, one of 10, 15, 20, 25 expected"),
        ("packet_drop", 1.5, "packet drops with probability 1.5 found, 0 to 1 expected"),
    ],
)
def test_degrees_that_a_kind_lacks_are_refused(kind: Any, degree: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Noise(kind, degree)


def test_channels_that_are_no_longer_complex_are_refused(batch: dict[str, torch.Tensor]) -> None:
    with pytest.raises(
        ConfigError, match=r"'uplink_history' of torch\.float32 found, complex numbers expected"
    ):
        Noise()({HISTORY: batch[HISTORY].real}, rngs(6), train=False)
