"""Links against closed formulas, and in the order of what their precoders know."""

import math

import pytest
import torch
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.domains.csi.link_level import compare, link_quality, matched, zero_forcing
from tests.surrogates.domains.csi.channels import HISTORY, exponentials, noisy

pytest.importorskip("physics.channels.tr38901")


def q(value: float) -> float:
    """Tail of the normal distribution."""
    return 0.5 * math.erfc(value / math.sqrt(2))


def ones(antennas: int = 1, resources: int = 20_000) -> Tensor:
    return torch.ones(4, 1, antennas, resources, dtype=torch.complex64)


@pytest.mark.parametrize("snr", [0.0, 4.0, 7.0])
def test_uncoded_qpsk_over_white_noise_has_the_errors_of_the_closed_formula(snr: float) -> None:
    found = link_quality(ones(), ones(), precoder=matched, snr=snr)
    assert found.bit_error_rate == pytest.approx(q(math.sqrt(10 ** (snr / 10))), rel=0.05)


def test_uncoded_16_qam_has_the_errors_of_the_closed_formula() -> None:
    """Gray-coded 16-QAM, exact: Cho and Yoon, IEEE Trans. Commun. 50(7), 2002."""
    found = link_quality(ones(), ones(), precoder=matched, snr=12.0, bits_per_symbol=4)
    step = math.sqrt(10**1.2 / 5)
    expected = (3 * q(step) + 2 * q(3 * step) - q(5 * step)) / 4
    assert found.bit_error_rate == pytest.approx(expected, rel=0.05)


def test_antennas_add_up_in_a_matched_beam() -> None:
    channels = torch.exp(1j * torch.rand(4, 1, 4, 20_000, generator=torch.Generator().manual_seed(0)) * 6)
    found = link_quality(channels, 3j * channels, precoder=matched, snr=0.0)
    assert found.bit_error_rate == pytest.approx(q(math.sqrt(4)), rel=0.05)


def test_zero_forcing_keeps_users_apart_and_a_matched_beam_does_not() -> None:
    channels = exponentials(6, 4, 40, paths=8)[:, :, 0].reshape(3, 2, 4, 40)
    beams = zero_forcing(channels.movedim(3, 1))
    gains = channels.movedim(3, 1) @ beams
    torch.testing.assert_close(torch.linalg.vector_norm(beams, dim=2), torch.ones(3, 40, 2).double())
    assert (gains - torch.diag_embed(gains.diagonal(dim1=2, dim2=3))).abs().max() < 1e-9
    quality = {
        each: link_quality(channels, channels, precoder=each, snr=40.0) for each in (matched, zero_forcing)
    }
    assert quality[zero_forcing].bit_error_rate == 0
    assert quality[zero_forcing].throughput == pytest.approx(2)
    assert quality[matched].bit_error_rate > 0.01


@pytest.mark.parametrize("precoder", [matched, zero_forcing])
def test_better_knowledge_of_a_turning_channel_carries_more(precoder) -> None:
    users = 2
    whole = exponentials(20 * users, 4, 60, paths=3, seed=2)
    here, before = (whole[:, :, step].unflatten(0, (20, users)) for step in (HISTORY, HISTORY - 1))
    found = compare(
        here,
        {"predicted": noisy(here, 0.03), "outdated": before},
        precoder=precoder,
        snr=12.0,
    )
    errors = [found[name].bit_error_rate for name in ("perfect", "predicted", "outdated")]
    assert errors == sorted(errors)
    assert errors[2] > 1.5 * errors[0]


def test_a_code_turns_few_errors_into_none_and_many_into_lost_blocks() -> None:
    strong, weak = (
        link_quality(ones(resources=600), ones(resources=600), precoder=matched, snr=snr, code_rate=0.5)
        for snr in (4.0, -6.0)
    )
    assert strong == (0.0, 0.0, pytest.approx(1.0, rel=0.05))
    assert weak.block_error_rate == 1.0 and weak.throughput == 0.0
    uncoded = link_quality(ones(resources=600), ones(resources=600), precoder=matched, snr=4.0)
    assert uncoded.block_error_rate == 1.0 and uncoded.bit_error_rate < 0.1


def test_long_codes_are_cut_into_words_that_fill_the_resources() -> None:
    channels = ones(resources=9000)[:1]
    found = link_quality(channels, channels, precoder=matched, snr=14.0, bits_per_symbol=4, code_rate=0.75)
    assert found.bit_error_rate == 0.0
    assert found.throughput == pytest.approx(3.0, rel=0.01)


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(ConfigError, match="equal shapes"):
        link_quality(ones(), ones(2), precoder=matched, snr=0.0)
    with pytest.raises(ConfigError, match="bits_per_symbol is 3"):
        link_quality(ones(), ones(), precoder=matched, snr=0.0, bits_per_symbol=3)
    with pytest.raises(ConfigError, match="code_rate is 1"):
        link_quality(ones(), ones(), precoder=matched, snr=0.0, code_rate=1.0)
    with pytest.raises(ConfigError, match="too few for a code word"):
        link_quality(ones(resources=10), ones(resources=10), precoder=matched, snr=0.0, code_rate=0.5)
    with pytest.raises(ConfigError, match="2 users and 1 antennas"):
        zero_forcing(torch.ones(2, 1, dtype=torch.complex64))
